//! Hands events to the listener and folds them into the summary.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Event, Listener, Summary};

/// Where the engine says what happens.
pub(crate) struct Events {
    listener: Arc<dyn Listener>,
    summary: Mutex<Summary>,
}

impl Events {
    pub(crate) fn new(listener: Arc<dyn Listener>) -> Self {
        Self {
            listener,
            summary: Mutex::default(),
        }
    }

    /// One event.
    pub(crate) fn emit(&self, event: &Event) {
        self.summary
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(event);
        self.listener.on(event);
    }

    /// A warning in words.
    pub(crate) fn warn(&self, text: impl Into<String>) {
        self.emit(&Event::Warning { text: text.into() });
    }

    /// Everything so far.
    pub(crate) fn summary(&self) -> Summary {
        self.summary
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}
