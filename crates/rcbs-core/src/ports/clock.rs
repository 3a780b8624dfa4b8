//! The port to time.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// Says what time it is and waits.
///
/// Promises: `now` is UTC with at least millisecond resolution; `elapsed` never runs backwards, whatever is done to
/// the wall clock; `sleep` returns no earlier than asked and may be dropped at any moment.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall clock, UTC.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment in this process, for rates and deadlines.
    fn elapsed(&self) -> Duration;

    /// Waits for at least this long.
    async fn sleep(&self, wait: Duration);
}
