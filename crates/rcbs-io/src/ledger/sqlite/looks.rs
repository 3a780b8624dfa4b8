//! What only those ask who tell people of the ledger.

use jiff::Timestamp;
use rcbs_core::ports::{
    BegunRun, Damage, History, KnownFault, LedgerError, Queue, RecordingEntry, RunRecord,
};
use rcbs_core::recording::RecordingId;

use super::{SqliteLedger, damage, entry, facts, history};

impl SqliteLedger {
    /// Recordings with media files that are lost, the oldest first and in the order of `unsettled_by_age`; `after` is the
    /// last one of the page before, at most `limit`. Without an index for it, so ask only when the tally has some.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn lost(
        &self,
        after: Option<&RecordingEntry>,
        limit: usize,
    ) -> Result<Vec<RecordingEntry>, LedgerError> {
        let after = after.cloned();
        self.worker
            .call("read", move |db| entry::lost(db, after.as_ref(), limit))
            .await
    }

    /// Files that a verification found damaged, in the order of their recordings, after the given one; at most `limit`.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn damaged(
        &self,
        after: Option<&Damage>,
        limit: usize,
    ) -> Result<Vec<Damage>, LedgerError> {
        let after = after.cloned();
        self.worker
            .call("read", move |db| damage::all(db, after.as_ref(), limit))
            .await
    }

    /// What of the queue is not due yet.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn queue(&self, now: Timestamp) -> Result<Queue, LedgerError> {
        self.worker
            .call("read", move |db| entry::queue(db, now))
            .await
    }

    /// What became of the files of a recording. A ledger that an older program wrote may know nothing of it.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn history(&self, id: &RecordingId) -> Result<History, LedgerError> {
        let id = id.clone();
        self.worker
            .call("read", move |db| history::of(db, &id))
            .await
    }

    /// What the server announced that cannot be used, the newest first; at most 10,000.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn faults(&self) -> Result<Vec<KnownFault>, LedgerError> {
        self.worker.call("read", |db| facts::faults(db)).await
    }

    /// The run that has begun and has not said that it ended: it is at work, or it was killed.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn begun(&self) -> Result<Option<BegunRun>, LedgerError> {
        self.worker.call("read", |db| facts::begun(db)).await
    }

    /// The last runs that ended, the newest first, at most `limit`.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn last_runs(&self, limit: usize) -> Result<Vec<RunRecord>, LedgerError> {
        self.worker
            .call("read", move |db| facts::last_runs(db, limit))
            .await
    }
}
