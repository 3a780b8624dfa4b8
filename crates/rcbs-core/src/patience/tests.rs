//! Patience by itself, with paused time.
#![expect(
    clippy::disallowed_methods,
    reason = "the clock that is handed in here is tokio's, paused"
)]

use futures_util::FutureExt as _;

use super::*;
use crate::event::Listener;
use crate::rate::{Bandwidth, Concurrency, Pace};

#[derive(Debug)]
struct Paused(tokio::time::Instant);

#[async_trait::async_trait]
impl Clock for Paused {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }
}

struct Deaf;

impl Listener for Deaf {
    fn on(&self, _event: &Event) {}
}

fn patience(brake: Brake) -> Patience {
    let clock = Arc::new(Paused(tokio::time::Instant::now()));
    let events = Arc::new(Events::new(Arc::new(Deaf)));
    Patience::new(clock, events, brake, CancellationToken::new(), 7)
}

fn fewer() -> Brake {
    let clock = Arc::new(Paused(tokio::time::Instant::now()));
    let pace = Arc::new(Pace::new(clock, Bandwidth::UNLIMITED));
    Brake::Fewer(Arc::new(Gate::new(Concurrency::new(8), pace)))
}

fn throttled(after_s: Option<u64>) -> FailureClass {
    FailureClass::Throttled {
        after: after_s.map(Duration::from_secs),
    }
}

/// How long the next request would wait.
async fn held(patience: &Patience) -> Duration {
    let asked = tokio::time::Instant::now();
    patience.turn().await;
    asked.elapsed()
}

#[tokio::test(start_paused = true)]
async fn what_a_server_asks_for_binds_every_request_to_it() {
    for brake in [fewer(), Brake::Pause] {
        let patience = patience(brake);
        assert_eq!(held(&patience).await, Duration::ZERO);
        let mut tries = patience.begin(RetryPolicy::API);
        let retry = patience.may_retry(&mut tries, throttled(Some(20)), None, &"slow down");
        let others = held(&patience);
        let (may_retry, waited) = tokio::join!(retry, others);
        assert!(may_retry);
        let (least, most) = (Duration::from_secs(20), Duration::from_secs(22));
        assert!((least..most).contains(&waited), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_names_no_time_is_left_alone_where_nothing_else_slows_requests_down() {
    for (brake, pauses) in [(fewer(), false), (Brake::Pause, true)] {
        let patience = patience(brake);
        let mut tries = patience.begin(RetryPolicy::API);
        let retry = patience.may_retry(&mut tries, throttled(None), None, &"slow down");
        let (_, waited) = tokio::join!(retry, held(&patience));
        assert_eq!(!waited.is_zero(), pauses);
    }
}

#[tokio::test(start_paused = true)]
async fn one_thing_that_is_always_throttled_holds_the_others_up_once() {
    let patience = patience(fewer());
    let mut tries = patience.begin(RetryPolicy::API);
    let mut always = async || {
        let class = throttled(Some(60));
        patience
            .may_retry(&mut tries, class, None, &"slow down")
            .await
    };
    assert!(always().await);
    for _ in 0..3 {
        let (_, waited) = tokio::join!(always(), held(&patience));
        assert_eq!(waited, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_try_again_makes_the_others_wait_all_the_same() {
    let patience = patience(Brake::Pause);
    let mut tries = patience.begin(RetryPolicy::API);
    patience.gave_up(&mut tries, FailureClass::Transient);
    assert!(patience.turn().now_or_never().is_some());
    patience.gave_up(&mut tries, throttled(Some(5)));
    assert!(held(&patience).await >= Duration::from_secs(5));
}
