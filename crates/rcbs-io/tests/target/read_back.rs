//! Files that are read again before they get their names.

use rcbs_core::ports::{Publication, Target, TargetError};
use rcbs_io::target::{FolderTarget, Opening, ReadBack};

use super::{publication, put, staging};

/// SHA-256 of `good`.
const GOOD: &str = "770e607624d689265ca6c44884d0807d9b054d23c473c106c72be9de08b7376c";

fn sha256(hex: &str) -> [u8; 32] {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    std::array::from_fn(|index| byte(index * 2))
}

fn expecting(publication: Publication, sha256: [u8; 32]) -> Publication {
    Publication {
        sha256: Some(sha256),
        ..publication
    }
}

#[tokio::test]
async fn what_is_not_what_was_written_gets_no_name() {
    for (read_back, is_found) in [
        (ReadBack::Always, true),
        (ReadBack::Never, false),
        // What tests run on is no network file system.
        (ReadBack::Auto, false),
    ] {
        let place = tempfile::tempdir().unwrap();
        let target =
            FolderTarget::open_with(place.path(), Opening::CreateIfAbsent, read_back).unwrap();
        let wanted = sha256(GOOD);
        let good = put(&target, "a", b"good").await;
        let altered = put(&target, "b", b"good").await;
        let path = place
            .path()
            .join(".rcbs/staging")
            .join(altered.name.as_str());
        std::fs::write(path, b"gooe").unwrap();
        let batch = vec![
            expecting(publication(altered, &["f"], "altered.bin"), wanted),
            expecting(publication(good, &["f"], "good.bin"), wanted),
        ];
        let results = target.publish(batch).await;
        assert!(results[1].is_ok(), "one file is no matter of the others");
        assert!(place.path().join("f/good.bin").exists());
        let is_named = place.path().join("f/altered.bin").exists();
        assert_eq!(is_named, !is_found, "{read_back:?}");
        if is_found {
            let refused = &results[0];
            assert!(
                matches!(refused, Err(TargetError::Altered { .. })),
                "{refused:?}"
            );
            assert_eq!(staging(place.path()).len(), 0, "it is dropped");
        }
    }
}

#[tokio::test]
async fn a_file_of_any_length_is_read_to_its_end() {
    let place = tempfile::tempdir().unwrap();
    let target =
        FolderTarget::open_with(place.path(), Opening::CreateIfAbsent, ReadBack::Always).unwrap();
    // Around the border of a piece, and longer than several.
    for len in [0, 1, 262_143, 262_144, 262_145, 1_000_000] {
        let bytes = vec![7; len];
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        let staged = put(&target, &format!("r{len}"), &bytes).await;
        let name = format!("{len}.bin");
        let wanted = digest.as_ref().try_into().unwrap();
        let batch = vec![expecting(publication(staged, &["f"], &name), wanted)];
        let results = target.publish(batch).await;
        assert!(results[0].is_ok(), "{len}: {results:?}");
    }
}
