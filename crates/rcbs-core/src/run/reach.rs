//! Waits through an outage: who cannot be reached any more is asked now and then by one request, until it answers again
//! or enough has been waited.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::RunError;
use super::halt::Halt;
use crate::event::Events;
use crate::ports::{ApiError, Clock, GetRequest, MediaStore, Object, StoreError};

/// So many requests in a row without a connection, and no answer in between, are an outage. It costs a second when it
/// was none.
const STREAK: u32 = 3;
/// The first probe comes after this, each later one after twice the time.
const PROBE_FIRST: Duration = Duration::from_secs(1);
const PROBE_MOST: Duration = Duration::from_secs(30);
/// Who was silent for so long is given up for this run: the next one finds everything as it is.
const GIVE_UP: Duration = Duration::from_secs(15 * 60);
/// Who waits while a probe is under way looks again after this.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An error that may be no answer at all.
pub(crate) trait Silence: Clone + fmt::Display {
    /// No connection, so it says nothing about what was asked.
    fn is_no_connection(&self) -> bool;
    /// A connection that broke. That may be the fault of what was asked, so only several of them in a row for different
    /// things begin an outage.
    fn is_cut(&self) -> bool;
    /// No answer in time. That may be the fault of what was asked, so it begins no outage; it does not end one either.
    fn is_no_answer(&self) -> bool;
}

impl Silence for ApiError {
    fn is_no_connection(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    fn is_cut(&self) -> bool {
        matches!(self, Self::Cut { .. })
    }

    fn is_no_answer(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }
}

impl Silence for StoreError {
    fn is_no_connection(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    fn is_cut(&self) -> bool {
        matches!(self, Self::Cut { .. })
    }

    fn is_no_answer(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }
}

/// One server, as far as it can be reached.
pub(crate) struct Reach<E> {
    who: &'static str,
    clock: Arc<dyn Clock>,
    events: Arc<Events>,
    state: Mutex<State<E>>,
    answered: Notify,
}

#[derive(Debug)]
struct State<E> {
    /// It has answered in this run. Before that it may be the configuration, and nobody shall wait for it.
    heard: bool,
    failures: u32,
    /// What the last broken connection was for.
    cut_on: Option<String>,
    silent_since: Duration,
    outage: Option<Outage>,
    given_up: Option<E>,
}

#[derive(Debug)]
struct Outage {
    next_probe: Duration,
    wait: Duration,
    probing: bool,
}

/// Whose turn it is.
enum Turn<E> {
    Ask,
    Probe,
    Wait(Duration),
    GivenUp(E),
}

/// The one request that is made in an outage; another may be made when it is dropped.
struct Probe<'a, E>(&'a Reach<E>);

impl<E> fmt::Debug for Reach<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reach").field(&self.who).finish()
    }
}

impl<E: Silence> Reach<E> {
    /// `who` begins a sentence.
    pub(crate) fn new(who: &'static str, clock: Arc<dyn Clock>, events: Arc<Events>) -> Self {
        let state = State {
            heard: false,
            failures: 0,
            cut_on: None,
            silent_since: Duration::ZERO,
            outage: None,
            given_up: None,
        };
        Self {
            who,
            clock,
            events,
            state: Mutex::new(state),
            answered: Notify::new(),
        }
    }

    /// Asks, in an outage as often as it takes. An error that is silence comes back only before an outage was
    /// recognised, or when it lasts too long: then for every later request too, without asking. May be dropped at any
    /// moment. `what` names the thing, where one thing is asked for again and again.
    pub(crate) async fn ask<T, F>(&self, what: Option<&str>, ask: impl Fn() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        loop {
            let probe = self.turn().await?;
            let answer = ask().await;
            match &answer {
                Err(error)
                    if error.is_no_connection() || error.is_cut() || error.is_no_answer() =>
                {
                    if !self.silent(error, what, probe.is_some()) {
                        return answer;
                    }
                }
                Ok(_) | Err(_) => {
                    self.heard();
                    return answer;
                }
            }
        }
    }

    /// Whether nothing is asked any more.
    pub(crate) fn has_given_up(&self) -> bool {
        self.lock().given_up.is_some()
    }

    async fn turn(&self) -> Result<Option<Probe<'_, E>>, E> {
        loop {
            // Made before the look, so that an answer in between is not missed.
            let answered = self.answered.notified();
            match self.whose_turn() {
                Turn::Ask => return Ok(None),
                Turn::Probe => return Ok(Some(Probe(self))),
                Turn::GivenUp(error) => return Err(error),
                Turn::Wait(wait) => {
                    tokio::select! {
                        () = answered => {}
                        () = self.clock.sleep(wait) => {}
                    }
                }
            }
        }
    }

    fn whose_turn(&self) -> Turn<E> {
        let now = self.clock.elapsed();
        let mut state = self.lock();
        if let Some(error) = &state.given_up {
            return Turn::GivenUp(error.clone());
        }
        match &mut state.outage {
            None => Turn::Ask,
            Some(outage) if outage.probing => Turn::Wait(LOOK_EVERY),
            Some(outage) if now < outage.next_probe => Turn::Wait(outage.next_probe - now),
            Some(outage) => {
                outage.probing = true;
                Turn::Probe
            }
        }
    }

    fn heard(&self) {
        let mut state = self.lock();
        state.heard = true;
        state.failures = 0;
        let ended = state.outage.take().is_some();
        let silent_since = state.silent_since;
        drop(state);
        if ended {
            self.answered.notify_waiters();
            let silent_s = self.clock.elapsed().saturating_sub(silent_since).as_secs();
            let who = self.who;
            self.events
                .warn(format!("{who} answers again, after {silent_s} s"));
        }
    }

    /// Notes that nothing came; whether to wait for the end of the outage.
    fn silent(&self, error: &E, what: Option<&str>, is_probe: bool) -> bool {
        let now = self.clock.elapsed();
        let mut state = self.lock();
        let silent_since = state.silent_since;
        if let Some(outage) = &mut state.outage {
            if is_probe {
                outage.next_probe = now + outage.wait;
                outage.wait = (outage.wait * 2).min(PROBE_MOST);
                if now.saturating_sub(silent_since) >= GIVE_UP {
                    state.given_up = Some(error.clone());
                    self.answered.notify_waiters();
                    return false;
                }
            }
            return true;
        }
        let is_another = what.is_none() || state.cut_on.as_deref() != what;
        if error.is_cut() {
            state.cut_on = what.map(str::to_owned);
        }
        if !(error.is_no_connection() || error.is_cut() && is_another) {
            return false;
        }
        state.failures += 1;
        if state.failures == 1 {
            state.silent_since = now;
        }
        if !state.heard || state.failures < STREAK {
            return false;
        }
        state.outage = Some(Outage {
            next_probe: now + PROBE_FIRST,
            wait: PROBE_FIRST * 2,
            probing: false,
        });
        drop(state);
        let minutes = GIVE_UP.as_secs() / 60;
        self.events.warn(format!(
            "{error}; it is asked again now and then, for {minutes} minutes at most"
        ));
        true
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<E>> {
        // Every update under this lock is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Drop for Probe<'_, E> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outage) = &mut state.outage {
            outage.probing = false;
        }
    }
}

/// A store whose outages are waited through. When one lasts too long the run stops: what was not fetched stays announced,
/// and is not put off file by file.
#[derive(Debug)]
pub(crate) struct ReachedStore {
    inner: Arc<dyn MediaStore>,
    reach: Reach<StoreError>,
    halt: Arc<Halt>,
}

impl ReachedStore {
    pub(crate) fn new(
        inner: Arc<dyn MediaStore>,
        reach: Reach<StoreError>,
        halt: Arc<Halt>,
    ) -> Self {
        Self { inner, reach, halt }
    }
}

#[async_trait]
impl MediaStore for ReachedStore {
    async fn get(&self, request: &GetRequest) -> Result<Object, StoreError> {
        let what = request.location.to_string();
        let get = || self.inner.get(request);
        let answer = self.reach.ask(Some(&what), get).await;
        if let Err(error) = &answer
            && self.reach.has_given_up()
        {
            self.halt.stop(RunError::Store(error.clone()));
        }
        answer
    }
}
