//! One run against a hostile cloud, and what must hold after it whatever the cloud did.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rcbs_sim::Cloud;
use serde_json::Value;

use crate::stage::{Stage, events};
use crate::support::archive::{check_private, sealed_files};
use crate::support::invariants::hold;
use crate::support::rcbs::Finished;
use crate::support::snapshot::{files, snapshot};

/// No server may make the program take more.
const PEAK_RSS_BYTES: u64 = 256 << 20;

/// Recordings that nothing is wrong with, first and last of the day.
const NEIGHBOURS: [(&str, &str); 2] = [
    ("NEIGHBOUR0BEFORE", "2018-02-12T00:00:01Z"),
    ("NEIGHBOUR9AFTER", "2018-02-12T23:59:00Z"),
];

/// What a run said and did.
pub struct Report {
    pub finished: Finished,
    pub lines: Vec<Value>,
}

/// Adds the good neighbours to a cloud.
pub fn with_neighbours(cloud: Cloud) -> Cloud {
    NEIGHBOURS.iter().fold(cloud, |cloud, (id, at)| {
        cloud.recording(id).at(at).audio().screen().build()
    })
}

/// Runs once and checks what holds always: memory, privacy, nothing outside the target, no login told to anybody, and
/// nothing under a final name but what the cloud really holds and the run says it verified.
#[track_caller]
pub fn run(stage: &Stage) -> Report {
    let program = stage.program(&["backup", "--json"]);
    let before = snapshot(stage.folder(), &["target"]);
    let finished = program.run();
    assert_eq!(snapshot(stage.folder(), &["target"]), before);
    let peak = finished.peak_rss_bytes;
    assert!((1..PEAK_RSS_BYTES).contains(&peak), "{peak} bytes");
    hold(check_private(&stage.target()));
    assert_no_secret(stage, &finished);
    let lines = finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let report = Report { finished, lines };
    report.assert_only_verified(stage);
    report
}

impl Report {
    /// The run ended with this code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        let finished = self.finished.expect_code(code);
        Self { finished, ..self }
    }

    /// The good neighbours are stored.
    #[track_caller]
    pub fn expect_neighbours(self) -> Self {
        for (id, _) in NEIGHBOURS {
            assert_eq!(self.of("verified", id).len(), 2, "{id}: {:#?}", self.lines);
        }
        self
    }

    /// Some event of this kind tells a reason with these words.
    #[track_caller]
    pub fn expect_reason(self, kind: &str, words: &str) -> Self {
        let reasons: Vec<_> = self
            .all(kind)
            .into_iter()
            .filter_map(|event| event["reason"].as_str())
            .collect();
        assert!(
            reasons.iter().any(|reason| reason.contains(words)),
            "{words:?} is not in {reasons:#?}\n{}",
            self.finished.stderr
        );
        self
    }

    /// The events of one kind.
    pub fn all(&self, kind: &str) -> Vec<&Value> {
        events(&self.lines, kind)
    }

    /// The events of one kind about one recording.
    pub fn of(&self, kind: &str, recording: &str) -> Vec<&Value> {
        let all = self.all(kind).into_iter();
        all.filter(|event| event["recording"] == recording)
            .collect()
    }

    fn assert_only_verified(&self, stage: &Stage) {
        let sealed = sealed_files(stage.server.cloud());
        let stored = files(&stage.target());
        let mut told = BTreeSet::new();
        for event in self.all("verified") {
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            let path = PathBuf::from(text("path"));
            let wanted = &sealed[&(text("recording"), text("media"))];
            assert!(stored.get(&path) == Some(wanted), "{event}");
            told.insert(path);
        }
        let named: BTreeSet<PathBuf> = stored
            .into_keys()
            .filter(|path| !path.starts_with(".rcbs"))
            .filter(|path| path.extension().is_some_and(|kind| kind == "bin"))
            .collect();
        assert_eq!(named, told);
    }
}

/// The passwords stand in no output and in no file, neither as they are nor in base64.
#[track_caller]
pub fn assert_no_secret(stage: &Stage, finished: &Finished) {
    let options = &stage.server.options;
    let secrets = [
        options.password.as_str(),
        options.secret_key.as_str(),
        // `backup@sim:pretend-password` and its password alone, in base64.
        "YmFja3VwQHNpbTpwcmV0ZW5kLXBhc3N3b3Jk",
        "cHJldGVuZC1wYXNzd29yZ",
    ];
    let mut texts = vec![
        ("standard output".to_owned(), finished.stdout.clone()),
        ("standard error".to_owned(), finished.stderr.clone()),
    ];
    for (path, bytes) in files(&stage.target()) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        texts.push((path.display().to_string(), text));
    }
    for (place, text) in &texts {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in {place}");
        }
    }
}

/// Nothing but printable characters and line ends reached the terminal.
#[track_caller]
pub fn assert_printable(text: &str) {
    let is_harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let harmful: Vec<char> = text.chars().filter(|c| is_harmful(*c)).collect();
    assert!(harmful.is_empty(), "{harmful:?} in {text:?}");
}
