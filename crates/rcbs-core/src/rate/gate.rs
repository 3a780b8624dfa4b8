//! Lets so many transfers run at once as the store bears: the adaptive limit, made to wait on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Concurrency, Pace};

/// Bounds the transfers under way.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    pace: Arc<Pace>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    concurrency: Concurrency,
    running: usize,
}

/// The right to have one transfer under way; given back when dropped.
#[derive(Debug)]
pub(crate) struct Pass<'a>(&'a Gate);

impl Gate {
    pub(crate) fn new(concurrency: Concurrency, pace: Arc<Pace>) -> Self {
        Self {
            pace,
            state: Mutex::new(State {
                concurrency,
                running: 0,
            }),
            freed: Notify::new(),
        }
    }

    /// Waits until one more transfer may begin.
    pub(crate) async fn enter(&self) -> Pass<'_> {
        loop {
            // Registered before the look, so that a place freed in between is not missed.
            let freed = self.freed.notified();
            let most = self.pace.most_transfers();
            {
                let mut state = self.lock();
                if state.running < state.concurrency.limit().min(most) {
                    state.running += 1;
                    return Pass(self);
                }
            }
            freed.await;
        }
    }

    /// A transfer succeeded: more may be borne.
    pub(crate) fn succeeded(&self) {
        self.lock().concurrency.on_success();
        self.freed.notify_one();
    }

    /// The store asked for fewer requests.
    pub(crate) fn throttled(&self, now: Duration) {
        self.lock().concurrency.on_throttle(now);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Every update under this lock is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.freed.notify_one();
    }
}
