//! What a run does when the clock of this machine and that of the server differ.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::window::{Window, WindowError, WindowOptions, window};

/// Clocks that differ by no more are taken for the same.
const SAME: SignedDuration = SignedDuration::from_mins(5);
/// Clocks that differ by more do not differ: one of them shows something else than the time. A wrong time zone is 14
/// hours off at most.
const LIKELY: SignedDuration = SignedDuration::from_hours(24);

/// What time it is, as far as anybody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// It is not earlier than this: a window that is reckoned in ages begins by this clock.
    pub earliest: Timestamp,
    /// It is not later than this: a window ends by this clock.
    pub latest: Timestamp,
    /// The earlier of both clocks, whichever is right: nothing is settled for good after it.
    pub settled_until: Timestamp,
}

/// The clocks differ so much that a person should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockNote {
    /// The server's clock minus ours.
    ahead: SignedDuration,
}

impl Clocks {
    /// Compares `ours` with a server's clock that is `ahead` of it (negative when it is behind), where that is known.
    ///
    /// Which of the two is right nobody can tell, and none has to: between them the window is as long as either of
    /// them would make it, and the checkpoint stays before both. With clocks that have nothing to do with each other
    /// the window is ours.
    #[must_use]
    pub fn compare(ours: Timestamp, ahead: Option<SignedDuration>) -> (Self, Option<ClockNote>) {
        // One that nobody can write is as wrong as the largest that can be written.
        let ahead = ahead.unwrap_or_default().max(-SignedDuration::MAX);
        let theirs = ours.saturating_add(ahead).unwrap_or(ours);
        let (earlier, later) = (ours.min(theirs), ours.max(theirs));
        let note = Some(ClockNote { ahead });
        if ahead.abs() <= SAME {
            (Self::agreed(ours), None)
        } else if ahead.abs() <= LIKELY {
            let clocks = Self {
                earliest: earlier,
                latest: later,
                settled_until: earlier,
            };
            (clocks, note)
        } else {
            let clocks = Self {
                settled_until: earlier,
                ..Self::agreed(ours)
            };
            (clocks, note)
        }
    }

    /// All clocks show this.
    #[must_use]
    pub fn agreed(now: Timestamp) -> Self {
        Self {
            earliest: now,
            latest: now,
            settled_until: now,
        }
    }

    /// The window that holds what the windows of either clock hold.
    ///
    /// # Errors
    /// As [`window`].
    pub fn window(
        &self,
        options: &WindowOptions,
        checkpoint: Option<Timestamp>,
    ) -> Result<Window, WindowError> {
        let late = window(options, checkpoint, self.latest)?;
        Ok(match window(options, checkpoint, self.earliest) {
            Ok(early) => Window {
                until: late.until,
                ..early
            },
            // Fixed dates that the earlier clock has not reached yet.
            Err(_) => late,
        })
    }
}

impl fmt::Display for ClockNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.ahead.abs().as_secs_f64() / 60.0;
        let off = match minutes / 60.0 {
            48.0.. => format!("{:.0} days", minutes / (24.0 * 60.0)),
            2.0.. => format!("{:.0} hours", minutes / 60.0),
            _ => format!("{minutes:.0} minutes"),
        };
        let way = if self.ahead.is_negative() {
            "ahead of"
        } else {
            "behind"
        };
        let consequence = if self.ahead.abs() <= LIKELY {
            "the window covers both"
        } else {
            "the window follows the clock of this machine"
        };
        write!(
            f,
            "the clock of this machine is {off} {way} that of the recording API; {consequence}, and the checkpoint stays \
             before the earlier of them: set the clock right"
        )
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::plan::{SinceEdge, UntilEdge};

    fn hour(at: i64) -> Timestamp {
        Timestamp::from_second(at * 3_600).unwrap()
    }

    fn options(since: SinceEdge, until: UntilEdge) -> WindowOptions {
        WindowOptions {
            since,
            until,
            overlap: 0.hours(),
            slice_length: 1.hour(),
            ignore_checkpoint: false,
        }
    }

    #[test]
    fn between_two_clocks_the_window_is_that_of_both_and_the_checkpoint_stays_before_both() {
        let ages = options(SinceEdge::Ago(24.hours()), UntilEdge::Ago(0.hours()));
        // Ours shows hour 1000.
        for (ahead_min, since, until, settled) in [
            (None, 976, 1000, 1000),
            (Some(4), 976, 1000, 1000),
            (Some(-5), 976, 1000, 1000),
            (Some(60), 976, 1001, 1000),
            (Some(-60), 975, 1000, 999),
            (Some(-24 * 60), 952, 1000, 976),
            // One of them is broken: ours counts, and nothing is settled by it alone.
            (Some(25 * 60), 976, 1000, 1000),
            (Some(-500 * 60), 976, 1000, 500),
        ] {
            let ahead = ahead_min.map(SignedDuration::from_mins);
            let (clocks, note) = Clocks::compare(hour(1000), ahead);
            let window = clocks.window(&ages, None).unwrap();
            assert_eq!(window.since, Some(hour(since)), "{ahead_min:?}");
            assert_eq!(window.until, hour(until), "{ahead_min:?}");
            assert_eq!(clocks.settled_until, hour(settled), "{ahead_min:?}");
            let differ = ahead_min.is_some_and(|ahead| !(-5..=5).contains(&ahead));
            assert_eq!(note.is_some(), differ, "{ahead_min:?}");
        }
    }

    #[test]
    fn fixed_dates_that_one_clock_has_not_reached_are_those_of_the_other() {
        let dates = options(SinceEdge::At(hour(1001)), UntilEdge::At(hour(1002)));
        let ahead = Some(SignedDuration::from_hours(5));
        let (clocks, _) = Clocks::compare(hour(1000), ahead);
        let window = clocks.window(&dates, None).unwrap();
        assert_eq!((window.since, window.until), (Some(hour(1001)), hour(1002)));
        assert!(Clocks::agreed(hour(1000)).window(&dates, None).is_err());
    }

    #[test]
    fn a_note_says_how_far_and_which_way() {
        let note = |ahead| {
            let (_, note) = Clocks::compare(hour(1_000_000), Some(ahead));
            note.unwrap().to_string()
        };
        for (ahead, begins) in [
            (SignedDuration::from_mins(-20), "20 minutes ahead of"),
            (SignedDuration::from_mins(119), "119 minutes behind"),
            (SignedDuration::from_hours(3), "3 hours behind"),
            (SignedDuration::from_hours(-24), "24 hours ahead of"),
            (SignedDuration::from_hours(-71), "3 days ahead of"),
        ] {
            let text = note(ahead);
            let covers = ahead.abs() <= SignedDuration::from_hours(24);
            assert!(text.contains(begins), "{text}");
            assert_eq!(text.contains("covers both"), covers, "{text}");
        }
        assert!(
            note(SignedDuration::from_hours(200)).contains("follows the clock of this machine")
        );
        // Nonsense from a server is no panic.
        for ahead in [SignedDuration::MIN, SignedDuration::MAX] {
            assert!(!note(ahead).is_empty());
        }
    }
}
