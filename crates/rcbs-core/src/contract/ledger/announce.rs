//! Entering recordings and their media files.

use std::slice::from_ref;

use crate::ledger::state::StateName;
use crate::ports::{EntryState, Ledger, MediaEntry, Settlement};

use super::samples::{announcement, at, bring_to, known, media, places, sorted, state};

/// New recordings get entries with everything that was told, in the order of the batch.
///
/// # Panics
/// Where the promise is broken.
pub async fn what_is_announced_is_known(ledger: &dyn Ledger) {
    assert_eq!(ledger.announce(&[]).await.expect("announces"), []);
    assert_eq!(known(ledger, "r1").await, None);
    let mut undated = announcement("r2", &["a"]);
    undated.start = None;
    undated.media[0].1 = None;
    let batch = [
        announcement("r3", &["b", "a"]),
        undated,
        announcement("r1", &[]),
    ];
    let entries = ledger.announce(&batch).await.expect("announces");
    assert_eq!(entries.len(), batch.len());
    for (entry, announced) in entries.iter().zip(&batch) {
        assert_eq!(entry.id, announced.id);
        assert_eq!(entry.start, announced.start);
        assert_eq!(entry.folder, announced.folder);
        assert_eq!(entry.stored_metadata_sha256, None);
        let seen = announced.seen;
        assert_eq!(
            [entry.first_seen, entry.last_seen, entry.last_changed],
            [seen; 3]
        );
        let mut wanted = announced.media.clone();
        wanted.sort();
        assert_eq!(places(entry), wanted);
        for (_, media) in &entry.media {
            assert_eq!(media.state, EntryState::Announced);
            assert_eq!(media.attempts, 0);
        }
        assert_eq!(known(ledger, entry.id.as_str()).await.as_ref(), Some(entry));
    }
}

/// The same announcement leaves every state, attempt and time as it is; only `last_seen` follows while there is
/// something to do, be it that the metadata are not stored.
///
/// # Panics
/// Where the promise is broken.
pub async fn announcing_again_changes_no_state(ledger: &dyn Ledger) {
    for name in StateName::ALL {
        let id = name.as_str();
        let mut announced = announcement(id, &["a"]);
        ledger
            .announce(from_ref(&announced))
            .await
            .expect("announces");
        bring_to(ledger, id, "a", name).await;
        let before = known(ledger, id).await.expect("is known");

        announced.seen = at(500);
        let again = [announced.clone(), announced.clone()];
        let entries = ledger.announce(&again).await.expect("announces");
        let mut wanted = before;
        wanted.last_seen = at(500);
        assert_eq!(entries, [wanted.clone(), wanted.clone()], "{id}");
        assert_eq!(known(ledger, id).await, Some(wanted.clone()), "{id}");

        let stored = Settlement::Metadata {
            recording: announced.id.clone(),
            sha256: announced.metadata_sha256,
            at: at(600),
            replaced: None,
        };
        ledger.settle(at(9), &[stored]).await.expect("settles");
        wanted.stored_metadata_sha256 = Some(announced.metadata_sha256);
        announced.seen = at(700);
        ledger.announce(&[announced]).await.expect("announces");
        if !name.is_settled() {
            wanted.last_seen = at(700);
        }
        assert_eq!(known(ledger, id).await, Some(wanted), "{id}");
    }
}

/// A later announcement may name other files: those known stay in the answer, new ones are announced.
///
/// # Panics
/// Where the promise is broken.
pub async fn media_files_are_added_and_never_forgotten(ledger: &dyn Ledger) {
    let first = announcement("r1", &["b", "c"]);
    ledger.announce(&[first]).await.expect("announces");
    bring_to(ledger, "r1", "b", StateName::Verified).await;
    let second = announcement("r1", &["c", "a"]);
    let entries = ledger.announce(&[second]).await.expect("announces");
    let states: Vec<_> = sorted(&entries[0])
        .iter()
        .map(|(id, media)| (id.as_str().to_owned(), StateName::from(&media.state)))
        .collect();
    let wanted = [
        ("a", StateName::Announced),
        ("b", StateName::Verified),
        ("c", StateName::Announced),
    ];
    assert_eq!(states, wanted.map(|(id, state)| (id.to_owned(), state)));

    let none = announcement("r1", &[]);
    let entries = ledger.announce(&[none]).await.expect("announces");
    assert_eq!(entries[0].media.len(), 3);
}

/// Another digest is a change at the moment it was seen; start and folder follow their own rules.
///
/// # Panics
/// Where the promise is broken.
pub async fn changed_metadata_is_noted(ledger: &dyn Ledger) {
    let first = announcement("r1", &["a"]);
    ledger.announce(from_ref(&first)).await.expect("announces");
    bring_to(ledger, "r1", "a", StateName::Verified).await;

    let mut second = first.clone();
    second.metadata_sha256 = [9; 32];
    second.seen = at(700);
    second.start = Some(at(50));
    second.folder = "elsewhere".to_owned();
    let entries = ledger.announce(from_ref(&second)).await.expect("announces");
    let entry = &entries[0];
    assert_eq!(entry.first_seen, first.seen);
    assert_eq!([entry.last_changed, entry.last_seen], [at(700); 2]);
    assert_eq!(entry.start, Some(at(50)));
    assert_eq!(entry.folder, first.folder, "what is stored lies there");
    assert_eq!(known(ledger, "r1").await.as_ref(), Some(entry));
    let held = ledger.held(&entry.id).await.expect("reads");
    let announced = held.map(|held| held.announced_metadata_sha256);
    assert_eq!(announced, Some([9; 32]), "before anything of it is stored");

    let mut third = second;
    third.metadata_sha256 = [10; 32];
    third.start = None;
    let entries = ledger.announce(&[third]).await.expect("announces");
    assert_eq!(entries[0].start, Some(at(50)), "a start is not forgotten");
}

/// A file that waits or is lost and is announced at another place begins anew; any other only has its place changed.
///
/// # Panics
/// Where the promise is broken.
pub async fn a_new_place_gives_a_failed_file_another_chance(ledger: &dyn Ledger) {
    for name in StateName::ALL {
        let id = name.as_str();
        let mut announced = announcement(id, &["a"]);
        ledger
            .announce(from_ref(&announced))
            .await
            .expect("announces");
        bring_to(ledger, id, "a", name).await;
        let before = known(ledger, id).await.expect("is known").media[0]
            .1
            .clone();

        announced.media[0].1 = None;
        let entries = ledger
            .announce(from_ref(&announced))
            .await
            .expect("announces");
        assert_eq!(entries[0].media[0].1, before, "no place is no news");

        for place in [
            "s3://other/key",
            "s3://bucket/x/a",
            "a",
            "/a",
            "s3://bucket/x/a/",
        ] {
            announced.media[0].1 = Some(place.to_owned());
            let entries = ledger
                .announce(from_ref(&announced))
                .await
                .expect("announces");
            let again = matches!(name, StateName::Waiting | StateName::Lost);
            let wanted = MediaEntry {
                state: if again {
                    EntryState::Announced
                } else {
                    before.state.clone()
                },
                attempts: if again { 0 } else { before.attempts },
                location: Some(place.to_owned()),
            };
            assert_eq!(entries[0].media[0].1, wanted, "{id} {place}");
            assert_eq!(known(ledger, id).await.as_ref(), Some(&entries[0]));
        }
    }
    assert_eq!(ledger.tally().await.expect("counts").announced, 4);
}

/// Ids hold any character, are compared byte by byte, and are as long as they like.
///
/// # Panics
/// Where the promise is broken.
pub async fn ids_are_data(ledger: &dyn Ledger) {
    let long = "x".repeat(4_096);
    let ids = [
        "a",
        "A",
        "a ",
        " a",
        "a'; DROP TABLE media; --",
        "%",
        "_",
        "ä",
        "a\u{308}",
        "a\0",
        "a\0b",
        "1",
        "01",
        "1.0",
        "../../etc/passwd",
        "\u{202e}",
        &long,
    ];
    let batch: Vec<_> = ids.iter().map(|id| announcement(id, &ids)).collect();
    let entries = ledger.announce(&batch).await.expect("announces");
    for (entry, id) in entries.iter().zip(ids) {
        assert_eq!(entry.id.as_str(), id);
        assert_eq!(entry.media.len(), ids.len());
        let lost = media(id, id, state(StateName::Lost));
        ledger.settle(at(9), &[lost]).await.expect("settles");
        let entry = known(ledger, id).await.expect("is known");
        for (media_id, media) in &entry.media {
            let is_lost = matches!(media.state, EntryState::Lost { .. });
            assert_eq!(is_lost, media_id.as_str() == id);
        }
    }
    let found = ledger.unsettled(None, 100).await.expect("reads");
    let mut wanted = ids.to_vec();
    wanted.sort_unstable();
    let found: Vec<_> = found.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(found, wanted);
}
