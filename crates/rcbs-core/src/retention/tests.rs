//! Forecasts, as small cases: hours of the past, a rate, and what is missed.

use super::*;

const DAY_H: i64 = 24;

fn now() -> Timestamp {
    "2018-03-01T00:00:00Z".parse().unwrap()
}

fn hours_ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

/// Recordings by the hours of their age, kept for ten days.
fn facts(unsettled: &[UnsettledHour], per_hour: Option<f64>) -> Facts<'_> {
    Facts {
        now: now(),
        retention: Retention::days(10),
        unsettled,
        unlisted: None,
        stored_per_s: per_hour.map(|rate| rate / 3_600.0),
    }
}

fn aged(ages_h: &[(i64, u64)]) -> Vec<UnsettledHour> {
    let hour = |(age_h, recordings): &(i64, u64)| UnsettledHour {
        first: hours_ago(*age_h),
        recordings: *recordings,
    };
    ages_h.iter().map(hour).collect()
}

#[test]
fn what_waits_is_told_apart_by_its_age() {
    for (name, ages_h, overdue, soon) in [
        ("nothing waits", &[][..], 0, 0),
        ("young", &[(1, 3), (5 * DAY_H - 1, 2)], 0, 0),
        ("within half of the time", &[(5 * DAY_H, 2)], 0, 2),
        ("in the last hour", &[(10 * DAY_H - 1, 4)], 0, 4),
        ("at the deadline", &[(10 * DAY_H, 1)], 1, 0),
        ("all", &[(300, 1), (200, 2), (130, 3), (2, 4)], 1, 5),
    ] {
        let wanted = Forecast {
            overdue,
            soon,
            ..Forecast::default()
        };
        assert_eq!(forecast(&facts(&aged(ages_h), None)), wanted, "{name}");
    }
}

#[test]
fn what_comes_in_too_slowly_is_missed() {
    // With 24, 48 and 72 hours left.
    let waiting = aged(&[
        (9 * DAY_H, 10),
        (8 * DAY_H, 100),
        (7 * DAY_H, 10),
        (12 * DAY_H, 1_000),
    ]);
    for (per_hour, missed, first_h) in [
        (100.0, 0, None),
        (2.5, 0, None),
        // 48 in two days: 10 and 38 of 100, then all of the last.
        (1.0, 62, Some(48)),
        (0.25, 4 + 94 + 4, Some(24)),
        (0.0, 120, Some(24)),
    ] {
        let found = forecast(&facts(&waiting, Some(per_hour)));
        let first = first_h.map(|hours| now() + SignedDuration::from_hours(hours));
        assert_eq!(
            (found.missed, found.first_missed),
            (missed, first),
            "{per_hour} an hour"
        );
        assert_eq!(found.overdue, 1_000, "what is gone takes no time");
    }
}

#[test]
fn no_rate_is_no_forecast() {
    let waiting = aged(&[(9 * DAY_H, 10)]);
    for rate in [None, Some(-1.0), Some(f64::NAN)] {
        let found = forecast(&facts(&waiting, rate));
        assert_eq!(
            (found.missed, found.first_missed, found.soon),
            (0, None, 10)
        );
    }
}

#[test]
fn what_is_still_to_be_listed_is_estimated() {
    let expected = |from_h, to_h, per_hour: f64| Expected {
        part: Slice {
            since: hours_ago(from_h),
            until: hours_ago(to_h),
        },
        per_s: per_hour / 3_600.0,
    };
    let missed = |unlisted, per_hour| {
        let unlisted = Some(unlisted);
        let facts = Facts {
            unlisted,
            ..facts(&[], Some(per_hour))
        };
        let found = forecast(&facts);
        assert_eq!(found.soon, 0, "told is only what is known");
        (found.missed, found.first_missed.is_some())
    };
    // As many come in as began: the last day of the window is here after nine days.
    assert_eq!(missed(expected(9 * DAY_H, 0, 5.0), 5.0), (0, false));
    // Half as fast, the deadlines come nearer by an hour in two: 216 hours, each with half of its recordings missed, but
    // for those that the 24 hours of the beginning save.
    let (slow, is_dated) = missed(expected(9 * DAY_H, 0, 10.0), 5.0);
    assert!((950..=970).contains(&slow) && is_dated, "{slow}");
    // What should be gone is not expected, and an empty part holds nothing.
    assert_eq!(
        missed(expected(99 * DAY_H, 11 * DAY_H, 1e9), 1.0),
        (0, false)
    );
    assert_eq!(missed(expected(5, 5, 1e9), 1.0), (0, false));
}

#[test]
fn soon_is_a_week_or_half_of_the_time() {
    for (days, hours) in [
        (1, 12),
        (2, 24),
        (10, 120),
        (14, 168),
        (90, 168),
        (u32::MAX, 168),
    ] {
        let soon = Retention::days(days).soon(now());
        assert_eq!(soon, now() + SignedDuration::from_hours(hours), "{days}");
    }
}

#[test]
fn the_end_of_the_calendar_is_no_obstacle() {
    let retention = Retention::days(u32::MAX);
    assert_eq!(retention.deadline(Timestamp::MAX), Timestamp::MAX);
    assert_eq!(retention.soon(Timestamp::MAX), Timestamp::MAX);
    let waiting = [UnsettledHour {
        first: Timestamp::MIN,
        recordings: 1,
    }];
    assert_eq!(forecast(&facts(&waiting, Some(1.0))).overdue, 1);
}
