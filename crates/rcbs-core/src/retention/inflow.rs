//! How fast recordings came in lately: what was stored in the last minutes counts, and no hour before them.

use std::collections::VecDeque;
use std::time::Duration;

/// What came in before this tells nothing of what will.
const LATELY: Duration = Duration::from_mins(20);
const MINUTE_S: u64 = 60;

/// Recordings that came in, by the minute. Moments are those of a clock that never runs backwards.
#[derive(Debug, Default)]
pub struct Inflow {
    began: Duration,
    last: Option<Duration>,
    /// Minutes in which something came in, and how much; none older than [`LATELY`] when the last one was noted.
    minutes: VecDeque<(u64, u64)>,
}

/// What can be said of it at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lately {
    /// Nothing came in, and it is too early to say that nothing will.
    Unknown,
    /// So many recordings a second; more than 0.
    PerS(f64),
    /// Nothing came in for so long.
    NothingFor(Duration),
}

impl Inflow {
    /// From this moment on.
    #[must_use]
    pub fn since(began: Duration) -> Self {
        Self {
            began,
            ..Self::default()
        }
    }

    /// One more is complete.
    pub fn stored(&mut self, at: Duration) {
        self.last = Some(at);
        let minute = at.as_secs() / MINUTE_S;
        match self.minutes.back_mut() {
            Some((last, count)) if *last == minute => *count += 1,
            _ => self.minutes.push_back((minute, 1)),
        }
        while self.minutes.front().is_some_and(|it| it.0 < first(at)) {
            self.minutes.pop_front();
        }
    }

    /// What can be said now.
    #[must_use]
    pub fn lately(&self, now: Duration) -> Lately {
        let first = first(now);
        let counted = self.minutes.iter().filter(|(minute, _)| *minute >= first);
        let count: u64 = counted.map(|(_, count)| count).sum();
        let since = self.began.max(Duration::from_secs(first * MINUTE_S));
        let rate = count as f64 / now.saturating_sub(since).as_secs_f64();
        let silent = now.saturating_sub(self.last.unwrap_or(self.began));
        if count > 0 && rate.is_finite() {
            Lately::PerS(rate)
        } else if silent >= LATELY {
            Lately::NothingFor(silent)
        } else {
            Lately::Unknown
        }
    }
}

/// The first minute that counts at this moment.
fn first(at: Duration) -> u64 {
    at.saturating_sub(LATELY).as_secs().div_ceil(MINUTE_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(count: u64) -> Duration {
        Duration::from_mins(count)
    }

    #[test]
    fn what_came_in_long_ago_is_forgotten() {
        let mut inflow = Inflow::since(minutes(100));
        let per_minute = |inflow: &Inflow, now| match inflow.lately(minutes(now)) {
            Lately::PerS(rate) => (rate * 60.0).round(),
            other => panic!("{other:?}"),
        };
        for minute in 100..160 {
            for _ in 0..50 {
                inflow.stored(minutes(minute) + Duration::from_secs(30));
            }
            assert_eq!(per_minute(&inflow, minute + 1), 50.0, "{minute}");
        }
        // From then on a tenth of it.
        for minute in 160..180 {
            if minute == 170 {
                assert_eq!(per_minute(&inflow, minute), 28.0);
            }
            for _ in 0..5 {
                inflow.stored(minutes(minute));
            }
        }
        assert_eq!(per_minute(&inflow, 180), 5.0);
        assert!(inflow.minutes.len() <= 21, "{}", inflow.minutes.len());
    }

    #[test]
    fn a_silence_is_told_when_it_is_long() {
        let mut inflow = Inflow::since(minutes(5));
        for (now, wanted) in [
            (5, Lately::Unknown),
            (24, Lately::Unknown),
            (25, Lately::NothingFor(minutes(20))),
            (65, Lately::NothingFor(minutes(60))),
        ] {
            assert_eq!(inflow.lately(minutes(now)), wanted, "{now}");
        }
        inflow.stored(minutes(70));
        let found = inflow.lately(minutes(80));
        assert!(matches!(found, Lately::PerS(_)), "{found:?}");
        let silent = Lately::NothingFor(minutes(25));
        assert_eq!(inflow.lately(minutes(95)), silent);
    }

    #[test]
    fn nothing_is_reckoned_from_no_time() {
        let mut inflow = Inflow::since(minutes(3));
        inflow.stored(minutes(3));
        assert_eq!(inflow.lately(minutes(3)), Lately::Unknown);
    }
}
