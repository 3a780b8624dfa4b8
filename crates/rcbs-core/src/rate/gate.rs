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
    waiting: usize,
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
                waiting: 0,
            }),
            freed: Notify::new(),
        }
    }

    /// Waits until one more transfer may begin.
    pub(crate) async fn enter(&self) -> Pass<'_> {
        loop {
            // Registered before the look, so that a place freed in between is not missed.
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            let most = self.pace.most_transfers();
            {
                let mut state = self.lock();
                if state.running < state.concurrency.limit().min(most) {
                    state.running += 1;
                    return Pass(self);
                }
            }
            let _waiting = Waiting::begin(self);
            freed.await;
        }
    }

    /// Bytes came.
    pub(crate) fn received(&self, bytes: u64, now: Duration) {
        let mut state = self.lock();
        let (before, running) = (state.concurrency.limit(), state.running);
        state.concurrency.on_bytes(bytes, running, now);
        self.tell_raised(before, &state);
    }

    /// A transfer succeeded: more may be borne.
    pub(crate) fn succeeded(&self, now: Duration) {
        let mut state = self.lock();
        let (before, running) = (state.concurrency.limit(), state.running);
        state.concurrency.on_success(running, now);
        self.tell_raised(before, &state);
    }

    /// Lets in as many more as the limit was raised by.
    fn tell_raised(&self, before: usize, state: &State) {
        for _ in before..state.concurrency.limit() {
            self.freed.notify_one();
        }
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

/// Counts one that waits, for as long as it does.
struct Waiting<'a>(&'a Gate);

impl<'a> Waiting<'a> {
    fn begin(gate: &'a Gate) -> Self {
        gate.lock().waiting += 1;
        Self(gate)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.running -= 1;
        if state.waiting == 0 {
            state.concurrency.on_idle();
        }
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::ports::Clock;
    use crate::rate::Bandwidth;

    /// A clock that nobody asks.
    #[derive(Debug)]
    struct Stopped;

    #[async_trait::async_trait]
    impl Clock for Stopped {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }

        async fn sleep(&self, _wait: Duration) {}
    }

    fn gate(most: usize, limit: Option<u64>) -> Gate {
        let pace = Pace::new(Arc::new(Stopped), Bandwidth::always(limit));
        Gate::new(Concurrency::new(most), Arc::new(pace))
    }

    #[test]
    fn no_more_enter_than_the_limit_and_than_the_bandwidth_feeds() {
        for (most, limit, expected) in [
            (3, None, 3),
            (64, None, 4),
            (64, Some(100_000), 3),
            (2, Some(100_000), 2),
            (64, Some(1), 1),
        ] {
            let gate = gate(most, limit);
            let passes: Vec<_> = (0..100)
                .map_while(|_| gate.enter().now_or_never())
                .collect();
            assert_eq!(passes.len(), expected, "{most} {limit:?}");
            drop(passes);
            assert!(gate.enter().now_or_never().is_some());
            assert_eq!(gate.lock().running, 0);
            assert_eq!(gate.lock().waiting, 0, "who gave up no longer waits");
        }
    }

    #[test]
    fn who_waits_enters_as_soon_as_more_are_allowed() {
        let gate = gate(64, None);
        let mut passes: Vec<_> = (0..4).map_while(|_| gate.enter().now_or_never()).collect();
        gate.received(1, Duration::ZERO);
        passes.extend((4..16).map_while(|_| gate.enter().now_or_never()));
        assert_eq!(passes.len(), 16);
        let mut waiting = Box::pin(gate.enter());
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(gate.lock().waiting, 1);
        for _ in 0..17 {
            gate.succeeded(Duration::from_secs(1));
        }
        assert!(waiting.as_mut().now_or_never().is_none(), "no time passed");
        gate.succeeded(Duration::from_secs(2));
        let entered = waiting.as_mut().now_or_never();
        assert!(entered.is_some());
        passes.extend((17..32).map_while(|_| gate.enter().now_or_never()));
        assert_eq!(passes.len(), 31);
        assert!(gate.enter().now_or_never().is_none());
    }
}
