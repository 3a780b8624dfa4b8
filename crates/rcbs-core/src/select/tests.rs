//! One table: state in the ledger × file on disk × what is wanted.

use jiff::Timestamp;

use super::*;
use crate::failure::FailureClass;
use crate::recording::{Located, LocationSource, MediaId};

fn media(content_type: &str, located: bool) -> Media {
    let location = if located {
        Ok(Located {
            location: place(),
            source: LocationSource::MediaDescriptor,
        })
    } else {
        Err(LocationError::Absent)
    };
    let id = MediaId::new("m.mp3").unwrap();
    Media {
        id,
        content_type: content_type.into(),
        location,
        envelope: None,
        names_certificate: false,
        told_bytes: None,
    }
}

fn place() -> Location {
    Location {
        bucket: "b".into(),
        key: "k".into(),
    }
}

fn entry(state: EntryState) -> MediaEntry {
    MediaEntry {
        state,
        attempts: 0,
        location: None,
    }
}

fn verified(len_bytes: u64) -> EntryState {
    EntryState::Verified {
        len_bytes,
        sha256: [0; 32],
        etag: None,
        check: "md5".into(),
        at: Timestamp::UNIX_EPOCH,
    }
}

fn waiting() -> EntryState {
    EntryState::Waiting {
        class: FailureClass::Transient,
        reason: String::new(),
        next_attempt: Timestamp::MAX,
    }
}

fn lost() -> EntryState {
    EntryState::Lost {
        reason: String::new(),
        at: Timestamp::UNIX_EPOCH,
    }
}

fn wanted(pattern: &str, media: bool) -> Wanted {
    Wanted {
        media_type: MediaTypePattern::parse(pattern).unwrap(),
        media,
    }
}

fn fetch(quarantine: bool) -> Choice {
    Choice::Fetch {
        location: place(),
        quarantine,
    }
}

#[test]
fn every_combination_has_its_choice() {
    let skipped = || EntryState::Skipped {
        rule: RULE_MEDIA_TYPE.into(),
    };
    let check = || Choice::Check {
        location: Ok(place()),
    };
    for (name, state, on_disk, expected) in [
        ("new", EntryState::Announced, None, fetch(false)),
        (
            "new in the ledger, but on disk",
            EntryState::Announced,
            Some(10),
            check(),
        ),
        (
            "verified and in place",
            verified(10),
            Some(10),
            Choice::Keep,
        ),
        ("verified and vanished", verified(10), None, fetch(false)),
        (
            "verified and cut on disk",
            verified(10),
            Some(9),
            fetch(true),
        ),
        (
            "waiting, whatever its next attempt",
            waiting(),
            None,
            fetch(false),
        ),
        ("lost, but announced again", lost(), None, fetch(false)),
        ("skipped by an older rule", skipped(), None, fetch(false)),
        ("lost, but on disk", lost(), Some(10), check()),
    ] {
        let fact = on_disk.map(|len_bytes| FileFact {
            name: "m.mp3.bin".into(),
            len_bytes,
        });
        let choice = select(
            &media("audio/mp3", true),
            &entry(state),
            fact.as_ref(),
            &wanted("audio/mp3", true),
        );
        assert_eq!(choice, expected, "{name}");
    }
}

#[test]
fn what_is_not_wanted_is_skipped_with_its_rule_but_never_forgotten_when_verified() {
    let skip = |rule| Choice::Skip { rule };
    let audio = media("audio/mp3", true);
    let on_disk = FileFact {
        name: "m.mp3.bin".into(),
        len_bytes: 10,
    };
    let new = entry(EntryState::Announced);
    assert_eq!(
        select(&audio, &new, None, &wanted("video/mp4", true)),
        skip(RULE_MEDIA_TYPE)
    );
    assert_eq!(
        select(&audio, &new, None, &wanted("audio/mp3", false)),
        skip(RULE_METADATA_ONLY)
    );
    assert_eq!(
        select(
            &audio,
            &entry(verified(10)),
            Some(&on_disk),
            &wanted("video/mp4", true)
        ),
        Choice::Keep
    );
    assert_eq!(
        select(
            &audio,
            &entry(verified(10)),
            Some(&on_disk),
            &wanted("x", false)
        ),
        Choice::Keep
    );
}

#[test]
fn without_a_place_a_file_is_put_off_unless_it_is_on_disk() {
    let homeless = media("audio/mp3", false);
    let all = wanted(".*", true);
    let new = entry(EntryState::Announced);
    assert_eq!(
        select(&homeless, &new, None, &all),
        Choice::PutOff {
            error: LocationError::Absent
        }
    );
    let on_disk = FileFact {
        name: "m.mp3.bin".into(),
        len_bytes: 10,
    };
    assert_eq!(
        select(&homeless, &new, Some(&on_disk), &all),
        Choice::Check {
            location: Err(LocationError::Absent)
        }
    );
}

#[test]
fn an_unknown_type_is_not_an_unwanted_one() {
    let skip = Choice::Skip {
        rule: RULE_MEDIA_TYPE,
    };
    for (id, content_type, expected) in [
        ("m.mp3", "", fetch(false)),
        ("m.mp3.bin", "", fetch(false)),
        ("m.mp3", "application/octet-stream", fetch(false)),
        ("m", "", fetch(false)),
        ("m.mp4", "voice", skip.clone()),
        ("m", "voice", fetch(false)),
        ("m.MP4", "", skip.clone()),
        ("m.wav.bin", "", skip.clone()),
        // What is told counts, whatever the name says.
        ("m.mp3", "video/mp4", skip.clone()),
        ("m.mp4", "Audio/MPEG; x=y", fetch(false)),
    ] {
        let mut unknown = media(content_type, true);
        unknown.id = MediaId::new(id).unwrap();
        assert_eq!(
            select(
                &unknown,
                &entry(EntryState::Announced),
                None,
                &wanted("audio/mp3", true)
            ),
            expected,
            "{id} {content_type:?}"
        );
    }
    // A word that the operator asks for is what he means, slash or not.
    let word = media("voice", true);
    let new = entry(EntryState::Announced);
    assert_eq!(
        select(&word, &new, None, &wanted("voice", true)),
        fetch(false)
    );
}
