//! The thread that owns the connection: takes one call after the other, and closes the file at the end.

use std::fmt;
use std::sync::mpsc;
use std::thread::JoinHandle;

use rcbs_core::ports::LedgerError;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::error::Trouble;

/// A connection and the name it has in messages.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    pub(super) path: String,
    /// Whether closing has to say that this was a clean stop.
    pub(super) writes: bool,
}

impl Database {
    /// Runs one transaction: all of it, or nothing.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        // Immediate: a transaction that begins by reading could find itself unable to write later.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

type Job = Box<dyn FnOnce(&mut Database) + Send>;

/// The handle of the thread.
pub(super) struct Worker {
    path: String,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<Result<(), LedgerError>>>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("path", &self.path).finish()
    }
}

impl Worker {
    pub(super) fn start(mut database: Database) -> Result<Self, LedgerError> {
        let path = database.path.clone();
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new()
            .name("rcbs-ledger".to_owned())
            .spawn(move || {
                for job in queue {
                    job(&mut database);
                }
                super::open::close(database)
            })
            .map_err(|error| LedgerError::Failed {
                path: path.clone(),
                action: "start",
                reason: error.to_string(),
            })?;
        Ok(Self {
            path,
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Queues a call and waits for its answer. A call that was queued is made even if nobody waits any more.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&mut Database) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |database| {
            let done = work(database).map_err(|trouble| trouble.told(&database.path, action));
            // Nobody waits any more: the work is done all the same.
            drop(answer.send(done));
        });
        let ended = || LedgerError::Failed {
            path: self.path.clone(),
            action,
            reason: "the thread of the ledger has ended".to_owned(),
        };
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(job).map_err(|_| ended())?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    pub(super) async fn close(mut self) -> Result<(), LedgerError> {
        let path = self.path.clone();
        let joined = tokio::task::spawn_blocking(move || self.join()).await;
        joined.unwrap_or_else(|error| {
            Err(LedgerError::Failed {
                path,
                action: "close",
                reason: error.to_string(),
            })
        })
    }

    /// Ends the queue and waits until the thread has closed the file.
    fn join(&mut self) -> Result<(), LedgerError> {
        self.jobs = None;
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(closed)) => closed,
            Some(Err(_)) => Err(LedgerError::Failed {
                path: self.path.clone(),
                action: "close",
                reason: "the thread of the ledger has panicked".to_owned(),
            }),
        }
    }
}

impl Drop for Worker {
    /// Waits, because whoever opens the same file next must find it closed.
    fn drop(&mut self) {
        drop(self.join());
    }
}
