//! What became of files: kept where the entry does not tell it any more, and bounded.

use jiff::Timestamp;
use rcbs_core::failure::FailureClass;
use rcbs_core::ports::{
    Announcement, DamageNote, EntryState, Happening, Ledger as _, MediaKey, Settlement,
};
use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_io::ledger::SqliteLedger;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_518_462_251 + second).unwrap()
}

fn key() -> MediaKey {
    MediaKey {
        recording: RecordingId::new("r").unwrap(),
        media: MediaId::new("m").unwrap(),
    }
}

async fn ledger() -> SqliteLedger {
    let ledger = SqliteLedger::open_in_memory().unwrap();
    let announcement = Announcement {
        id: key().recording,
        start: Some(at(0)),
        stop: None,
        folder: "r".to_owned(),
        metadata_sha256: [0; 32],
        seen: at(1),
        caller: None,
        dialed: None,
        agents: Vec::new(),
        media: vec![(key().media, Some("s3://bucket/m".to_owned()))],
    };
    ledger.announce(&[announcement]).await.unwrap();
    ledger
}

async fn settle(ledger: &SqliteLedger, second: i64, state: EntryState) {
    let moved = Settlement::Media {
        key: key(),
        state,
        recipients: Vec::new(),
    };
    ledger.settle(at(second), &[moved]).await.unwrap();
}

fn publishing() -> EntryState {
    EntryState::Publishing {
        len_bytes: 7,
        sha256: [1; 32],
        etag: Some("e".to_owned()),
        check: "md5".to_owned(),
    }
}

fn verified(second: i64) -> EntryState {
    EntryState::Verified {
        len_bytes: 7,
        sha256: [1; 32],
        etag: Some("e".to_owned()),
        check: "md5".to_owned(),
        at: at(second),
    }
}

fn waiting(reason: &str) -> EntryState {
    EntryState::Waiting {
        class: FailureClass::Transient,
        reason: reason.to_owned(),
        next_attempt: at(1_000),
    }
}

fn failed(reason: &str) -> Happening {
    Happening::Failed {
        class: FailureClass::Transient,
        reason: reason.to_owned(),
    }
}

fn damaged(found: Option<&str>, state: EntryState) -> DamageNote {
    DamageNote {
        recording: key().recording,
        media: Some(key().media),
        found: found.map(|harm| (harm.to_owned(), "in words".to_owned())),
        state: Some(state),
    }
}

/// When for the first and the last time, how often, and what.
async fn told(ledger: &SqliteLedger) -> Vec<(Timestamp, Timestamp, u32, Happening)> {
    let history = ledger.history(&key().recording).await.unwrap();
    let told = history.happened.into_iter();
    told.map(|one| (one.at, one.last, one.times, one.what))
        .collect()
}

#[tokio::test]
async fn a_file_that_is_stored_at_once_leaves_no_history() {
    let ledger = ledger().await;
    settle(&ledger, 2, publishing()).await;
    settle(&ledger, 3, verified(3)).await;
    assert_eq!(told(&ledger).await, []);
}

#[tokio::test]
async fn failures_outlive_the_success_and_the_same_one_is_counted() {
    let ledger = ledger().await;
    for (second, reason) in [(2, "cut"), (3, "cut"), (4, "slow")] {
        settle(&ledger, second, waiting(reason)).await;
    }
    settle(&ledger, 5, publishing()).await;
    settle(&ledger, 6, verified(6)).await;
    let wanted = [
        (at(2), at(3), 2, failed("cut")),
        (at(4), at(4), 1, failed("slow")),
    ];
    assert_eq!(told(&ledger).await, wanted);
    settle(&ledger, 7, EntryState::Announced).await;
    let stored = Happening::Stored {
        len_bytes: 7,
        check: "md5".to_owned(),
        fetched: true,
    };
    let from = "verified".to_owned();
    let more = [
        (at(6), at(6), 1, stored),
        (at(7), at(7), 1, Happening::AnnouncedAgain { from }),
    ];
    assert_eq!(told(&ledger).await[2..], more);
}

#[tokio::test]
async fn the_first_and_the_last_of_a_long_history_are_kept() {
    let ledger = ledger().await;
    for number in 0..100 {
        settle(&ledger, number, waiting(&format!("failure {number}"))).await;
    }
    let history = ledger.history(&key().recording).await.unwrap();
    assert_eq!((history.happened.len(), history.left_out), (16, 84));
    let (first, last) = (&history.happened[0], history.happened.last().unwrap());
    assert_eq!(first.what, failed("failure 0"));
    assert_eq!(last.what, failed("failure 99"));
    assert_eq!(history.happened[3].what, failed("failure 3"));
}

#[tokio::test]
async fn damage_is_known_until_the_file_is_whole_or_its_entry_changes() {
    let ledger = ledger().await;
    settle(&ledger, 2, publishing()).await;
    settle(&ledger, 3, verified(3)).await;
    let count = async || {
        let days = ledger.days(None).await.unwrap();
        let listed = ledger.damaged(None, 9).await.unwrap().len() as u64;
        assert_eq!(days[0].damaged, listed);
        let held = ledger.held(&key().recording).await.unwrap().unwrap();
        assert_eq!(held.damaged.len() as u64, listed);
        listed
    };
    let note = async |second, found, state| {
        let note = damaged(found, state);
        ledger.note_damage(at(second), &[note]).await.unwrap();
    };
    // What was found of another entry says nothing of this one.
    note(4, Some("digest"), verified(2)).await;
    assert_eq!(count().await, 0);
    note(5, Some("digest"), verified(3)).await;
    note(6, Some("digest"), verified(3)).await;
    assert_eq!(count().await, 1);
    note(7, None, verified(3)).await;
    assert_eq!(count().await, 0);
    note(8, Some("missing"), verified(3)).await;
    assert_eq!(count().await, 1);
    settle(&ledger, 9, EntryState::Announced).await;
    assert_eq!(count().await, 0);
    let told = told(&ledger).await;
    let harms = told
        .iter()
        .filter(|one| matches!(one.3, Happening::Damaged { .. }));
    assert_eq!(harms.count(), 2, "found again is no news: {told:?}");
    assert!(told.iter().any(|one| one.3 == Happening::FoundWhole));
}

#[tokio::test]
async fn what_is_not_due_yet_is_counted() {
    let ledger = ledger().await;
    settle(&ledger, 2, waiting("cut")).await;
    let queue = ledger.queue(at(5)).await.unwrap();
    assert_eq!((queue.not_due, queue.next_attempt), (1, Some(at(1_000))));
    assert_eq!(ledger.queue(at(1_000)).await.unwrap().not_due, 0);
}

#[tokio::test]
async fn a_run_has_begun_until_it_says_that_it_ended() {
    let ledger = ledger().await;
    assert_eq!(ledger.begun().await.unwrap(), None);
    ledger.begin_run("backup", at(10)).await.unwrap();
    settle(&ledger, 12, waiting("cut")).await;
    let begun = ledger.begun().await.unwrap().unwrap();
    assert_eq!((begun.started, begun.seen), (at(10), at(12)));
    ledger.end_run().await.unwrap();
    assert_eq!(ledger.begun().await.unwrap(), None);
}
