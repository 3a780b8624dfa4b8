//! Finds how many transfers at once are enough: tries more and fewer in turn, and keeps what proves itself.

use std::time::Duration;

/// How long a number of transfers is watched.
const ROUND: Duration = Duration::from_secs(2);
/// The longest, where so few objects end that they say little.
const ROUND_MOST: Duration = Duration::from_secs(10);
/// After a change connections are made and windows open; that is not watched.
const SETTLE: Duration = Duration::from_millis(500);
/// More is kept when it brings so much more, of a third that it may bring.
const GAIN: f64 = 1.05;
/// Fewer is kept when it brings nearly as much as the most that was seen on the way down.
const LOSS: f64 = 0.97;
/// An object counts as so many bytes more: small ones are worth their round trips.
pub(super) const OBJECT_BYTES: f64 = 65_536.0;
/// Fewer than this are not tried: some transfers always wait for an answer while others fill the line.
const LEAST: usize = 4;
/// Rounds without a trial after neither more nor fewer was better; doubled each time, up to the last.
const REST: u32 = 8;
const REST_MOST: u32 = 32;
/// A rate that has changed by this factor ends a rest: the line is another one now.
const CHANGED: f64 = 1.5;

/// A search by trials. Each compares two rounds, one after the other, so that a line that changes by the hour is followed.
#[derive(Debug, Clone)]
pub(super) struct Climb {
    max: usize,
    work: f64,
    objects: usize,
    round: Round,
    /// What the number of transfers before the trial brought in a second.
    trial: Option<Trial>,
    next: Direction,
    /// Failures in a row.
    fruitless: u32,
    rest: u32,
    rest_next: u32,
    /// What a second brought when the rest began.
    rested: f64,
}

#[derive(Debug, Clone, Copy)]
enum Round {
    /// Begins when what was changed has settled.
    NotBefore(Duration),
    Since(Duration),
}

#[derive(Debug, Clone, Copy)]
struct Trial {
    before: usize,
    rate: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    More,
    Fewer,
}

impl Climb {
    /// A search for at most so many.
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            work: 0.0,
            objects: 0,
            round: Round::NotBefore(Duration::ZERO),
            trial: None,
            next: Direction::More,
            fruitless: 0,
            rest: 0,
            rest_next: REST,
            rested: 0.0,
        }
    }

    pub(super) fn add_bytes(&mut self, bytes: u64) {
        self.work += bytes as f64;
    }

    pub(super) fn add_object(&mut self) {
        self.objects += 1;
        self.work += OBJECT_BYTES;
    }

    /// What came so far says nothing: too few transfers were under way.
    pub(super) fn restart_round(&mut self) {
        self.round = Round::NotBefore(Duration::ZERO);
    }

    /// The number of transfers from now on, when it is `limit` and so many are under way.
    pub(super) fn look(&mut self, limit: usize, running: usize, now: Duration) -> usize {
        let since = match self.round {
            Round::Since(since) => since,
            // Transfers above a lowered limit come to their end first.
            Round::NotBefore(begin) => {
                if now >= begin && running <= limit {
                    self.round = Round::Since(now);
                    (self.work, self.objects) = (0.0, 0);
                }
                return limit;
            }
        };
        let took = now.saturating_sub(since);
        if took < ROUND || (self.objects < limit && took < ROUND_MOST) {
            return limit;
        }
        let rate = self.work / took.as_secs_f64();
        let limit = self.judge(limit, rate);
        self.round = Round::NotBefore(now + SETTLE);
        limit
    }

    /// What follows from a round in which `limit` transfers brought `rate`.
    fn judge(&mut self, limit: usize, rate: f64) -> usize {
        let mut most = rate;
        if let Some(Trial { before, rate: old }) = self.trial.take() {
            let is_more = limit > before;
            let is_kept = rate >= old * if is_more { GAIN } else { LOSS };
            if !is_kept {
                self.failed(old);
                return before;
            }
            if !is_more {
                most = most.max(old);
            }
            self.fruitless = 0;
            self.rest_next = REST;
        } else if self.rest > 0 {
            let is_another = rate > self.rested * CHANGED || rate * CHANGED < self.rested;
            if !is_another {
                self.rest -= 1;
                return limit;
            }
            (self.rest, self.rest_next) = (0, REST);
        }
        let to = self.candidate(limit);
        if to == limit {
            // Nothing lies in this direction.
            self.failed(rate);
            return limit;
        }
        self.trial = Some(Trial {
            before: limit,
            rate: most,
        });
        to
    }

    /// The other direction is next; after both, a rest.
    fn failed(&mut self, rate: f64) {
        self.next = match self.next {
            Direction::More => Direction::Fewer,
            Direction::Fewer => Direction::More,
        };
        self.fruitless += 1;
        if self.fruitless >= 2 {
            self.fruitless = 0;
            self.rest = self.rest_next;
            self.rested = rate;
            self.rest_next = (self.rest_next * 2).min(REST_MOST);
        }
    }

    fn candidate(&self, limit: usize) -> usize {
        match self.next {
            Direction::More => (limit + limit.div_ceil(3)).min(self.max),
            Direction::Fewer => (limit - limit / 4).max(LEAST.min(limit)),
        }
    }
}
