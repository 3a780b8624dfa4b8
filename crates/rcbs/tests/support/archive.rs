//! What belongs into an archive, from the pretend cloud itself, beside what lies there.

use std::collections::BTreeMap;
use std::path::Path;

use rcbs_core::ports::ChecksumKind;
use rcbs_sim::{Content, SharedCloud, digest};

use super::snapshot::{Node, Snapshot, snapshot};

/// Recording and media id.
pub type Key = (String, String);

/// The bytes of every media file that the cloud ever had, as they belong into an archive.
pub fn sealed_files(cloud: &SharedCloud) -> BTreeMap<Key, Vec<u8>> {
    cloud.read(|cloud| {
        let recordings = cloud.recordings().iter();
        recordings
            .flat_map(|recording| {
                recording.media.iter().map(|media| {
                    let key = (recording.id.clone(), media.id.clone());
                    (key, cloud.sealed(media).file())
                })
            })
            .collect()
    })
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let pieces = Content::bytes(bytes.to_vec()).pieces();
    rcbs_sim::hex(&digest(ChecksumKind::Sha256, pieces))
}

/// The archive with everything in it, the program's own folder included.
pub fn archive(target: &Path) -> Snapshot {
    snapshot(target, &[])
}

/// No file or folder of the archive can be read by others, and nothing is none of the two.
pub fn check_private(target: &Path) -> Result<(), String> {
    for (path, node) in archive(target) {
        match node {
            Node::File { mode: 0o600, .. } | Node::Folder { mode: 0o700 } => {}
            other => return Err(format!("{} is a {other:?}", path.display())),
        }
    }
    Ok(())
}
