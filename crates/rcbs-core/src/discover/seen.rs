//! Which recordings were handed on already, so that overlapping pages and slices hand on each once.

use std::collections::{BTreeMap, HashSet};

use super::facts::{EntryFacts, Key, Ms};

/// Faults that are remembered so as not to be told twice.
const FAULTS: usize = 10_000;

/// What was seen in the list under way and in the one before: slices overlap no further. About 60 bytes a recording; a
/// hash table would take up to three times as much, and both the old and the new one while it grows.
#[derive(Debug, Default)]
pub(super) struct Seen {
    current: BTreeMap<Key, Sighting>,
    previous: BTreeMap<Key, Sighting>,
    faults: HashSet<u128>,
}

/// A recording as it was listed.
#[derive(Debug, Clone, Copy)]
struct Sighting {
    /// Of the bytes in the list; the same for all that are listed by their id only.
    digest: u64,
    /// When it began and ended, [`UNKNOWN`] where that is not known: half as long as with options.
    start: Ms,
    stop: Ms,
}

/// No time that a server writes.
const UNKNOWN: Ms = Ms::MIN;

impl Sighting {
    fn new(digest: u64, facts: EntryFacts) -> Self {
        Self {
            digest,
            start: facts.start.unwrap_or(UNKNOWN),
            stop: facts.stop.unwrap_or(UNKNOWN),
        }
    }

    fn facts(self, key: Key) -> EntryFacts {
        let known = |at: Ms| Some(at).filter(|at| *at != UNKNOWN);
        EntryFacts {
            key: Some(key),
            start: known(self.start),
            stop: known(self.stop),
        }
    }
}

/// How a listed entry relates to what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Novelty {
    /// Never seen.
    New,
    /// Seen with other content.
    Changed,
    /// Seen as it is.
    Known(EntryFacts),
}

impl Seen {
    /// Another list begins.
    pub(super) fn turn(&mut self) {
        self.previous = std::mem::take(&mut self.current);
        self.faults.clear();
    }

    /// Whether a recording that is listed with bytes of this [`digest`] is new.
    pub(super) fn novelty(&self, key: Key, digest: u64) -> Novelty {
        let before = self.current.get(&key).or_else(|| self.previous.get(&key));
        match before {
            None => Novelty::New,
            Some(before) if before.digest == digest => Novelty::Known(before.facts(key)),
            Some(_) => Novelty::Changed,
        }
    }

    /// Remembers a recording that was handed on.
    pub(super) fn enter(&mut self, key: Key, digest: u64, facts: EntryFacts) {
        self.current.insert(key, Sighting::new(digest, facts));
    }

    /// Whether a fault is told for the first time.
    pub(super) fn is_new_fault(&mut self, identity: u128) -> bool {
        self.faults.len() < FAULTS && self.faults.insert(identity)
    }
}

/// The digest of a recording that is listed by its id only.
pub(super) const NOTHING: u64 = 0;

/// What tells bytes apart whose SHA-256 this is. Eight bytes of it: a change must be noticed, nothing hangs on who makes
/// it.
pub(super) fn digest(sha256: &[u8; 32]) -> u64 {
    sha256
        .first_chunk()
        .map_or(NOTHING, |bytes| u64::from_be_bytes(*bytes))
}
