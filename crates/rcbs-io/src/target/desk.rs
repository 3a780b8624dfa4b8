//! Who is writing which temporary file.
//!
//! A hop to the disk cannot be called back when its caller is dropped. Each hop therefore holds the claim on its name
//! until it has ended, and nobody else gets the name before: two attempts at one file never write at the same time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rcbs_core::ports::StageName;
use tokio::sync::Notify;

/// The names that are being written.
#[derive(Debug, Default)]
pub(super) struct Desk {
    claimed: Mutex<HashSet<String>>,
    released: Notify,
}

/// The right to write the temporary file of one name; ends when dropped.
#[derive(Debug)]
pub(super) struct Claim {
    desk: Arc<Desk>,
    name: StageName,
}

impl Desk {
    /// Claims a name; waits while somebody else has it.
    pub(super) async fn claim(self: &Arc<Self>, name: &StageName) -> Claim {
        loop {
            // Asked for before looking: a release between the look and the wait is not missed.
            let released = self.released.notified();
            if self.claimed().insert(name.as_str().to_owned()) {
                return Claim {
                    desk: Arc::clone(self),
                    name: name.clone(),
                };
            }
            released.await;
        }
    }

    /// Whether somebody is writing under this name, which may be any name found on disk.
    pub(super) fn is_claimed(&self, name: &str) -> bool {
        self.claimed().contains(name)
    }

    fn claimed(&self) -> MutexGuard<'_, HashSet<String>> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.desk.claimed().remove(self.name.as_str());
        self.desk.released.notify_waiters();
    }
}
