//! Stops a run for one reason, said once: whoever comes first decides what the operator reads.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

use super::RunError;
use crate::ports::ApiError;

/// The stop button of a run.
#[derive(Debug, Default)]
pub(crate) struct Halt {
    reason: OnceLock<RunError>,
    shortfall: OnceLock<RunError>,
    unlisted: OnceLock<ApiError>,
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

    /// Notes why a part of the window could not be listed; only the first counts, and nothing stops.
    pub(crate) fn not_listed(&self, reason: ApiError) {
        drop(self.unlisted.set(reason));
    }

    /// What was noted first by [`not_listed`](Self::not_listed).
    pub(crate) fn why_not_listed(&self) -> Option<ApiError> {
        self.unlisted.get().cloned()
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
