//! The period: ages and dates of the old program, whose `min` is the newest edge, become `since` and `until`.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use rcbs_core::plan::{self, SinceEdge, UntilEdge, WindowError, WindowOptions};
use rcbs_core::retention::Retention;

use super::flag;
use crate::config::date;
use crate::config::duration::{self, DurationError, Unit};
use crate::config::finding::{Finding, Origin};
use crate::config::given::Given;
use crate::config::keys::Key;
use crate::config::reader::Reader;
use crate::config::scalar;

/// Reads the period.
pub(super) fn window(reader: &mut Reader<'_>, now: Timestamp) -> Option<WindowOptions> {
    let since = since(reader, now);
    let until = until(reader, now);
    let slice_length = reader.read_or(Key::ShardBy, Span::new().days(1), |text| {
        within_calendar(duration::parse_positive(text, Unit::Days)?, now)
    });
    let overlap = reader.read_or(Key::Overlap, Span::new().hours(6), |text| {
        within_calendar(duration::parse(text, Unit::Hours)?, now)
    });
    let ignore_checkpoint = flag(reader, Key::SkipLastRecordingCheck);
    let options = WindowOptions {
        since: since?,
        until: until?,
        overlap,
        slice_length,
        ignore_checkpoint,
    };
    // The judge is the one that every run asks, so that no window passes here and fails there.
    if let Err(error) = plan::window(&options, None, now) {
        report_window(reader, &options, &error, now);
    }
    Some(options)
}

/// How long the cloud keeps recordings, where that is set.
pub(super) fn retention(reader: &mut Reader<'_>) -> Option<Retention> {
    let days = reader.read(Key::RetentionDays, |text| scalar::number(text, 1, 36_500));
    days.map(Retention::days)
}

fn since(reader: &mut Reader<'_>, now: Timestamp) -> Option<SinceEdge> {
    let age = age(reader, Key::MaxAge, Span::new().days(2), now);
    if reader.is_given(Key::MaxDate) {
        warn_overridden(reader, Key::MaxAge, Key::MaxDate);
        return reader.read(Key::MaxDate, date::parse).map(SinceEdge::At);
    }
    age.map(|age| {
        if age.is_zero() {
            SinceEdge::Any
        } else {
            SinceEdge::Ago(age)
        }
    })
}

fn until(reader: &mut Reader<'_>, now: Timestamp) -> Option<UntilEdge> {
    let age = age(reader, Key::MinAge, Span::new(), now);
    if reader.is_given(Key::MinDate) {
        warn_overridden(reader, Key::MinAge, Key::MinDate);
        return reader.read(Key::MinDate, date::parse).map(UntilEdge::At);
    }
    age.map(UntilEdge::Ago)
}

/// The default only where nothing was given: after a refused value, comparing edges would only mislead.
fn age(reader: &mut Reader<'_>, key: Key, default: Span, now: Timestamp) -> Option<Span> {
    if reader.is_given(key) {
        reader.read(key, |text| {
            within_calendar(duration::parse(text, Unit::Days)?, now)
        })
    } else {
        Some(default)
    }
}

/// Said only where both stand in the file: an option is meant to win.
fn warn_overridden(reader: &mut Reader<'_>, age: Key, date: Key) {
    let (Some(age), Some(date)) = (reader.given(age), reader.given(date)) else {
        return;
    };
    if matches!(date.origin, Origin::Flag { .. }) {
        return;
    }
    let hint = format!("remove {}, or {} for scheduled runs", age.name, date.name);
    reader.report(
        age.warning(format!("is overridden by {}", date.subject()))
            .hint(hint),
    );
}

/// Tells why the window is empty, by the names and values of the edges.
fn report_window(
    reader: &mut Reader<'_>,
    options: &WindowOptions,
    error: &WindowError,
    now: Timestamp,
) {
    match (&options.since, &options.until) {
        (SinceEdge::At(oldest), UntilEdge::At(newest)) if newest <= oldest => {
            report_dates(reader, newest == oldest);
        }
        (SinceEdge::Ago(_), UntilEdge::Ago(_)) => report_ages(reader),
        (SinceEdge::Ago(_), UntilEdge::At(_)) => report_lone(
            reader,
            Key::MinDate,
            "is older than the oldest edge (maxAge before now), so the window is empty",
            "set maxDate too (the oldest edge), or use --since and --until",
        ),
        (SinceEdge::At(oldest), _) if *oldest >= now => report_lone(
            reader,
            Key::MaxDate,
            "is not in the past, so the window is empty",
            "give the day of the oldest recordings that are wanted",
        ),
        (SinceEdge::At(_), _) => report_lone(
            reader,
            Key::MaxDate,
            "is newer than the newest edge (minAge before now), so the window is empty",
            "give an older day, or lower minAge (the newest edge)",
        ),
        (SinceEdge::Any, _) => {
            let name = Key::MinAge.name();
            reader.report(Finding::error(name, error.to_string()).hint("give an older edge"));
        }
    }
}

fn report_dates(reader: &mut Reader<'_>, same: bool) {
    let (Some(newest), Some(oldest)) = (reader.given(Key::MinDate), reader.given(Key::MaxDate))
    else {
        return;
    };
    let relation = if same {
        "is the same moment as"
    } else {
        "is older than"
    };
    let headline = format!(
        "{} ({}) {relation} {} ({}), so the window is empty",
        newest.name,
        newest.shown(),
        oldest.name,
        oldest.shown()
    );
    let hint = if same {
        "the newer edge is not included: give the day after the last one"
    } else if newest.name == Key::MinDate.name() {
        "in this format minDate is the newer edge; swap the two, or use --since and --until"
    } else {
        "swap the two"
    };
    let mut error = Finding::error(newest.name, headline)
        .at(&newest.origin)
        .hint(hint);
    error.value = Some(newest.shown().to_owned());
    error.cause = told_places(&[newest, oldest]);
    reader.report(error);
}

/// Where values stand, as far as their names do not say it.
fn told_places(given: &[&Given]) -> Option<String> {
    let places: Vec<String> = given
        .iter()
        .filter_map(|given| Some(format!("{} stands {}", given.name, given.place()?)))
        .collect();
    (!places.is_empty()).then(|| places.join(", "))
}

/// Ages are compared from now, because how long a month is depends on it.
fn report_ages(reader: &mut Reader<'_>) {
    let typed = |key: Key| {
        let default = key.info().default.unwrap_or_default();
        reader
            .given(key)
            .map_or(default, |given| given.shown())
            .to_owned()
    };
    let headline = format!(
        "minAge ({}) is not less than maxAge ({}), so the window is empty",
        typed(Key::MinAge),
        typed(Key::MaxAge)
    );
    let mut error = Finding::error(Key::MinAge.name(), headline)
        .hint("raise maxAge (the oldest edge) or lower minAge (the newest edge)");
    let given: Vec<&Given> = [Key::MinAge, Key::MaxAge]
        .into_iter()
        .filter_map(|key| reader.given(key))
        .collect();
    error.origin = given.first().map(|given| given.origin.clone());
    error.cause = told_places(&given);
    reader.report(error);
}

fn report_lone(reader: &mut Reader<'_>, key: Key, text: &str, hint: &str) {
    if let Some(given) = reader.given(key) {
        reader.report(given.error(text).hint(hint));
    }
}

/// A length that reaches outside the calendar from here can be used for nothing.
fn within_calendar(length: Span, now: Timestamp) -> Result<Span, DurationError> {
    ago(&length, now)
        .map(|_| length)
        .ok_or(DurationError::TooLong)
}

fn ago(age: &Span, now: Timestamp) -> Option<Timestamp> {
    let then = now.to_zoned(TimeZone::UTC).checked_sub(*age).ok()?;
    Some(then.timestamp())
}
