//! Waits through an outage: who cannot be reached any more is asked now and then by one request, until it answers again
//! or enough has been waited.

mod store;
mod watch;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use crate::event::Events;
use crate::ports::{ApiError, Clock, StoreError};
pub(crate) use store::ReachedStore;
use watch::{Ended, GIVE_UP, Heard, Probe, Then, Turn, Watch};

/// An error that may be no answer at all.
pub(crate) trait Silence: Clone + fmt::Display {
    /// What was heard with it.
    fn heard(&self) -> Heard;
}

impl Silence for ApiError {
    fn heard(&self) -> Heard {
        match self {
            Self::Unreachable { .. } => Heard::Nobody,
            Self::Cut { .. } | Self::Timeout { .. } => Heard::Nothing,
            Self::Server { .. } => Heard::Failure,
            _ => Heard::Answer,
        }
    }
}

impl Silence for StoreError {
    fn heard(&self) -> Heard {
        match self {
            Self::Unreachable { .. } => Heard::Nobody,
            Self::Cut { .. } | Self::Timeout { .. } => Heard::Nothing,
            Self::Server { .. } => Heard::Failure,
            _ => Heard::Answer,
        }
    }
}

/// Asks once more for something that was answered before.
pub(crate) type Again<E> = Arc<dyn Fn() -> BoxFuture<'static, Result<(), E>> + Send + Sync>;

/// One server, as far as it can be reached.
pub(crate) struct Reach<E> {
    who: &'static str,
    clock: Arc<dyn Clock>,
    events: Arc<Events>,
    state: Mutex<State<E>>,
    answered: Notify,
    again: OnceLock<Again<E>>,
}

#[derive(Debug)]
struct State<E> {
    watch: Watch,
    given_up: Option<E>,
}

/// The one request that is made in an outage; another may be made when it is dropped.
struct Turned<'a, E: Silence> {
    reach: &'a Reach<E>,
    probe: Option<Probe>,
}

impl<E> fmt::Debug for Reach<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reach").field(&self.who).finish()
    }
}

impl<E: Silence> Reach<E> {
    /// `who` begins a sentence.
    pub(crate) fn new(who: &'static str, clock: Arc<dyn Clock>, events: Arc<Events>) -> Self {
        let state = State {
            watch: Watch::default(),
            given_up: None,
        };
        Self {
            who,
            clock,
            events,
            state: Mutex::new(state),
            answered: Notify::new(),
            again: OnceLock::new(),
        }
    }

    /// Asks, in an outage as often as it takes. An error that is no answer comes back only while no outage is
    /// recognised, or when it lasts too long: then for every later request too, without asking. May be dropped at any
    /// moment.
    pub(crate) async fn ask<T, F>(&self, ask: impl Fn() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        loop {
            let mut turn = self.turn().await?;
            if turn.probe == Some(Probe::Again) {
                self.probe_again().await;
                continue;
            }
            let answer = ask().await;
            let error = match &answer {
                Err(error) if error.heard() != Heard::Answer => error,
                _ => {
                    self.answered();
                    return answer;
                }
            };
            match self.missed(error, turn.probe) {
                Then::Return => return answer,
                Then::Wait => {}
                Then::Suspect => {
                    turn.probe = Some(Probe::Again);
                    if self.probe_again().await {
                        return answer;
                    }
                }
            }
        }
    }

    /// Keeps what to ask when nothing else is answered; the first that is kept counts.
    pub(crate) fn keep_again(&self, again: impl FnOnce() -> Again<E>) {
        self.again.get_or_init(again);
    }

    /// Whether nothing is asked any more.
    pub(crate) fn has_given_up(&self) -> bool {
        self.lock().given_up.is_some()
    }

    async fn turn(&self) -> Result<Turned<'_, E>, E> {
        loop {
            // Made before the look, so that an answer in between is not missed.
            let answered = self.answered.notified();
            let wait = {
                let mut state = self.lock();
                if let Some(error) = &state.given_up {
                    return Err(error.clone());
                }
                match state.watch.turn(self.clock.elapsed()) {
                    Turn::Ask(probe) => return Ok(Turned { reach: self, probe }),
                    Turn::Wait(wait) => wait,
                }
            };
            tokio::select! {
                () = answered => {}
                () = self.clock.sleep(wait) => {}
            }
        }
    }

    /// Asks for what was answered before; whether it is answered now.
    async fn probe_again(&self) -> bool {
        let Some(again) = self.again.get() else {
            return false;
        };
        match again().await {
            Err(error) if error.heard() != Heard::Answer => {
                self.missed(&error, Some(Probe::Again));
                false
            }
            _ => {
                self.answered();
                true
            }
        }
    }

    fn answered(&self) {
        let ended = self.lock().watch.answered(self.clock.elapsed());
        self.tell_end(ended);
    }

    fn tell_end(&self, ended: Option<Ended>) {
        let Some(ended) = ended else {
            return;
        };
        self.answered.notify_waiters();
        if let Some(lasted) = ended.lasted {
            let (who, silent_s) = (self.who, lasted.as_secs());
            self.events
                .warn(format!("{who} answers again, after {silent_s} s"));
        }
    }

    /// Notes an error that is no answer, and tells of an outage that begins with it.
    fn missed(&self, error: &E, probe: Option<Probe>) -> Then {
        let now = self.clock.elapsed();
        if error.heard() == Heard::Failure {
            let ended = self.lock().watch.connected(now);
            self.tell_end(ended);
        }
        let mut state = self.lock();
        let can_ask_again = self.again.get().is_some();
        let missed = state.watch.missed(error.heard(), probe, can_ask_again, now);
        if missed.is_given_up {
            state.given_up = Some(error.clone());
        }
        drop(state);
        if missed.is_given_up {
            self.answered.notify_waiters();
        }
        if missed.is_new {
            let minutes = GIVE_UP.as_secs() / 60;
            self.events.warn(format!(
                "{error}; it is asked again now and then, for {minutes} minutes at most"
            ));
        }
        missed.then
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<E>> {
        // Every update under this lock is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Silence> Drop for Turned<'_, E> {
    fn drop(&mut self) {
        if self.probe.is_some() && self.reach.lock().watch.probe_ended() {
            self.reach.answered.notify_waiters();
        }
    }
}
