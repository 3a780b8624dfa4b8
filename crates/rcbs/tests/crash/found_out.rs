//! Archives and ledgers that somebody has harmed: each invariant that is broken is found out, in words of its own.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use rcbs_sim::Cloud;
use rusqlite::Connection;
use serde_json::json;

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud};
use crate::support::archive::Key;
use crate::support::invariants::{ENDTIME_NOTE, Source, hold};

/// Takes the confirmation of the first media file back.
const ANNOUNCED: &str = "UPDATE media SET state = 0 WHERE id = 'first';
    UPDATE tally SET files = files - 1 WHERE what = 'verified'; UPDATE tally SET files = files + 1 WHERE what = 'announced'";
/// Forgets it.
const FORGOTTEN: &str = "DELETE FROM media WHERE id = 'first'; UPDATE tally SET files = files - 1 WHERE what = 'verified'";
const NO_CHECKPOINT: &str = "DELETE FROM meta WHERE name = 'checkpoint_ms'";
/// Knows of one more than there is.
const INVENTED: &str = "INSERT INTO media (recording_id, id, state, attempts) SELECT recording_id, 'other', 0, 0 FROM recording LIMIT 1;
    UPDATE tally SET files = files + 1 WHERE what = 'announced'";

fn two() -> Cloud {
    let first = cloud().recording("FIRST").at("2018-02-12T01:00:00Z");
    let second = first.audio().media_id("first").recording("SECOND");
    second.at("2018-02-12T02:00:00Z").audio().build()
}

/// A whole archive, and what may be done to it.
struct Scene {
    stage: Stage,
    reference: Reference,
}

impl Scene {
    fn new() -> Self {
        let mut stage = Stage::new(two());
        stage.set(&hourly());
        let reference = Reference::of_stage(&stage);
        Self { stage, reference }
    }

    fn key() -> Key {
        ("FIRST".to_owned(), "first".to_owned())
    }

    /// The first media file.
    fn media(&self) -> PathBuf {
        self.stage.target().join(self.reference.path(&Self::key()))
    }

    /// A file of the archive that is no media file.
    fn metadata(&self) -> PathBuf {
        let source = &self.reference.source;
        let mut files = source.files.keys();
        let found = files.find(|path| source.paths.values().all(|media| media != *path));
        self.stage.target().join(found.unwrap())
    }

    fn change_ledger(&self, sql: &str) {
        let ledger = Connection::open(self.stage.state_folder().join("ledger.db")).unwrap();
        ledger.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        ledger.execute_batch(sql).unwrap();
    }

    fn remove_endtime(&self) {
        fs::remove_file(self.stage.target().join(ENDTIME_NOTE)).unwrap();
    }

    fn aftermath(&self) -> Result<(), String> {
        let (target, state) = (self.stage.target(), self.stage.state_folder());
        self.reference.source.aftermath(&target, &state).map(drop)
    }

    fn complete(&self) -> Result<(), String> {
        let (target, state) = (self.stage.target(), self.stage.state_folder());
        self.reference.source.complete(&target, &state).map(drop)
    }

    /// Whether this is true of what is there, told as verified at this path.
    fn told(&self, path: &str) -> Result<(), String> {
        let (target, state) = (self.stage.target(), self.stage.state_folder());
        let seen = hold(self.reference.source.aftermath(&target, &state));
        let (recording, media) = Self::key();
        let line =
            json!({"event": "verified", "recording": recording, "media": media, "path": path});
        let lines = format!("{line}\n{{\"event\":\"verif");
        self.reference.source.told(&seen, lines.as_bytes())
    }
}

/// Something done to an archive, and the words that must be found for it.
type Harm = (fn(&Scene), &'static str);

#[track_caller]
fn expect_found(harms: &[Harm], ask: fn(&Scene) -> Result<(), String>) {
    let scene = Scene::new();
    let (target, whole) = (scene.stage.target(), scene.stage.folder().join("whole"));
    copy(&target, &whole);
    for (harm, words) in harms {
        fs::remove_dir_all(&target).unwrap();
        copy(&whole, &target);
        assert_eq!(ask(&scene), Ok(()), "nothing is wrong yet");
        harm(&scene);
        let found = ask(&scene).expect_err(words);
        assert!(found.contains(words), "{found:?} and not {words:?}");
    }
}

/// Everything, with its permissions.
#[track_caller]
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}

/// Of I1, I2, I3, I5, I12, and what others may read.
const BAD_ENDS: [Harm; 12] = [
    (|at| fs::write(at.media(), "torn").unwrap(), "is not whole"),
    (
        |at| fs::write(at.stage.target().join("2018/other"), "").unwrap(),
        "is not whole",
    ),
    (
        |at| fs::remove_file(at.media()).unwrap(),
        "is called verified and is not there",
    ),
    (
        |at| at.change_ledger("UPDATE media SET len_bytes = 1"),
        "bytes, the ledger says",
    ),
    (
        |at| at.change_ledger("UPDATE media SET sha256 = zeroblob(32)"),
        "has another digest",
    ),
    (
        |at| at.change_ledger(FORGOTTEN),
        "lies before the checkpoint",
    ),
    (
        |at| at.change_ledger(&format!("{FORGOTTEN};{NO_CHECKPOINT}")),
        "the ledger has never heard of it",
    ),
    (|at| at.change_ledger(ANNOUNCED), "lies before the end time"),
    (
        |at| at.change_ledger("UPDATE tally SET files = 7 WHERE what = 'verified'"),
        "the ledger: it counts",
    ),
    (
        |at| at.change_ledger("UPDATE media SET recipients_id = 7"),
        "that lead nowhere",
    ),
    (
        |at| {
            let ledger = at.stage.state_folder().join("ledger.db");
            let mut bytes = fs::read(&ledger).unwrap();
            bytes[4096..].fill(0);
            fs::write(ledger, bytes).unwrap();
        },
        "the ledger: ",
    ),
    (
        |at| fs::set_permissions(at.media(), fs::Permissions::from_mode(0o644)).unwrap(),
        "is a file 644",
    ),
];

#[test]
fn what_a_bad_end_may_not_leave_is_found_out() {
    expect_found(&BAD_ENDS, Scene::aftermath);
}

#[test]
fn what_was_told_and_is_not_so_is_found_out() {
    let harms: [Harm; 2] = [
        (
            |at| {
                at.remove_endtime();
                at.change_ledger(ANNOUNCED);
            },
            "was told and the ledger does not know",
        ),
        (
            |at| {
                at.remove_endtime();
                at.change_ledger(ANNOUNCED);
                fs::remove_file(at.media()).unwrap();
            },
            "was told and is not there",
        ),
    ];
    expect_found(&harms, |at| at.told(at.reference.path(&Scene::key())));
    let found = Scene::new().told("2018/elsewhere").unwrap_err();
    assert!(found.contains("was told at 2018/elsewhere"), "{found}");
}

#[test]
fn an_archive_that_is_not_complete_is_found_out() {
    let harms: [Harm; 5] = [
        (|at| fs::remove_file(at.metadata()).unwrap(), "is not there"),
        (
            |at| {
                at.remove_endtime();
                at.change_ledger(ANNOUNCED);
            },
            "not all is verified",
        ),
        (
            |at| at.change_ledger(INVENTED),
            "the ledger knows of others",
        ),
        (|at| leave(at, "staging"), "staging holds"),
        (|at| leave(at, "quarantine"), "quarantine holds"),
    ];
    expect_found(&harms, Scene::complete);
}

/// Leaves a file in a folder of the program itself, which nobody else can read.
fn leave(scene: &Scene, folder: &str) {
    let folder = scene.stage.target().join(".rcbs").join(folder);
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700).recursive(true).create(&folder).unwrap();
    let mut options = fs::OpenOptions::new();
    options.mode(0o600).write(true).create_new(true);
    options.open(folder.join("left")).unwrap();
}

#[test]
fn a_next_run_that_fetches_again_or_changes_files_is_found_out() {
    let scene = Scene::new();
    let source = &scene.reference.source;
    let (target, state) = (scene.stage.target(), scene.stage.state_folder());
    let before = hold(source.aftermath(&target, &state));
    let next = |is_asked_for: bool| {
        let next = source.next_run(&before, |_| is_asked_for, &target, &state);
        next.map(drop)
    };
    assert_eq!(next(false), Ok(()));
    let found = next(true).unwrap_err();
    assert!(found.contains("is fetched again"), "{found}");
    fs::write(scene.media(), "other").unwrap();
    let found = next(false).unwrap_err();
    assert!(found.contains("has other bytes"), "{found}");
    fs::remove_file(scene.media()).unwrap();
    let found = next(false).unwrap_err();
    assert!(found.contains("bin is not there"), "{found}");
}

/// Metadata may have the bytes of an earlier run until the next one, and no others.
#[test]
fn metadata_of_an_earlier_run_are_no_harm_until_the_next() {
    let mut scene = Scene::new();
    let metadata = scene.metadata();
    fs::write(&metadata, "earlier").unwrap();
    let found = scene.aftermath().unwrap_err();
    assert!(found.contains("is not whole"), "{found}");
    let path = metadata.strip_prefix(scene.stage.target()).unwrap();
    let earlier = [(path.to_owned(), b"earlier".to_vec())];
    scene.reference.source.earlier = earlier.into();
    assert_eq!(scene.aftermath(), Ok(()));
    let found = scene.complete().unwrap_err();
    assert!(found.contains("has other bytes"), "{found}");
}

/// A source is no smaller than its cloud.
#[test]
fn a_source_in_which_something_of_the_cloud_is_missing_is_none() {
    let scene = Scene::new();
    let (stage, target) = (&scene.stage, scene.stage.target());
    let made = Source::of(stage.server.cloud(), &target, b"");
    let found = made.map(drop).unwrap_err();
    assert!(found.contains("is not in the source"), "{found}");
}
