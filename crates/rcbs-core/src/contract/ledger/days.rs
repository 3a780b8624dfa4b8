//! What a ledger knows by days, and of metadata that were replaced.

use bytes::Bytes;
use jiff::Timestamp;

use crate::ledger::state::StateName;
use crate::ports::{DayCount, Ledger, MetadataVersion, Period, Settlement};

use super::samples::{announcement, at, bring_to, metadata, recording_id};

fn ms(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).expect("is in range")
}

fn period(since: i64, until: i64) -> Period {
    Period {
        since: ms(since),
        until: ms(until),
    }
}

/// Whatever their order: what overlaps or touches is one period, the rest stays apart.
///
/// # Panics
/// Where the promise is broken.
pub async fn periods_that_touch_become_one(ledger: &dyn Ledger) {
    assert_eq!(ledger.listed().await.expect("reads"), []);
    for (new, expected) in [
        ((10, 20), &[(10, 20)][..]),
        ((30, 40), &[(10, 20), (30, 40)]),
        ((12, 18), &[(10, 20), (30, 40)]),
        ((20, 25), &[(10, 25), (30, 40)]),
        ((29, 30), &[(10, 25), (29, 40)]),
        ((-9, -5), &[(-9, -5), (10, 25), (29, 40)]),
        ((24, 29), &[(-9, -5), (10, 40)]),
        ((-10, 50), &[(-10, 50)]),
    ] {
        let noted = ledger.note_listed(period(new.0, new.1)).await;
        noted.expect("notes");
        let expected: Vec<Period> = expected.iter().map(|it| period(it.0, it.1)).collect();
        assert_eq!(ledger.listed().await.expect("reads"), expected, "{new:?}");
    }
}

/// Of a period that reaches beyond the moment the part before it stays.
///
/// # Panics
/// Where the promise is broken.
pub async fn what_a_clock_that_was_ahead_has_claimed_is_forgotten(ledger: &dyn Ledger) {
    for new in [(-9, -5), (10, 20), (30, 40)] {
        let noted = ledger.note_listed(period(new.0, new.1)).await;
        noted.expect("notes");
    }
    for (at, expected) in [
        (40, &[(-9, -5), (10, 20), (30, 40)][..]),
        (35, &[(-9, -5), (10, 20), (30, 35)]),
        (30, &[(-9, -5), (10, 20)]),
        (15, &[(-9, -5), (10, 15)]),
        (-9, &[]),
    ] {
        let forgot = ledger.forget_listed_from(period(at, at + 1).since).await;
        forgot.expect("forgets");
        let expected: Vec<Period> = expected.iter().map(|it| period(it.0, it.1)).collect();
        assert_eq!(ledger.listed().await.expect("reads"), expected, "{at}");
    }
}

/// By the day of the start in UTC, those without one first; rules and classes apart.
///
/// # Panics
/// Where the promise is broken.
pub async fn days_count_every_file_once(ledger: &dyn Ledger) {
    const DAY: i64 = 86_400_000;
    for (id, start) in [
        ("undated", None),
        ("before 1970", Some(-1)),
        ("first", Some(17_574 * DAY)),
        ("last of the day", Some(17_575 * DAY - 1)),
        ("next day", Some(17_575 * DAY)),
    ] {
        let mut announced = announcement(id, &["a", "b", "c"]);
        announced.start = start.map(ms);
        ledger.announce(&[announced]).await.expect("announces");
    }
    for (file, state) in [("a", StateName::Verified), ("b", StateName::Waiting)] {
        bring_to(ledger, "first", file, state).await;
        bring_to(ledger, "last of the day", file, StateName::Lost).await;
    }
    bring_to(ledger, "next day", "a", StateName::Skipped).await;
    bring_to(ledger, "next day", "b", StateName::Publishing).await;
    let stored = metadata("first", 1);
    ledger.settle(at(9), &[stored]).await.expect("settles");
    let days = [
        DayCount {
            recordings: 1,
            without_metadata: 1,
            open: 3,
            ..DayCount::default()
        },
        DayCount {
            day: Some(ms(-DAY)),
            recordings: 1,
            without_metadata: 1,
            open: 3,
            ..DayCount::default()
        },
        DayCount {
            day: Some(ms(17_574 * DAY)),
            recordings: 2,
            without_metadata: 1,
            open: 2,
            verified: 1,
            verified_bytes: 1_000,
            waiting: vec![("transient".to_owned(), 1)],
            lost: 2,
            ..DayCount::default()
        },
        DayCount {
            day: Some(ms(17_575 * DAY)),
            recordings: 1,
            without_metadata: 1,
            open: 2,
            skipped: vec![("mediaTypePattern".to_owned(), 1)],
            ..DayCount::default()
        },
    ];
    assert_eq!(ledger.days(None).await.expect("counts"), days);
    let one = Period {
        since: ms(17_574 * DAY),
        until: ms(17_575 * DAY),
    };
    assert_eq!(ledger.days(Some(one)).await.expect("counts"), days[2..3]);
    let half = Period {
        since: ms(17_574 * DAY + 1),
        ..one
    };
    let counted = ledger.days(Some(half)).await.expect("counts");
    assert_eq!((counted.len(), counted[0].recordings), (1, 1));
}

/// As they were stored, oldest first; nothing is kept that the ledger did not know as stored.
///
/// # Panics
/// Where the promise is broken.
pub async fn replaced_metadata_are_kept(ledger: &dyn Ledger) {
    let texts = ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"];
    let digest = |text: &str| crate::digest::sha256(text.as_bytes());
    let announced = announcement("r", &[]);
    ledger.announce(&[announced]).await.expect("announces");
    let versions = async || {
        let versions = ledger.metadata_versions(&recording_id("r")).await;
        versions.expect("reads")
    };
    let store = async |second: i64, text: &str, replaced: Option<&str>| {
        let stored = Settlement::Metadata {
            recording: recording_id("r"),
            sha256: digest(text),
            at: at(second),
            replaced: replaced.map(|text| Bytes::copy_from_slice(text.as_bytes())),
        };
        ledger.settle(at(9), &[stored]).await.expect("settles");
    };
    store(1, texts[0], Some("of somebody else")).await;
    store(2, texts[0], Some(texts[0])).await;
    assert_eq!(versions().await, []);
    store(3, texts[1], Some(texts[0])).await;
    store(4, texts[2], Some("not what was stored")).await;
    store(5, texts[0], Some(texts[2])).await;
    let version = |text: &str, stored: i64, replaced: i64| MetadataVersion {
        sha256: digest(text),
        stored: Some(at(stored)),
        replaced: at(replaced),
        json: Bytes::copy_from_slice(text.as_bytes()),
    };
    assert_eq!(
        versions().await,
        [version(texts[0], 2, 3), version(texts[2], 4, 5)]
    );
    let other = ledger.metadata_versions(&recording_id("x")).await;
    assert_eq!(other.expect("reads"), []);
}
