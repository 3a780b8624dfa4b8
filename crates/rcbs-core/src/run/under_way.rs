//! Recordings that are being worked on: one that is listed again meanwhile waits until its first turn is committed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::recording::RecordingId;

/// The recordings between intake and commit.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    ids: Mutex<HashSet<RecordingId>>,
    ended: Notify,
}

/// The right to work on one recording; ends when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    id: RecordingId,
    under_way: Arc<UnderWay>,
}

impl UnderWay {
    /// Waits until nobody works on the recording. Who waits must hold no claim that the other one needs.
    pub(crate) async fn claim(self: &Arc<Self>, id: &RecordingId) -> Claim {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Before the look, or an end between look and wait would be missed.
            ended.as_mut().enable();
            if self.ids().insert(id.clone()) {
                return Claim {
                    id: id.clone(),
                    under_way: Arc::clone(self),
                };
            }
            ended.await;
        }
    }

    /// Waits until nobody works on any recording.
    pub(crate) async fn idle(&self) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.ids().is_empty() {
                return;
            }
            ended.await;
        }
    }

    fn ids(&self) -> std::sync::MutexGuard<'_, HashSet<RecordingId>> {
        // Every update under this lock is complete before anything can panic.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.under_way.ids().remove(&self.id);
        self.under_way.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_recording_has_one_turn_at_a_time() {
        let under_way = Arc::new(UnderWay::default());
        let (one, other) = (
            RecordingId::new("ONE").unwrap(),
            RecordingId::new("OTHER").unwrap(),
        );
        let first = under_way.claim(&one).await;
        drop(under_way.claim(&other).await);
        let mut second = std::pin::pin!(under_way.claim(&one));
        assert!(second.as_mut().now_or_never().is_none());
        let mut idle = std::pin::pin!(under_way.idle());
        assert!(idle.as_mut().now_or_never().is_none());
        drop(first);
        assert!(idle.as_mut().now_or_never().is_some());
        assert!(second.as_mut().now_or_never().is_some());
    }
}
