//! The lists and counts of what is left to do.

use std::slice::from_ref;

use jiff::Timestamp;

use crate::ledger::state::StateName;
use crate::ports::{
    EntryState, Ledger, LedgerTally, MediaKey, RecordingEntry, SealedFor, Settlement, UnsettledHour,
};
use crate::recording::MediaId;

use super::samples::{announcement, at, bring_to, known, media, recording_id, state};

/// All of them once, in the order of their ids, however the pages are cut and whatever is settled meanwhile.
///
/// # Panics
/// Where the promise is broken.
pub async fn unsettled_recordings_come_in_pages(ledger: &dyn Ledger) {
    assert_eq!(ledger.unsettled(None, 10).await.expect("reads"), []);
    // One of each state, and one of each with a file that is still announced.
    let mut wanted = Vec::new();
    for name in StateName::ALL {
        for files in [&["a"][..], &["a", "b"]] {
            let id = format!("{}-{}", name.as_str(), files.len());
            let announced = announcement(&id, files);
            ledger.announce(&[announced]).await.expect("announces");
            bring_to(ledger, &id, "a", name).await;
            if files.len() > 1 || matches!(name, StateName::Announced | StateName::Waiting) {
                wanted.push(id);
            }
        }
    }
    wanted.sort();
    for limit in [1, 2, 3, 7, 100, usize::MAX] {
        let mut found: Vec<String> = Vec::new();
        loop {
            let after = found.last().map(|id| recording_id(id));
            let page = ledger
                .unsettled(after.as_ref(), limit)
                .await
                .expect("reads");
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= limit);
            for entry in &page {
                assert_eq!(known(ledger, entry.id.as_str()).await.as_ref(), Some(entry));
                found.push(entry.id.as_str().to_owned());
            }
        }
        assert_eq!(found, wanted, "pages of {limit}");
    }
    assert_eq!(ledger.unsettled(None, 0).await.expect("reads"), []);
}

/// The same recordings once, the oldest first, one without a start before all others, whatever is settled between two
/// pages.
///
/// # Panics
/// Where the promise is broken.
pub async fn unsettled_recordings_come_by_age(ledger: &dyn Ledger) {
    assert_eq!(ledger.unsettled_by_age(None, 10).await.expect("reads"), []);
    let starts = [
        ("e", Some(10)),
        ("d", None),
        ("c", Some(30)),
        ("b", Some(10)),
        ("a", Some(20)),
        ("f", None),
        ("done", Some(1)),
        ("begun", Some(2)),
    ];
    let batch = starts.map(|(id, start)| {
        let mut announced = announcement(id, &["a"]);
        announced.start = start.map(at);
        announced
    });
    ledger.announce(&batch).await.expect("announces");
    bring_to(ledger, "done", "a", StateName::Verified).await;
    bring_to(ledger, "begun", "a", StateName::Publishing).await;
    bring_to(ledger, "b", "a", StateName::Waiting).await;
    for limit in [1, 2, 3, 4, 100, usize::MAX] {
        let mut found: Vec<RecordingEntry> = Vec::new();
        loop {
            let page = ledger.unsettled_by_age(found.last(), limit).await;
            let page = page.expect("reads");
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= limit);
            found.extend(page);
        }
        let ids: Vec<_> = found.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["d", "f", "b", "e", "a", "c"], "pages of {limit}");
        assert_eq!(known(ledger, "b").await.as_ref(), Some(&found[2]));
    }
    assert_eq!(ledger.unsettled_by_age(None, 0).await.expect("reads"), []);
    // The last one of a page may be settled before the next is asked for.
    let first = ledger.unsettled_by_age(None, 3).await.expect("reads");
    bring_to(ledger, "b", "a", StateName::Verified).await;
    let next = ledger.unsettled_by_age(first.last(), 1).await;
    assert_eq!(next.expect("reads")[0].id.as_str(), "e");
}

/// Recordings and not files, those being published included, each in the hour in which it began.
///
/// # Panics
/// Where the promise is broken.
pub async fn unsettled_recordings_are_counted_by_hour(ledger: &dyn Ledger) {
    assert_eq!(ledger.unsettled_by_hour().await.expect("counts"), []);
    let whole_hour = Timestamp::from_second(1_518_462_000).expect("is in range");
    let moment = |seconds: i64| whole_hour + jiff::SignedDuration::from_secs(seconds);
    for (number, (name, start)) in [
        (StateName::Announced, Some(3_600)),
        (StateName::Waiting, Some(3_599)),
        (StateName::Publishing, Some(7)),
        (StateName::Waiting, Some(3_601)),
        (StateName::Waiting, None),
        (StateName::Verified, Some(0)),
        (StateName::Skipped, Some(0)),
        (StateName::Lost, Some(0)),
        (StateName::Announced, Some(-7_200)),
    ]
    .into_iter()
    .enumerate()
    {
        let id = number.to_string();
        let mut announced = announcement(&id, &["a", "b"]);
        announced.start = start.map(moment);
        ledger.announce(&[announced]).await.expect("announces");
        for file in ["a", "b"] {
            bring_to(ledger, &id, file, name).await;
        }
    }
    let hour = |first, recordings| UnsettledHour {
        first: moment(first),
        recordings,
    };
    let wanted = [hour(-7_200, 1), hour(7, 2), hour(3_600, 2)];
    assert_eq!(ledger.unsettled_by_hour().await.expect("counts"), wanted);
}

/// All of them once, in the order of their ids, whatever their files have come to; recipients where they are known.
///
/// # Panics
/// Where the promise is broken.
pub async fn all_recordings_come_in_pages_with_their_recipients(ledger: &dyn Ledger) {
    assert_eq!(ledger.recordings(None, 10).await.expect("reads"), []);
    let mut wanted = vec!["without files".to_owned()];
    let empty = announcement("without files", &[]);
    ledger.announce(&[empty]).await.expect("announces");
    for name in StateName::ALL {
        let announced = announcement(name.as_str(), &["b", "a"]);
        ledger.announce(&[announced]).await.expect("announces");
        bring_to(ledger, name.as_str(), "a", name).await;
        wanted.push(name.as_str().to_owned());
    }
    wanted.sort();
    for limit in [1, 2, 7, 100, usize::MAX] {
        let mut found: Vec<String> = Vec::new();
        loop {
            let after = found.last().map(|id| recording_id(id));
            let page = ledger.recordings(after.as_ref(), limit).await;
            let page = page.expect("reads");
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= limit);
            for held in page {
                let id = held.entry.id.as_str().to_owned();
                assert_eq!(known(ledger, &id).await.as_ref(), Some(&held.entry));
                let alone = ledger.held(&held.entry.id).await.expect("reads");
                assert_eq!(alone.as_ref(), Some(&held));
                let files = held.entry.media.iter();
                let of_whom: Vec<_> = files
                    .map(|(id, _)| id.as_str())
                    .zip(held.recipients)
                    .collect();
                let sealed = vec!["serial 10 of CN=gir_qa".to_owned()];
                let wanted = match id.as_str() {
                    "without files" => vec![],
                    "announced" => vec![("a", vec![]), ("b", vec![])],
                    _ => vec![("a", sealed), ("b", vec![])],
                };
                assert_eq!(of_whom, wanted, "{id}");
                found.push(id);
            }
        }
        assert_eq!(found, wanted, "pages of {limit}");
    }
    assert_eq!(ledger.recordings(None, 0).await.expect("reads"), []);
    let unheard = ledger.held(&recording_id("unheard of")).await;
    assert_eq!(unheard.expect("reads"), None);
}

/// Verified files only, each once, with the first and last start of their recordings and the shortest of them.
///
/// # Panics
/// Where the promise is broken.
pub async fn files_are_counted_by_their_recipients(ledger: &dyn Ledger) {
    assert_eq!(ledger.sealed_for().await.expect("counts"), []);
    for (id, start, files) in [
        ("r1", Some(50), &["a", "b"][..]),
        ("r2", Some(10), &["a"]),
        ("r3", None, &["a"]),
        ("r4", Some(30), &["a"]),
        ("r5", Some(5), &["a"]),
    ] {
        let mut announced = announcement(id, files);
        announced.start = start.map(at);
        ledger.announce(&[announced]).await.expect("announces");
    }
    let sealed = |recording, file, len_bytes, words: &[&str]| {
        let state = EntryState::Verified {
            len_bytes,
            sha256: [2; 32],
            etag: None,
            check: "envelope".to_owned(),
            at: at(3),
        };
        match media(recording, file, state) {
            Settlement::Media { key, state, .. } => Settlement::Media {
                key,
                state,
                recipients: words.iter().map(|word| (*word).to_owned()).collect(),
            },
            other => other,
        }
    };
    let batch = [
        sealed("r1", "a", 30, &["one", "two"]),
        sealed("r2", "a", 20, &["two", "one"]),
        sealed("r3", "a", 40, &[]),
        sealed("r4", "a", 25, &["one", "two"]),
        sealed("r5", "a", 35, &["one", "two"]),
    ];
    ledger.settle(at(9), &batch).await.expect("settles");
    let mut found = ledger.sealed_for().await.expect("counts");
    found.sort_by_key(|one| one.recipients.len());
    let key = |recording: &str| MediaKey {
        recording: recording_id(recording),
        media: MediaId::new("a").expect("not empty"),
    };
    let wanted = |recipients: &[&str], files, first, last, samples: &[&str]| SealedFor {
        recipients: recipients.iter().map(|word| (*word).to_owned()).collect(),
        files,
        first,
        last,
        sample: key(samples[0]),
        others: samples[1..].iter().map(|other| key(other)).collect(),
    };
    let all = [
        wanted(&[], 1, None, None, &["r3"]),
        wanted(
            &["one", "two"],
            4,
            Some(at(5)),
            Some(at(50)),
            &["r2", "r5", "r1"],
        ),
    ];
    assert_eq!(found, all);
}

/// Exactly the recordings with a file between staged and verified.
///
/// # Panics
/// Where the promise is broken.
pub async fn unconfirmed_publications_are_found(ledger: &dyn Ledger) {
    for name in StateName::ALL {
        let announced = announcement(name.as_str(), &["a", "b", "c"]);
        ledger.announce(&[announced]).await.expect("announces");
        bring_to(ledger, name.as_str(), "a", name).await;
        bring_to(ledger, name.as_str(), "b", name).await;
    }
    let unconfirmed = ledger.unconfirmed().await.expect("reads");
    assert_eq!(unconfirmed.len(), 1);
    assert_eq!(unconfirmed[0].id.as_str(), "publishing");
    assert_eq!(unconfirmed[0].media.len(), 3);
    for file in ["a", "b"] {
        let verified = media("publishing", file, state(StateName::Verified));
        ledger.settle(at(9), &[verified]).await.expect("settles");
    }
    assert_eq!(ledger.unconfirmed().await.expect("reads"), []);
}

/// The earliest start among what is left to do; a recording without a start is older than all.
///
/// # Panics
/// Where the promise is broken.
pub async fn the_oldest_unsettled_recording_holds_the_checkpoint(ledger: &dyn Ledger) {
    let oldest = async || ledger.oldest_unsettled().await.expect("reads");
    assert_eq!(oldest().await, None);
    let mut empty = announcement("nothing to do", &[]);
    empty.start = Some(at(1));
    let mut batch = vec![empty];
    for (name, start) in StateName::ALL.into_iter().zip([30, 20, 10, 11, 25, 12]) {
        let mut announced = announcement(name.as_str(), &["a"]);
        announced.start = Some(at(start));
        batch.push(announced);
    }
    ledger.announce(&batch).await.expect("announces");
    for name in StateName::ALL {
        bring_to(ledger, name.as_str(), "a", name).await;
    }
    assert_eq!(oldest().await, Some(at(20)), "publishing");
    let verified = |id| media(id, "a", state(StateName::Verified));
    ledger
        .settle(at(9), &[verified("publishing")])
        .await
        .expect("settles");
    assert_eq!(oldest().await, Some(at(25)), "waiting");

    let mut undated = announcement("undated", &["a"]);
    undated.start = None;
    ledger
        .announce(from_ref(&undated))
        .await
        .expect("announces");
    assert_eq!(oldest().await, Some(Timestamp::UNIX_EPOCH));
    undated.start = Some(at(5));
    undated.metadata_sha256 = [9; 32];
    ledger.announce(&[undated]).await.expect("announces");
    assert_eq!(oldest().await, Some(at(5)));

    let rest = ["undated", "waiting", "announced"].map(verified);
    ledger.settle(at(9), &rest).await.expect("settles");
    assert_eq!(oldest().await, None);
}

/// Files by state, and the bytes of the verified.
///
/// # Panics
/// Where the promise is broken.
pub async fn the_tally_counts_every_file_once(ledger: &dyn Ledger) {
    let tally = async || ledger.tally().await.expect("counts");
    assert_eq!(tally().await, LedgerTally::default());
    for name in StateName::ALL {
        let announced = announcement(name.as_str(), &["a", "b"]);
        ledger.announce(&[announced]).await.expect("announces");
        for file in ["a", "b"] {
            bring_to(ledger, name.as_str(), file, name).await;
        }
    }
    let all = LedgerTally {
        recordings: 6,
        announced: 4,
        verified: 2,
        verified_bytes: 2_000,
        skipped: 2,
        waiting: 2,
        lost: 2,
    };
    assert_eq!(tally().await, all);

    let again = EntryState::Verified {
        len_bytes: 5,
        sha256: [3; 32],
        etag: None,
        check: "md5".to_owned(),
        at: at(9),
    };
    let batch = [
        media("verified", "a", again),
        media("verified", "b", EntryState::Announced),
        media("lost", "a", EntryState::Announced),
    ];
    ledger.settle(at(9), &batch).await.expect("settles");
    let wanted = LedgerTally {
        announced: 6,
        verified: 1,
        verified_bytes: 5,
        lost: 1,
        ..all
    };
    assert_eq!(tally().await, wanted);
}
