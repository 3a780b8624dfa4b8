//! Waits and tries again, or gives up: the one retry layer, with one budget for the whole run.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::event::{Event, Events};
use crate::failure::FailureClass;
use crate::ports::{Clock, MediaKey};
use crate::rate::Gate;
use crate::retry::{Attempts, Decision, Jitter, RetryBudget, RetryPolicy};

/// What all requests of a run share: the clock, the budget, and the brake on the rate.
#[derive(Debug)]
pub struct Patience {
    clock: Arc<dyn Clock>,
    events: Arc<Events>,
    gate: Arc<Gate>,
    /// Ends every wait when the run stops.
    stopping: CancellationToken,
    shared: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    budget: RetryBudget,
    jitter: Jitter,
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
        gate: Arc<Gate>,
        stopping: CancellationToken,
        seed: u64,
    ) -> Self {
        let shared = Shared {
            budget: RetryBudget::new(),
            jitter: Jitter::new(seed),
        };
        Self {
            clock,
            events,
            gate,
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

    /// After a failure: waits and returns true, or returns false when it is not to be tried again in this run.
    pub(crate) async fn may_retry(
        &self,
        tries: &mut Tries,
        class: FailureClass,
        about: Option<&MediaKey>,
        error: &(dyn Display + Sync),
    ) -> bool {
        let now = self.clock.elapsed();
        if matches!(class, FailureClass::Throttled { .. }) {
            self.gate.throttled(now);
        }
        let wait = {
            let mut shared = self.shared();
            let random = shared.jitter.draw();
            match tries.attempts.failed(
                &tries.policy,
                class,
                now.saturating_sub(tries.began),
                random,
            ) {
                Decision::Again { wait } if shared.budget.spend(class) => wait,
                Decision::Again { .. } | Decision::GiveUp => return false,
            }
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
