//! One program at a time: two handles, two processes, an owner that was killed.

// Links and modes are those of Unix; there is no machine yet to try another system on.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rcbs_io::target::{FolderTarget, Lock, LockError, Opening};
use tempfile::TempDir;

struct Place {
    _folder: TempDir,
    target: PathBuf,
    inside: PathBuf,
    outside: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    drop(FolderTarget::open(&target, Opening::CreateIfAbsent).unwrap());
    Place {
        inside: target.join(".rcbs"),
        outside: folder.path().join("state"),
        target,
        _folder: folder,
    }
}

#[test]
fn a_second_owner_is_told_who_the_first_is() {
    let place = place();
    let lock = Lock::acquire(&place.target, &place.inside).unwrap();
    let Err(LockError::Held { path, owner }) = Lock::acquire(&place.target, &place.inside) else {
        panic!("locked twice");
    };
    assert_eq!(path, place.inside.display().to_string());
    let process = format!("process {} on ", std::process::id());
    assert!(
        owner.starts_with(&process) && owner.contains(", since 2"),
        "{owner}"
    );

    drop(lock);
    let lock = Lock::acquire(&place.target, &place.inside).unwrap();
    assert_eq!(lock.previous_owner(), None, "it was given back");
    assert_eq!(lock.unlockable(), None);
    assert!(place.inside.join("lock").exists());
}

#[test]
fn target_and_state_folder_are_each_held_once() {
    let (one, two) = (place(), place());
    let _lock = Lock::acquire(&one.target, &one.outside).unwrap();
    for (target, state) in [
        (&one.target, &one.outside),
        // The same target with its ledger elsewhere, the same ledger with another target.
        (&one.target, &one.inside),
        (&one.target, &two.outside),
        (&two.target, &one.outside),
    ] {
        let refused = Lock::acquire(target, state);
        assert!(
            matches!(refused, Err(LockError::Held { .. })),
            "{refused:?}"
        );
    }
    // Half a lock is not left behind by an attempt that failed.
    drop(Lock::acquire(&two.target, &two.outside).unwrap());
}

#[test]
fn a_state_folder_reached_by_another_path_is_the_same() {
    let place = place();
    let alias = place.target.with_file_name("alias");
    std::os::unix::fs::symlink(&place.inside, &alias).unwrap();
    let _lock = Lock::acquire(&place.target, &alias).unwrap();
    let refused = Lock::acquire(&place.target, &place.inside);
    assert!(
        matches!(refused, Err(LockError::Held { .. })),
        "{refused:?}"
    );
}

/// B22.
#[test]
fn the_lock_of_a_killed_owner_is_free_and_it_is_named() {
    let place = place();
    let mut owner = child(&place);
    while !place.target.join("locked").exists() {
        assert!(owner.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(2));
    }
    let refused = Lock::acquire(&place.target, &place.inside);
    assert!(
        matches!(refused, Err(LockError::Held { .. })),
        "{refused:?}"
    );

    owner.kill().unwrap();
    owner.wait().unwrap();
    let lock = Lock::acquire(&place.target, &place.inside).unwrap();
    let process = format!("process {} on ", owner.id());
    let previous = lock.previous_owner().unwrap();
    assert!(previous.starts_with(&process), "{previous}");
}

#[test]
fn the_record_of_an_owner_is_foreign_text() {
    let place = place();
    std::fs::write(place.inside.join("lock"), b"\x1b[31mevil\xff\nsecond line").unwrap();
    let lock = Lock::acquire(&place.target, &place.inside).unwrap();
    assert_eq!(lock.previous_owner(), Some("\\u{1b}[31mevil\u{fffd}"));
}

#[test]
fn a_lock_file_that_is_a_link_is_refused() {
    let place = place();
    let elsewhere = place.target.with_file_name("elsewhere");
    std::fs::write(&elsewhere, "precious").unwrap();
    std::os::unix::fs::symlink(&elsewhere, place.inside.join("lock")).unwrap();
    let refused = Lock::acquire(&place.target, &place.inside);
    assert!(matches!(refused, Err(LockError::Io { .. })), "{refused:?}");
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"precious");
}

/// Not a test: the owner that is killed.
#[test]
fn as_a_child() {
    let Ok(target) = std::env::var("RCBS_TARGET") else {
        return;
    };
    let target = Path::new(&target);
    let _lock = Lock::acquire(target, &target.join(".rcbs")).unwrap();
    std::fs::write(target.join("locked"), "").unwrap();
    loop {
        std::thread::park();
    }
}

fn child(place: &Place) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "as_a_child"])
        .env("RCBS_TARGET", &place.target)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
