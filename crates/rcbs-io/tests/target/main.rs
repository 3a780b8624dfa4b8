//! The archive on disk: the promises of its port, and what only a planted link or a lost folder can show. What needs
//! another process is in `faults.rs`.

// Links and modes are those of Unix; there is no machine yet to try another system on.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod faults;
mod read_back;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use rcbs_core::contract;
use rcbs_core::ports::{Publication, PublishMode, StageName, Staged, Target, TargetError};
use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_core::store::{Folder, SafeName, stage_name};
use rcbs_io::target::{FolderTarget, Opening};
use tempfile::TempDir;

#[tokio::test]
async fn a_folder_keeps_the_promises() {
    keeps_the_promises(&tempfile::tempdir().unwrap()).await;
}

#[tokio::test]
async fn a_folder_in_memory_keeps_the_promises() {
    if let Ok(place) = tempfile::tempdir_in("/dev/shm") {
        keeps_the_promises(&place).await;
    }
}

async fn keeps_the_promises(place: &TempDir) {
    let mut count = 0;
    contract::target::all(|| {
        count += 1;
        Box::new(open(&place.path().join(count.to_string())))
    })
    .await;
}

#[tokio::test]
async fn only_an_archive_is_opened_as_one() {
    let place = tempfile::tempdir().unwrap();
    let empty = place.path().join("mount point");
    std::fs::create_dir(&empty).unwrap();
    for root in [&empty, &place.path().join("absent")] {
        let refused = FolderTarget::open(root, Opening::Existing);
        assert!(matches!(refused, Err(TargetError::Gone { .. })));
    }
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0);
    assert!(!place.path().join("absent").exists());

    drop(open(&empty));
    FolderTarget::open(&empty, Opening::Existing).unwrap();
}

#[tokio::test]
async fn the_root_is_made_with_those_above_it_and_may_be_a_link() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("a/b/c");
    drop(open(&root));
    assert!(root.join(".rcbs/staging").is_dir());

    let link = place.path().join("link");
    symlink(&root, &link).unwrap();
    let target = open(&link);
    publish(&target, "r1", &["f"], "a").await.unwrap();
    assert!(root.join("f/a").is_file());
}

#[tokio::test]
async fn files_and_folders_are_private_whatever_the_root_is() {
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let target = open(place.path());
    publish(&target, "r1", &["2018", "r1"], "a").await.unwrap();
    let note = SafeName::encode("note.txt");
    target.write_note(&note, "x").await.unwrap();
    put(&target, "r2", b"x").await;
    for (path, mode) in [
        ("2018", 0o700),
        ("2018/r1", 0o700),
        ("2018/r1/a", 0o600),
        (".rcbs", 0o700),
        (".rcbs/staging", 0o700),
        ("note.txt", 0o600),
        (&format!(".rcbs/staging/{}", stage("r2").as_str()), 0o600),
    ] {
        let found = std::fs::metadata(place.path().join(path)).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, mode, "{path}");
    }
}

#[tokio::test]
async fn what_an_earlier_run_left_is_swept_and_never_gone_on_from() {
    let place = tempfile::tempdir().unwrap();
    let target = open(place.path());
    for name in ["finished", "unfinished"] {
        let mut file = target.stage(&stage(name)).await.unwrap();
        file.write(Bytes::from(vec![7; 2 << 20])).await.unwrap();
        match name {
            "finished" => drop(file.finish().await.unwrap()),
            _ => std::mem::forget(file),
        }
    }
    drop(target);
    let target = open(place.path());
    assert_eq!(staging(place.path()).len(), 2);
    assert!(target.stage(&stage("finished")).await.unwrap().is_empty());
    target.sweep().await.unwrap();
    assert_eq!(staging(place.path()).len(), 0);
}

/// B20.
#[tokio::test]
async fn a_link_planted_inside_the_target_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let (root, outside) = (place.path().join("target"), place.path().join("outside"));
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    let target = open(&root);
    symlink(&outside, root.join("2018")).unwrap();
    std::fs::create_dir(root.join("2019")).unwrap();
    symlink(&outside, root.join("2019/r1")).unwrap();
    symlink(outside.join("secret"), root.join("2019/alias")).unwrap();

    for at in [&["2018", "r1"][..], &["2018"], &["2019", "r1"]] {
        let refused = publish(&target, "r1", at, "a").await;
        assert!(
            matches!(refused, Err(TargetError::NotPlain { .. })),
            "{refused:?}"
        );
        let listed = target.list(&[folder(at)]).await;
        assert!(
            matches!(listed, Err(TargetError::NotPlain { .. })),
            "{listed:?}"
        );
        let listed = target.folders(&folder(at)).await;
        assert!(
            matches!(listed, Err(TargetError::NotPlain { .. })),
            "{listed:?}"
        );
        let read = target
            .read(&folder(at), &SafeName::encode("secret"), 0, 9)
            .await;
        assert!(
            matches!(read, Err(TargetError::NotPlain { .. })),
            "{read:?}"
        );
        let moved = target
            .quarantine(&folder(at), &SafeName::encode("secret"))
            .await;
        assert!(
            matches!(moved, Err(TargetError::NotPlain { .. })),
            "{moved:?}"
        );
    }
    let alias = SafeName::encode("alias");
    let read = target.read(&folder(&["2019"]), &alias, 0, 9).await;
    assert!(
        matches!(read, Err(TargetError::NotPlain { .. })),
        "{read:?}"
    );
    assert_eq!(target.list(&[folder(&["2019"])]).await.unwrap(), [[]]);

    // A name that a link has is taken; what replaces it replaces the link, not the file it leads to.
    let taken = publish(&target, "r2", &["2019"], "alias").await;
    assert!(
        matches!(taken, Err(TargetError::Exists { .. })),
        "{taken:?}"
    );
    let note = SafeName::encode("note.txt");
    symlink(outside.join("secret"), root.join("note.txt")).unwrap();
    let read = target.read_note(&note).await;
    assert!(
        matches!(read, Err(TargetError::NotPlain { .. })),
        "{read:?}"
    );
    target.write_note(&note, "mine").await.unwrap();

    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(std::fs::read(outside.join("secret")).unwrap(), b"secret");
}

#[tokio::test]
async fn a_state_folder_that_is_a_link_is_refused() {
    for planted in [".rcbs", ".rcbs/staging"] {
        let place = tempfile::tempdir().unwrap();
        let (root, outside) = (place.path().join("target"), place.path().join("outside"));
        std::fs::create_dir(&outside).unwrap();
        std::fs::create_dir_all(root.join(planted).parent().unwrap()).unwrap();
        symlink(&outside, root.join(planted)).unwrap();
        for opening in [Opening::Existing, Opening::CreateIfAbsent] {
            let refused = FolderTarget::open(&root, opening);
            assert!(
                matches!(refused, Err(TargetError::NotPlain { .. })),
                "{planted}"
            );
        }
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_file_where_a_folder_should_be_fails_only_its_own_recording() {
    let place = tempfile::tempdir().unwrap();
    let target = open(place.path());
    std::fs::write(place.path().join("2018"), "in the way").unwrap();
    let mut batch = Vec::new();
    for (name, at) in [("a", "2018"), ("b", "2019"), ("c", "2018")] {
        let staged = put(&target, name, b"x").await;
        batch.push(publication(staged, &[at], name));
    }
    let results = target.publish(batch).await;
    assert!(matches!(results[0], Err(TargetError::NotPlain { .. })));
    assert!(results[1].is_ok());
    assert!(matches!(results[2], Err(TargetError::NotPlain { .. })));
    // What could not be published is still staged.
    assert_eq!(staging(place.path()).len(), 2);
}

/// B11.
#[tokio::test]
async fn a_target_that_was_replaced_is_not_written_to() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("target");
    let away = place.path().join("away");
    let target = open(&root);
    let before = put(&target, "r1", b"x").await;
    std::fs::rename(&root, &away).unwrap();
    for replaced in [false, true] {
        if replaced {
            std::fs::create_dir(&root).unwrap();
        }
        let batch = vec![publication(before.clone(), &["f"], "a"); 6];
        for result in target.publish(batch).await {
            assert!(
                matches!(result, Err(TargetError::Gone { .. })),
                "{result:?}"
            );
        }
        let note = target.write_note(&SafeName::encode("n"), "x").await;
        assert!(matches!(note, Err(TargetError::Gone { .. })), "{note:?}");
        let moved = target
            .quarantine(&folder(&["f"]), &SafeName::encode("a"))
            .await;
        assert!(matches!(moved, Err(TargetError::Gone { .. })), "{moved:?}");
    }
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
    assert_eq!(staging(&away).len(), 1, "nothing staged is given up");
    std::fs::remove_dir(&root).unwrap();
    std::fs::rename(&away, &root).unwrap();
    let again = target.publish(vec![publication(before, &["f"], "a")]).await;
    assert!(again[0].is_ok());
}

#[tokio::test]
async fn an_abandoned_write_never_meets_the_next_attempt() {
    let place = tempfile::tempdir().unwrap();
    let target = open(place.path());
    let mut abandoned = 0;
    for round in 0..50_u8 {
        let mut file = target.stage(&stage("r1")).await.unwrap();
        let bytes = Bytes::from(vec![round; 3 << 20]);
        let pending = {
            // Polled once, so that its hop to the disk has begun, then dropped.
            let mut write = file.write(bytes);
            let mut context = Context::from_waker(Waker::noop());
            write.as_mut().poll(&mut context).is_pending()
        };
        abandoned += u32::from(pending);
        if pending && round % 2 == 0 {
            let refused = file.write(Bytes::from_static(b"x")).await;
            assert!(refused.is_ok(), "small pieces are only gathered");
            assert!(file.finish().await.is_err());
        } else {
            drop(file);
        }
        let mut file = target.stage(&stage("r1")).await.unwrap();
        assert!(file.is_empty());
        file.write(Bytes::from_static(b"whole")).await.unwrap();
        let staged = file.finish().await.unwrap();
        let name = round.to_string();
        let results = target
            .publish(vec![publication(staged, &["f"], &name)])
            .await;
        assert!(results[0].is_ok(), "{results:?}");
        let found = std::fs::read(place.path().join("f").join(&name)).unwrap();
        assert_eq!(found, b"whole");
    }
    assert!(
        abandoned > 0,
        "no write was still under way when it was dropped"
    );
}

#[tokio::test]
async fn one_name_is_written_by_one_at_a_time() {
    let place = tempfile::tempdir().unwrap();
    let target = open(place.path());
    let first = target.stage(&stage("r1")).await.unwrap();
    let name = stage("r1");
    let second = target.stage(&name);
    tokio::pin!(second);
    let waited = tokio::time::timeout(Duration::from_millis(20), &mut second).await;
    assert!(waited.is_err(), "the name is taken");
    let other = target.stage(&stage("r2")).await.unwrap();
    other.discard().await.unwrap();
    first.discard().await.unwrap();
    second.await.unwrap().discard().await.unwrap();
}

#[tokio::test]
async fn quarantined_files_are_kept_as_evidence() {
    let place = tempfile::tempdir().unwrap();
    let target = open(place.path());
    for round in ["first", "second"] {
        publish(&target, round, &["f"], "a.bin").await.unwrap();
        let name = SafeName::encode("a.bin");
        target.quarantine(&folder(&["f"]), &name).await.unwrap();
    }
    let mut kept: Vec<_> = std::fs::read_dir(place.path().join(".rcbs/quarantine"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    kept.sort();
    assert_eq!(kept, ["first", "second"]);
}

#[tokio::test]
async fn a_note_that_is_not_ours_is_no_surprise() {
    let place = tempfile::tempdir().unwrap();
    let target = open(place.path());
    let name = SafeName::encode("note.txt");
    std::fs::write(place.path().join("note.txt"), b"151\xff8\n").unwrap();
    let read = target.read_note(&name).await.unwrap().unwrap();
    assert_eq!(read, "151\u{fffd}8\n");
    std::fs::write(place.path().join("note.txt"), vec![b'1'; 1 << 20]).unwrap();
    let read = target.read_note(&name).await;
    assert!(matches!(read, Err(TargetError::Io { .. })), "{read:?}");
}

fn open(root: &Path) -> FolderTarget {
    FolderTarget::open(root, Opening::CreateIfAbsent).unwrap()
}

fn stage(recording: &str) -> StageName {
    let recording = RecordingId::new(recording).unwrap();
    stage_name(&recording, Some(&MediaId::new("m").unwrap()))
}

fn folder(parts: &[&str]) -> Folder {
    parts
        .iter()
        .fold(Folder::top(), |at, part| at.join(SafeName::encode(part)))
}

fn publication(staged: Staged, at: &[&str], name: &str) -> Publication {
    Publication {
        staged,
        folder: folder(at),
        name: SafeName::encode(name),
        mode: PublishMode::New,
        sha256: None,
    }
}

async fn put(target: &FolderTarget, recording: &str, bytes: &[u8]) -> Staged {
    let mut file = target.stage(&stage(recording)).await.unwrap();
    file.write(Bytes::copy_from_slice(bytes)).await.unwrap();
    file.finish().await.unwrap()
}

/// Publishes a file whose text is its recording.
async fn publish(
    target: &FolderTarget,
    recording: &str,
    at: &[&str],
    name: &str,
) -> Result<(), TargetError> {
    let staged = put(target, recording, recording.as_bytes()).await;
    let batch = vec![publication(staged, at, name)];
    target.publish(batch).await.remove(0)
}

fn staging(root: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(root.join(".rcbs/staging"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}
