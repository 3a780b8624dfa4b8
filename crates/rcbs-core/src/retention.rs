//! Which recordings the cloud deletes before they are here: facts in, forecast out.

mod inflow;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::plan::Slice;
use crate::ports::UnsettledHour;

pub use inflow::{Inflow, Lately};

/// What is deleted this soon is told of in any case.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// How long the cloud keeps a recording, counted from the start of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    days: u32,
}

impl Retention {
    /// So many days of 24 hours.
    #[must_use]
    pub fn days(days: u32) -> Self {
        Self { days }
    }

    /// When a recording that began then is deleted.
    #[must_use]
    pub fn deadline(self, start: Timestamp) -> Timestamp {
        start.checked_add(self.length()).unwrap_or(Timestamp::MAX)
    }

    /// Up to when deletions are told of in any case: a week ahead, but no more than half of the time there is.
    #[must_use]
    pub fn soon(self, now: Timestamp) -> Timestamp {
        let ahead = SOON.min(self.length() / 2);
        now.checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    fn length(self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.days))
    }
}

/// What is known at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The moment.
    pub now: Timestamp,
    /// How long the cloud keeps.
    pub retention: Retention,
    /// Announced, and not here.
    pub unsettled: &'a [UnsettledHour],
    /// What is still to be listed, and is expected there.
    pub unlisted: Option<Expected>,
    /// How fast recordings come in, 0 or more; `None` while that is not known.
    pub stored_per_s: Option<f64>,
}

/// A part of the window that is not listed yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// From when to when.
    pub part: Slice,
    /// Recordings to fetch that began in each second of it, by what was listed so far.
    pub per_s: f64,
}

/// What is endangered. The default is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Recordings that are not here and should be deleted already.
    pub overdue: u64,
    /// Recordings that are not here and will be deleted soon.
    pub soon: u64,
    /// Recordings that will be deleted before they are here if they go on coming in at this rate, the oldest first.
    /// What is still to be listed is estimated.
    pub missed: u64,
    /// When the first of those is deleted.
    pub first_missed: Option<Timestamp>,
    /// Nothing came in for so long: the rate is that nothing does. For the caller of [`forecast`] to say.
    pub idle: Option<Duration>,
}

impl Forecast {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        *self == Self::default()
    }
}

/// How many media files a second earlier runs have stored, of their seconds and files; `None` when they stored none.
/// Runs that stored nothing had nothing to do, or could not: they say nothing about the line.
#[must_use]
pub fn earlier_rate(runs: impl IntoIterator<Item = (f64, u64)>) -> Option<f64> {
    let busy = runs
        .into_iter()
        .filter(|(seconds, files)| *files > 0 && *seconds > 0.0);
    let (seconds, files) = busy.fold((0.0, 0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
    (files > 0).then(|| files as f64 / seconds)
}

/// Foretells. Work is done in the order of the deadlines, and none on what is deleted already.
#[must_use]
pub fn forecast(facts: &Facts<'_>) -> Forecast {
    let Facts { now, retention, .. } = *facts;
    let soon = retention.soon(now);
    let mut forecast = Forecast::default();
    let mut due: BTreeMap<Timestamp, f64> = BTreeMap::new();
    for hour in facts.unsettled {
        let deadline = retention.deadline(hour.first);
        if deadline <= now {
            forecast.overdue += hour.recordings;
            continue;
        }
        if deadline <= soon {
            forecast.soon += hour.recordings;
        }
        *due.entry(deadline).or_default() += hour.recordings as f64;
    }
    let Some(stored_per_s) = facts.stored_per_s.filter(|rate| *rate >= 0.0) else {
        return forecast;
    };
    for (start, recordings) in facts.unlisted.iter().flat_map(by_hour) {
        let deadline = retention.deadline(start);
        if deadline > now {
            *due.entry(deadline).or_default() += recordings;
        }
    }
    let mut busy_s = 0.0;
    let mut missed = 0.0;
    for (deadline, recordings) in due {
        let left_s = deadline.duration_since(now).as_secs_f64();
        let room = (left_s - busy_s).max(0.0) * stored_per_s;
        let in_time = room.min(recordings);
        if in_time > 0.0 {
            busy_s += in_time / stored_per_s;
        }
        missed += recordings - in_time;
        // Less than half a recording is noise of the estimate.
        if missed >= 0.5 {
            forecast.first_missed.get_or_insert(deadline);
        }
    }
    forecast.missed = missed.round() as u64;
    forecast
}

/// The expected recordings of each hour.
fn by_hour(expected: &Expected) -> impl Iterator<Item = (Timestamp, f64)> {
    let Expected { part, per_s } = *expected;
    let mut at = part.since;
    std::iter::from_fn(move || {
        let begin = at;
        let end = begin.checked_add(HOUR).ok()?.min(part.until);
        at = end;
        (begin < end).then(|| (begin, end.duration_since(begin).as_secs_f64() * per_s))
    })
}

#[cfg(test)]
mod tests;
