//! The ledger in a SQLite file of this machine.
//!
//! | file | holds |
//! | --- | --- |
//! | `worker` | the thread that owns the connection |
//! | `open`, `schema` | opening, checking and upgrading the file |
//! | `announce`, `settle` | the two ways in which entries change |
//! | `entry` | reading entries |
//! | `history`, `past` | what became of files before |
//! | `damage` | what a verification found, until it is mended |
//! | `looks` | what only those ask who tell people of it |
//! | `manifest` | what has yet to be written into a manifest |
//! | `noted` | what files were for which no entry speaks |
//! | `sealed` | for whom media files are sealed |
//! | `facts` | checkpoint, tally, facts, faults, runs |
//! | `error` | from the database's errors to those of the port |

mod announce;
mod damage;
mod days;
mod entry;
mod error;
mod facts;
mod history;
mod looks;
mod manifest;
mod noted;
mod open;
mod past;
mod schema;
mod sealed;
mod settle;
mod versions;
mod worker;

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use rcbs_core::ports::{
    Announcement, DamageNote, DayCount, HeldRecording, Ledger, LedgerError, LedgerTally,
    ManifestBacklog, ManifestPage, MetadataVersion, Period, RecordingEntry, RunRecord, SealedFor,
    Settlement, UnsettledHour,
};
use rcbs_core::recording::RecordingId;

use open::Access;
use worker::Worker;

/// The ledger in a SQLite file.
///
/// One connection on a thread of its own: calls queue up, in order, and none of them blocks the runtime. Times are
/// kept to the millisecond.
///
/// Dropping it finishes what was begun, marks the file as closed cleanly and waits for that; [`Self::close`] does the
/// same without blocking, and tells of errors.
#[derive(Debug)]
pub struct SqliteLedger {
    worker: Worker,
}

impl SqliteLedger {
    /// Opens the ledger at `path`, made where it is missing. An older one is upgraded, after a copy of it was put
    /// beside it as `<name>.before-v<version>`. After a run that did not end cleanly the file is checked first, which
    /// takes about a second for each gigabyte.
    ///
    /// On a file system of another machine it is opened without shared memory, for one program only.
    ///
    /// # Errors
    /// [`LedgerError::Newer`], [`LedgerError::Damaged`] (also for a file that is something else), [`LedgerError::Busy`]
    /// and [`LedgerError::Full`] as they say; [`LedgerError::Failed`] for what the system refuses.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::start(Access::Write(path))
    }

    /// Opens an existing ledger to look at it while another program writes: nothing in it changes, no upgrade is made
    /// and every call that would write fails. A file in which nothing was ever committed is an empty ledger.
    ///
    /// # Errors
    /// As [`Self::open`]; [`LedgerError::Failed`] when the ledger is missing. One of an older version is read, except for
    /// what it does not have: version 1 has no backlog for manifests.
    pub fn open_read_only(path: &Path) -> Result<Self, LedgerError> {
        Self::start(Access::Read(path))
    }

    /// Opens an existing ledger beside a program that may be writing to it, to look at it and to remember facts: it is
    /// neither upgraded nor checked, and closing it says nothing about how the other one stops.
    ///
    /// # Errors
    /// As [`Self::open_read_only`]; also where the file may not be written, or lies on a file system that cannot be
    /// shared.
    pub fn open_beside(path: &Path) -> Result<Self, LedgerError> {
        Self::start(Access::Beside(path))
    }

    /// A ledger that is gone when it is dropped.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] when the linked SQLite is too old.
    pub fn open_in_memory() -> Result<Self, LedgerError> {
        Self::start(Access::Memory)
    }

    /// Reads the whole file and checks that its parts fit each other.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] with the first thing that does not fit.
    pub async fn check(&self) -> Result<(), LedgerError> {
        self.worker.call("check", facts::check).await
    }

    /// Ends what was begun and closes the file.
    ///
    /// # Errors
    /// What kept it from being closed cleanly; everything answered before is durable all the same.
    pub async fn close(self) -> Result<(), LedgerError> {
        self.worker.close().await
    }

    fn start(access: Access<'_>) -> Result<Self, LedgerError> {
        Ok(Self {
            worker: Worker::start(open::open(access)?)?,
        })
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn announce(&self, batch: &[Announcement]) -> Result<Vec<RecordingEntry>, LedgerError> {
        let batch = batch.to_vec();
        self.worker
            .call("announce", move |db| announce::announce(db, &batch))
            .await
    }

    async fn settle(&self, at: Timestamp, batch: &[Settlement]) -> Result<(), LedgerError> {
        let batch = batch.to_vec();
        self.worker
            .call("settle", move |db| settle::settle(db, at, &batch))
            .await
    }

    async fn note_damage(&self, at: Timestamp, batch: &[DamageNote]) -> Result<(), LedgerError> {
        let batch = batch.to_vec();
        self.worker
            .call("note damage", move |db| damage::note(db, at, &batch))
            .await
    }

    async fn unsettled(
        &self,
        after: Option<&RecordingId>,
        limit: usize,
    ) -> Result<Vec<RecordingEntry>, LedgerError> {
        let after = after.cloned();
        self.worker
            .call("read", move |db| {
                entry::unsettled(db, after.as_ref(), limit)
            })
            .await
    }

    async fn unsettled_by_age(
        &self,
        after: Option<&RecordingEntry>,
        limit: usize,
    ) -> Result<Vec<RecordingEntry>, LedgerError> {
        let after = after.cloned();
        self.worker
            .call("read", move |db| {
                entry::unsettled_by_age(db, after.as_ref(), limit)
            })
            .await
    }

    async fn unsettled_by_hour(&self) -> Result<Vec<UnsettledHour>, LedgerError> {
        self.worker
            .call("read", |db| entry::unsettled_by_hour(db))
            .await
    }

    async fn recordings(
        &self,
        after: Option<&RecordingId>,
        limit: usize,
    ) -> Result<Vec<HeldRecording>, LedgerError> {
        let after = after.cloned();
        self.worker
            .call("read", move |db| {
                entry::recordings(db, after.as_ref(), limit)
            })
            .await
    }

    async fn sealed_for(&self) -> Result<Vec<SealedFor>, LedgerError> {
        self.worker.call("read", |db| sealed::sealed_for(db)).await
    }

    async fn unconfirmed(&self) -> Result<Vec<RecordingEntry>, LedgerError> {
        self.worker.call("read", |db| entry::unconfirmed(db)).await
    }

    async fn recording(&self, id: &RecordingId) -> Result<Option<RecordingEntry>, LedgerError> {
        let id = id.clone();
        self.worker
            .call("read", move |db| {
                Ok(entry::find(db, &id)?.map(|found| found.entry))
            })
            .await
    }

    async fn held(&self, id: &RecordingId) -> Result<Option<HeldRecording>, LedgerError> {
        let id = id.clone();
        self.worker
            .call("read", move |db| {
                let found = entry::find(db, &id)?;
                found.map(|found| entry::held(db, found)).transpose()
            })
            .await
    }

    async fn note_fault(&self, at: Timestamp, what: &str) -> Result<(), LedgerError> {
        let what = what.to_owned();
        self.worker
            .call("note a fault", move |db| facts::note_fault(db, at, &what))
            .await
    }

    async fn checkpoint(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.worker.call("read", |db| facts::checkpoint(db)).await
    }

    async fn set_checkpoint(&self, at: Timestamp) -> Result<(), LedgerError> {
        self.worker
            .call("set the checkpoint", move |db| {
                facts::set_checkpoint(db, at)
            })
            .await
    }

    async fn oldest_unsettled(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.worker
            .call("read", |db| facts::oldest_unsettled(db))
            .await
    }

    async fn tally(&self) -> Result<LedgerTally, LedgerError> {
        self.worker.call("read", |db| facts::tally(db)).await
    }

    async fn remember(&self, name: &str, value: Option<&str>) -> Result<(), LedgerError> {
        let (name, value) = (name.to_owned(), value.map(ToOwned::to_owned));
        self.worker
            .call("remember", move |db| {
                facts::remember(db, &name, value.as_deref())
            })
            .await
    }

    async fn recall(&self, name: &str) -> Result<Option<String>, LedgerError> {
        let name = name.to_owned();
        self.worker
            .call("read", move |db| facts::recall(db, &name))
            .await
    }

    async fn manifest_backlog(&self) -> Result<ManifestBacklog, LedgerError> {
        self.worker.call("read", |db| manifest::backlog(db)).await
    }

    async fn manifest_page(
        &self,
        with_written: bool,
        after: i64,
        limit: usize,
    ) -> Result<ManifestPage, LedgerError> {
        self.worker
            .call("read", move |db| {
                manifest::page(db, with_written, after, limit)
            })
            .await
    }

    async fn manifest_written(
        &self,
        upto: i64,
        name: &str,
        state: &str,
    ) -> Result<(), LedgerError> {
        let (name, state) = (name.to_owned(), state.to_owned());
        self.worker
            .call("note a manifest", move |db| {
                manifest::written(db, upto, &name, &state)
            })
            .await
    }

    async fn manifest_closed(&self) -> Result<(), LedgerError> {
        self.worker.call("close a manifest", manifest::close).await
    }

    async fn noted(&self, path: &str) -> Result<Option<[u8; 32]>, LedgerError> {
        let path = path.to_owned();
        self.worker
            .call("read", move |db| noted::of(db, &path))
            .await
    }

    async fn note_listed(&self, period: Period) -> Result<(), LedgerError> {
        self.worker
            .call("note what was listed", move |db| {
                days::note_listed(db, period)
            })
            .await
    }

    async fn forget_listed_from(&self, at: Timestamp) -> Result<(), LedgerError> {
        self.worker
            .call("note what was listed", move |db| {
                days::forget_listed_from(db, at)
            })
            .await
    }

    async fn listed(&self) -> Result<Vec<Period>, LedgerError> {
        self.worker.call("read", |db| days::listed(db)).await
    }

    async fn days(&self, within: Option<Period>) -> Result<Vec<DayCount>, LedgerError> {
        self.worker
            .call("read", move |db| days::days(db, within))
            .await
    }

    async fn metadata_versions(
        &self,
        id: &RecordingId,
    ) -> Result<Vec<MetadataVersion>, LedgerError> {
        let id = id.clone();
        self.worker
            .call("read", move |db| versions::of(db, &id))
            .await
    }

    async fn begin_run(&self, command: &str, at: Timestamp) -> Result<(), LedgerError> {
        let command = command.to_owned();
        self.worker
            .call("note a run", move |db| facts::begin_run(db, &command, at))
            .await
    }

    async fn end_run(&self) -> Result<(), LedgerError> {
        self.worker.call("note a run", facts::end_run).await
    }

    async fn record_run(&self, run: &RunRecord) -> Result<(), LedgerError> {
        let run = run.clone();
        self.worker
            .call("record a run", move |db| facts::record_run(db, &run))
            .await
    }

    async fn last_run(&self) -> Result<Option<RunRecord>, LedgerError> {
        self.worker.call("read", |db| facts::last_run(db)).await
    }
}

#[cfg(test)]
mod tests {
    use rcbs_core::recording::MediaId;

    use super::*;

    fn announcements(count: usize) -> Vec<Announcement> {
        let one = |index: usize| Announcement {
            id: RecordingId::new(&format!("r{index}")).unwrap(),
            start: None,
            stop: None,
            folder: "x".repeat(1_000),
            metadata_sha256: [0; 32],
            seen: Timestamp::UNIX_EPOCH,
            caller: None,
            dialed: None,
            agents: Vec::new(),
            media: vec![(MediaId::new("m").unwrap(), None)],
        };
        (0..count).map(one).collect()
    }

    #[tokio::test]
    async fn a_full_disk_takes_back_the_whole_call_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let database = open::open(Access::Write(&folder.path().join("ledger.db"))).unwrap();
        database
            .connection
            .pragma_update(None, "max_page_count", 60)
            .unwrap();
        let worker = Worker::start(database).unwrap();
        let ledger = SqliteLedger { worker };
        ledger.announce(&announcements(10)).await.unwrap();
        let full = ledger.announce(&announcements(1_000)).await;
        assert!(matches!(full, Err(LedgerError::Full { .. })), "{full:?}");
        assert_eq!(ledger.tally().await.unwrap().recordings, 10);
        ledger.announce(&announcements(11)).await.unwrap();
        ledger.check().await.unwrap();
        ledger.close().await.unwrap();
    }

    #[tokio::test]
    async fn only_the_newest_faults_are_kept_and_each_once() {
        let ledger = SqliteLedger::open_in_memory().unwrap();
        let count = |sql: &'static str| {
            ledger.worker.call("count", move |db| {
                Ok(db
                    .connection
                    .query_row(sql, [], |row| row.get::<_, i64>(0))?)
            })
        };
        for _ in 0..3 {
            let at = Timestamp::UNIX_EPOCH;
            ledger.note_fault(at, "the same").await.unwrap();
        }
        assert_eq!(count("SELECT times FROM fault").await.unwrap(), 3);
        let many = |db: &mut worker::Database| {
            for index in 0..10_050 {
                facts::note_fault(db, Timestamp::UNIX_EPOCH, &index.to_string())?;
            }
            Ok(())
        };
        ledger.worker.call("note", many).await.unwrap();
        assert_eq!(count("SELECT count(*) FROM fault").await.unwrap(), 10_000);
        let newest = "SELECT count(*) FROM fault WHERE what = '10049'";
        assert_eq!(count(newest).await.unwrap(), 1);
    }
}
