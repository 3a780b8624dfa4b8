//! How far a run is: percent, rate and ETA, folded from events. Pure: the time is handed in.

use std::collections::VecDeque;
use std::time::Duration;

use rcbs_core::event::{Event, Summary};

/// The rate and the ETA look back this far: long enough to be calm, short enough to follow a change.
const LOOK_BACK: Duration = Duration::from_secs(30);
/// Two samples are at least this far apart.
const SAMPLE_EVERY: Duration = Duration::from_millis(500);

/// Follows a run.
#[derive(Debug, Default)]
pub struct Progress {
    summary: Summary,
    to_fetch: u64,
    /// Of these, how many came to an end: what is in place already takes no time and must not look like speed.
    worked: u64,
    listing: bool,
    ended: bool,
    samples: VecDeque<(Duration, u64, u64)>,
}

/// How far a run is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// 0 to 100; 100 only when everything announced is stored (or deliberately skipped) and everything is listed.
    pub percent: u8,
    /// Media files that have come to an end in this run.
    pub settled: u64,
    /// Media files announced so far.
    pub announced: u64,
    /// Bytes received so far.
    pub received_bytes: u64,
    /// Bytes a second, lately.
    pub rate_bytes_per_s: u64,
    /// Seconds left at the rate of late, where it can be told.
    pub eta_s: Option<u64>,
    /// Whether the API is still being listed, so that the total still grows.
    pub listing: bool,
}

impl Progress {
    /// Takes one more event in, at this time since the start.
    pub fn on(&mut self, event: &Event, at: Duration) {
        match event {
            Event::Planned { .. } => self.listing = true,
            Event::Announced { to_fetch, .. } => self.to_fetch += to_fetch,
            Event::Verified { .. } | Event::Waiting { .. } | Event::Lost { .. } => self.worked += 1,
            Event::ListingEnded => self.listing = false,
            Event::Ended { .. } => {
                self.listing = false;
                self.ended = true;
            }
            _ => {}
        }
        self.summary.add(event);
        self.sample(at);
    }

    /// How far the run is.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (rate_bytes_per_s, eta_s) = self.rate();
        Snapshot {
            percent: self.percent(),
            settled: self.summary.settled(),
            announced: self.summary.announced,
            received_bytes: self.summary.received_bytes,
            rate_bytes_per_s,
            eta_s,
            listing: self.listing,
        }
    }

    /// Everything counted so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn percent(&self) -> u8 {
        let summary = &self.summary;
        let good = summary.stored() + summary.skipped;
        let whole =
            good >= summary.announced && summary.slices_failed == 0 && summary.server_faults == 0;
        if whole && self.ended {
            return 100;
        }
        match (good * 100).checked_div(summary.announced) {
            Some(percent) => u8::try_from(percent.min(99)).unwrap_or(99),
            None => 0,
        }
    }

    fn sample(&mut self, at: Duration) {
        if self
            .samples
            .back()
            .is_some_and(|(last, ..)| at < *last + SAMPLE_EVERY)
        {
            return;
        }
        self.samples
            .push_back((at, self.summary.received_bytes, self.worked));
        while self
            .samples
            .front()
            .is_some_and(|(first, ..)| *first + LOOK_BACK < at)
        {
            self.samples.pop_front();
        }
    }

    /// Bytes a second, and seconds left, from the oldest to the newest sample kept.
    fn rate(&self) -> (u64, Option<u64>) {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return (0, None);
        };
        let seconds = (last.0 - first.0).as_secs_f64();
        if seconds < SAMPLE_EVERY.as_secs_f64() {
            return (0, None);
        }
        let bytes_per_s = (last.1 - first.1) as f64 / seconds;
        let files_per_s = last.2.saturating_sub(first.2) as f64 / seconds;
        let left = self.to_fetch.saturating_sub(self.worked);
        let can_be_told = files_per_s > 0.0 && self.to_fetch > 0 && !self.listing;
        let eta_s = can_be_told.then(|| (left as f64 / files_per_s).ceil() as u64);
        (bytes_per_s as u64, eta_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcbs_core::failure::FailureClass;
    use rcbs_core::ports::MediaKey;
    use rcbs_core::recording::{MediaId, RecordingId};

    fn key(name: &str) -> MediaKey {
        MediaKey {
            recording: RecordingId::new("R").unwrap(),
            media: MediaId::new(name).unwrap(),
        }
    }

    fn verified(name: &str) -> Event {
        Event::Verified {
            key: key(name),
            path: String::new(),
            len_bytes: 1,
            check: "md5".into(),
            fetched: true,
            encryption: None,
        }
    }

    fn announced(media: u64) -> Event {
        Event::Announced {
            recordings: media,
            media,
            to_fetch: media,
            told_bytes: 0,
        }
    }

    fn played(events: &[Event]) -> Snapshot {
        let mut progress = Progress::default();
        for (second, event) in events.iter().enumerate() {
            progress.on(event, Duration::from_secs(second as u64));
        }
        progress.snapshot()
    }

    fn ended() -> Event {
        Event::Ended {
            summary: Summary::default(),
        }
    }

    #[test]
    fn it_says_100_percent_only_at_the_end_of_a_run_in_which_everything_was_stored() {
        let waiting = Event::Waiting {
            key: key("b"),
            class: FailureClass::Transient,
            reason: String::new(),
            next_attempt: jiff::Timestamp::UNIX_EPOCH,
        };
        let fault = Event::ServerFault {
            recording: None,
            reason: String::new(),
        };
        for (name, events, percent) in [
            ("nothing announced yet", vec![], 0),
            ("nothing to do", vec![ended()], 100),
            (
                "all stored, still running",
                vec![announced(1), verified("a")],
                99,
            ),
            (
                "all stored",
                vec![announced(1), verified("a"), ended()],
                100,
            ),
            ("half", vec![announced(2), verified("a")], 50),
            (
                "one waits",
                vec![announced(2), verified("a"), waiting, ended()],
                50,
            ),
            (
                "an unusable recording",
                vec![announced(1), verified("a"), fault, ended()],
                99,
            ),
        ] {
            assert_eq!(played(&events).percent, percent, "{name}");
        }
    }

    #[test]
    fn what_is_in_place_already_does_not_look_like_speed() {
        let announced = Event::Announced {
            recordings: 1,
            media: 1_010,
            to_fetch: 10,
            told_bytes: 0,
        };
        let mut progress = Progress::default();
        progress.on(&announced, Duration::ZERO);
        let unchanged = Event::Unchanged { key: key("x") };
        for _ in 0..1_000 {
            progress.on(&unchanged, Duration::from_millis(500));
        }
        for second in 1..=5 {
            progress.on(&verified("a"), Duration::from_secs(second));
        }
        assert_eq!(progress.snapshot().eta_s, Some(5));
        assert_eq!(progress.snapshot().percent, 99);
    }

    #[test]
    fn the_eta_follows_the_rate_of_late_and_waits_for_the_total() {
        let mut events = vec![announced(10)];
        events.extend(["a", "b", "c", "d"].map(verified));
        events.push(Event::ListingEnded);
        let snapshot = played(&events);
        assert_eq!(
            (snapshot.settled, snapshot.announced, snapshot.eta_s),
            (4, 10, Some(8))
        );
        let mut listing = Progress {
            listing: true,
            ..Progress::default()
        };
        listing.on(&announced(10), Duration::ZERO);
        listing.on(&verified("a"), Duration::from_secs(1));
        assert_eq!(listing.snapshot().eta_s, None);
    }
}
