//! The clock of this machine.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rcbs_core::ports::Clock;
use tokio::time::Instant;

/// The wall clock and the timer of the runtime.
///
/// [`Clock::elapsed`] and [`Clock::sleep`] follow the same timer, so both stand still together when a test pauses it.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose elapsed time begins now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }
}
