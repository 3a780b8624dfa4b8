//! A log of what was asked through a port, so that tests count calls instead of measuring speed.

use std::sync::{Arc, Mutex, PoisonError};

use rcbs_core::ports::{GetRequest, ListRequest};
use rcbs_core::recording::RecordingId;

/// One call of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// `RecordingApi::list`.
    List(ListRequest),
    /// `RecordingApi::recording`.
    Recording(RecordingId),
    /// `RecordingApi::settings`.
    Settings,
    /// `MediaStore::get`.
    Get(GetRequest),
}

/// Calls in the order they came. Clones are the same log.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    /// All calls so far.
    #[must_use]
    pub fn all(&self) -> Vec<Call> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many calls there were of which this is true.
    pub fn count(&self, is_wanted: impl Fn(&Call) -> bool) -> usize {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|call| is_wanted(call))
            .count()
    }

    /// How often pages were asked for.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.count(|call| matches!(call, Call::List(_)))
    }

    /// How often objects were asked for.
    #[must_use]
    pub fn gets(&self) -> usize {
        self.count(|call| matches!(call, Call::Get(_)))
    }

    /// How often this object was asked for.
    #[must_use]
    pub fn gets_of(&self, key: &str) -> usize {
        self.count(|call| matches!(call, Call::Get(request) if request.location.key == key))
    }

    /// Forgets all calls so far.
    pub fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Notes a call and gives its number, from 1.
    pub(crate) fn note(&self, call: Call) -> u64 {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(call);
        calls.len() as u64
    }
}
