//! Waits and tries again, or gives up: the one retry layer, with one budget for each server.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::event::{Event, Events};
use crate::failure::FailureClass;
use crate::ports::{Clock, MediaKey};
use crate::rate::Gate;
use crate::retry::{Attempts, Decision, Jitter, RetryBudget, RetryPolicy};

/// All who were held back together come back spread over at most this.
const SPREAD: Duration = Duration::from_secs(1);

/// What all requests of a run to one server share: the clock, the budget, and the brakes.
#[derive(Debug)]
pub(crate) struct Patience {
    clock: Arc<dyn Clock>,
    events: Arc<Events>,
    brake: Brake,
    /// Ends every wait when the run stops.
    stopping: CancellationToken,
    shared: Mutex<Shared>,
}

/// What slows the other requests down when one was throttled.
#[derive(Debug)]
pub(crate) enum Brake {
    /// Fewer at a time; all of them pause only for as long as the server asks.
    Fewer(Arc<Gate>),
    /// All of them pause, as long as the server asks or else as long as the one that was throttled.
    Pause,
}

#[derive(Debug)]
struct Shared {
    budget: RetryBudget,
    jitter: Jitter,
    /// Nothing is asked before this.
    held_until: Duration,
}

/// One request and its failures so far.
#[derive(Debug)]
pub(crate) struct Tries {
    policy: RetryPolicy,
    attempts: Attempts,
    began: Duration,
}

impl Patience {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        events: Arc<Events>,
        brake: Brake,
        stopping: CancellationToken,
        seed: u64,
    ) -> Self {
        let shared = Shared {
            budget: RetryBudget::new(),
            jitter: Jitter::new(seed),
            held_until: Duration::ZERO,
        };
        Self {
            clock,
            events,
            brake,
            stopping,
            shared: Mutex::new(shared),
        }
    }

    /// A request is made for the first time.
    pub(crate) fn begin(&self, policy: RetryPolicy) -> Tries {
        self.shared().budget.requested();
        Tries {
            policy,
            attempts: Attempts::default(),
            began: self.clock.elapsed(),
        }
    }

    /// Waits as long as the server wants to be left alone. Every request begins with this.
    pub(crate) async fn turn(&self) {
        while let Some(wait) = self.held_for() {
            self.clock.sleep(wait).await;
        }
    }

    fn held_for(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        let mut shared = self.shared();
        let held = shared.held_until.checked_sub(now)?;
        let random = shared.jitter.draw();
        (!held.is_zero()).then(|| held + SPREAD.min(held).mul_f64(random))
    }

    /// After a failure: waits and returns true, or returns false when it is not to be tried again in this run.
    pub(crate) async fn may_retry(
        &self,
        tries: &mut Tries,
        class: FailureClass,
        about: Option<&MediaKey>,
        error: &(dyn Display + Sync),
    ) -> bool {
        let Decision::Again { wait } = self.decide(tries, class) else {
            return false;
        };
        self.events.emit(&Event::Retrying {
            key: about.cloned(),
            class,
            reason: error.to_string(),
            wait,
        });
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => false,
            () = self.clock.sleep(wait) => true,
        }
    }

    /// After a failure of what is not to be tried again whatever the policy says: the others may have to slow down.
    pub(crate) fn gave_up(&self, tries: &mut Tries, class: FailureClass) {
        if matches!(class, FailureClass::Throttled { .. }) {
            self.decide(tries, class);
        }
    }

    fn decide(&self, tries: &mut Tries, class: FailureClass) -> Decision {
        let now = self.clock.elapsed();
        let mut shared = self.shared();
        let random = shared.jitter.draw();
        let elapsed = now.saturating_sub(tries.began);
        let attempts = &mut tries.attempts;
        let decision = match attempts.failed(&tries.policy, class, elapsed, random) {
            Decision::Again { .. } if !shared.budget.spend(class) => Decision::GiveUp,
            decision => decision,
        };
        drop(shared);
        if let FailureClass::Throttled { after } = class {
            self.slow_down(tries, after, decision, now);
        }
        decision
    }

    /// A request was throttled, which says something to all of them. It says so once: one thing that is throttled for
    /// ever must not hold up all others again and again.
    fn slow_down(&self, tries: &Tries, after: Option<Duration>, decision: Decision, now: Duration) {
        let pause = match &self.brake {
            Brake::Fewer(gate) => {
                gate.throttled(now);
                after
            }
            Brake::Pause => match decision {
                Decision::Again { wait } => Some(after.unwrap_or(wait)),
                Decision::GiveUp => after,
            },
        };
        if let Some(pause) = pause.filter(|_| tries.attempts.is_first_throttle()) {
            let mut shared = self.shared();
            shared.held_until = shared.held_until.max(now + pause);
        }
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        // Every update under this lock is complete before anything can panic.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tries {
    /// The last try brought bytes that are kept.
    pub(crate) fn progressed(&mut self) {
        self.attempts.progressed();
    }

    /// A large file gets more patience as soon as its length is known.
    pub(crate) fn set_policy(&mut self, policy: RetryPolicy) {
        self.policy = policy;
    }
}

#[cfg(test)]
mod tests;
