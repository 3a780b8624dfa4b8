//! Runs of several kinds, cut at any moment.

use rcbs_sim::{Cloud, Content, Form};

use crate::aftermath::{Reference, check};
use crate::cut::Cut;
use crate::disk::Disk;
use crate::stage::{Stage, cloud};
use crate::support::invariants::{Source, hold, public_files};
use crate::support::rounds::Rounds;
use crate::support::snapshot::snapshot;
use crate::trace::{self, Call};

const MANY: &str = "shardBy=PT6H";
const ONE_BY_ONE: &str = "shardBy=PT6H\ndownloadMode=single\nmaxConnections=1";

/// A run that was recorded, and all that is needed to cut it.
struct Story {
    /// The disk before it.
    before: Disk,
    calls: Vec<Call>,
    reference: Reference,
    /// What an earlier run had told.
    told_before: Vec<u8>,
}

/// Eight recordings in all forms, small and large beside each other.
fn day() -> Cloud {
    (0..8_u64).fold(cloud(), |cloud, number| {
        let form = [Form::Detached, Form::Complete, Form::Streamed][number as usize % 3];
        let recording = cloud
            .recording(&format!("RECORDING{number}"))
            .at(&format!("2018-02-12T{:02}:30:00Z", 3 * number))
            .audio_of(Content::pattern(3_000 + 1_000 * number, number))
            .screen_of(Content::pattern(
                10_000 + number * number * 4_000,
                10 + number,
            ));
        recording.kept_as(form).build()
    })
}

fn recorded(stage: &Stage) -> (Vec<u8>, Vec<Call>) {
    let (finished, calls) = trace::backup(stage);
    let finished = finished.expect_code(0);
    (finished.stdout.into_bytes(), calls)
}

impl Story {
    /// A first run into an empty folder.
    fn first_run(lines: &str) -> Self {
        let mut stage = Stage::new(day());
        stage.set(lines);
        let (told, calls) = recorded(&stage);
        let source = hold(Source::of(stage.server.cloud(), &stage.target(), &told));
        Self {
            before: Disk::empty(),
            calls,
            reference: Reference {
                cloud: stage.server.cloud().clone(),
                source,
            },
            told_before: Vec::new(),
        }
    }

    /// A run that finds everything changed: metadata, a file that is gone, a damaged one, a new recording.
    fn later_run() -> Self {
        let stage = Stage::new(day());
        let (told_before, _) = recorded(&stage);
        let earlier = public_files(&stage.target());
        stage.server.cloud().change(|cloud| {
            for number in 0..8 {
                cloud.change(&format!("RECORDING{number}"), |recording| {
                    recording.caller = "+15550100".to_owned();
                });
            }
        });
        let before = Disk::holding("target", snapshot(&stage.target(), &[]));
        let (told, calls) = recorded(&stage);
        let told = [told_before.as_slice(), &told].concat();
        let mut source = hold(Source::of(stage.server.cloud(), &stage.target(), &told));
        source.earlier = earlier;
        Self {
            before,
            calls,
            reference: Reference {
                cloud: stage.server.cloud().clone(),
                source,
            },
            told_before,
        }
    }

    /// Cuts it as this seed wants.
    async fn cut(&self, seed: u64) -> Result<(), String> {
        let cut = Cut::new(seed, self.calls.len());
        let checked = self.cut_there(&cut).await;
        checked.map_err(|error| format!("seed {seed}, {cut:?}: {error}"))
    }

    async fn cut_there(&self, cut: &Cut) -> Result<(), String> {
        let remains = cut.leaves(&self.before, &self.calls);
        let said = self.calls[..cut.calls]
            .iter()
            .filter_map(|call| match call {
                Call::Said(bytes) => Some(bytes.as_slice()),
                _ => None,
            });
        let mut said: Vec<u8> = said.flatten().copied().collect();
        said.splice(0..0, self.told_before.iter().copied());
        check(&self.reference, &remains, &said).await
    }

    /// The same on a disk that only pretends to flush at these calls.
    fn without(mut self, is_ignored: impl Fn(&[Call], &Call) -> bool) -> Self {
        for number in 0..self.calls.len() {
            let (before, from) = self.calls.split_at(number);
            if is_ignored(before, &from[0]) {
                // Something that changes nothing: calls are known by their number.
                self.calls[number] = Call::Said(Vec::new());
            }
        }
        self
    }
}

fn cut_often(what: &'static str, usual: u64, long: u64, story: &Story) {
    let rounds = Rounds::of(what, usual, long);
    let runtime = runtime();
    for seed in rounds.seeds() {
        if let Err(error) = runtime.block_on(story.cut(seed)) {
            panic!("{error}");
        }
    }
    rounds.done(&format!("{} calls that change files", story.calls.len()));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// B1, B2.
#[test]
fn many_files_at_once_survive_any_cut() {
    let story = Story::first_run(MANY);
    cut_often("power cuts, many files at once", 700, 35_000, &story);
}

/// B1, B2.
#[test]
fn files_one_by_one_survive_any_cut() {
    let story = Story::first_run(ONE_BY_ONE);
    cut_often("power cuts, one file after the other", 700, 35_000, &story);
}

/// B1, B2.
#[test]
fn an_archive_that_is_brought_up_to_date_survives_any_cut() {
    let story = Story::later_run();
    cut_often("power cuts, changed metadata", 600, 30_000, &story);
}

/// What is wrong at the first moment at which something is, of some: any, and those just after a file got its name.
fn found_out(story: &Story) -> Option<String> {
    let runtime = runtime();
    let given =
        (1..=story.calls.len()).filter(|at| matches!(story.calls[at - 1], Call::Rename(..)));
    let given: Vec<usize> = given.collect();
    let cuts = (0..300).flat_map(|seed| {
        let after = given[usize::try_from(seed).unwrap() % given.len()];
        [Cut::new(seed, story.calls.len()), Cut::after(seed, after)]
    });
    let mut cuts = cuts.into_iter();
    cuts.find_map(|cut| runtime.block_on(story.cut_there(&cut)).err())
}

/// Whether a call is one of some kind, by those before it.
type Kind = fn(&[Call], &Call) -> bool;

/// The flushes that a run cannot do without, and a run that shows it. Many files are flushed as one, few by themselves;
/// how many come together is a matter of chance. One by one, no flush for a file makes the bytes of the next durable.
const FLUSHES: [(&str, &str, Kind); 3] = [
    ("bytes", ONE_BY_ONE, |before, call| match call {
        Call::FlushAll { .. } => !gave_names(before),
        Call::Flush { path, .. } => path.starts_with("target/.rcbs/staging"),
        _ => false,
    }),
    ("names", MANY, |before, call| match call {
        Call::FlushAll { .. } => gave_names(before),
        Call::Flush { path, .. } => path.starts_with("target/2018"),
        _ => false,
    }),
    (
        "the ledger",
        MANY,
        |_, call| matches!(call, Call::Flush { path, .. } if path.ends_with("ledger.db-wal")),
    ),
];

/// Whether files got names since everything was flushed.
fn gave_names(calls: &[Call]) -> bool {
    let since = calls.iter().rev();
    let mut since = since.take_while(|call| !matches!(call, Call::FlushAll { .. }));
    since.any(|call| matches!(call, Call::Rename(..)))
}

#[test]
fn a_program_that_does_not_flush_would_be_found_out() {
    for (what, lines, is_ignored) in FLUSHES {
        let story = Story::first_run(lines).without(is_ignored);
        assert!(found_out(&story).is_some(), "nobody needs to flush {what}");
    }
}
