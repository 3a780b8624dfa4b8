//! Stories of what waits: tried again without an API, and deleted before it is here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use rcbs_core::event::{Event, Listener};
use rcbs_core::plan::Instance;
use rcbs_core::ports::{ApiError, ListRequest, Page, RecordingApi, RemoteSettings};
use rcbs_core::recording::RecordingId;
use rcbs_core::retention::{Forecast, Retention};
use rcbs_core::run::{Outcome, Ports, RunOptions, outcome, retry, run};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{AtEvent, World, day_of, options, whole_run};

/// Nobody is there; counts who calls.
#[derive(Debug, Default)]
struct Silence(AtomicU64);

impl Silence {
    fn no_answer<T>(&self) -> Result<T, ApiError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(ApiError::Unreachable {
            reason: "no route to host".to_owned(),
        })
    }
}

#[async_trait]
impl RecordingApi for Silence {
    async fn list(&self, _: &ListRequest) -> Result<Page, ApiError> {
        self.no_answer()
    }

    async fn recording(&self, _: &RecordingId) -> Result<Bytes, ApiError> {
        self.no_answer()
    }

    async fn settings(&self) -> Result<Option<RemoteSettings>, ApiError> {
        self.no_answer()
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_without_an_api_ends_soon_and_loses_nothing() {
    let world = World::new(day_of(40), &["object always: html"]);
    let folder = TempDir::new().unwrap();
    let end = whole_run(&world, folder.path(), Instance::all()).await;
    assert_eq!(outcome(&end), Outcome::Waiting);
    let waiting = end.summary.waiting;
    assert!(waiting >= 40);
    let silence = Arc::new(Silence::default());
    let ports = Ports {
        api: Arc::clone(&silence) as Arc<_>,
        ..world.ports(folder.path())
    };
    let ledger = Arc::clone(&ports.ledger);
    let never = CancellationToken::new();
    let options = options(Instance::all());
    let end = retry(ports, options, Vec::new(), AtEvent::never(), never).await;
    assert_eq!(outcome(&end), Outcome::Failed, "{:?}", end.stopped);
    // Six tries for the settings and for each of three recordings, and one for each of eight before that.
    let calls = silence.0.load(Ordering::Relaxed);
    assert!(calls <= 6 + 3 * 6 + 8, "{calls}");
    assert_eq!(ledger.tally().await.unwrap().waiting, waiting);
}

/// Keeps what was foretold.
#[derive(Default)]
struct Alarms(Mutex<Vec<Forecast>>);

impl Listener for Alarms {
    fn on(&self, event: &Event) {
        if let Event::Endangered { forecast, .. } = event {
            self.0.lock().unwrap().push(*forecast);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_too_slow_says_so_while_it_lasts() {
    // The day is deleted within the next 24 hours, and one recording comes in an hour.
    for (retention, alarmed) in [(Some(Retention::days(17)), true), (None, false)] {
        let world = World::new(day_of(40), &["object always: delay ms=3600000"]);
        let folder = TempDir::new().unwrap();
        let options = RunOptions {
            retention,
            max_connections: 1,
            ..options(Instance::all())
        };
        let alarms = Arc::new(Alarms::default());
        let ports = world.ports(folder.path());
        let listener = Arc::clone(&alarms) as Arc<_>;
        let end = run(ports, options, listener, CancellationToken::new()).await;
        // The pretend cloud deletes nothing here.
        assert_eq!(outcome(&end), Outcome::Complete, "{:?}", end.stopped);
        let alarms = alarms.0.lock().unwrap();
        let missed = alarms.iter().map(|forecast| forecast.missed).max();
        assert_eq!(
            missed.is_some_and(|missed| missed > 5),
            alarmed,
            "{alarms:?}"
        );
        if alarmed {
            // The first look may come before there is a rate to reckon with.
            let first = alarms.iter().find(|it| it.first_missed.is_some());
            let first = first.copied().unwrap();
            let at = first.first_missed.unwrap();
            let day = |text: &str| text.parse::<Timestamp>().unwrap();
            assert!(at > day("2018-03-01T00:00:00Z") && at < day("2018-03-02T00:00:00Z"));
            assert!(first.soon > 20, "{first:?}");
            assert_eq!(
                alarms.last(),
                Some(&Forecast::default()),
                "all is well at last"
            );
            assert!(alarms.len() < 45, "{}", alarms.len());
        }
        assert_eq!(end.summary.endangered, Forecast::default());
    }
}

/// Keeps what was foretold, and how much had been stored by then.
#[derive(Default)]
struct AlarmsAndStored(Mutex<(u64, Vec<(Forecast, u64)>)>);

impl Listener for AlarmsAndStored {
    fn on(&self, event: &Event) {
        let mut kept = self.0.lock().unwrap();
        match event {
            Event::Verified { .. } => kept.0 += 1,
            Event::Endangered { forecast, .. } => {
                let stored = kept.0;
                kept.1.push((*forecast, stored));
            }
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_stores_nothing_says_so_and_for_how_long() {
    // Nothing is committed for ten hours; what came in before is no comfort.
    let world = World::new(day_of(40), &["object from-20: delay ms=36000000"]);
    let folder = TempDir::new().unwrap();
    let options = RunOptions {
        retention: Some(Retention::days(18)),
        ..options(Instance::all())
    };
    let alarms = Arc::new(AlarmsAndStored::default());
    let ports = world.ports(folder.path());
    let listener = Arc::clone(&alarms) as Arc<_>;
    let end = run(ports, options, listener, CancellationToken::new()).await;
    assert_eq!(outcome(&end), Outcome::Complete, "{:?}", end.stopped);
    let kept = alarms.0.lock().unwrap();
    let silent: Vec<_> = kept.1.iter().filter(|it| it.0.idle.is_some()).collect();
    let (first, stored) = silent[0];
    assert!((1..40).contains(stored), "{kept:?}");
    let soon = Duration::from_mins(20)..=Duration::from_mins(30);
    assert!(soon.contains(&first.idle.unwrap()), "{kept:?}");
    assert!(first.missed > 0 && first.first_missed.is_some(), "{kept:?}");
    // Again, but not all the time.
    let later = silent[1].0.idle.unwrap();
    assert!(later >= Duration::from_hours(6), "{kept:?}");
    assert!(kept.1.len() < 40, "{}", kept.1.len());
    assert_eq!(kept.1.last().unwrap().0, Forecast::default(), "{kept:?}");
}
