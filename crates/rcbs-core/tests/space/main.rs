//! Stories of a disk that is too small, with paused time: a reserve that stays free, a full disk that is waited for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod disk;
mod repairs;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcbs_core::event::{Event, Listener};
use rcbs_core::ports::{Clock, TargetError};
use rcbs_core::run::{Outcome, Ports, RunEnd, RunError, RunOptions, outcome, run};
use rcbs_core::space::{Reserve, SpaceForecast, SpaceRules};
use rcbs_sim::faults::Faults;
use rcbs_sim::ports::{SimApi, SimStore};
use rcbs_sim::quirks::Quirks;
use rcbs_sim::{Cloud, SharedCloud, SimClock};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use disk::{Disk, HUGE, OnDisk};

/// What was said, in order.
#[derive(Default)]
struct Heard(Mutex<Vec<Said>>);

#[derive(Debug, Clone, PartialEq)]
enum Said {
    Warning(String),
    NoSpace {
        needed_bytes: u64,
        free_bytes: Option<u64>,
    },
    SpaceAgain,
    TooSmall(SpaceForecast),
    SliceBegun,
}

impl Listener for Heard {
    fn on(&self, event: &Event) {
        let said = match event {
            Event::Warning { text } => Said::Warning(text.clone()),
            Event::TooSmall { forecast } => Said::TooSmall(*forecast),
            Event::NoSpace {
                needed_bytes,
                free_bytes,
                ..
            } => Said::NoSpace {
                needed_bytes: *needed_bytes,
                free_bytes: *free_bytes,
            },
            Event::SpaceAgain { .. } => Said::SpaceAgain,
            Event::SliceBegun { .. } => Said::SliceBegun,
            _ => return,
        };
        self.0.lock().unwrap().push(said);
    }
}

/// What came of a run.
#[derive(Debug)]
struct Ended {
    end: RunEnd,
    said: Vec<Said>,
    took_s: u64,
    most_used_bytes: u64,
    full: Vec<Duration>,
}

impl Ended {
    /// The pauses: begun, or ended.
    fn pauses(&self) -> Vec<&Said> {
        let is_pause = |said: &&Said| matches!(said, Said::NoSpace { .. } | Said::SpaceAgain);
        self.said.iter().filter(is_pause).collect()
    }

    fn forecasts(&self) -> Vec<SpaceForecast> {
        let forecasts = self.said.iter().filter_map(|said| match said {
            Said::TooSmall(forecast) => Some(*forecast),
            _ => None,
        });
        forecasts.collect()
    }
}

/// A backup onto a disk with so much space, which grows at some time.
async fn backup(folder: &Path, size_bytes: u64, grows_at: Duration, space: SpaceRules) -> Ended {
    backup_onto(folder, space, |clock| Disk {
        clock,
        size_bytes,
        grows_at,
        has_quota: false,
        book: Mutex::default(),
    })
    .await
}

async fn backup_onto(
    folder: &Path,
    space: SpaceRules,
    disk: impl FnOnce(Arc<SimClock>) -> Disk,
) -> Ended {
    let (ports, clock, disk) = world(folder, disk);
    let options = RunOptions {
        space,
        ..support::options()
    };
    let heard = Arc::new(Heard::default());
    let listener = Arc::clone(&heard) as Arc<_>;
    let end = run(ports, options, listener, CancellationToken::new()).await;
    let said = heard.0.lock().unwrap().clone();
    let book = disk.book.lock().unwrap();
    Ended {
        end,
        said,
        took_s: clock.elapsed().as_secs(),
        most_used_bytes: book.most_used_bytes,
        full: book.full.clone(),
    }
}

/// The archive in this folder on that disk, and a day of recordings.
fn world(
    folder: &Path,
    disk: impl FnOnce(Arc<SimClock>) -> Disk,
) -> (Ports, Arc<SimClock>, Arc<Disk>) {
    let at = "2018-03-01T00:00:00Z".parse().unwrap();
    let clock = Arc::new(SimClock::starting_at(at));
    let cloud = Cloud::new(3).fill(jiff::civil::date(2018, 2, 12), 40);
    let cloud = SharedCloud::new(cloud, Arc::clone(&clock) as Arc<_>);
    let api = SimApi::new(&cloud, Quirks::default(), Faults::none());
    let store = SimStore::new(&cloud, Quirks::default(), Faults::none());
    let disk = Arc::new(disk(Arc::clone(&clock)));
    let ports = support::ports(Arc::new(api), Arc::new(store), &clock, folder);
    let ports = Ports {
        target: Arc::new(OnDisk {
            inner: ports.target,
            disk: Arc::clone(&disk),
        }),
        ..ports
    };
    (ports, clock, disk)
}

const NEVER: Duration = Duration::from_secs(1_000_000);
const FIVE_MINUTES: Duration = Duration::from_secs(300);
const A_QUARTER_HOUR: Duration = Duration::from_secs(900);

fn rules(reserve_bytes: u64) -> SpaceRules {
    SpaceRules {
        reserve: Reserve::Bytes(reserve_bytes),
        wait: A_QUARTER_HOUR,
    }
}

/// How much the whole day takes, and how many media files it has.
async fn whole() -> (u64, u64) {
    let folder = TempDir::new().unwrap();
    let ended = backup(folder.path(), HUGE, NEVER, rules(1_000)).await;
    assert_eq!(outcome(&ended.end), Outcome::Complete);
    assert_eq!(ended.said.len(), 4, "nothing but four slices: {ended:?}");
    (ended.most_used_bytes, ended.end.summary.fetched)
}

/// Nothing is left of files that were not stored.
#[expect(
    clippy::disallowed_methods,
    reason = "staged files are in no list of the port"
)]
fn expect_nothing_staged(folder: &Path) {
    let staged = std::fs::read_dir(folder.join(".rcbs/staging")).unwrap();
    assert_eq!(staged.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_reserve_stays_free_and_the_next_run_goes_on() {
    let (bytes, media) = whole().await;
    let reserve = bytes / 4;
    let folder = TempDir::new().unwrap();
    let first = backup(folder.path(), bytes / 2, NEVER, rules(reserve)).await;
    assert_eq!(outcome(&first.end), Outcome::Target, "{first:?}");
    assert!(
        matches!(first.end.stopped, Some(RunError::NoRoom { .. })),
        "{first:?}"
    );
    assert!(first.full.is_empty(), "the disk was never full");
    let left = bytes / 2 - first.most_used_bytes;
    assert!(left >= reserve, "{left} of {reserve}");
    assert!((900..=960).contains(&first.took_s), "{first:?}");
    let [
        Said::NoSpace {
            needed_bytes,
            free_bytes,
        },
    ] = first.pauses()[..]
    else {
        panic!("{first:?}")
    };
    assert!(free_bytes.unwrap() < needed_bytes + reserve, "{first:?}");
    expect_nothing_staged(folder.path());
    let summary = &first.end.summary;
    assert!(summary.fetched > 0 && summary.waiting == 0, "{summary:?}");

    let second = backup(folder.path(), HUGE, NEVER, rules(reserve)).await;
    assert_eq!(outcome(&second.end), Outcome::Complete, "{second:?}");
    let fetched = summary.fetched + second.end.summary.fetched;
    assert_eq!(fetched, media, "nothing was fetched twice");
}

#[tokio::test(start_paused = true)]
async fn space_that_comes_in_time_is_used() {
    let (bytes, media) = whole().await;
    for reserve in [0, bytes / 4] {
        let folder = TempDir::new().unwrap();
        let ended = backup(folder.path(), bytes / 2, FIVE_MINUTES, rules(reserve)).await;
        assert_eq!(outcome(&ended.end), Outcome::Complete, "{ended:?}");
        assert_eq!(ended.end.summary.fetched, media);
        assert!((300..=400).contains(&ended.took_s), "{ended:?}");
        let pauses = ended.pauses();
        assert!(
            matches!(pauses[..], [Said::NoSpace { .. }, Said::SpaceAgain]),
            "{pauses:?}"
        );
    }
}

/// What is free is no help where a quota is what ends.
#[tokio::test(start_paused = true)]
async fn a_full_disk_is_tried_now_and_then_by_one_file() {
    let (bytes, media) = whole().await;
    let with_quota = |grows_at| {
        move |clock| Disk {
            clock,
            size_bytes: bytes / 2,
            grows_at,
            has_quota: true,
            book: Mutex::default(),
        }
    };
    let folder = TempDir::new().unwrap();
    let ended = backup_onto(folder.path(), rules(0), with_quota(FIVE_MINUTES)).await;
    assert_eq!(outcome(&ended.end), Outcome::Complete, "{ended:?}");
    assert_eq!(ended.end.summary.fetched, media);
    assert!(!ended.full.is_empty(), "{ended:?}");
    assert!(
        matches!(ended.pauses()[..], [Said::NoSpace { .. }, Said::SpaceAgain]),
        "{ended:?}"
    );
    // Those under way met it together; after that one at a time tries.
    let first = ended.full[0] + Duration::from_millis(500);
    let tries: Vec<&Duration> = ended.full.iter().filter(|at| **at > first).collect();
    assert!(tries.len() > 5, "{ended:?}");
    for pair in tries.windows(2) {
        assert!(*pair[1] >= *pair[0] + Duration::from_secs(1), "{tries:?}");
    }

    let folder = TempDir::new().unwrap();
    let ended = backup_onto(folder.path(), rules(0), with_quota(NEVER)).await;
    assert_eq!(outcome(&ended.end), Outcome::Target, "{ended:?}");
    let full = matches!(
        ended.end.stopped,
        Some(RunError::Target(TargetError::Full { .. }))
    );
    assert!(full, "{ended:?}");
    assert!((900..=960).contains(&ended.took_s), "{ended:?}");
    assert!(ended.full.len() < 60, "{ended:?}");
    assert_eq!(ended.pauses().len(), 1, "{ended:?}");
    expect_nothing_staged(folder.path());
    let second = backup(folder.path(), HUGE, NEVER, rules(0)).await;
    assert_eq!(outcome(&second.end), Outcome::Complete, "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn without_patience_the_run_ends_at_once() {
    let (bytes, _) = whole().await;
    for reserve in [0, bytes / 4] {
        let folder = TempDir::new().unwrap();
        let rules = SpaceRules {
            reserve: Reserve::Bytes(reserve),
            wait: Duration::ZERO,
        };
        let ended = backup(folder.path(), bytes / 2, NEVER, rules).await;
        assert_eq!(outcome(&ended.end), Outcome::Target, "{ended:?}");
        assert_eq!(ended.took_s, 0, "{ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_told_before_the_disk_is_full() {
    let (bytes, _) = whole().await;
    let folder = TempDir::new().unwrap();
    let first = backup(folder.path(), bytes / 2, NEVER, rules(bytes / 4)).await;
    let pause = first
        .said
        .iter()
        .position(|said| matches!(said, Said::NoSpace { .. }));
    let told = first
        .said
        .iter()
        .position(|said| matches!(said, Said::TooSmall(_)));
    assert!(told.is_some() && told < pause, "{first:?}");
    for forecast in first.forecasts() {
        assert!(forecast.missing_bytes() > 0, "{forecast:?}");
        assert_eq!(forecast.reserve_bytes, bytes / 4);
    }

    // What is left over is known before anything is listed.
    let second = backup(folder.path(), bytes / 8, NEVER, rules(0)).await;
    assert!(
        matches!(second.said.first(), Some(Said::TooSmall(_))),
        "{second:?}"
    );
}
