//! Many files at once: a fixed number of workers, each with one file and a buffer of its own.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::files::SealedFile;
use super::one::{Rules, decrypt};
use super::outcome::{Outcome, Settled};
use crate::cms::KeyRing;
use crate::ports::TargetError;

/// Who works, and with what.
#[derive(Debug)]
pub struct Crew<'a> {
    /// The keys.
    pub ring: &'a KeyRing,
    /// What is allowed.
    pub rules: Rules,
    /// Files that are open at the same time, and threads.
    pub workers: NonZeroUsize,
    /// Ends the work after the pieces under way. What is not whole then leaves nothing behind.
    pub cancel: &'a CancellationToken,
}

/// Opens all files and tells of each as it is settled. The files are asked for one by one, so there may be any number
/// of them. A full disk ends the work: what follows would fail too.
pub fn decrypt_all(
    crew: &Crew<'_>,
    files: impl Iterator<Item = Box<dyn SealedFile>> + Send,
    tell: impl Fn(Settled) + Sync,
) {
    let files = Mutex::new(files);
    let next = || {
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        files.next()
    };
    std::thread::scope(|scope| {
        for _ in 0..crew.workers.get() {
            scope.spawn(|| {
                let mut buffer = Vec::new();
                while !crew.cancel.is_cancelled()
                    && let Some(mut file) = next()
                {
                    let settled =
                        decrypt(&mut *file, crew.ring, crew.rules, crew.cancel, &mut buffer);
                    if matches!(settled.outcome, Outcome::Failed(TargetError::Full { .. })) {
                        crew.cancel.cancel();
                    }
                    tell(settled);
                }
            });
        }
    });
}
