//! A pretend cloud, a target folder and a configuration file: everything one run needs, in a folder of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rcbs_sim::cloud::Form;
use rcbs_sim::faults::Faults;
use rcbs_sim::quirks::Quirks;
use rcbs_sim::server::{BlockingSimServer, SimServer};
use rcbs_sim::{Cloud, Identity};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::rcbs::{Finished, Rcbs};

/// The window of most tests, oldest and newest edge.
pub const DAY: &str = "maxDate=2018-02-12\nminDate=2018-02-13\n";

/// One cloud and one archive.
pub struct Stage {
    pub server: BlockingSimServer,
    folder: TempDir,
    lines: String,
    environment: BTreeMap<String, String>,
}

impl Stage {
    /// A cloud without quirks and faults, and a configuration for the 12th of February 2018.
    pub fn new(cloud: Cloud) -> Self {
        Self::with(cloud, Quirks::default(), &[])
    }

    /// The same with faults, in their textual form.
    pub fn with_faults(cloud: Cloud, faults: &[&str]) -> Self {
        Self::with(cloud, Quirks::default(), faults)
    }

    /// Any cloud.
    pub fn with(cloud: Cloud, quirks: Quirks, faults: &[&str]) -> Self {
        let faults = Faults::from_texts(faults.iter().copied()).unwrap();
        Self::around(SimServer::start_blocking(cloud, quirks, faults).unwrap())
    }

    /// Any server.
    pub fn around(server: BlockingSimServer) -> Self {
        let environment = server
            .environment()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let lines = format!("{}targetDir=target\n{DAY}", server.config_lines());
        Self {
            server,
            folder: TempDir::new().unwrap(),
            lines,
            environment,
        }
    }

    /// Replaces lines of the configuration: a key that is there already gets the new value.
    pub fn set(&mut self, lines: &str) -> &mut Self {
        for line in lines.lines() {
            let key = line.split('=').next().unwrap();
            let kept = self
                .lines
                .lines()
                .filter(|old| old.split('=').next() != Some(key));
            self.lines = kept.map(|old| format!("{old}\n")).collect();
            self.lines.push_str(&format!("{line}\n"));
        }
        self
    }

    /// Takes a key out of the configuration.
    pub fn unset(&mut self, key: &str) -> &mut Self {
        let kept = self
            .lines
            .lines()
            .filter(|old| old.split('=').next() != Some(key));
        self.lines = kept.map(|old| format!("{old}\n")).collect();
        self
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable out of the environment.
    pub fn without_env(&mut self, name: &str) -> &mut Self {
        self.environment.remove(name);
        self
    }

    /// The folder of the configuration file.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The target.
    pub fn target(&self) -> PathBuf {
        self.folder.path().join("target")
    }

    /// Where the ledger lies: in the target, or beside it with `stateDir=state`.
    pub fn state_folder(&self) -> PathBuf {
        if self.lines.contains("stateDir=state\n") {
            self.folder.path().join("state")
        } else {
            self.target().join(".rcbs")
        }
    }

    /// What must never be told or written down.
    pub fn secrets(&self) -> Vec<String> {
        let secrets = self.environment.iter().filter(|(name, _)| {
            ["PASSWORD", "SECRET_ACCESS_KEY"]
                .iter()
                .any(|end| name.ends_with(end))
        });
        secrets.map(|(_, value)| value.clone()).collect()
    }

    /// The program with these arguments, in the folder of the configuration file, not started yet.
    pub fn program(&self, args: &[&str]) -> Rcbs {
        self.write_configuration();
        let program = Rcbs::new().args(args).current_dir(self.folder.path());
        self.environment
            .iter()
            .fold(program, |program, (name, value)| program.env(name, value))
    }

    /// The environment of the program.
    pub fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.environment.iter();
        all.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// In one piece: a program that was started before may be reading it at this moment.
    pub fn write_configuration(&self) {
        let folder = self.folder.path();
        let mut file = tempfile::NamedTempFile::new_in(folder).unwrap();
        std::io::Write::write_all(&mut file, self.lines.as_bytes()).unwrap();
        file.persist(folder.join("config.properties")).unwrap();
    }

    /// The launch line of the manual.
    pub fn backup(&self) -> Finished {
        self.program(&["-config", "config.properties"]).run()
    }

    /// A backup with JSON lines, and these.
    pub fn backup_json(&self) -> (Finished, Vec<Value>) {
        let finished = self.program(&["backup", "--json"]).run();
        let lines = finished
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let lines = lines.collect();
        (finished, lines)
    }

    /// All files of the archive with their bytes, by their path in the target; the program's own folder is left out.
    pub fn archive(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        walk(&self.target(), "", &mut files);
        files.remove("last_recording_endtime.txt");
        // What one run has stored or many is the same archive, but not the same manifests.
        files.retain(|path, _| !path.starts_with("manifests/"));
        files
    }

    /// The manifests and their signatures, by their path in the target.
    pub fn manifests(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        walk(&self.target().join("manifests"), "manifests", &mut files);
        files
    }

    /// All files in the folder of the configuration file, target and the program's own files included.
    pub fn everything(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        walk(self.folder(), "", &mut files);
        files
    }

    /// The paths of the media files.
    pub fn media_files(&self) -> Vec<String> {
        self.archive()
            .into_keys()
            .filter(|path| path.ends_with(".bin"))
            .collect()
    }

    /// What `last_recording_endtime.txt` holds, in epoch milliseconds.
    pub fn endtime_ms(&self) -> Option<i64> {
        let text =
            std::fs::read_to_string(self.target().join("last_recording_endtime.txt")).ok()?;
        Some(text.trim().parse().unwrap())
    }

    /// What `rcbs status --json` says.
    pub fn status(&self) -> Value {
        let finished = self.program(&["status", "--json"]).run();
        let told: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(told["exit_code"], finished.code.unwrap());
        told
    }

    /// What `rcbs explain ID --json` says.
    pub fn explain(&self, id: &str) -> Value {
        self.answer(&["explain", id, "--json"])
    }

    /// The window of a run that began now, as `rcbs plan --json` says it.
    pub fn plan(&self, args: &[&str]) -> Value {
        self.answer(&[&["plan", "--json"], args].concat())
    }

    /// The states of a recording's media files, in the order the ledger has them.
    pub fn states(&self, id: &str) -> Vec<String> {
        let media = self.explain(id)["media"].take();
        let states = media.as_array().unwrap().iter();
        states
            .map(|one| one["state"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The same, or `None` when the ledger does not know the recording.
    pub fn states_or_none(&self, id: &str) -> Option<Vec<String>> {
        let finished = self.program(&["explain", id, "--json"]).run();
        (finished.code == Some(0)).then(|| self.states(id))
    }

    /// What a command with one JSON answer and exit code 0 says.
    fn answer(&self, args: &[&str]) -> Value {
        let finished = self.program(args).run().expect_code(0);
        serde_json::from_str(&finished.stdout).unwrap()
    }

    /// The files that the program keeps for itself in this folder of `.rcbs`.
    pub fn own_files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        walk(
            &self.target().join(".rcbs").join(folder),
            "inside",
            &mut files,
        );
        files
    }

    /// How many objects the store was asked for since the last call of this.
    pub fn object_requests(&self) -> usize {
        let objects = self.server.requests().counts().objects;
        self.server.requests().clear();
        objects
    }
}

/// The events of one kind among JSON lines.
pub fn events<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == kind).collect()
}

/// The last line of a run: everything counted.
pub fn summary(lines: &[Value]) -> &Value {
    let last = lines.last().unwrap();
    assert_eq!(last["event"], "summary", "{last}");
    last
}

/// Compares some fields of a JSON object; tells all of them when one differs.
#[track_caller]
pub fn expect_fields<V: Into<Value> + Copy>(object: &Value, expected: &[(&str, V)]) {
    for (name, value) in expected {
        assert_eq!(object[name], (*value).into(), "{name} of {object:#}");
    }
}

/// Plays all cases at the same time, so that their waits pass side by side.
pub fn side_by_side<C: Sync>(cases: &[C], play: impl Fn(&C) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| play(case));
        }
    });
}

/// A moment so many days before now, in whole milliseconds.
pub fn days_ago(days: i64) -> Timestamp {
    let now = Timestamp::now() - SignedDuration::from_hours(24 * days);
    Timestamp::from_millisecond(now.as_millisecond()).unwrap()
}

/// The cloud keeps the first media file of this recording encrypted from now on, as a new version.
pub fn heal(stage: &Stage, id: &str) {
    stage.server.cloud().change(|cloud| {
        let mut object = None;
        cloud.change(id, |recording| {
            let media = &mut recording.media[0];
            media.form = Form::Detached;
            object = Some((media.bucket.clone(), media.key.clone()));
        });
        let (bucket, key) = object.unwrap();
        assert!(cloud.replace_object(&bucket, &key));
    });
}

/// A key pair that all tests share.
pub fn customer() -> &'static Identity {
    Identity::shared(0)
}

/// A cloud whose media are sealed for [`customer`].
pub fn cloud() -> Cloud {
    Cloud::new(1).encrypted_for([customer().recipient.clone()])
}

fn walk(folder: &Path, path: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if path.is_empty() && name == ".rcbs" {
            continue;
        }
        let inner = if path.is_empty() {
            name
        } else {
            format!("{path}/{name}")
        };
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), &inner, files);
        } else {
            files.insert(inner, std::fs::read(entry.path()).unwrap());
        }
    }
}
