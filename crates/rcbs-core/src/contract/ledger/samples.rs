//! Recordings to announce and states to settle.

use jiff::Timestamp;

use crate::failure::FailureClass;
use crate::ledger::state::{StateName, is_legal};
use crate::ports::{
    Announcement, EntryState, Ledger, MediaEntry, MediaKey, RecordingEntry, Settlement,
};
use crate::recording::{MediaId, RecordingId};

/// A state with something in every field.
pub(super) fn state(name: StateName) -> EntryState {
    match name {
        StateName::Announced => EntryState::Announced,
        StateName::Publishing => EntryState::Publishing {
            len_bytes: 1_000,
            sha256: [1; 32],
            etag: Some("\"e\"".to_owned()),
            check: "crc64nvme".to_owned(),
        },
        StateName::Verified => EntryState::Verified {
            len_bytes: 1_000,
            sha256: [2; 32],
            etag: Some("\"e\"".to_owned()),
            check: "envelope".to_owned(),
            at: at(3),
        },
        StateName::Skipped => EntryState::Skipped {
            rule: "mediaTypePattern".to_owned(),
        },
        StateName::Waiting => EntryState::Waiting {
            class: FailureClass::Transient,
            reason: "the connection was cut".to_owned(),
            next_attempt: at(4),
        },
        StateName::Lost => EntryState::Lost {
            reason: "404".to_owned(),
            at: at(5),
        },
    }
}

/// Moves a file to a state by legal moves.
pub(super) async fn bring_to(ledger: &dyn Ledger, recording: &str, file: &str, to: StateName) {
    let entry = known(ledger, recording).await.expect("is known");
    let is_wanted = |(id, _): &&(MediaId, MediaEntry)| id.as_str() == file;
    let found = entry.media.iter().find(is_wanted).expect("is announced");
    let from = StateName::from(&found.1.state);
    if from == to {
        return;
    }
    let between = StateName::ALL
        .into_iter()
        .find(|between| is_legal(from, *between) && is_legal(*between, to));
    let mut path = Vec::new();
    if !is_legal(from, to) {
        path.extend(between);
    }
    path.push(to);
    let moves: Vec<_> = path
        .into_iter()
        .map(|name| media(recording, file, state(name)))
        .collect();
    ledger.settle(at(9), &moves).await.expect("settles");
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_millisecond(1_518_462_251_000 + second * 1_000 + 123).expect("is in range")
}

pub(super) fn recording_id(id: &str) -> RecordingId {
    RecordingId::new(id).expect("not empty")
}

pub(super) fn announcement(id: &str, files: &[&str]) -> Announcement {
    let media = files.iter().map(|file| {
        let id = MediaId::new(file).expect("not empty");
        (id, Some(format!("s3://bucket/tenant/{file}")))
    });
    Announcement {
        id: recording_id(id),
        start: Some(at(100)),
        stop: Some(at(160)),
        folder: "2018/02/12/19/r".to_owned(),
        metadata_sha256: [7; 32],
        seen: at(300),
        caller: Some("+15550100".to_owned()),
        dialed: None,
        agents: vec!["agent.o'neil".to_owned(), "zoë".to_owned()],
        media: media.collect(),
    }
}

pub(super) fn media(recording: &str, file: &str, state: EntryState) -> Settlement {
    Settlement::Media {
        key: MediaKey {
            recording: recording_id(recording),
            media: MediaId::new(file).expect("not empty"),
        },
        state,
        recipients: vec!["serial 10 of CN=gir_qa".to_owned()],
    }
}

pub(super) fn metadata(recording: &str, digest: u8) -> Settlement {
    Settlement::Metadata {
        recording: recording_id(recording),
        sha256: [digest; 32],
        at: at(400),
        replaced: None,
    }
}

pub(super) async fn known(ledger: &dyn Ledger, id: &str) -> Option<RecordingEntry> {
    ledger.recording(&recording_id(id)).await.expect("reads")
}

pub(super) fn sorted(entry: &RecordingEntry) -> Vec<(MediaId, MediaEntry)> {
    let mut media = entry.media.clone();
    media.sort_by(|a, b| a.0.cmp(&b.0));
    media
}

pub(super) fn places(entry: &RecordingEntry) -> Vec<(MediaId, Option<String>)> {
    let media = sorted(entry).into_iter();
    media.map(|(id, media)| (id, media.location)).collect()
}
