//! For whom the files of this run are sealed, and which certificates are known: warned of once, at the end.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::context::Context;
use crate::fetch::CloudCertificates;
use crate::ports::{EntryState, MediaKey, Settlement};
use crate::readiness::{self, Odd, Unencrypted};

/// So many different recipients are counted; a store that invents them must not fill the memory.
const RECIPIENTS_MOST: usize = 1_000;

/// What one run has seen.
#[derive(Debug, Default)]
pub(crate) struct Seals {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Files stored, by recipient.
    stored: BTreeMap<String, u64>,
    odd: Odd,
    /// `None` before they were asked for.
    clouds: Option<CloudCertificates>,
}

impl Seals {
    /// The cloud's settings were asked for.
    pub(crate) fn name_clouds(&self, answer: CloudCertificates) {
        self.seen().clouds = Some(answer);
    }

    /// What they name.
    pub(crate) fn clouds(&self) -> CloudCertificates {
        let unasked = || CloudCertificates::Unknown {
            reason: "they were not asked for".to_owned(),
        };
        self.seen().clouds.clone().unwrap_or_else(unasked)
    }

    /// An unencrypted object was kept although it begins like no media.
    pub(crate) fn note_odd(&self, key: &MediaKey) {
        let mut seen = self.seen();
        seen.odd.files += 1;
        seen.odd.first.get_or_insert_with(|| key.clone());
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

    /// Whether anything was stored.
    pub(crate) fn has_stored(&self) -> bool {
        !self.seen().stored.is_empty()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Warns of certificates that nobody is known to have the key of, of those that should no longer be in use, and of what
/// was not encrypted when it came.
pub(crate) fn warn(context: &Context) {
    let (stored, odd) = {
        let seen = context.seals.seen();
        (seen.stored.clone(), seen.odd.clone())
    };
    let clouds = context.seals.clouds();
    let known = [context.options.certificates.as_slice(), clouds.known()].concat();
    let summary = context.events.summary();
    let unencrypted = Unencrypted {
        sealed_here: summary.sealed_here,
        stored_plain: summary.stored_plain,
        has_own_certificates: !context.options.certificates.is_empty(),
        odd,
    };
    let texts = readiness::warnings(&stored, &known, context.now())
        .into_iter()
        .chain(unencrypted.warnings());
    for text in texts {
        context.events.warn(text);
    }
}
