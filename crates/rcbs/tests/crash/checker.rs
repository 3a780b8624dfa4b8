//! What must hold after a run that ended badly, and after the one that followed it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rcbs_sim::Cloud;
use serde_json::Value;

use crate::stage::{DAY, Stage, events};
use crate::support::archive::{Key, assert_private, sealed_files, sha256};
use crate::support::rcbs::Finished;
use crate::support::snapshot::{Snapshot, files, snapshot};

/// The archive of a run that nobody disturbed.
pub struct Reference {
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// The path of each media file in the archive.
    paths: BTreeMap<Key, PathBuf>,
    starts_ms: BTreeMap<String, i64>,
}

/// What was seen after a bad end.
pub struct Aftermath {
    files: BTreeMap<PathBuf, Vec<u8>>,
    verified: BTreeSet<Key>,
    outside: Snapshot,
}

impl Reference {
    /// Runs once, undisturbed, on a cloud of its own.
    pub fn of(cloud: Cloud, lines: &str) -> Self {
        let mut stage = Stage::new(cloud);
        stage.set(lines);
        let (finished, lines) = stage.backup_json();
        finished.expect_code(0);
        let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
        let paths = events(&lines, "verified").into_iter().map(|event| {
            let key = (text(event, "recording"), text(event, "media"));
            (key, PathBuf::from(text(event, "path")))
        });
        let paths: BTreeMap<_, _> = paths.collect();
        let files = public_files(&stage.target());
        for (key, bytes) in sealed_files(stage.server.cloud()) {
            assert!(files[&paths[&key]] == bytes, "{key:?}");
        }
        let starts_ms = stage.server.cloud().read(|cloud| {
            let recordings = cloud.recordings().iter();
            recordings
                .map(|one| (one.id.clone(), one.start.as_millisecond()))
                .collect()
        });
        Self {
            files,
            paths,
            starts_ms,
        }
    }

    /// The names of all files.
    pub fn names(&self) -> Vec<String> {
        let names = self.files.keys().map(|path| path.file_name().unwrap());
        names
            .map(|name| name.to_str().unwrap().to_owned())
            .collect()
    }

    /// The folder of a recording, relative to the target.
    pub fn folder(&self, id: &str) -> String {
        let (_, path) = self.paths.iter().find(|(key, _)| key.0 == id).unwrap();
        path.parent().unwrap().to_str().unwrap().to_owned()
    }

    /// After a bad end: whatever has a final name is whole, whatever the run called verified is there, and the
    /// exported end time has not passed anything that is not.
    #[track_caller]
    pub fn check_aftermath(&self, stage: &Stage, finished: &Finished) -> Aftermath {
        let stored = public_files(&stage.target());
        for (path, bytes) in &stored {
            if path.ends_with("last_recording_endtime.txt") {
                continue;
            }
            assert!(
                self.files.get(path) == Some(bytes),
                "{} is not whole",
                path.display()
            );
        }
        let verified: BTreeSet<Key> = finished
            .stdout
            .lines()
            // The last line may have been cut by the kill.
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["event"] == "verified")
            .map(|line| {
                let text = |name: &str| line[name].as_str().unwrap().to_owned();
                (text("recording"), text("media"))
            })
            .collect();
        let known = self.known_verified(stage, &stored);
        for key in &verified {
            assert!(
                known.contains(key),
                "{key:?} was told before the ledger knew"
            );
        }
        if let Some(endtime_ms) = stage.endtime_ms() {
            for (key, path) in &self.paths {
                let is_before = self.starts_ms[&key.0] < endtime_ms;
                assert!(
                    !is_before || stored.contains_key(path),
                    "{key:?} lies before {endtime_ms}"
                );
            }
        }
        assert_private(&stage.target());
        Aftermath {
            files: stored,
            verified,
            outside: snapshot(stage.folder(), &["target"]),
        }
    }

    /// The next run completes the work: the same archive as without the bad end, nothing that was verified is fetched
    /// again, no file changed its bytes, no temporary file is left, and the ledger agrees with the disk.
    #[track_caller]
    pub fn check_next_run(&self, stage: &Stage, after: &Aftermath) {
        stage.server.requests().clear();
        let (finished, _) = stage.backup_json();
        let finished = finished.expect_code(0);
        assert!(
            finished.stdout.contains("\"percent\":100"),
            "{}",
            finished.stdout
        );
        for (recording, media) in &after.verified {
            let key = object_key(stage, recording, media);
            let later = stage.server.requests().all();
            assert!(
                later.iter().all(|seen| !seen.path.ends_with(&key)),
                "{media} was verified and is fetched again"
            );
        }
        self.check_complete(stage);
        for (path, bytes) in &after.files {
            let is_note = path.ends_with("last_recording_endtime.txt");
            let now = std::fs::read(stage.target().join(path)).unwrap();
            assert!(is_note || now == *bytes, "{} changed", path.display());
        }
        assert_eq!(snapshot(stage.folder(), &["target"]), after.outside);
        // The end of it all: nothing is asked of the store any more.
        let earlier = objects(stage);
        stage.backup().expect_code(0);
        assert_eq!(objects(stage), earlier);
    }

    /// The archive is whole, and the ledger knows it.
    #[track_caller]
    pub fn check_complete(&self, stage: &Stage) {
        let stored = public_files(&stage.target());
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&stored), names(&self.files));
        for (path, bytes) in &stored {
            let shown = path.display();
            assert!(
                self.files.get(path) == Some(bytes),
                "{shown} has other bytes"
            );
        }
        assert_eq!(
            files(&stage.target().join(".rcbs/staging")),
            BTreeMap::new()
        );
        assert_eq!(
            files(&stage.target().join(".rcbs/quarantine")),
            BTreeMap::new()
        );
        assert_private(&stage.target());
        let status = answer(stage, &["status", "--json"]);
        assert_eq!(status["verified"], self.paths.len(), "{status}");
        for name in ["announced", "waiting", "lost", "skipped"] {
            assert_eq!(status[name], 0, "{status}");
        }
        let known = self.known_verified(stage, &stored);
        assert!(known.iter().eq(self.paths.keys()), "{known:?}");
    }

    /// The media files that the ledger calls verified; each lies there with the length and digest that it says.
    #[track_caller]
    fn known_verified(&self, stage: &Stage, stored: &BTreeMap<PathBuf, Vec<u8>>) -> BTreeSet<Key> {
        let mut known = BTreeSet::new();
        for id in self.starts_ms.keys() {
            let finished = stage.program(&["explain", id, "--json"]).run();
            let Ok(explained) = serde_json::from_str::<Value>(&finished.stdout) else {
                // A run that was killed early has not heard of it, or has no ledger yet, or one without tables; then
                // nothing may be stored either.
                let is_early = finished.stderr.contains("it has version 0") && stored.is_empty();
                let is_unknown = matches!(finished.code, Some(2 | 6));
                assert!(is_early || is_unknown, "{}", finished.stderr);
                continue;
            };
            for media in explained["media"].as_array().unwrap() {
                if media["state"] == "verified" {
                    let key = (id.clone(), media["media"].as_str().unwrap().to_owned());
                    let bytes = stored.get(&self.paths[&key]);
                    let bytes = bytes.unwrap_or_else(|| panic!("{key:?} is not there"));
                    assert_eq!(media["len_bytes"], bytes.len(), "{explained}");
                    assert_eq!(media["sha256"], sha256(bytes), "{explained}");
                    known.insert(key);
                }
            }
        }
        known
    }
}

/// The window of the tests in slices of an hour, so that the checkpoint moves while the run goes on.
pub fn hourly() -> String {
    format!("{DAY}shardBy=PT1H\n")
}

/// The archive without the program's own folder.
fn public_files(target: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = files(target);
    // What one run has stored or many is the same archive, but not the same manifests.
    files.retain(|path, _| !path.starts_with(".rcbs") && !path.starts_with("manifests"));
    files
}

/// How many objects the store was asked for so far.
fn objects(stage: &Stage) -> usize {
    stage.server.requests().counts().objects
}

fn answer(stage: &Stage, args: &[&str]) -> Value {
    let finished = stage.program(args).run().expect_code(0);
    serde_json::from_str(&finished.stdout).unwrap()
}

/// The end of the path under which the store is asked for a media file; keys of these tests need no escapes.
fn object_key(stage: &Stage, recording: &str, media: &str) -> String {
    stage.server.cloud().read(|cloud| {
        let recording = cloud.recording_by_id(recording).unwrap();
        let found = recording.media.iter().find(|one| one.id == media).unwrap();
        found.key.clone()
    })
}
