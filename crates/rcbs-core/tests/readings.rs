//! Every reading of the public facts, one whole run each: all is stored, or the run says that it is not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "the archive is looked at from outside"
)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rcbs_core::event::{Event, Listener};
use rcbs_core::run::{Outcome, RunEnd, outcome, run};
use rcbs_sim::cloud::MediaSize;
use rcbs_sim::faults::Faults;
use rcbs_sim::ports::{SimApi, SimStore};
use rcbs_sim::quirks::Quirks;
use rcbs_sim::{Cloud, SharedCloud, SimClock};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Where not everything can be proven, a run fails. No other may.
const MAY_FAIL: [&str; 1] = [
    // Long recordings are hidden from every range that is short enough for one page.
    "capped without paging, contained only",
];

/// Lists that a run over a day in four slices may ask for, in pages of eight: five pages, and some questions.
fn most_lists(name: &str) -> usize {
    match name {
        "page-cap=1" => 40,
        "capped without paging, contained only" => 70,
        "longest-range=5" | "longest-range=24" => 22,
        "bound-reading=stop" => 12,
        _ if name.contains("shuffled") => 22,
        _ if name.contains("without paging") || name.contains("without links") => 25,
        _ => 10,
    }
}

#[derive(Debug)]
struct Silent;

impl Listener for Silent {
    fn on(&self, _event: &Event) {}
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Sixty calls of a day, some at its edges and across the edges of slices, and some of the days beside it.
fn cloud() -> Cloud {
    let cloud = Cloud::new(3)
        .with_media_size(MediaSize::Fixed(100))
        .with_screens(0)
        .fill(jiff::civil::date(2018, 2, 11), 10)
        .fill(jiff::civil::date(2018, 2, 12), 24)
        .fill(jiff::civil::date(2018, 2, 13), 10);
    let edges = [
        ("into-the-day", "2018-02-11T23:30:00Z", 3_600),
        ("first", "2018-02-12T00:00:00Z", 60),
        ("long", "2018-02-12T05:59:59.999Z", 30_000),
        ("last", "2018-02-12T23:59:59.999Z", 7_200),
        ("after", "2018-02-13T00:00:00Z", 60),
    ];
    edges.iter().fold(cloud, |cloud, (id, start, length_s)| {
        let recording = cloud.recording(id).at(start).lasting_s(*length_s);
        recording.audio().build()
    })
}

fn of_the_day(cloud: &Cloud) -> BTreeSet<String> {
    let (since, until) = (at("2018-02-12T00:00:00Z"), at("2018-02-13T00:00:00Z"));
    let recordings = cloud.recordings().iter();
    recordings
        .filter(|one| one.start >= since && one.start < until)
        .map(|one| one.id.clone())
        .collect()
}

async fn run_once(
    cloud: &SharedCloud,
    clock: &Arc<SimClock>,
    quirks: &Quirks,
    folder: &Path,
) -> (RunEnd, usize) {
    let api = Arc::new(SimApi::new(cloud, quirks.clone(), Faults::none()));
    let store = SimStore::new(cloud, quirks.clone(), Faults::none());
    let ports = support::ports(Arc::clone(&api) as Arc<_>, Arc::new(store), clock, folder);
    let end = run(
        ports,
        support::options(),
        Arc::new(Silent),
        CancellationToken::new(),
    )
    .await;
    (end, api.calls().lists())
}

/// The ids of what is stored, whole: metadata and media.
fn stored(folder: &Path) -> BTreeSet<String> {
    fn walk(folder: &Path, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), names);
            } else {
                names.push(entry.path().to_string_lossy().into_owned());
            }
        }
    }
    let mut names = Vec::new();
    walk(folder, &mut names);
    let whole = |name: &&String| {
        let parent = Path::new(name)
            .parent()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        names
            .iter()
            .any(|other| other.starts_with(&parent) && other.ends_with(".bin"))
    };
    let metadata = names.iter().filter(|name| name.ends_with(".json"));
    let stems = metadata
        .filter(whole)
        .map(|name| Path::new(name).file_stem().unwrap());
    stems
        .map(|stem| stem.to_string_lossy().into_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn under_every_reading_a_run_stores_all_or_fails() {
    let expected = of_the_day(&cloud());
    assert_eq!(expected.len(), 27);
    let mut may_fail = MAY_FAIL.to_vec();
    for (name, mut quirks) in Quirks::all_readings() {
        // Lists of more than a page, under each of them.
        quirks.page_cap = quirks.page_cap.min(8);
        let clock = Arc::new(SimClock::starting_at(at("2018-03-01T00:00:00Z")));
        let cloud = SharedCloud::new(cloud(), Arc::clone(&clock) as Arc<_>);
        let folder = TempDir::new().unwrap();
        let (end, lists) = run_once(&cloud, &clock, &quirks, folder.path()).await;
        let stored = stored(folder.path());
        if let Some(place) = may_fail.iter().position(|known| *known == name) {
            may_fail.remove(place);
            let told = (outcome(&end), end.summary.slices_failed > 0);
            assert_eq!(
                told,
                (Outcome::Failed, true),
                "{name}: take it off the list"
            );
            assert!(stored.is_subset(&expected), "{name}");
        } else {
            assert_eq!(outcome(&end), Outcome::Complete, "{name}: {end:?}");
            assert_eq!(stored, expected, "{name}");
        }
        let most = most_lists(&name);
        assert!(lists <= most, "{name}: {lists} lists, {most} are enough");
    }
    assert!(
        may_fail.is_empty(),
        "there is no such reading: {may_fail:?}"
    );
}
