//! Whether the disk is quick enough to be written to in place, without a hop to a thread that may block.
//!
//! A hop costs the threads of this program more than writing a small file into the page cache does: two wake-ups and two
//! switches. But a disk that holds a writer up would hold up the network too, so the first slow write ends it for a time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::volume::Volume;

/// A write of some hundred kilobytes into the page cache takes a tenth of a millisecond. One that took this long was
/// held up.
const SLOW: Duration = Duration::from_millis(20);
/// So long after it nothing is written in place; twice as long each time the next trial is slow as well.
const WARY: Duration = Duration::from_secs(1);
const WARY_MOST: Duration = Duration::from_secs(60);

/// What is known of the disk.
#[derive(Debug)]
pub(super) struct Haste {
    /// `None` where nothing is ever written in place.
    state: Option<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    wary_until: Option<Instant>,
    wary: Duration,
}

impl Haste {
    /// Of a file system that is known to be local; any other may not answer at all.
    pub(super) fn of(volume: Volume) -> Self {
        let is_local = volume == Volume::FlushesAsOne;
        Self {
            state: is_local.then(Mutex::default),
        }
    }

    /// Whether to write in place.
    pub(super) fn is_quick(&self, now: Instant) -> bool {
        self.state.as_ref().is_some_and(|state| {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.wary_until.is_none_or(|until| now >= until)
        })
    }

    /// Notes how long a write in place took.
    pub(super) fn took(&self, began: Instant, now: Instant) {
        let Some(state) = &self.state else {
            return;
        };
        let is_slow = now.saturating_duration_since(began) >= SLOW;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if is_slow {
            state.wary = (state.wary * 2).clamp(WARY, WARY_MOST);
            state.wary_until = Some(now + state.wary);
        } else if state.wary_until.is_some() {
            *state = State::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_write_is_followed_by_hops_for_longer_each_time_until_one_is_quick_again() {
        let haste = Haste::of(Volume::FlushesAsOne);
        let mut now = Instant::now();
        let write = |now: &mut Instant, took_ms: u64| {
            let began = *now;
            *now += Duration::from_millis(took_ms);
            haste.took(began, *now);
        };
        assert!(haste.is_quick(now));
        write(&mut now, 19);
        assert!(haste.is_quick(now));
        for wary_s in [1, 2, 4, 8, 16, 32, 60, 60] {
            write(&mut now, 20);
            assert!(!haste.is_quick(now));
            now += Duration::from_secs(wary_s) - Duration::from_millis(1);
            assert!(!haste.is_quick(now), "{wary_s}");
            now += Duration::from_millis(1);
            assert!(haste.is_quick(now), "{wary_s}");
        }
        write(&mut now, 1);
        write(&mut now, 1_000);
        now += Duration::from_secs(1);
        assert!(haste.is_quick(now), "it was quick in between");
    }

    #[test]
    fn what_may_not_answer_is_never_waited_for_in_place() {
        for volume in [Volume::FlushesEach, Volume::Remote] {
            let haste = Haste::of(volume);
            assert!(!haste.is_quick(Instant::now()), "{volume:?}");
            haste.took(Instant::now(), Instant::now());
        }
    }
}
