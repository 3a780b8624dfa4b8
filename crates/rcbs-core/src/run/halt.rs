//! Stops a run for one reason, said once: whoever comes first decides what the operator reads.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

use super::RunError;

/// The stop button of a run.
#[derive(Debug, Default)]
pub(crate) struct Halt {
    reason: OnceLock<RunError>,
    shortfall: OnceLock<RunError>,
    token: CancellationToken,
}

impl Halt {
    /// Stops the run; only the first reason counts.
    pub(crate) fn stop(&self, reason: RunError) {
        // A second reason is a consequence of the first, or of the same cause.
        drop(self.reason.set(reason));
        self.token.cancel();
    }

    /// Notes what makes the run incomplete, without stopping what is under way; only the first counts.
    pub(crate) fn fall_short(&self, reason: RunError) {
        drop(self.shortfall.set(reason));
    }

    /// Whether the run is stopping.
    pub(crate) fn is_stopped(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Cancelled when the run stops.
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Waits until the run is stopped.
    pub(crate) async fn stopped(&self) {
        self.token.cancelled().await;
    }

    /// Why the run stopped or fell short; `None` when it came to its end.
    pub(crate) fn reason(&self) -> Option<RunError> {
        self.reason.get().or(self.shortfall.get()).cloned()
    }
}
