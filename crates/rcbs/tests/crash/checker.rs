//! Asks after a bad end of the real program, and after the next run, whether all is well: `support/invariants.rs` for the
//! archive and its ledger, and here what needs the program itself.
//!
//! - I7 Nothing is written beside the target.
//! - I8 Memory is bounded.
//! - I9 The exit code says what the report and the ledger say.
//! - I10 No secret is told or written down.

use std::path::{Path, PathBuf};

use rcbs_sim::Cloud;
use serde_json::Value;

use crate::stage::{DAY, Stage};
use crate::support::archive::Key;
use crate::support::invariants::{ENDTIME_NOTE, Seen, Source, hold};
use crate::support::rcbs::Finished;
use crate::support::snapshot::{Snapshot, files, snapshot};

/// The most memory that a run of these tests may take: 64 MiB, and 2 MiB for each of eight transfers.
const MOST_MEMORY_BYTES: u64 = (64 + 2 * 8) << 20;

/// The archive of a run that nobody disturbed.
pub struct Reference {
    pub source: Source,
    endtime_ms: Option<i64>,
}

/// What was seen after a bad end.
pub struct Aftermath {
    pub seen: Seen,
    outside: Snapshot,
}

impl Reference {
    /// Runs once, undisturbed, on a cloud of its own.
    pub fn of(cloud: Cloud, lines: &str) -> Self {
        let mut stage = Stage::new(cloud);
        stage.set(lines);
        Self::of_stage(&stage)
    }

    /// Runs once, undisturbed, in this place.
    pub fn of_stage(stage: &Stage) -> Self {
        let finished = stage.program(&["backup", "--json"]).run().expect_code(0);
        let lines = finished.stdout.as_bytes();
        Self {
            source: hold(Source::of(stage.server.cloud(), &stage.target(), lines)),
            endtime_ms: stage.endtime_ms(),
        }
    }

    /// The names of all files that are given one, the note of the end time among them.
    pub fn names(&self) -> Vec<String> {
        let names = self.source.files.keys();
        let names = names.map(|path| path.file_name().unwrap().to_str().unwrap());
        let note = self.endtime_ms.map(|_| ENDTIME_NOTE);
        names.chain(note).map(str::to_owned).collect()
    }

    /// The path of a media file, relative to the target.
    pub fn path(&self, key: &Key) -> &str {
        self.source.paths[key].to_str().unwrap()
    }

    /// The folder of a recording, relative to the target.
    pub fn folder(&self, id: &str) -> String {
        let mut paths = self.source.paths.iter();
        let (_, path) = paths.find(|(key, _)| key.0 == id).unwrap();
        path.parent().unwrap().to_str().unwrap().to_owned()
    }

    /// After a bad end: archive and ledger are sound, and nothing was said that is not so.
    #[track_caller]
    pub fn check_aftermath(&self, stage: &Stage, finished: &Finished) -> Aftermath {
        let seen = self
            .source
            .aftermath(&stage.target(), &stage.state_folder());
        let seen = hold(seen);
        hold(self.source.told(&seen, finished.stdout.as_bytes()));
        self.check_words(stage, finished, &seen);
        Aftermath {
            seen,
            outside: outside(stage),
        }
    }

    /// What an unfinished run has not reached waits, and is no damage.
    #[track_caller]
    pub fn check_nothing_is_called_damaged(&self, stage: &Stage, after: &Aftermath) {
        if after.seen.verified.is_empty() {
            // There may be no ledger yet.
            return;
        }
        let finished = stage.program(&["verify", "--read-data", "--json"]).run();
        let last = finished.stdout.lines().last().unwrap_or_default();
        let summary: Value = serde_json::from_str(last).expect(&finished.stderr);
        assert_eq!(summary["damaged"], 0, "{}", finished.stdout);
        let waits = ["waiting", "without_metadata"].map(|name| summary[name].as_u64().unwrap());
        let code = if waits == [0, 0] { 0 } else { 3 };
        assert_eq!(finished.code, Some(code), "{}", finished.stdout);
        // The ledger may not have heard of everything, because the list was not through.
        let is_all_known = after.seen.known.len() == self.source.paths.len();
        assert!(
            self.is_whole(&after.seen) || code == 3 || !is_all_known,
            "{summary}"
        );
    }

    /// The next run completes the work: the same archive as without the bad end, and nothing was said that is not so.
    #[track_caller]
    pub fn check_next_run(&self, stage: &Stage, after: &Aftermath) {
        stage.server.requests().clear();
        let finished = stage.program(&["backup", "--json"]).run().expect_code(0);
        let later = stage.server.requests().all();
        // Keys of these tests need no escapes.
        let is_asked_for = |object: &str| later.iter().any(|seen| seen.path.ends_with(object));
        let (target, state_folder) = (stage.target(), stage.state_folder());
        let seen = self
            .source
            .next_run(&after.seen, is_asked_for, &target, &state_folder);
        let seen = hold(seen);
        hold(self.source.told(&seen, finished.stdout.as_bytes()));
        self.check_endtime(stage);
        self.check_words(stage, &finished, &seen);
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

    /// The archive is whole, and the ledger knows it.
    #[track_caller]
    pub fn check_complete(&self, stage: &Stage) {
        let checked = self.source.complete(&stage.target(), &stage.state_folder());
        hold(checked);
        self.check_endtime(stage);
    }

    /// A whole archive tells others the same end time as without a bad end.
    #[track_caller]
    fn check_endtime(&self, stage: &Stage) {
        assert_eq!(stage.endtime_ms(), self.endtime_ms, "the end time");
    }

    fn is_whole(&self, seen: &Seen) -> bool {
        seen.verified.len() == self.source.paths.len()
    }

    /// I7 to I10: what a run said and cost.
    #[track_caller]
    fn check_words(&self, stage: &Stage, finished: &Finished, seen: &Seen) {
        if let (Some(code), Some(summary)) = (finished.code, summary(finished)) {
            assert_eq!(summary["exit_code"], code, "{summary}");
            let is_whole = self.is_whole(seen);
            assert!(code != 0 || is_whole, "{:?}: {summary}", seen.verified);
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

/// How many objects the store was asked for so far.
fn objects(stage: &Stage) -> usize {
    stage.server.requests().counts().objects
}
