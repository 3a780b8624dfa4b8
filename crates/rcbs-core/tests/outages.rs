//! Stories of servers that go out of reach in the middle of a run, with paused time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rcbs_core::event::{Event, Listener};
use rcbs_core::ports::{
    ApiError, Clock, GetRequest, ListRequest, MediaStore, Object, Page, RecordingApi,
    RemoteSettings, StoreError,
};
use rcbs_core::recording::RecordingId;
use rcbs_core::run::{Outcome, RunEnd, RunError, outcome, run};
use rcbs_sim::faults::Faults;
use rcbs_sim::ports::{SimApi, SimStore};
use rcbs_sim::quirks::Quirks;
use rcbs_sim::{Cloud, SharedCloud, SimClock};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const MEDIA: u64 = 60;

/// Answers so many requests, then is out of reach for a time, and counts what is asked in it.
#[derive(Debug)]
struct Dark<T> {
    inner: T,
    clock: Arc<SimClock>,
    answers: u64,
    lasts: Duration,
    /// Instead of no connection, none of an answer.
    is_mute: bool,
    asked: AtomicU64,
    since: Mutex<Option<Duration>>,
    in_the_dark: AtomicU64,
}

impl<T> Dark<T> {
    fn new(inner: T, clock: &Arc<SimClock>, answers: u64, lasts: Duration) -> Self {
        Self {
            inner,
            clock: Arc::clone(clock),
            answers,
            lasts,
            is_mute: false,
            asked: AtomicU64::new(0),
            since: Mutex::default(),
            in_the_dark: AtomicU64::new(0),
        }
    }

    fn is_dark(&self) -> bool {
        if self.asked.fetch_add(1, Ordering::Relaxed) < self.answers {
            return false;
        }
        let now = self.clock.elapsed();
        let since = *self.since.lock().unwrap().get_or_insert(now);
        let is_dark = now - since < self.lasts;
        self.in_the_dark
            .fetch_add(u64::from(is_dark), Ordering::Relaxed);
        is_dark
    }

    async fn ask<A, E>(
        &self,
        silence: impl FnOnce(bool) -> E,
        answer: impl Future<Output = Result<A, E>>,
    ) -> Result<A, E> {
        if !self.is_dark() {
            return answer.await;
        }
        if self.is_mute {
            self.clock.sleep(Duration::from_secs(30)).await;
        }
        Err(silence(self.is_mute))
    }
}

fn api_silence(is_mute: bool) -> ApiError {
    let reason = "dark".to_owned();
    if is_mute {
        ApiError::Timeout { reason }
    } else {
        ApiError::Unreachable { reason }
    }
}

fn store_silence(is_mute: bool) -> StoreError {
    let reason = "dark".to_owned();
    if is_mute {
        StoreError::Timeout { reason }
    } else {
        StoreError::Unreachable { reason }
    }
}

#[async_trait]
impl MediaStore for Dark<SimStore> {
    async fn get(&self, request: &GetRequest) -> Result<Object, StoreError> {
        self.ask(store_silence, self.inner.get(request)).await
    }
}

#[async_trait]
impl RecordingApi for Dark<SimApi> {
    async fn list(&self, request: &ListRequest) -> Result<Page, ApiError> {
        self.ask(api_silence, self.inner.list(request)).await
    }

    async fn recording(&self, id: &RecordingId) -> Result<Bytes, ApiError> {
        self.ask(api_silence, self.inner.recording(id)).await
    }

    async fn settings(&self) -> Result<Option<RemoteSettings>, ApiError> {
        self.ask(api_silence, self.inner.settings()).await
    }
}

/// A day of recordings behind an API and a store that may go dark.
struct World {
    api: Dark<SimApi>,
    store: Dark<SimStore>,
    clock: Arc<SimClock>,
}

impl World {
    fn new(api_answers: u64, store_answers: u64, lasts: Duration) -> Self {
        let at = "2018-03-01T00:00:00Z".parse().unwrap();
        let clock = Arc::new(SimClock::starting_at(at));
        let cloud = Cloud::new(3).fill(jiff::civil::date(2018, 2, 12), 40);
        let cloud = SharedCloud::new(cloud, Arc::clone(&clock) as Arc<_>);
        let api = SimApi::new(&cloud, Quirks::default(), Faults::none());
        let store = SimStore::new(&cloud, Quirks::default(), Faults::none());
        Self {
            api: Dark::new(api, &clock, api_answers, lasts),
            store: Dark::new(store, &clock, store_answers, lasts),
            clock,
        }
    }
}

/// What came of a run.
struct Ended {
    end: RunEnd,
    warnings: Vec<String>,
    took_s: u64,
    /// Requests that were made in the dark.
    probes: u64,
}

struct Warnings(Mutex<Vec<String>>);

impl Listener for Warnings {
    fn on(&self, event: &Event) {
        if let Event::Warning { text } = event {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}

async fn backup(world: World, folder: &Path) -> Ended {
    let clock = Arc::clone(&world.clock);
    let (api, store) = (Arc::new(world.api), Arc::new(world.store));
    let ports = support::ports(
        Arc::clone(&api) as Arc<_>,
        Arc::clone(&store) as Arc<_>,
        &clock,
        folder,
    );
    let options = support::options();
    let warnings = Arc::new(Warnings(Mutex::default()));
    let listener = Arc::clone(&warnings) as Arc<_>;
    let end = run(ports, options, listener, CancellationToken::new()).await;
    let warnings = warnings.0.lock().unwrap().clone();
    let dark = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Ended {
        end,
        warnings,
        took_s: clock.elapsed().as_secs(),
        probes: dark(&api.in_the_dark) + dark(&store.in_the_dark),
    }
}

const FIVE_MINUTES: Duration = Duration::from_secs(300);
const FOR_EVER: Duration = Duration::from_secs(1_000_000);

/// E14.
#[tokio::test(start_paused = true)]
async fn an_outage_in_the_middle_is_waited_through_with_few_requests() {
    for (name, api_answers, store_answers) in [("store", u64::MAX, 10), ("api", 4, u64::MAX)] {
        let folder = TempDir::new().unwrap();
        let world = World::new(api_answers, store_answers, FIVE_MINUTES);
        let ended = backup(world, folder.path()).await;
        let Ended { end, warnings, .. } = &ended;
        assert_eq!(outcome(end), Outcome::Complete, "{name}: {end:?}");
        assert!(end.summary.fetched >= MEDIA - 20, "{name}: {end:?}");
        // The last probe in the dark is at most half a minute old when the light comes back.
        assert!(
            (300..335).contains(&ended.took_s),
            "{name}: {}",
            ended.took_s
        );
        // 8 at once, and then after 1, 3, 7, 15 s … and each half minute.
        assert!((12..28).contains(&ended.probes), "{name}: {}", ended.probes);
        assert_eq!(warnings.len(), 2, "{name}: {warnings:?}");
        assert!(
            warnings[0].contains("asked again now and then"),
            "{warnings:?}"
        );
        assert!(
            warnings[1].contains("answers again, after 3"),
            "{warnings:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_without_end_ends_the_run_and_puts_nothing_off() {
    let folder = TempDir::new().unwrap();
    let ended = backup(World::new(u64::MAX, 10, FOR_EVER), folder.path()).await;
    let end = &ended.end;
    assert!(
        matches!(
            &end.stopped,
            Some(RunError::Store(StoreError::Unreachable { .. }))
        ),
        "{end:?}"
    );
    assert_eq!(outcome(end), Outcome::Failed);
    assert_eq!((end.summary.waiting, end.summary.lost), (0, 0));
    assert!((900..935).contains(&ended.took_s), "{}", ended.took_s);
    assert!(ended.probes < 50, "{}", ended.probes);

    let again = backup(World::new(u64::MAX, u64::MAX, FOR_EVER), folder.path()).await;
    assert_eq!(outcome(&again.end), Outcome::Complete, "{:?}", again.end);

    // Without the API, what is listed already is still fetched.
    let folder = TempDir::new().unwrap();
    let ended = backup(World::new(4, u64::MAX, FOR_EVER), folder.path()).await;
    let end = &ended.end;
    assert!(
        matches!(
            &end.stopped,
            Some(RunError::Api(ApiError::Unreachable { .. }))
        ),
        "{end:?}"
    );
    assert!(
        end.summary.slices_failed == 1 && end.summary.unsettled() == 0,
        "{end:?}"
    );
    assert!((900..935).contains(&ended.took_s), "{}", ended.took_s);
    assert!(ended.probes < 50, "{}", ended.probes);
}

#[tokio::test(start_paused = true)]
async fn who_never_answered_is_not_waited_for() {
    for (api_answers, store_answers) in [(0, u64::MAX), (u64::MAX, 0)] {
        let folder = TempDir::new().unwrap();
        let ended = backup(
            World::new(api_answers, store_answers, FOR_EVER),
            folder.path(),
        )
        .await;
        assert_eq!(outcome(&ended.end), Outcome::Failed, "{:?}", ended.end);
        assert!(ended.took_s < 60, "{}", ended.took_s);
        assert!(ended.probes < 80, "{}", ended.probes);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_after_a_connection_is_no_outage_but_the_objects_own_failure() {
    let folder = TempDir::new().unwrap();
    let mut world = World::new(u64::MAX, 10, Duration::from_secs(40));
    world.store.is_mute = true;
    let ended = backup(world, folder.path()).await;
    assert_eq!(outcome(&ended.end), Outcome::Complete, "{:?}", ended.end);
    assert_eq!(ended.warnings, Vec::<String>::new());
}
