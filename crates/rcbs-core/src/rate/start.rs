//! The slow start: twice as many transfers round by round, for as long as that brings more.

use std::time::Duration;

use super::climb::OBJECT_BYTES;

/// A round is as many successes as transfers may run, and no shorter than this: less says little.
const ROUND: Duration = Duration::from_millis(100);
/// Twice as many bring twice as much where nothing else bounds them; so little more is no more.
const GAIN: f64 = 1.15;
/// A short run must not pay for measuring: after this the search by trials begins.
const LONGEST: Duration = Duration::from_secs(4);

/// A start under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Start {
    began: Option<Duration>,
    round_began: Option<Duration>,
    successes: usize,
    work: f64,
    /// Rounds that are over. In the first one connections are made; it says nothing.
    rounds: u32,
    /// What a second brought in the round before.
    rate: f64,
    is_over: bool,
}

impl Start {
    pub(super) fn add_bytes(&mut self, bytes: u64) {
        self.work += bytes as f64;
    }

    /// What came so far in this round says nothing: too few transfers were under way.
    pub(super) fn restart_round(&mut self) {
        self.round_began = None;
    }

    pub(super) fn is_over(&mut self, now: Duration) -> bool {
        let began = *self.began.get_or_insert(now);
        self.is_over |= now.saturating_sub(began) >= LONGEST;
        self.is_over
    }

    /// Ends it: something else decides from now on.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    /// A transfer succeeded; the number of them from now on, when it is `limit` and may be `max`.
    pub(super) fn on_success(&mut self, limit: usize, max: usize, now: Duration) -> usize {
        let Some(round_began) = self.round_began else {
            self.begin_round(now);
            return limit;
        };
        self.successes += 1;
        self.work += OBJECT_BYTES;
        let took = now.saturating_sub(round_began);
        if self.successes < limit || took < ROUND {
            return limit;
        }
        let rate = self.work / took.as_secs_f64();
        let brought_more = self.rounds < 2 || rate >= self.rate * GAIN;
        self.rounds += 1;
        self.rate = rate;
        self.begin_round(now);
        if !brought_more {
            self.is_over = true;
            return limit.div_ceil(2);
        }
        self.is_over = limit == max;
        limit.saturating_mul(2).min(max)
    }

    fn begin_round(&mut self, now: Duration) {
        self.round_began = Some(now);
        (self.successes, self.work) = (0, 0.0);
    }
}
