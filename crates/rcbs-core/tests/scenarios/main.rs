//! Stories of whole runs in process: the pretend cloud's ports, a real folder, a real ledger, paused time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "the archive is looked at from outside"
)]

mod days_to_come;
mod fault_of_ours;
mod meddled;
#[path = "../support/mod.rs"]
mod support;
mod unfinished;
mod verifying;
mod waiting;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use rcbs_core::event::{Event, Listener};
use rcbs_core::plan::Instance;
use rcbs_core::ports::{ApiError, Clock as _, ListRequest, Page, RecordingApi, RemoteSettings};
use rcbs_core::rate::{Bandwidth, Timetable};
use rcbs_core::recording::RecordingId;
use rcbs_core::run::{Outcome, Ports, RunEnd, RunOptions, outcome, run, verify_manifests};
use rcbs_core::verify::{VerifyEvent, VerifySummary, Witness};
use rcbs_io::target::TargetView;
use rcbs_sim::faults::Faults;
use rcbs_sim::ports::{SimApi, SimStore};
use rcbs_sim::quirks::Quirks;
use rcbs_sim::{Cloud, SharedCloud, SimClock};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use support::ports;

/// A cloud, and what was asked of it.
struct World {
    cloud: SharedCloud,
    api: Arc<SimApi>,
    store: Arc<SimStore>,
    clock: Arc<SimClock>,
}

impl World {
    fn new(cloud: Cloud, faults: &[&str]) -> Self {
        Self::with(cloud, &Quirks::default(), faults)
    }

    fn with(cloud: Cloud, quirks: &Quirks, faults: &[&str]) -> Self {
        let clock = Arc::new(SimClock::starting_at(
            "2018-03-01T00:00:00Z".parse().unwrap(),
        ));
        let cloud = SharedCloud::new(cloud, Arc::clone(&clock) as Arc<_>);
        let faults = Faults::from_texts(faults.iter().copied()).unwrap();
        Self {
            api: Arc::new(SimApi::new(&cloud, quirks.clone(), faults.clone())),
            store: Arc::new(SimStore::new(&cloud, quirks.clone(), faults)),
            clock,
            cloud,
        }
    }

    fn ports(&self, folder: &Path) -> Ports {
        let (api, store) = (Arc::clone(&self.api), Arc::clone(&self.store));
        ports(api, store, &self.clock, folder)
    }
}

fn options(instance: Instance) -> RunOptions {
    RunOptions {
        instance,
        ..support::options()
    }
}

fn day_of(count: usize) -> Cloud {
    Cloud::new(3).fill(jiff::civil::date(2018, 2, 12), count)
}

/// Does nothing, or something at the n-th event.
struct AtEvent {
    left: AtomicU64,
    token: CancellationToken,
}

impl AtEvent {
    fn never() -> Arc<Self> {
        Self::nth(u64::MAX, CancellationToken::new())
    }

    fn nth(count: u64, token: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicU64::new(count),
            token,
        })
    }
}

impl Listener for AtEvent {
    fn on(&self, _event: &Event) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.token.cancel();
        }
    }
}

async fn whole_run(world: &World, folder: &Path, instance: Instance) -> RunEnd {
    let never = CancellationToken::new();
    run(
        world.ports(folder),
        options(instance),
        AtEvent::never(),
        never,
    )
    .await
}

/// The archive, without the program's own folder.
fn archive(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            // Which files one manifest holds depends on how often a run was begun.
            if entry.file_name() == ".rcbs" || entry.file_name() == "manifests" {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                walk(root, &path, files);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(folder, folder, &mut files);
    files
}

/// Dropping a run is a death without a last word: nothing is told to stop, nothing is finished. The runtime of its own
/// takes with it what the run had spawned, and waits for what the system was doing already.
fn live_until(death: CancellationToken, life: impl Future<Output = RunEnd> + Send + 'static) {
    let body = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = death.cancelled() => {}
                _ = life => {}
            }
        });
    });
    body.join().unwrap();
}

/// A2.
#[tokio::test(start_paused = true)]
async fn any_moment_of_death_followed_by_a_run_ends_in_the_same_archive() {
    let world = World::new(day_of(30), &[]);
    let reference = TempDir::new().unwrap();
    let end = whole_run(&world, reference.path(), Instance::all()).await;
    assert_eq!(outcome(&end), Outcome::Complete, "{end:?}");
    let expected = archive(reference.path());
    assert!(expected.len() > 60);
    for moment in (1..120).step_by(7) {
        let folder = TempDir::new().unwrap();
        let death = CancellationToken::new();
        let never = CancellationToken::new();
        let listener = AtEvent::nth(moment, death.clone());
        let ports = world.ports(folder.path());
        let life = run(ports, options(Instance::all()), listener, never);
        live_until(death, life);
        let mut before = archive(folder.path());
        before.remove("last_recording_endtime.txt");
        for (name, bytes) in &before {
            assert_eq!(
                Some(bytes),
                expected.get(name),
                "{name} after a death at event {moment}"
            );
        }
        let end = whole_run(&world, folder.path(), Instance::all()).await;
        assert_eq!(
            outcome(&end),
            Outcome::Complete,
            "after a death at event {moment}: {end:?}"
        );
        assert_eq!(
            archive(folder.path()),
            expected,
            "after a death at event {moment}"
        );
        assert_proven(&world, folder.path()).await;
    }
}

/// Every file of the archive is as the manifests say, and they are one chain.
async fn assert_proven(world: &World, folder: &Path) -> VerifySummary {
    struct Nobody;
    impl Witness for Nobody {
        fn on(&self, event: &VerifyEvent) {
            assert!(
                !matches!(event, VerifyEvent::FoundInManifests(_)),
                "{event:?}"
            );
        }
    }
    let options = support::looking::manifests();
    let target = Arc::new(TargetView::open(folder).unwrap());
    let clock = Arc::clone(&world.clock) as Arc<_>;
    let never = CancellationToken::new();
    let end = verify_manifests(target, clock, options, Arc::new(Nobody), never).await;
    assert_eq!(end.outcome(), Outcome::Complete);
    let mut files = archive(folder);
    files.remove("last_recording_endtime.txt");
    let texts = manifests(folder);
    for path in files.keys() {
        let line = format!("  {path}\n");
        assert!(texts.iter().any(|(_, text)| text.contains(&line)), "{path}");
    }
    end.summary
}

/// The manifests by their paths.
fn manifests(folder: &Path) -> BTreeMap<String, String> {
    let top = folder.join("manifests");
    let inside = |folder: &Path| {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|it| it.unwrap().path())
    };
    inside(&top)
        .flat_map(|year| inside(&year).collect::<Vec<_>>())
        .map(|part| {
            let path = part.join("manifest-sha256.txt");
            let name = part.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn manifests_are_one_for_each_day_on_which_something_was_stored_and_never_change_later() {
    let world = World::new(day_of(20), &[]);
    let folder = TempDir::new().unwrap();
    whole_run(&world, folder.path(), Instance::all()).await;
    let first = manifests(folder.path());
    assert_eq!(first.keys().collect::<Vec<_>>(), ["2018-03-01-001"]);
    // Nothing new, on the same day and the next.
    whole_run(&world, folder.path(), Instance::all()).await;
    world.clock.turn_by(SignedDuration::from_hours(24));
    whole_run(&world, folder.path(), Instance::all()).await;
    assert_eq!(manifests(folder.path()), first);
    // Metadata change, twice on one day: listed once, with what they are now.
    for caller in ["+1", "+2"] {
        world.cloud.change(|cloud| {
            let id = cloud.recordings()[0].id.clone();
            cloud.change(&id, |recording| recording.caller = caller.to_owned())
        });
        whole_run(&world, folder.path(), Instance::all()).await;
    }
    let second = manifests(folder.path());
    assert_eq!(
        second.keys().collect::<Vec<_>>(),
        ["2018-03-01-001", "2018-03-02-001"]
    );
    assert_eq!(second["2018-03-01-001"], first["2018-03-01-001"], "closed");
    assert_eq!(second["2018-03-02-001"].matches(".json\n").count(), 1);
    let summary = assert_proven(&world, folder.path()).await;
    assert_eq!(summary.manifests, 2);
    // The ledger is lost: the chain goes on from what lies there, in a manifest of its own.
    std::fs::remove_dir_all(folder.path().join(".rcbs")).unwrap();
    whole_run(&world, folder.path(), Instance::all()).await;
    let third = manifests(folder.path());
    assert_eq!(third.len(), 3);
    assert_eq!(third["2018-03-02-001"], second["2018-03-02-001"]);
    // The clock was set back: the order of the chain stays that of the names.
    world.clock.turn_by(SignedDuration::from_hours(-24));
    std::fs::remove_dir_all(folder.path().join(".rcbs")).unwrap();
    whole_run(&world, folder.path(), Instance::all()).await;
    let names: Vec<String> = manifests(folder.path()).into_keys().collect();
    assert_eq!(names[2..], ["2018-03-02-002", "2018-03-02-003"]);
    assert_proven(&world, folder.path()).await;
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_is_continued_by_the_next() {
    let world = World::new(day_of(30), &[]);
    let folder = TempDir::new().unwrap();
    let token = CancellationToken::new();
    let listener = AtEvent::nth(40, token.clone());
    let end = run(
        world.ports(folder.path()),
        options(Instance::all()),
        listener,
        token,
    )
    .await;
    assert_eq!(outcome(&end), Outcome::Interrupted);
    let stored = end.summary.fetched;
    let end = whole_run(&world, folder.path(), Instance::all()).await;
    assert_eq!(outcome(&end), Outcome::Complete);
    assert_eq!(
        end.summary.unchanged + end.summary.adopted,
        stored,
        "what was stored is not fetched again"
    );
}

#[tokio::test(start_paused = true)]
async fn instances_own_every_recording_exactly_once() {
    let world = World::new(day_of(60), &[]);
    let mut together: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut files = 0;
    for id in 0..3 {
        let folder = TempDir::new().unwrap();
        let end = whole_run(&world, folder.path(), Instance::new(id, 3).unwrap()).await;
        assert_eq!(outcome(&end), Outcome::Complete);
        let mut share = archive(folder.path());
        share.remove("last_recording_endtime.txt");
        files += share.len();
        together.extend(share);
    }
    let alone = TempDir::new().unwrap();
    whole_run(&world, alone.path(), Instance::all()).await;
    let mut expected = archive(alone.path());
    expected.remove("last_recording_endtime.txt");
    assert_eq!(files, expected.len(), "no recording is stored twice");
    assert_eq!(together, expected);
}

/// E1.
#[tokio::test(start_paused = true)]
async fn a_storm_of_slow_down_costs_waiting_and_no_recording() {
    let world = World::new(day_of(300), &["object 30%: slow-down"]);
    let folder = TempDir::new().unwrap();
    let end = whole_run(&world, folder.path(), Instance::all()).await;
    assert_eq!(outcome(&end), Outcome::Complete, "{:?}", end.stopped);
    let (asked, needed) = (world.store.calls().gets(), end.summary.fetched as usize);
    assert!(
        asked * 2 <= needed * 3,
        "{asked} requests for {needed} objects"
    );
}

/// Counts how many recordings are asked for at the same time.
#[derive(Debug)]
struct Crowd {
    api: Arc<SimApi>,
    now: AtomicU64,
    most: AtomicU64,
}

#[async_trait]
impl RecordingApi for Crowd {
    async fn list(&self, request: &ListRequest) -> Result<Page, ApiError> {
        self.api.list(request).await
    }

    async fn recording(&self, id: &RecordingId) -> Result<Bytes, ApiError> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let answer = self.api.recording(id).await;
        self.now.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    async fn settings(&self) -> Result<Option<RemoteSettings>, ApiError> {
        self.api.settings().await
    }
}

/// Seconds that a backup of 60 recordings takes under a limit, and the bytes it receives.
async fn paced(limit: &str) -> (u64, u64) {
    let world = World::new(day_of(60), &[]);
    let folder = TempDir::new().unwrap();
    let timetable = Timetable::parse(limit).unwrap();
    let options = RunOptions {
        bandwidth: Bandwidth::by_hour(timetable, TimeZone::UTC),
        ..options(Instance::all())
    };
    let never = CancellationToken::new();
    let ports = world.ports(folder.path());
    let end = run(ports, options, AtEvent::never(), never).await;
    assert_eq!(outcome(&end), Outcome::Complete, "{:?}", end.stopped);
    (world.clock.elapsed().as_secs(), end.summary.received_bytes)
}

#[tokio::test(start_paused = true)]
async fn a_run_is_as_long_as_its_bytes_take_and_a_timetable_changes_that_on_the_way() {
    let (took_s, bytes) = paced("off").await;
    assert_eq!(took_s, 0);
    let (took_s, _) = paced("100kB/s").await;
    let due_s = bytes / 100_000;
    assert!(due_s > 10, "{bytes}");
    assert!(
        (due_s * 9 / 10..=due_s + 1).contains(&took_s),
        "{took_s}, {due_s}"
    );
    // The run begins at midnight, and by night it would take days.
    let (took_s, _) = paced("0-1 10B/s; 100kB/s").await;
    let due_s = 3600 + due_s;
    assert!(
        (due_s * 9 / 10..=due_s + 1).contains(&took_s),
        "{took_s}, {due_s}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_is_asked_for_at_once_than_is_fetched() {
    for (connections, expected) in [(1, 1), (3, 3), (64, 8)] {
        let quirks = Quirks::from_settings(["list-form=uris"]).unwrap();
        let world = World::with(day_of(40), &quirks, &[]);
        let crowd = Arc::new(Crowd {
            api: Arc::clone(&world.api),
            now: AtomicU64::new(0),
            most: AtomicU64::new(0),
        });
        let folder = TempDir::new().unwrap();
        let ports = Ports {
            api: Arc::clone(&crowd) as Arc<_>,
            ..world.ports(folder.path())
        };
        let options = RunOptions {
            max_connections: connections,
            ..options(Instance::all())
        };
        let end = run(ports, options, AtEvent::never(), CancellationToken::new()).await;
        assert_eq!(outcome(&end), Outcome::Complete, "{:?}", end.stopped);
        assert_eq!(crowd.most.load(Ordering::Relaxed), expected);
    }
}
