//! A clock for pretending: it begins at any time and then runs with tokio's time, paused or not.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rcbs_core::ports::Clock;
use tokio::time::Instant;

/// Time as the pretend cloud and the tests see it. Under tokio's paused time a sleep ends as soon as nothing else is
/// left to do, so hours pass in no time.
#[derive(Debug)]
pub struct SimClock {
    begun: Instant,
    /// The wall clock at `begun`.
    wall: Mutex<Timestamp>,
}

impl SimClock {
    /// A clock that shows this time now.
    #[must_use]
    pub fn starting_at(now: Timestamp) -> Self {
        Self {
            begun: Instant::now(),
            wall: Mutex::new(now),
        }
    }

    /// A clock that shows this machine's time.
    #[must_use]
    pub fn wall() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// Turns the wall clock, as a correction by NTP or a person would; `elapsed` takes no notice.
    pub fn turn_by(&self, by: SignedDuration) {
        let mut wall = self.wall.lock().unwrap_or_else(PoisonError::into_inner);
        *wall = saturating_add(*wall, by);
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let wall = *self.wall.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
        saturating_add(wall, elapsed)
    }

    fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }
}

/// A time so much later, or the last one that can be written.
pub(crate) fn saturating_add(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn sleeping_passes_exactly_the_time_asked_for() {
        let clock = SimClock::starting_at(time("2018-02-12T00:00:00Z"));
        clock.sleep(Duration::from_secs(6 * 3_600)).await;
        assert_eq!(clock.now(), time("2018-02-12T06:00:00Z"));
        assert_eq!(clock.elapsed(), Duration::from_secs(6 * 3_600));
    }

    #[tokio::test(start_paused = true)]
    async fn turning_the_wall_clock_leaves_the_elapsed_time_alone() {
        let clock = SimClock::starting_at(time("2018-02-12T00:00:00Z"));
        clock.turn_by(SignedDuration::from_hours(-24));
        assert_eq!(clock.now(), time("2018-02-11T00:00:00Z"));
        assert_eq!(clock.elapsed(), Duration::ZERO);
    }
}
