//! A few thousand recordings in a usual test run, 200,000 in a long one.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::date;
use rcbs_sim::Cloud;
use rcbs_sim::cloud::MediaSize;
use serde_json::Value;

use crate::stage::Stage;
use crate::support::rcbs::Finished;
use crate::support::rounds::Rounds;

const MIB: u64 = 1 << 20;
/// Over so many days the recordings are spread.
const DAYS: i32 = 10;
/// What a run may take more of for ten times as many recordings: the ids of a slice and of the one before are remembered,
/// here of 20,000 recordings each in a long run, allocators keep what they once had, and pages of the ledger are cached.
const GROWTH_BYTES: u64 = 20 * MIB;
/// A manifest has up to 8,000 recordings; the allocator keeps one for each of the threads that have read one, which are
/// a dozen at most.
const GROWTH_OF_MANIFESTS_BYTES: u64 = 40 * MIB;
/// Far more than the longest command takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(3_600);

/// So many recordings, each with one media file of a kilobyte.
fn stage_of(count: u64, line: &str) -> Stage {
    let first = date(2018, 2, 12);
    let daily = usize::try_from(count).unwrap() / DAYS as usize;
    let cloud = Cloud::new(3)
        .with_media_size(MediaSize::Fixed(1_000))
        .with_screens(0);
    let cloud = (0..DAYS).fold(cloud, |cloud, day| cloud.fill(first + day.days(), daily));
    let mut stage = Stage::new(cloud);
    stage.set("maxDate=2018-02-12");
    stage.set("minDate=2018-02-22");
    stage.set(line);
    stage
}

fn run(stage: &Stage, args: &[&str]) -> Finished {
    stage.program(args).limit(LIMIT).run()
}

fn sum(finished: &Finished) -> Value {
    serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap()
}

/// The largest memory of each command on an archive of so many recordings, after all of them have come.
fn peaks(count: u64, line: &str) -> Vec<(String, u64)> {
    let stage = stage_of(count, line);
    let mut peaks = Vec::new();
    for (name, args) in [
        ("the first run", &["backup", "--json"][..]),
        ("the second run", &["backup", "--json"]),
        ("status", &["status", "--json"]),
        ("report", &["report", "--since", "2018-02-12", "--json"]),
        ("verify", &["verify", "--read-data", "--json"]),
        ("verify --manifests", &["verify", "--manifests", "--json"]),
    ] {
        let finished = run(&stage, args).expect_code(0);
        if name.ends_with("run") {
            let sum = sum(&finished);
            assert_eq!(sum["recordings"], count, "{name}");
            let stored = if name == "the first run" { count } else { 0 };
            assert_eq!(sum["metadata_stored"], stored, "{name}");
            let fetched = if line.is_empty() { stored } else { 0 };
            assert_eq!(sum["fetched"], fetched, "{name}");
        }
        peaks.push((name.to_owned(), finished.peak_rss_bytes));
    }
    peaks
}

/// Compares with a tenth of the recordings.
fn assert_flat(what: &'static str, line: &str) {
    let rounds = Rounds::of(what, 10_000, 200_000);
    let count = rounds.seeds().end - rounds.seeds().start;
    let few = peaks(count / 10, line);
    let many = peaks(count, line);
    let table: Vec<String> = few
        .iter()
        .zip(&many)
        .map(|((name, few), (_, many))| format!("{name} {} -> {} MiB", few / MIB, many / MIB))
        .collect();
    let table = table.join(", ");
    for ((name, few), (_, many)) in few.iter().zip(&many) {
        let growth_bytes = match name.as_str() {
            "verify --manifests" => GROWTH_OF_MANIFESTS_BYTES,
            _ => GROWTH_BYTES,
        };
        assert!(*many < few + growth_bytes, "{name}: {table}");
    }
    rounds.done(&table);
}

#[test]
fn memory_does_not_grow_with_the_number_of_recordings() {
    assert_flat("recordings with 1 kB of media each", "");
}

#[test]
fn memory_does_not_grow_with_the_number_of_metadata() {
    assert_flat("recordings, metadata only", "metadataOnly=true");
}
