//! A cloud that several faces and tests look at and change, together with the clock that it lives by.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use rcbs_core::ports::Clock;

use super::Cloud;
use crate::clock::SimClock;

/// A handle to one cloud; clones are handles to the same one.
#[derive(Clone)]
pub struct SharedCloud {
    cloud: Arc<RwLock<Cloud>>,
    clock: Arc<dyn Clock>,
}

impl SharedCloud {
    /// Shares a cloud that lives by this clock.
    #[must_use]
    pub fn new(cloud: Cloud, clock: Arc<dyn Clock>) -> Self {
        Self {
            cloud: Arc::new(RwLock::new(cloud)),
            clock,
        }
    }

    /// What the cloud's clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Looks at the cloud.
    pub fn read<T>(&self, look: impl FnOnce(&Cloud) -> T) -> T {
        look(&self.cloud.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the cloud: adds recordings, removes objects, replaces media.
    pub fn change<T>(&self, change: impl FnOnce(&mut Cloud) -> T) -> T {
        change(&mut self.cloud.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<Cloud> for SharedCloud {
    /// A cloud that lives by this machine's clock.
    fn from(cloud: Cloud) -> Self {
        Self::new(cloud, Arc::new(SimClock::wall()))
    }
}

impl fmt::Debug for SharedCloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recordings = self.read(|cloud| cloud.recordings().len());
        f.debug_struct("SharedCloud")
            .field("recordings", &recordings)
            .field("now", &self.now())
            .finish()
    }
}
