//! Moving media files from state to state.

use std::slice::from_ref;

use futures_util::future::join_all;

use crate::failure::FailureClass;
use crate::ledger::state::{StateName, is_legal};
use crate::ports::{EntryState, Ledger, LedgerError};

use super::samples::{announcement, at, bring_to, known, media, metadata, state};

/// [`is_legal`] decides, and nothing else.
///
/// # Panics
/// Where the promise is broken.
pub async fn exactly_the_legal_moves_are_made(ledger: &dyn Ledger) {
    for from in StateName::ALL {
        for to in StateName::ALL {
            let id = format!("{} to {}", from.as_str(), to.as_str());
            let announced = announcement(&id, &["a"]);
            ledger.announce(&[announced]).await.expect("announces");
            bring_to(ledger, &id, "a", from).await;
            let before = known(ledger, &id).await;
            let settled = ledger.settle(at(9), &[media(&id, "a", state(to))]).await;
            if is_legal(from, to) {
                settled.expect("is legal");
                let entry = known(ledger, &id).await.expect("is known");
                assert_eq!(entry.media[0].1.state, state(to), "{id}");
            } else {
                let Err(LedgerError::IllegalMove { from: told, .. }) = settled else {
                    panic!("{id}: {settled:?}");
                };
                assert_eq!(told, from.as_str());
                assert_eq!(known(ledger, &id).await, before, "{id}");
            }
        }
    }
}

/// One illegal move takes the whole batch back.
///
/// # Panics
/// Where the promise is broken.
pub async fn a_batch_is_settled_whole_or_not_at_all(ledger: &dyn Ledger) {
    let batch = [announcement("r1", &["a"]), announcement("r2", &["a"])];
    let before = ledger.announce(&batch).await.expect("announces");
    let tally = ledger.tally().await.expect("counts");
    let batch = [
        media("r1", "a", state(StateName::Verified)),
        metadata("r1", 1),
        media("r2", "a", state(StateName::Announced)),
    ];
    assert!(ledger.settle(at(9), &batch).await.is_err());
    assert_eq!(known(ledger, "r1").await.as_ref(), Some(&before[0]));
    assert_eq!(ledger.tally().await.expect("counts"), tally);
    ledger.settle(at(9), &batch[..2]).await.expect("settles");
    // One file may move more than once in a batch.
    let publishing = media("r2", "a", state(StateName::Publishing));
    let verified = media("r2", "a", state(StateName::Verified));
    ledger
        .settle(at(9), &[publishing, verified])
        .await
        .expect("settles");
    assert_eq!(ledger.tally().await.expect("counts").verified, 2);
    ledger.settle(at(9), &[]).await.expect("settles nothing");
}

/// Neither a file nor a recording comes into being by settling it.
///
/// # Panics
/// Where the promise is broken.
pub async fn what_was_never_announced_cannot_be_settled(ledger: &dyn Ledger) {
    let announced = announcement("r1", &["a"]);
    ledger.announce(&[announced]).await.expect("announces");
    for unknown in [
        media("r1", "b", state(StateName::Verified)),
        media("r2", "a", state(StateName::Verified)),
        metadata("r2", 1),
    ] {
        assert!(ledger.settle(at(9), &[unknown]).await.is_err());
    }
    assert_eq!(known(ledger, "r2").await, None);
    assert_eq!(ledger.tally().await.expect("counts").recordings, 1);
}

/// Every field of every state.
///
/// # Panics
/// Where the promise is broken.
pub async fn states_are_read_back_as_written(ledger: &dyn Ledger) {
    let announced = announcement("r1", &["a"]);
    ledger.announce(&[announced]).await.expect("announces");
    let publishing = |etag: Option<&str>| EntryState::Publishing {
        len_bytes: u64::MAX >> 1,
        sha256: [0xff; 32],
        etag: etag.map(ToOwned::to_owned),
        check: String::new(),
    };
    let waiting = |class| EntryState::Waiting {
        class,
        reason: "a'b\"c\\d\nÄ\0e".to_owned(),
        next_attempt: at(-1),
    };
    let mut states = vec![
        publishing(None),
        publishing(Some("\"abc-7\"")),
        state(StateName::Verified),
    ];
    for class in [
        FailureClass::Transient,
        FailureClass::Throttled { after: None },
        FailureClass::Denied,
        FailureClass::Lost,
        FailureClass::Corrupt,
        FailureClass::Local,
        FailureClass::Unexpected,
        FailureClass::Unencrypted,
        FailureClass::Bug,
    ] {
        states.push(waiting(class));
    }
    for wanted in states {
        bring_to(ledger, "r1", "a", StateName::Announced).await;
        ledger
            .settle(at(9), &[media("r1", "a", wanted.clone())])
            .await
            .expect("settles");
        let entry = known(ledger, "r1").await.expect("is known");
        assert_eq!(entry.media[0].1.state, wanted);
    }
}

/// One more with each failure, none after success.
///
/// # Panics
/// Where the promise is broken.
pub async fn attempts_are_counted_until_verified(ledger: &dyn Ledger) {
    let announced = announcement("r1", &["a"]);
    ledger.announce(&[announced]).await.expect("announces");
    for (to, attempts) in [
        (StateName::Waiting, 1),
        (StateName::Waiting, 2),
        (StateName::Publishing, 2),
        (StateName::Waiting, 3),
        (StateName::Verified, 0),
        (StateName::Announced, 0),
        (StateName::Waiting, 1),
    ] {
        ledger
            .settle(at(9), &[media("r1", "a", state(to))])
            .await
            .expect("settles");
        let entry = known(ledger, "r1").await.expect("is known");
        assert_eq!(entry.media[0].1.attempts, attempts, "{}", to.as_str());
    }
}

/// The digest of the stored JSON is the last one settled, whatever is announced.
///
/// # Panics
/// Where the promise is broken.
pub async fn stored_metadata_is_remembered(ledger: &dyn Ledger) {
    let announced = announcement("r1", &[]);
    ledger
        .announce(from_ref(&announced))
        .await
        .expect("announces");
    for digest in [1, 2] {
        ledger
            .settle(at(9), &[metadata("r1", digest)])
            .await
            .expect("settles");
        let entries = ledger
            .announce(from_ref(&announced))
            .await
            .expect("announces");
        assert_eq!(entries[0].stored_metadata_sha256, Some([digest; 32]));
    }
}

/// Calls made at the same time are all carried out.
///
/// # Panics
/// Where the promise is broken.
pub async fn callers_do_not_disturb_each_other(ledger: &dyn Ledger) {
    let one = async |index: usize| {
        let id = format!("r{}", index % 10);
        let file = format!("m{index}");
        let announced = announcement(&id, &[&file]);
        ledger.announce(&[announced]).await.expect("announces");
        let verified = media(&id, &file, state(StateName::Verified));
        ledger.settle(at(9), &[verified]).await.expect("settles");
    };
    join_all((0..50).map(one)).await;
    let tally = ledger.tally().await.expect("counts");
    assert_eq!((tally.recordings, tally.verified), (10, 50));
}
