//! The clock of this machine against the promises of its port.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rcbs_core::contract;
use rcbs_core::ports::Clock;
use rcbs_io::clock::SystemClock;

#[tokio::test]
async fn the_system_clock_keeps_the_promises() {
    contract::clock::all(&SystemClock::new()).await;
}

#[tokio::test(start_paused = true)]
async fn the_system_clock_keeps_the_promises_in_paused_time() {
    let clock = SystemClock::new();
    contract::clock::all(&clock).await;
    clock.sleep(Duration::from_secs(86_400)).await;
    assert!(clock.elapsed() >= Duration::from_secs(86_400));
}

/// The clock of scenarios: its wall clock moves with the paused timer.
#[derive(Debug)]
struct PausedClock {
    started: Timestamp,
    timer: SystemClock,
}

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        self.started + self.timer.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.timer.elapsed()
    }

    async fn sleep(&self, wait: Duration) {
        self.timer.sleep(wait).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_keeps_the_promises() {
    let started = "2018-02-12T19:04:11Z".parse().unwrap();
    let timer = SystemClock::new();
    contract::clock::all(&PausedClock { started, timer }).await;
}
