//! What must hold after a run that ended badly, and after the one that followed it, however it came about.
//!
//! - I1 What has a final name has the bytes of the source.
//! - I2 What the ledger calls verified is there, with the length and digest that it says.
//! - I3 What the source has is in the ledger, or lies where the next run lists.
//! - I4 What is verified is not asked for again.
//! - I5 No end time passes a recording that is not there.
//! - I6 No temporary file outlives the next run.
//! - I7 Nothing is written beside the target.
//! - I8 Memory is bounded.
//! - I9 The exit code says what the report and the ledger say.
//! - I10 No secret is told or written down.
//! - I11 No file that was there changes its bytes.
//! - I12 The ledger is sound.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rcbs_sim::Cloud;
use serde_json::Value;

use crate::stage::{DAY, Stage, events};
use crate::support::archive::{Key, assert_private, sealed_files, sha256};
use crate::support::books::Books;
use crate::support::rcbs::Finished;
use crate::support::snapshot::{Snapshot, files, snapshot};

/// The most memory that a run of these tests may take: 64 MiB, and 2 MiB for each of eight transfers.
const MOST_MEMORY_BYTES: u64 = (64 + 2 * 8) << 20;

/// The archive of a run that nobody disturbed.
pub struct Reference {
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// The path of each media file in the archive.
    paths: BTreeMap<Key, PathBuf>,
    /// SHA-256 of each, in hexadecimal digits.
    digests: BTreeMap<Key, String>,
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
        let sealed = sealed_files(stage.server.cloud());
        let digests = sealed.into_iter().map(|(key, bytes)| {
            assert!(files[&paths[&key]] == bytes, "{key:?}");
            (key, sha256(&bytes))
        });
        let digests = digests.collect();
        let starts_ms = stage.server.cloud().read(|cloud| {
            let recordings = cloud.recordings().iter();
            recordings
                .map(|one| (one.id.clone(), one.start.as_millisecond()))
                .collect()
        });
        Self {
            files,
            paths,
            digests,
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

    /// The path of a media file, relative to the target.
    pub fn path(&self, key: &Key) -> &str {
        self.paths[key].to_str().unwrap()
    }

    /// The folder of a recording, relative to the target.
    pub fn folder(&self, id: &str) -> String {
        let (_, path) = self.paths.iter().find(|(key, _)| key.0 == id).unwrap();
        path.parent().unwrap().to_str().unwrap().to_owned()
    }

    /// After a bad end: whatever has a final name is whole, whatever the run called verified is there, the exported end
    /// time has not passed anything that is not, and nothing was said that is not so.
    #[track_caller]
    pub fn check_aftermath(&self, stage: &Stage, finished: &Finished) -> Aftermath {
        let stored = public_files(&stage.target());
        for (path, bytes) in &stored {
            let is_note = path.ends_with("last_recording_endtime.txt");
            let is_whole = is_note || self.files.get(path) == Some(bytes);
            assert!(is_whole, "{} is not whole", path.display());
        }
        let books = Books::of(&stage.state_folder());
        let verified = self.check_verified(&books, &stored);
        for key in told_verified(finished) {
            assert!(
                verified.contains(&key),
                "{key:?} was told before the ledger knew"
            );
        }
        self.check_nothing_forgotten(&books, &stored);
        self.check_endtime(stage, &stored);
        self.check_words(stage, finished, &verified);
        assert_private(&stage.target());
        Aftermath {
            files: stored,
            verified,
            outside: outside(stage),
        }
    }

    /// What an unfinished run has not reached waits, and is no damage.
    #[track_caller]
    pub fn check_nothing_is_called_damaged(&self, stage: &Stage, after: &Aftermath) {
        if after.verified.is_empty() {
            // There may be no ledger yet.
            return;
        }
        let finished = stage.program(&["verify", "--read-data", "--json"]).run();
        let last = finished.stdout.lines().last().unwrap_or_default();
        let summary: Value = serde_json::from_str(last).expect(&finished.stderr);
        assert_eq!(summary["damaged"], 0, "{}", finished.stdout);
        let is_whole = after.verified.len() == self.paths.len();
        let waits = ["waiting", "without_metadata"].map(|name| summary[name].as_u64().unwrap());
        let code = if waits == [0, 0] { 0 } else { 3 };
        assert_eq!(finished.code, Some(code), "{}", finished.stdout);
        assert!(
            is_whole || code == 3 || self.may_be_unheard_of(stage),
            "{summary}"
        );
    }

    /// Whether the ledger has not heard of everything, because the list was not through.
    fn may_be_unheard_of(&self, stage: &Stage) -> bool {
        Books::of(&stage.state_folder()).media.len() < self.paths.len()
    }

    /// The next run completes the work: the same archive as without the bad end, nothing that was verified is fetched
    /// again, no file changed its bytes, no temporary file is left, and the ledger agrees with the disk.
    #[track_caller]
    pub fn check_next_run(&self, stage: &Stage, after: &Aftermath) {
        stage.server.requests().clear();
        let finished = stage.program(&["backup", "--json"]).run().expect_code(0);
        let later = stage.server.requests().all();
        for (recording, media) in &after.verified {
            let key = object_key(stage, recording, media);
            assert!(
                later.iter().all(|seen| !seen.path.ends_with(&key)),
                "{media} was verified and is fetched again"
            );
        }
        let verified = self.check_complete(stage);
        self.check_words(stage, &finished, &verified);
        for (path, bytes) in &after.files {
            let is_note = path.ends_with("last_recording_endtime.txt");
            let now = std::fs::read(stage.target().join(path)).unwrap();
            assert!(is_note || now == *bytes, "{} changed", path.display());
        }
        assert_eq!(outside(stage), after.outside);
    }

    /// The end of it all: nothing is asked of the store any more.
    #[track_caller]
    pub fn check_nothing_is_left_to_do(&self, stage: &Stage) {
        let earlier = objects(stage);
        stage.backup().expect_code(0);
        assert_eq!(objects(stage), earlier);
        self.check_complete(stage);
    }

    /// The archive is whole, and the ledger knows it; gives what is verified, which is everything.
    #[track_caller]
    pub fn check_complete(&self, stage: &Stage) -> BTreeSet<Key> {
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
        for folder in ["staging", "quarantine"] {
            let left = files(&stage.target().join(".rcbs").join(folder));
            assert_eq!(left, BTreeMap::new(), "{folder}");
        }
        assert_private(&stage.target());
        let books = Books::of(&stage.state_folder());
        let verified = self.check_verified(&books, &stored);
        assert!(verified.iter().eq(self.paths.keys()), "{verified:?}");
        assert_eq!(books.media.len(), self.paths.len());
        verified
    }

    /// I2. Gives the media files that the ledger calls verified.
    #[track_caller]
    fn check_verified(&self, books: &Books, stored: &BTreeMap<PathBuf, Vec<u8>>) -> BTreeSet<Key> {
        let verified = books.verified().map(|(key, entry)| {
            let bytes = stored.get(&self.paths[key]);
            let bytes = bytes.unwrap_or_else(|| panic!("{key:?} is not there"));
            // Its bytes were compared with those of the source before.
            let len_bytes = i64::try_from(bytes.len()).unwrap();
            assert_eq!(entry.len_bytes, Some(len_bytes), "{key:?}");
            assert_eq!(entry.sha256.as_ref(), Some(&self.digests[key]), "{key:?}");
            key.clone()
        });
        verified.collect()
    }

    /// I3: what lies before the checkpoint is in the ledger, which reports it until it is in the archive; the rest is
    /// listed again. And nothing gets a name before the ledger has heard of it.
    #[track_caller]
    fn check_nothing_forgotten(&self, books: &Books, stored: &BTreeMap<PathBuf, Vec<u8>>) {
        for (key, path) in &self.paths {
            let is_passed = books
                .checkpoint_ms
                .is_some_and(|checkpoint_ms| self.starts_ms[&key.0] < checkpoint_ms);
            assert!(
                books.media.contains_key(key) || !(is_passed || stored.contains_key(path)),
                "the ledger has never heard of {key:?}; checkpoint {:?}",
                books.checkpoint_ms
            );
        }
    }

    /// I5.
    #[track_caller]
    fn check_endtime(&self, stage: &Stage, stored: &BTreeMap<PathBuf, Vec<u8>>) {
        let Some(endtime_ms) = stage.endtime_ms() else {
            return;
        };
        for (key, path) in &self.paths {
            let is_before = self.starts_ms[&key.0] < endtime_ms;
            assert!(
                !is_before || stored.contains_key(path),
                "{key:?} lies before {endtime_ms}"
            );
        }
    }

    /// I7 to I10: what a run said and cost.
    #[track_caller]
    fn check_words(&self, stage: &Stage, finished: &Finished, verified: &BTreeSet<Key>) {
        if let (Some(code), Some(summary)) = (finished.code, summary(finished)) {
            assert_eq!(summary["exit_code"], code, "{summary}");
            let is_whole = verified.len() == self.paths.len();
            assert!(code != 0 || is_whole, "{verified:?}: {summary}");
            assert_eq!(summary["percent"] == 100, code == 0, "{summary}");
        }
        let beside = outside(stage);
        let foreign: Vec<&PathBuf> = beside
            .keys()
            .filter(|path| **path != Path::new("config.properties"))
            .filter(|path| !stage.state_folder().ends_with(path))
            .collect();
        assert!(foreign.is_empty(), "{foreign:?}");
        assert!(finished.at_home.is_empty(), "{:?}", finished.at_home);
        let peak = finished.peak_rss_bytes;
        assert!(peak < MOST_MEMORY_BYTES, "{peak} bytes of memory");
        let own = files(&stage.state_folder()).into_values();
        let own = own.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let said = [finished.stdout.clone(), finished.stderr.clone()];
        for text in own.chain(said) {
            for secret in stage.secrets() {
                assert!(!text.contains(&secret), "a secret is told or kept");
            }
        }
    }
}

/// What the lines of a run call verified. The last line may have been cut by a kill.
fn told_verified(finished: &Finished) -> Vec<Key> {
    let lines = finished.stdout.lines();
    lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["event"] == "verified")
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            (text("recording"), text("media"))
        })
        .collect()
}

/// The last line of a run that came to an end.
fn summary(finished: &Finished) -> Option<Value> {
    let last = serde_json::from_str::<Value>(finished.stdout.lines().last()?).ok()?;
    (last["event"] == "summary").then_some(last)
}

/// What lies in the folder of the configuration beside the target and the ledger's folder.
fn outside(stage: &Stage) -> Snapshot {
    snapshot(stage.folder(), &["target", "state"])
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

/// The end of the path under which the store is asked for a media file; keys of these tests need no escapes.
fn object_key(stage: &Stage, recording: &str, media: &str) -> String {
    stage.server.cloud().read(|cloud| {
        let recording = cloud.recording_by_id(recording).unwrap();
        let found = recording.media.iter().find(|one| one.id == media).unwrap();
        found.key.clone()
    })
}
