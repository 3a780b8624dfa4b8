//! The window of a run, case by case. "Now" is noon of 9 January 2018, the manual's day.

use jiff::ToSpan;

use super::*;

const NOW: &str = "2018-01-09T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The manual's defaults: two days, up to now, six hours of overlap.
fn defaults() -> WindowOptions {
    WindowOptions {
        since: SinceEdge::Ago(2.days()),
        until: UntilEdge::Ago(Span::new()),
        overlap: 6.hours(),
        slice_length: 1.day(),
        ignore_checkpoint: false,
    }
}

#[track_caller]
fn check(
    options: &WindowOptions,
    checkpoint: Option<&str>,
    (since, until, because): (Option<&str>, &str, SinceReason),
) {
    assert_eq!(
        window(options, checkpoint.map(at), at(NOW)),
        Ok(Window {
            since: since.map(at),
            until: at(until),
            because
        })
    );
}

#[test]
fn a_first_run_looks_back_by_the_age_without_overlap() {
    check(
        &defaults(),
        None,
        (Some("2018-01-07T12:00:00Z"), NOW, SinceReason::Configured),
    );
}

#[test]
fn a_later_run_looks_back_by_the_overlap_too() {
    check(
        &defaults(),
        Some("2018-01-09T06:00:00Z"),
        (Some("2018-01-07T06:00:00Z"), NOW, SinceReason::Overlap),
    );
}

#[test]
fn after_an_outage_the_window_begins_at_the_checkpoint() {
    check(
        &defaults(),
        Some("2018-01-04T00:00:00Z"),
        (
            Some("2018-01-03T18:00:00Z"),
            NOW,
            SinceReason::CheckpointAndOverlap,
        ),
    );
}

#[test]
fn without_overlap_the_checkpoint_alone_is_the_reason() {
    let options = WindowOptions {
        overlap: Span::new(),
        ..defaults()
    };
    check(
        &options,
        Some("2018-01-04T00:00:00Z"),
        (Some("2018-01-04T00:00:00Z"), NOW, SinceReason::Checkpoint),
    );
    check(
        &options,
        Some("2018-01-08T00:00:00Z"),
        (Some("2018-01-07T12:00:00Z"), NOW, SinceReason::Configured),
    );
}

#[test]
fn a_checkpoint_exactly_at_the_edge_is_not_older() {
    check(
        &defaults(),
        Some("2018-01-07T12:00:00Z"),
        (Some("2018-01-07T06:00:00Z"), NOW, SinceReason::Overlap),
    );
}

#[test]
fn a_checkpoint_in_the_future_widens_nothing() {
    check(
        &defaults(),
        Some("2031-01-01T00:00:00Z"),
        (Some("2018-01-07T06:00:00Z"), NOW, SinceReason::Overlap),
    );
}

#[test]
fn an_ignored_checkpoint_fills_no_gap_but_brings_the_overlap() {
    let options = WindowOptions {
        ignore_checkpoint: true,
        ..defaults()
    };
    for checkpoint in ["2018-01-04T00:00:00Z", "2018-01-09T00:00:00Z"] {
        check(
            &options,
            Some(checkpoint),
            (Some("2018-01-07T06:00:00Z"), NOW, SinceReason::Overlap),
        );
    }
    // A first run has nothing to look at again.
    check(
        &options,
        None,
        (Some("2018-01-07T12:00:00Z"), NOW, SinceReason::Configured),
    );
}

#[test]
fn dates_stand_as_they_are_whatever_the_checkpoint_says() {
    let options = WindowOptions {
        since: SinceEdge::At(at("2018-01-02T00:00:00Z")),
        until: UntilEdge::At(at("2018-01-04T00:00:00Z")),
        ..defaults()
    };
    for checkpoint in [
        None,
        Some("2017-01-01T00:00:00Z"),
        Some("2018-01-03T00:00:00Z"),
    ] {
        check(
            &options,
            checkpoint,
            (
                Some("2018-01-02T00:00:00Z"),
                "2018-01-04T00:00:00Z",
                SinceReason::Configured,
            ),
        );
    }
}

#[test]
fn any_age_has_no_oldest_edge() {
    let options = WindowOptions {
        since: SinceEdge::Any,
        ..defaults()
    };
    check(
        &options,
        Some("2018-01-04T00:00:00Z"),
        (None, NOW, SinceReason::Configured),
    );
}

#[test]
fn the_newest_edge_may_lie_back_by_an_age() {
    let options = WindowOptions {
        until: UntilEdge::Ago(30.minutes()),
        ..defaults()
    };
    check(
        &options,
        None,
        (
            Some("2018-01-07T12:00:00Z"),
            "2018-01-09T11:30:00Z",
            SinceReason::Configured,
        ),
    );
}

#[test]
fn the_newest_edge_never_lies_in_the_future() {
    let options = WindowOptions {
        until: UntilEdge::At(at("2018-01-10T00:00:00Z")),
        ..defaults()
    };
    check(
        &options,
        None,
        (Some("2018-01-07T12:00:00Z"), NOW, SinceReason::Configured),
    );
}

#[test]
fn years_and_months_go_by_the_calendar() {
    for (age, since) in [
        (1.month(), "2017-12-09T12:00:00Z"),
        (6.months().hours(12), "2017-07-09T00:00:00Z"),
        (
            1.year().days(2).hours(4).minutes(30),
            "2017-01-07T07:30:00Z",
        ),
    ] {
        let options = WindowOptions {
            since: SinceEdge::Ago(age),
            ..defaults()
        };
        check(&options, None, (Some(since), NOW, SinceReason::Configured));
    }
    let march = window(
        &WindowOptions {
            since: SinceEdge::Ago(1.month()),
            ..defaults()
        },
        None,
        at("2018-03-31T00:00:00Z"),
    );
    assert_eq!(march.unwrap().since, Some(at("2018-02-28T00:00:00Z")));
}

#[test]
fn edges_with_nothing_between_them_are_refused() {
    let reversed = WindowOptions {
        since: SinceEdge::At(at("2018-01-04T00:00:00Z")),
        until: UntilEdge::At(at("2018-01-02T00:00:00Z")),
        ..defaults()
    };
    let same_age = WindowOptions {
        until: UntilEdge::Ago(2.days()),
        ..defaults()
    };
    let in_the_future = WindowOptions {
        since: SinceEdge::At(at("2018-02-01T00:00:00Z")),
        until: UntilEdge::At(at("2018-02-02T00:00:00Z")),
        ..defaults()
    };
    for options in [reversed, same_age, in_the_future] {
        let refused = window(&options, None, at(NOW));
        assert!(
            matches!(refused, Err(WindowError::Empty { since, until }) if since >= until),
            "{refused:?}"
        );
    }
}

#[test]
fn an_old_checkpoint_does_not_hide_that_the_edges_are_reversed() {
    let options = WindowOptions {
        until: UntilEdge::Ago(5.days()),
        ..defaults()
    };
    assert!(matches!(
        window(&options, Some(at("2017-01-01T00:00:00Z")), at(NOW)),
        Err(WindowError::Empty { .. })
    ));
}

#[test]
fn ages_outside_the_calendar_and_negative_ones_are_refused() {
    let cases = [
        WindowOptions {
            since: SinceEdge::Ago(19_998.years()),
            ..defaults()
        },
        WindowOptions {
            until: UntilEdge::Ago(-1.hours()),
            ..defaults()
        },
        WindowOptions {
            overlap: -6.hours(),
            ..defaults()
        },
    ];
    for options in cases {
        let refused = window(&options, Some(at("2018-01-01T00:00:00Z")), at(NOW));
        assert!(
            matches!(refused, Err(WindowError::OutOfRange { .. })),
            "{refused:?}"
        );
    }
}
