//! Recordings with ids, folders and places as long as the real ones.

use std::path::PathBuf;

use jiff::Timestamp;
use rcbs_core::ports::{Announcement, EntryState, Ledger, MediaKey, Settlement};
use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_io::ledger::SqliteLedger;
use tempfile::TempDir;

pub(crate) const LEN_BYTES: u64 = 201_216;

pub(crate) fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    (folder, path)
}

/// Announces and verifies so many recordings of one file each, with their metadata.
pub(crate) async fn fill(ledger: &SqliteLedger, count: usize) -> Vec<RecordingId> {
    let batch: Vec<_> = (0..count).map(announcement).collect();
    ledger.announce(&batch).await.unwrap();
    let done: Vec<_> = (0..count)
        .flat_map(|index| [verified(index), metadata(index)])
        .collect();
    ledger.settle(Timestamp::UNIX_EPOCH, &done).await.unwrap();
    (0..count).map(id).collect()
}

/// Ids, folders and places as long as the real ones.
pub(crate) fn announcement(index: usize) -> Announcement {
    let media = media_id(index);
    let tenant = "b4f3a1de-7c1b-4c58-9d0e-8f2f6d1a0c77";
    let place = format!("s3://gvp-callrecording/{tenant}/{}", media.as_str());
    Announcement {
        id: id(index),
        start: Some(at(index as i64)),
        stop: Some(at(index as i64 + 180)),
        folder: format!("2018/02/12/19/{}", id(index).as_str()),
        metadata_sha256: digest(index, 1),
        seen: at(500_000),
        caller: Some(format!("+1555{index:07}")),
        dialed: Some("+18005550100".to_owned()),
        agents: vec![format!("agent{}@example.com", index % 300)],
        media: vec![(media, Some(place))],
    }
}

pub(crate) fn verified(index: usize) -> Settlement {
    let state = EntryState::Verified {
        len_bytes: LEN_BYTES,
        sha256: digest(index, 2),
        etag: Some(etag(index)),
        check: "crc64nvme".to_owned(),
        at: at(500_100),
    };
    settlement(index, state)
}

pub(crate) fn settlement(index: usize, state: EntryState) -> Settlement {
    let key = MediaKey {
        recording: id(index),
        media: media_id(index),
    };
    let recipients = vec!["serial 10 of C=US,ST=CA,O=Example,CN=gir_qa".to_owned()];
    Settlement::Media {
        key,
        state,
        recipients,
    }
}

pub(crate) fn metadata(index: usize) -> Settlement {
    let sha256 = digest(index, 1);
    Settlement::Metadata {
        recording: id(index),
        sha256,
        at: at(500_100),
        replaced: None,
    }
}

pub(crate) fn id(index: usize) -> RecordingId {
    RecordingId::new(&format!("01K7Q2VD5OA3R9TEMC41L2LA{index:08}")).unwrap()
}

pub(crate) fn media_id(index: usize) -> MediaId {
    let call = id(index);
    let name = format!(
        "{}_2018-02-12_19-04-11-00710155-10004AA1-00000001.mp3.bin",
        call.as_str()
    );
    MediaId::new(&name).unwrap()
}

pub(crate) fn digest(index: usize, salt: u8) -> [u8; 32] {
    let mut digest = [salt; 32];
    digest[..8].copy_from_slice(&index.to_be_bytes());
    digest
}

pub(crate) fn etag(index: usize) -> String {
    format!("\"{index:032x}\"")
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_millisecond(1_518_462_251_000 + second * 1_000).unwrap()
}
