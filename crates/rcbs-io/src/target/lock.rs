//! One program at a time in a target and in a state folder.
//!
//! The lock is the system's (`flock`, `LockFileEx`) on a file that is never deleted: it ends with its owner, however
//! that one ends, so there is no stale lock to judge. The text in the file only tells people who has it.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rcbs_core::text::printable;

use super::place::STATE_FOLDER;
use super::system::{self, Dir};

const LOCK_FILE: &str = "lock";
/// Whoever only looks has the lock for much less than this…
const LOOK: Duration = Duration::from_millis(10);
/// …and hardly so often in a row.
const LOOKS: u32 = 5;
/// More of a record than this is never shown.
const RECORD_LIMIT_BYTES: u64 = 1 << 10;

/// The right to be the only one; ends when dropped, or with the process.
#[derive(Debug)]
pub struct Lock {
    held: Vec<File>,
    previous_owner: Option<String>,
    unlockable: Option<PathBuf>,
}

/// Why there is no lock.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LockError {
    /// Another program has it.
    #[error("another rcbs ({owner}) is using {path}")]
    Held {
        /// The folder.
        path: String,
        /// Who, as the owner wrote it down; `unknown` where that cannot be read.
        owner: String,
    },
    /// There is no space for the lock file.
    #[error("no space left to lock {path}")]
    Full {
        /// The folder.
        path: String,
    },
    /// The lock file cannot be used.
    #[error("cannot lock {path}: {reason}")]
    Io {
        /// The folder.
        path: String,
        /// The system's words.
        reason: String,
    },
}

impl Lock {
    /// Locks `<target>/.rcbs`, and `state_dir` when that is another folder. The target must have been opened before,
    /// which makes its state folder; `state_dir` is made where it is missing.
    ///
    /// A target on a share that knows no locks is let through when `state_dir` could be locked, see
    /// [`Self::unlockable`].
    ///
    /// # Errors
    /// [`LockError::Held`] when another program has one of the locks, [`LockError::Full`] and [`LockError::Io`] when a file
    /// cannot be used.
    pub fn acquire(target_dir: &Path, state_dir: &Path) -> Result<Self, LockError> {
        let marked = target_dir.join(STATE_FOLDER);
        system::make_root(state_dir).map_err(|error| cannot(state_dir, &error))?;
        let mut lock = Self {
            held: Vec::new(),
            previous_owner: None,
            unlockable: None,
        };
        lock.take(state_dir, false)?;
        let same = match (marked.canonicalize(), state_dir.canonicalize()) {
            (Ok(marked), Ok(state)) => marked == state,
            (Err(error), _) => return Err(cannot(&marked, &error)),
            (_, Err(error)) => return Err(cannot(state_dir, &error)),
        };
        if !same {
            lock.take(&marked, true)?;
        }
        Ok(lock)
    }

    /// Who has the lock of this state folder now, as far as the owner wrote it down; `None` when nobody has, or it cannot
    /// be told. Looking takes a share of the lock for a moment, which a program that begins just then waits for.
    #[must_use]
    pub fn owner(state_dir: &Path) -> Option<String> {
        let mut file = File::open(state_dir.join(LOCK_FILE)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                Some(record(&mut file).unwrap_or_else(|| "unknown".to_owned()))
            }
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }

    /// What the last owner wrote, when it ended without giving the lock back: killed, or the machine stopped.
    #[must_use]
    pub fn previous_owner(&self) -> Option<&str> {
        self.previous_owner.as_deref()
    }

    /// The state folder of a target whose file system knows no locks: nothing there keeps another machine away.
    #[must_use]
    pub fn unlockable(&self) -> Option<&Path> {
        self.unlockable.as_deref()
    }

    fn take(&mut self, folder: &Path, may_lack_locks: bool) -> Result<(), LockError> {
        let mut file = Dir::open_root(folder)
            .and_then(|dir| dir.open_to_change(LOCK_FILE))
            .map_err(|error| cannot(folder, &error))?;
        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    path: folder.display().to_string(),
                    owner: record(&mut file).unwrap_or_else(|| "unknown".to_owned()),
                });
            }
            Err(TryLockError::Error(error)) if may_lack_locks && system::is_lockless(&error) => {
                self.unlockable = Some(folder.to_owned());
                return Ok(());
            }
            Err(TryLockError::Error(error)) => return Err(cannot(folder, &error)),
        }
        if let Some(owner) = record(&mut file) {
            self.previous_owner = Some(owner);
        }
        let (host, pid, now) = (system::host_name(), std::process::id(), Timestamp::now());
        let text = format!("process {pid} on {host}, since {now:.0}\n");
        overwrite(&mut file, &text).map_err(|error| cannot(folder, &error))?;
        self.held.push(file);
        Ok(())
    }
}

impl Drop for Lock {
    /// An empty record says that the lock was given back. Unlocking by hand also covers copies of the handle that a
    /// process being started holds for a moment.
    fn drop(&mut self) {
        for file in &mut self.held {
            drop(overwrite(file, ""));
            drop(file.unlock());
        }
    }
}

/// Takes the lock, also where somebody only looks whether it is taken.
fn patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..LOOKS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            answer => return answer,
        }
    }
    file.try_lock()
}

fn cannot(folder: &Path, error: &io::Error) -> LockError {
    let path = folder.display().to_string();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LockError::Full { path },
        _ => LockError::Io {
            path,
            reason: error.to_string(),
        },
    }
}

/// What an owner wrote down; `None` when there is nothing, or it cannot be read.
fn record(file: &mut File) -> Option<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(RECORD_LIMIT_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().next().unwrap_or_default().trim();
    (!line.is_empty()).then(|| printable(line))
}

fn overwrite(file: &mut File, text: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())
}
