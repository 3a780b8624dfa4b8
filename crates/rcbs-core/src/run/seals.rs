//! For whom the files of this run are sealed, and which certificates are known: warned of once, at the end.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::context::Context;
use crate::cms::Certificate;
use crate::ports::{EntryState, Settlement};
use crate::readiness;

/// So many different recipients are counted; a store that invents them must not fill the memory.
const RECIPIENTS_MOST: usize = 1_000;

/// What one run has seen.
#[derive(Debug, Default)]
pub(crate) struct Seals {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    stored: BTreeMap<String, u64>,
    certificates: Vec<Certificate>,
}

impl Seals {
    /// Certificates that are known to be in use.
    pub(crate) fn know(&self, certificates: Vec<Certificate>) {
        self.seen().certificates.extend(certificates);
    }

    /// What was stored.
    pub(crate) fn note(&self, batch: &[Settlement]) {
        let mut seen = self.seen();
        for settlement in batch {
            let Settlement::Media {
                state: EntryState::Verified { .. },
                recipients,
                ..
            } = settlement
            else {
                continue;
            };
            for recipient in recipients {
                if let Some(files) = seen.stored.get_mut(recipient) {
                    *files += 1;
                } else if seen.stored.len() < RECIPIENTS_MOST {
                    seen.stored.insert(recipient.clone(), 1);
                }
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Warns of certificates that nobody is known to have the key of, and of those that should no longer be in use.
pub(crate) fn warn(context: &Context) {
    let warnings = {
        let seen = context.seals.seen();
        readiness::warnings(&seen.stored, &seen.certificates, context.now())
    };
    for text in warnings {
        context.events.warn(text);
    }
}
