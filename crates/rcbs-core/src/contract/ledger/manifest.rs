//! What has yet to be written into a manifest.

use crate::ledger::state::StateName;
use crate::ports::{EntryState, Ledger, ManifestBacklog};

use super::samples::{announcement, at, bring_to, known, media, metadata, state};

/// Every recording with a stored file once, in pages; what is stored again as it was is nothing new, what is stored with
/// another digest is; what was written and closed is gone.
///
/// # Panics
/// Where the promise is broken.
pub async fn what_was_stored_waits_for_a_manifest(ledger: &dyn Ledger) {
    let backlog = async || ledger.manifest_backlog().await.expect("counts");
    let count = |written, new| ManifestBacklog { written, new };
    assert_eq!(backlog().await, ManifestBacklog::default());
    for name in StateName::ALL {
        let announced = announcement(name.as_str(), &["a", "b"]);
        ledger.announce(&[announced]).await.expect("announces");
        bring_to(ledger, name.as_str(), "a", name).await;
    }
    assert_eq!(backlog().await, count(0, 1), "the verified one");
    let batch = [metadata("lost", 1), metadata("verified", 1)];
    ledger.settle(at(9), &batch).await.expect("settles");
    assert_eq!(backlog().await, count(0, 2));

    // Everything, in pages of any size.
    for limit in [1, 2, 10] {
        let (mut after, mut found) = (0, Vec::new());
        loop {
            let page = ledger.manifest_page(false, after, limit).await;
            let page = page.expect("reads");
            let Some(last) = page.numbers.last() else {
                break;
            };
            assert!(page.numbers.len() <= limit && page.numbers.is_sorted() && *last > after);
            after = *last;
            for entry in page.recordings {
                assert_eq!(
                    known(ledger, entry.id.as_str()).await.as_ref(),
                    Some(&entry)
                );
                found.push(entry.id.as_str().to_owned());
            }
        }
        found.sort();
        assert_eq!(found, ["lost", "verified"], "pages of {limit}");
    }

    let all = ledger.manifest_page(false, 0, 10).await.expect("reads");
    let last = *all.numbers.last().expect("there is one");
    ledger
        .manifest_written(last, "chain", "one")
        .await
        .expect("notes");
    assert_eq!(
        ledger.recall("chain").await.expect("reads").as_deref(),
        Some("one")
    );
    assert_eq!(backlog().await, count(2, 0));
    let none = ledger.manifest_page(false, 0, 10).await.expect("reads");
    assert_eq!((none.recordings.len(), none.numbers.len()), (0, 0));
    let written = ledger.manifest_page(true, 0, 10).await.expect("reads");
    assert_eq!(written.recordings.len(), 2);

    // The same again is nothing new.
    let same = [
        media("verified", "a", state(StateName::Verified)),
        metadata("lost", 1),
    ];
    ledger.settle(at(9), &same).await.expect("settles");
    assert_eq!(backlog().await, count(2, 0));
    let other = EntryState::Verified {
        len_bytes: 5,
        sha256: [9; 32],
        etag: None,
        check: "envelope".to_owned(),
        at: at(9),
    };
    ledger
        .settle(at(9), &[media("verified", "a", other)])
        .await
        .expect("settles");
    assert_eq!(backlog().await, count(2, 1));
    ledger
        .settle(at(9), &[metadata("lost", 2)])
        .await
        .expect("settles");
    assert_eq!(backlog().await, count(2, 2));

    let all = ledger.manifest_page(true, 0, 10).await.expect("reads");
    let new = ledger.manifest_page(false, 0, 10).await.expect("reads");
    assert_eq!((all.numbers.len(), new.numbers.len()), (2, 2));
    ledger
        .manifest_written(all.numbers[0], "chain", "two")
        .await
        .expect("notes");
    assert_eq!(backlog().await, count(2, 1));

    ledger.manifest_closed().await.expect("closes");
    assert_eq!(backlog().await, count(0, 1));
    ledger.manifest_closed().await.expect("closes");
    assert_eq!(backlog().await, count(0, 1), "what is not written stays");
}
