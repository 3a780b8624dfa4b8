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

/// What a server does that is out of reach.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Darkness {
    /// There is no connection.
    Gone,
    /// There is one, and no answer for half a minute.
    Mute,
    /// Each answer is HTTP 500.
    Failing,
    /// Each connection breaks.
    Cut,
}

/// Answers so many requests, then is out of reach for a time, and counts what is asked in it.
#[derive(Debug)]
struct Dark<T> {
    inner: T,
    clock: Arc<SimClock>,
    answers: u64,
    lasts: Duration,
    as_what: Darkness,
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
            as_what: Darkness::Gone,
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
        silence: impl FnOnce(Darkness) -> E,
        answer: impl Future<Output = Result<A, E>>,
    ) -> Result<A, E> {
        if !self.is_dark() {
            return answer.await;
        }
        if self.as_what == Darkness::Mute {
            self.clock.sleep(Duration::from_secs(30)).await;
        }
        Err(silence(self.as_what))
    }
}

fn api_silence(as_what: Darkness) -> ApiError {
    let reason = "dark".to_owned();
    match as_what {
        Darkness::Gone => ApiError::Unreachable { reason },
        Darkness::Mute => ApiError::Timeout { reason },
        Darkness::Cut => ApiError::Cut { reason },
        Darkness::Failing => ApiError::Server {
            status: 500,
            message: reason,
        },
    }
}

fn store_silence(as_what: Darkness) -> StoreError {
    let reason = "dark".to_owned();
    match as_what {
        Darkness::Gone => StoreError::Unreachable { reason },
        Darkness::Mute => StoreError::Timeout { reason },
        Darkness::Cut => StoreError::Cut { reason },
        Darkness::Failing => StoreError::Server {
            status: 500,
            code: reason,
        },
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
    for as_what in [
        Darkness::Gone,
        Darkness::Mute,
        Darkness::Failing,
        Darkness::Cut,
    ] {
        for (who, api_answers, store_answers) in [("store", u64::MAX, 10), ("api", 4, u64::MAX)] {
            let name = format!("{who} {as_what:?}");
            let folder = TempDir::new().unwrap();
            let mut world = World::new(api_answers, store_answers, FIVE_MINUTES);
            (world.api.as_what, world.store.as_what) = (as_what, as_what);
            let ended = backup(world, folder.path()).await;
            let Ended { end, warnings, .. } = &ended;
            assert_eq!(outcome(end), Outcome::Complete, "{name}: {end:?}");
            assert!(end.summary.fetched >= MEDIA - 20, "{name}: {end:?}");
            // The last probe in the dark is at most half a minute old when the light comes back, and half a minute
            // late where it waits for an answer.
            assert!(
                (300..365).contains(&ended.took_s),
                "{name}: {}",
                ended.took_s
            );
            // 8 at once, or 3 one after the other, and then after 1, 3, 7, 15 s … and each half minute.
            assert!((6..28).contains(&ended.probes), "{name}: {}", ended.probes);
            assert_eq!(warnings.len(), 2, "{name}: {warnings:?}");
            assert!(
                warnings[0].contains("asked again now and then"),
                "{warnings:?}"
            );
            assert!(
                warnings[1].contains("answers again, after "),
                "{warnings:?}"
            );
        }
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

/// A store of which some objects always fail, and the others never do.
#[derive(Debug)]
struct Spotted {
    inner: SimStore,
    clock: Arc<SimClock>,
    as_what: Darkness,
    asked: AtomicU64,
}

impl Spotted {
    fn is_bad(request: &GetRequest) -> bool {
        let key = request.location.to_string();
        key.bytes()
            .fold(0_u32, |sum, byte| (sum + u32::from(byte)) % 1_000)
            % 4
            == 0
    }
}

#[async_trait]
impl MediaStore for Spotted {
    async fn get(&self, request: &GetRequest) -> Result<Object, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if !Self::is_bad(request) {
            return self.inner.get(request).await;
        }
        if self.as_what == Darkness::Mute {
            self.clock.sleep(Duration::from_secs(30)).await;
        }
        Err(store_silence(self.as_what))
    }
}

/// E14.
#[tokio::test(start_paused = true)]
async fn objects_that_always_fail_are_no_outage_and_hold_up_no_other() {
    for as_what in [Darkness::Mute, Darkness::Failing, Darkness::Cut] {
        let folder = TempDir::new().unwrap();
        let World { api, store, clock } = World::new(u64::MAX, u64::MAX, FOR_EVER);
        let store = Arc::new(Spotted {
            inner: store.inner,
            clock: Arc::clone(&clock),
            as_what,
            asked: AtomicU64::new(0),
        });
        let media = Arc::clone(&store) as Arc<_>;
        let ports = support::ports(Arc::new(api), media, &clock, folder.path());
        let warnings = Arc::new(Warnings(Mutex::default()));
        let listener = Arc::clone(&warnings) as Arc<_>;
        let end = run(
            ports,
            support::options(),
            listener,
            CancellationToken::new(),
        )
        .await;
        let (bad, good) = (end.summary.waiting, end.summary.fetched);
        assert_eq!(outcome(&end), Outcome::Waiting, "{as_what:?}: {end:?}");
        assert!(bad >= 10 && good >= 30, "{as_what:?}: {end:?}");
        assert_eq!(*warnings.0.lock().unwrap(), Vec::<String>::new());
        // Six tries each, and a suspicion costs one that asks whether it is them, and those that waited for it theirs.
        let asked = store.asked.load(Ordering::Relaxed);
        assert!(asked <= good + bad * 9, "{as_what:?}: {asked}");
    }
}
