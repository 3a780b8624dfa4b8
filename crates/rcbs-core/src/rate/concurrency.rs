//! An adaptive bound of simultaneous transfers: up while that brings more, down when it brings nothing or is too much.

use std::time::Duration;

use super::climb::Climb;
use super::start::Start;

/// Where the limit begins, unless the upper bound is lower.
const START: usize = 16;

/// Until the first byte came: a refused login costs no more requests than this.
const UNPROVEN: usize = 4;

/// Answers of one burst come within this time of each other; only the first of them lowers the limit.
const BURST: Duration = Duration::from_secs(1);

/// So long after the last throttle the search goes on: what was too much then may be borne now.
const CALM: Duration = Duration::from_mins(2);

/// An adaptive limit.
///
/// - Until the first byte came it is small: it may be that everything is refused.
/// - It begins with the slow start of TCP (RFC 5681): it doubles in the time one request takes, for as long as that brings
///   more.
/// - Then, and after some seconds at the latest, it is measured whether a few more, or fewer, bring as much.
/// - When the server says slow down, that counts more than any measuring: from then on additive increase, multiplicative
///   decrease (AIMD); one more with each full round of successes. After some calm minutes it is measured again.
#[derive(Debug, Clone)]
pub struct Concurrency {
    limit: usize,
    max: usize,
    /// Something came.
    proven: bool,
    /// Successes since the limit last changed.
    successes: usize,
    /// When the limit was last lowered because of a throttle.
    lowered: Option<Duration>,
    start: Start,
    climb: Climb,
}

impl Concurrency {
    /// At most `max` requests at the same time; 0 counts as 1.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        Self {
            limit: max.min(START),
            max,
            proven: false,
            successes: 0,
            lowered: None,
            start: Start::default(),
            climb: Climb::new(max),
        }
    }

    /// Notes bytes that came, while so many transfers were under way.
    pub fn on_bytes(&mut self, bytes: u64, running: usize, now_elapsed: Duration) {
        self.proven = true;
        self.start.add_bytes(bytes);
        self.climb.add_bytes(bytes);
        self.look(running, now_elapsed);
    }

    /// Notes a transfer that succeeded, while so many were under way.
    pub fn on_success(&mut self, running: usize, now_elapsed: Duration) {
        self.proven = true;
        self.calm_down(now_elapsed);
        self.climb.add_object();
        if self.lowered.is_some() {
            self.successes += 1;
            if self.successes >= self.limit {
                self.successes = 0;
                self.limit = self.limit.saturating_add(1).min(self.max);
            }
        } else if !self.start.is_over(now_elapsed) {
            self.limit = self.start.on_success(self.limit, self.max, now_elapsed);
        }
        self.look(running, now_elapsed);
    }

    /// Notes that a transfer ended and no other was waiting: what comes is not bounded by this limit now.
    pub fn on_idle(&mut self) {
        self.start.restart_round();
        self.climb.restart_round();
    }

    fn calm_down(&mut self, now: Duration) {
        let is_calm = |lowered: Duration| now.saturating_sub(lowered) >= CALM;
        if self.lowered.is_some_and(is_calm) {
            self.lowered = None;
            self.climb = Climb::new(self.max);
        }
    }

    fn look(&mut self, running: usize, now: Duration) {
        if self.lowered.is_none() && self.start.is_over(now) {
            self.limit = self.climb.look(self.limit, running, now);
        }
    }

    /// Notes a request that was throttled, at this time on a clock that never runs backwards.
    ///
    /// The limit is halved at most once in a second: requests that were under way together are turned away together,
    /// and that says once, not sixty times, that there were too many.
    pub fn on_throttle(&mut self, now_elapsed: Duration) {
        let again = self
            .lowered
            .is_some_and(|lowered| now_elapsed.saturating_sub(lowered) < BURST);
        if again {
            return;
        }
        self.lowered = Some(now_elapsed);
        self.start.end();
        self.successes = 0;
        self.limit = (self.limit / 2).max(1);
    }

    /// How many requests may be under way now: 1 or more.
    #[must_use]
    pub fn limit(&self) -> usize {
        if self.proven {
            self.limit
        } else {
            self.limit.min(UNPROVEN)
        }
    }
}

#[cfg(test)]
mod tests;
