//! Servers that refuse long ranges.

use rcbs_core::discover::Learned;

use crate::runner::{DAY, EPOCH, HOUR, SECOND, Shape, calls, missing, run};
use crate::server::{Call, Offsets, Quirks, Reading, Server};

fn shape() -> Shape {
    Shape {
        count: 300,
        days: 4,
        seed: 5,
        whole_seconds: false,
        burst: 0,
        bursts: 0,
        burst_ms: 1,
        longest: 10 * HOUR,
        open: false,
    }
}

/// The first two days are empty.
fn late_calls() -> Vec<Call> {
    let mut calls = calls(&shape());
    calls.retain(|call| call.start > EPOCH + 2 * DAY + 3 * HOUR);
    calls
}

/// All are in the middle of the first day.
fn early_calls() -> Vec<Call> {
    let mut calls = calls(&shape());
    calls.retain(|call| (EPOCH + 10 * HOUR..EPOCH + 20 * HOUR).contains(&call.start));
    calls
}

fn limited(reading: Reading, longest: i64) -> Quirks {
    Quirks {
        reading,
        longest,
        ..Quirks::default()
    }
}

#[test]
fn a_server_that_refuses_long_ranges_is_asked_for_shorter_ones() {
    for (reading, longest, most) in [
        (Reading::Start, 7 * DAY, 12),
        (Reading::Start, 49 * HOUR, 14),
        (Reading::Start, 24 * HOUR, 20),
        (Reading::Start, 5 * HOUR, 65),
        (Reading::AnyPart, 24 * HOUR, 20),
        (Reading::Stop, 24 * HOUR, 24),
        (Reading::Contained, 7 * DAY, 8),
        (Reading::Contained, 49 * HOUR, 16),
    ] {
        for (name, calls) in [
            ("all", calls(&shape())),
            ("late", late_calls()),
            ("early", early_calls()),
        ] {
            for offsets in [Offsets::Honoured, Offsets::Ignored] {
                if reading == Reading::Contained && offsets == Offsets::Ignored {
                    // Not everything can be seen there, whatever may be asked for.
                    continue;
                }
                let quirks = Quirks {
                    offsets,
                    ..limited(reading, longest)
                };
                let mut server = Server::new(calls.clone(), quirks);
                let (outcome, _) = run(&mut server, 4, DAY, Learned::default());
                let context = format!("{reading:?} {} h {name} {offsets:?}", longest / HOUR);
                assert!(outcome.failed.is_empty(), "{context}: {:?}", outcome.failed);
                let missing = missing(&outcome, &server, &calls, 4);
                assert!(missing.is_empty(), "{context}: {missing:?}");
                let requests = outcome.requests;
                assert!(requests <= most, "{context}: {requests} requests");
            }
        }
    }
}

#[test]
fn what_short_ranges_cannot_prove_fails() {
    // Only recordings within a range are shown, and none longer than it is can be seen.
    let calls = calls(&shape());
    let mut server = Server::new(calls.clone(), limited(Reading::Contained, 5 * HOUR));
    let (outcome, _) = run(&mut server, 4, DAY, Learned::default());
    assert_eq!(outcome.failed.len(), 4);
    assert!(missing(&outcome, &server, &calls, 4).is_empty());
}

#[test]
fn a_server_that_refuses_every_range_is_left_alone() {
    let mut server = Server::new(calls(&shape()), limited(Reading::Start, SECOND));
    let (outcome, _) = run(&mut server, 4, DAY, Learned::default());
    assert_eq!(outcome.failed.len(), 4);
    assert!(outcome.requests < 30, "{} requests", outcome.requests);
}
