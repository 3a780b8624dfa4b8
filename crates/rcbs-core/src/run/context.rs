//! What every part of a run needs: ports, options, the listener, and the brakes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::denials::Denials;
use super::guard::Guard;
use super::halt::Halt;
use super::outage::Outage;
use super::outlook::Outlook;
use super::queue::HadTurn;
use super::reach::{Reach, ReachedStore};
use super::retrying_api::RetryingApi;
use super::room::Room;
use super::seals::Seals;
use super::under_way::UnderWay;
use super::{Ports, RunError, RunOptions, remote_settings};
use crate::event::{Event, Events, Listener};
use crate::failure::FailureClass;
use crate::fetch::{CloudCertificates, FetchError, PlainMedia, PlainRule};
use crate::patience::{Brake, Patience};
use crate::plan::Clocks;
use crate::ports::{EntryState, MediaKey, MediaStore, RecordingApi, Settlement, StoreError};
use crate::rate::{Concurrency, Gate, Pace};
use crate::recording::{self, MetadataError, Recording};
use crate::retry;

/// One run.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) ports: Ports,
    /// The API of `ports`, with patience.
    pub(crate) api: Arc<dyn RecordingApi>,
    /// The same without: for what the run can do without.
    pub(crate) api_once: Arc<dyn RecordingApi>,
    /// When the run began, in whole milliseconds as the ledger keeps times.
    pub(crate) began: Timestamp,
    pub(crate) options: RunOptions,
    pub(crate) events: Arc<Events>,
    /// For requests to the store. The API has its own: what one of them asks for binds the other in nothing.
    pub(crate) patience: Arc<Patience>,
    pub(crate) gate: Arc<Gate>,
    /// Keeps all transfers together below `bandwidthLimit`.
    pub(crate) pace: Arc<Pace>,
    pub(crate) halt: Arc<Halt>,
    pub(crate) under_way: Arc<UnderWay>,
    pub(crate) had_turn: HadTurn,
    pub(crate) seals: Seals,
    pub(crate) guard: Guard,
    /// Keeps all that is written within the space there is.
    pub(crate) room: Room,
    pub(crate) outlook: Outlook,
    plain_rule: Mutex<Option<PlainRule>>,
    asked_patiently: OnceCell<()>,
    denials: Mutex<Denials>,
    outage: Mutex<Outage>,
    told_clocks: AtomicBool,
}

impl Context {
    pub(crate) fn new(mut ports: Ports, options: RunOptions, listener: Arc<dyn Listener>) -> Self {
        let events = Arc::new(Events::new(listener));
        let clock = Arc::clone(&ports.clock);
        let pace = Arc::new(Pace::new(Arc::clone(&clock), options.bandwidth.clone()));
        let concurrency = Concurrency::new(options.max_connections);
        let gate = Arc::new(Gate::new(concurrency, Arc::clone(&pace)));
        let halt = Arc::new(Halt::default());
        let api_reach = Reach::new("the recording API", Arc::clone(&clock), Arc::clone(&events));
        let store_reach = Reach::new("the media store", Arc::clone(&clock), Arc::clone(&events));
        ports.store = ports.store.map(|inner| {
            let halt = Arc::clone(&halt);
            Arc::new(ReachedStore::new(inner, store_reach, halt)) as Arc<dyn MediaStore>
        });
        let room = Room::new(
            options.space,
            Arc::clone(&ports.target),
            Arc::clone(&clock),
            Arc::clone(&events),
            Arc::clone(&halt),
        );
        let guard = Guard::since(clock.elapsed());
        let patience = |brake: Brake, seed: u64| {
            let (clock, events) = (Arc::clone(&clock), Arc::clone(&events));
            Arc::new(Patience::new(clock, events, brake, halt.token(), seed))
        };
        let store_patience = patience(Brake::Fewer(Arc::clone(&gate)), options.seed);
        let api_patience = patience(Brake::Pause, options.seed.wrapping_add(1));
        let api = RetryingApi::new(Arc::clone(&ports.api), api_patience, api_reach);
        Self {
            gate,
            pace,
            api_once: Arc::new(api.without_patience()),
            api: Arc::new(api),
            began: whole_ms(ports.clock.now()),
            patience: store_patience,
            ports,
            options,
            events,
            halt,
            under_way: Arc::default(),
            had_turn: HadTurn::default(),
            seals: Seals::default(),
            guard,
            room,
            outlook: Outlook::default(),
            plain_rule: Mutex::default(),
            asked_patiently: OnceCell::new(),
            denials: Mutex::default(),
            outage: Mutex::default(),
            told_clocks: AtomicBool::new(false),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// What time it is by our clock, which shows `now`, and by that of the recording API, as far as its answers have told. Where they differ
    /// the operator hears of it, once.
    pub(crate) fn clocks(&self, now: Timestamp) -> Clocks {
        let (clocks, note) = Clocks::compare(now, self.api.clock_ahead());
        if let Some(note) = note
            && !self.told_clocks.swap(true, Ordering::Relaxed)
        {
            self.events.warn(note.to_string());
        }
        clocks
    }

    /// Writes new states into the ledger.
    pub(crate) async fn settle(&self, batch: &[Settlement]) -> Result<(), RunError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.ports
            .ledger
            .settle(self.now(), batch)
            .await
            .map_err(RunError::Ledger)
    }

    /// What the file at this path was when it was stored, where no entry of the ledger says so.
    pub(crate) async fn noted(&self, path: &str) -> Result<Option<[u8; 32]>, RunError> {
        let noted = self.ports.ledger.noted(path).await;
        noted.map_err(RunError::Ledger)
    }

    /// What is done with media that the cloud holds unencrypted, as far as certificates are known.
    pub(crate) fn plain_rule(&self) -> PlainRule {
        let decide = || {
            let ours = &self.options.certificates;
            let clouds = self.seals.clouds();
            PlainRule::decide(self.options.plain_media, ours, &clouds, self.now())
        };
        // Every update under this lock is complete before anything can panic.
        let rule = self.plain_rule.lock();
        let mut rule = rule.unwrap_or_else(PoisonError::into_inner);
        rule.get_or_insert_with(decide).clone()
    }

    /// An unencrypted object was met: asks for the cloud's certificates, once and with patience, where they are needed
    /// and unknown. True when they are known now, so that the rule may be another one.
    pub(crate) async fn learn_certificates(&self) -> bool {
        let is_wanted = matches!(self.options.plain_media, PlainMedia::Encrypt(_));
        let is_unknown = || matches!(self.seals.clouds(), CloudCertificates::Unknown { .. });
        if !is_wanted || !self.options.certificates.is_empty() {
            return false;
        }
        // Another worker may have learned them since this transfer began under the old rule.
        if is_unknown() {
            let ask = || remote_settings::ask_patiently(self);
            self.asked_patiently.get_or_init(ask).await;
        }
        let mut rule = self
            .plain_rule
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *rule = None;
        drop(rule);
        !is_unknown() && matches!(self.plain_rule(), PlainRule::Seal(_))
    }

    /// Reads the JSON of a recording.
    pub(crate) fn read(&self, json: &Bytes) -> Result<Recording, MetadataError> {
        recording::parse_at(json, self.options.endpoint.as_ref())
    }

    /// The state and the event of a media file that failed for now, after `attempts` failures before this one.
    pub(crate) fn waiting(
        &self,
        key: &MediaKey,
        class: FailureClass,
        reason: String,
        attempts: u32,
    ) -> (EntryState, Event) {
        let next_attempt = retry::next_attempt(class, attempts + 1, self.now());
        let event = Event::Waiting {
            key: key.clone(),
            class,
            reason: reason.clone(),
            next_attempt,
        };
        (
            EntryState::Waiting {
                class,
                reason,
                next_attempt,
            },
            event,
        )
    }

    /// The store gave an object.
    pub(crate) fn object_given(&self) {
        self.denials().given();
        self.outage().given();
        self.gate.succeeded(self.ports.clock.elapsed());
    }

    /// The store answered that it does not have an object: the login works.
    pub(crate) fn object_absent(&self) {
        self.denials().given();
    }

    /// The store refused an object that was in the state `before`; stops the run when the login is the problem.
    pub(crate) fn object_refused(&self, error: &StoreError, before: &EntryState) {
        let code = match error {
            StoreError::Denied { code, .. } => code.as_str(),
            // A clock that the store does not accept is refused for every object alike.
            StoreError::ClockSkew { .. } => "InvalidAccessKeyId",
            _ => return,
        };
        let again = matches!(
            before,
            EntryState::Waiting {
                class: FailureClass::Denied,
                ..
            }
        );
        if self.denials().refused(code, again) {
            self.halt.stop(RunError::Store(error.clone()));
        }
    }

    /// A media file that was in the state `before` could not be fetched; stops the run when the store is out of reach.
    pub(crate) fn fetch_failed(&self, error: &FetchError, before: &EntryState) {
        let any_bytes = self.events.summary().received_bytes > 0;
        let mut outage = self.outage();
        let again = matches!(before, EntryState::Waiting { .. });
        if outage.failed(error, any_bytes, again)
            && let Some(reason) = outage.reason()
        {
            self.halt.stop(RunError::Store(reason));
        }
    }

    /// At the end of a run: media files were asked for, and the store never answered.
    pub(crate) fn store_out_of_reach(&self) -> Option<StoreError> {
        self.outage().reason()
    }

    /// At the end of a run: everything that was asked for was refused.
    pub(crate) fn nothing_was_given(&self) -> bool {
        self.denials().nothing_was_given()
    }

    fn outage(&self) -> std::sync::MutexGuard<'_, Outage> {
        // Every update under this lock is complete before anything can panic.
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn denials(&self) -> std::sync::MutexGuard<'_, Denials> {
        // Every update under this lock is complete before anything can panic.
        self.denials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whole_ms(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
