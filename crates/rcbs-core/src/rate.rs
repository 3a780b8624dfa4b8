//! How many requests may be under way at the same time, and how many bytes a second may be moved.

mod bandwidth;
mod gate;
mod pace;
mod timetable;
mod unit;

use std::time::Duration;

pub use bandwidth::Bandwidth;
pub(crate) use gate::Gate;
pub(crate) use pace::Pace;
pub use timetable::{Timetable, TimetableError};
pub(crate) use unit::parse_bytes;
pub use unit::parse_rate;

/// Where the limit begins, unless the upper bound is lower.
const START: usize = 16;

/// Answers of one burst come within this time of each other; only the first of them lowers the limit.
const BURST: Duration = Duration::from_secs(1);

/// An adaptive limit: additive increase, multiplicative decrease (AIMD), with the slow start of TCP (RFC 5681).
///
/// Until the first throttle the limit grows by one with each success, that is, it doubles in the time one request takes.
/// After it, the limit grows by one with each full round of successes.
#[derive(Debug, Clone)]
pub struct Concurrency {
    limit: usize,
    max: usize,
    /// Successes since the limit last changed.
    successes: usize,
    /// When the limit was last lowered.
    lowered: Option<Duration>,
}

impl Concurrency {
    /// At most `max` requests at the same time; 0 counts as 1.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        Self {
            limit: max.min(START),
            max,
            successes: 0,
            lowered: None,
        }
    }

    /// Notes a request that was answered.
    pub fn on_success(&mut self) {
        self.successes += 1;
        let round = if self.lowered.is_none() {
            1
        } else {
            self.limit
        };
        if self.successes >= round {
            self.successes = 0;
            self.limit = self.limit.saturating_add(1).min(self.max);
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
        self.successes = 0;
        self.limit = (self.limit / 2).max(1);
    }

    /// How many requests may be under way now: 1 or more.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_successes(rate: &mut Concurrency, count: usize) -> usize {
        for _ in 0..count {
            rate.on_success();
        }
        rate.limit()
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn it_begins_at_sixteen_or_below() {
        for (max, start) in [(0, 1), (1, 1), (4, 4), (16, 16), (64, 16)] {
            assert_eq!(Concurrency::new(max).limit(), start);
        }
    }

    #[test]
    fn without_a_throttle_it_doubles_each_round_up_to_the_bound() {
        let mut rate = Concurrency::new(64);
        assert_eq!(after_successes(&mut rate, 16), 32);
        assert_eq!(after_successes(&mut rate, 32), 64);
        assert_eq!(after_successes(&mut rate, 1_000), 64);
    }

    #[test]
    fn a_throttle_halves_it_once_a_second() {
        let mut rate = Concurrency::new(64);
        assert_eq!(after_successes(&mut rate, 48), 64);
        for (at, limit) in [
            (5_000, 32),
            (5_001, 32),
            (5_999, 32),
            (6_000, 16),
            (6_500, 16),
            (7_000, 8),
        ] {
            rate.on_throttle(ms(at));
            assert_eq!(rate.limit(), limit, "at {at} ms");
        }
    }

    #[test]
    fn a_throttle_in_the_first_moment_counts() {
        let mut rate = Concurrency::new(64);
        rate.on_throttle(Duration::ZERO);
        assert_eq!(rate.limit(), 8);
    }

    #[test]
    fn after_a_throttle_it_grows_by_one_with_each_round() {
        let mut rate = Concurrency::new(64);
        rate.on_throttle(ms(0));
        assert_eq!(after_successes(&mut rate, 7), 8);
        assert_eq!(after_successes(&mut rate, 1), 9);
        assert_eq!(after_successes(&mut rate, 9), 10);
        assert_eq!(after_successes(&mut rate, 100_000), 64);
    }

    #[test]
    fn one_request_is_always_allowed() {
        let mut rate = Concurrency::new(2);
        for second in 0..100 {
            rate.on_throttle(Duration::from_secs(second));
        }
        assert_eq!(rate.limit(), 1);
        assert_eq!(after_successes(&mut rate, 1), 2);
    }
}
