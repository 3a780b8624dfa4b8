//! One reading of a list from its beginning: what was seen, and what comes next.

use std::collections::{BTreeSet, HashSet};

use super::super::facts::{EntryFacts, Key, Ms, PageFacts};
use super::super::server::Fill;
use crate::ports::NextLink;

/// One reading of a list from its beginning.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) ask: Ask,
    pub(super) asked_limit: u16,
    /// The entry that the next page by offset begins with.
    pub(super) anchor: Option<Key>,
    pub(super) known: BTreeSet<Key>,
    /// Entries that stand in the list up to here.
    pub(super) position: u64,
    /// Those among them that are no readable recordings.
    pub(super) keyless: u64,
    /// Some entry of an earlier page came again.
    pub(super) doubles: bool,
    /// Pages in a row without anything new.
    pub(super) barren: u8,
    /// Links followed.
    pub(super) links: HashSet<NextLink>,
    /// Links led here.
    pub(super) linked: bool,
    /// How full the last page was.
    pub(super) before: Fill,
    pub(super) first_page: Vec<Option<Key>>,
    pub(super) pages: u32,
    pub(super) total: Option<u64>,
    pub(super) total_moved: bool,
    /// All entries in their order, as one number.
    pub(super) sequence: u128,
    /// Recordings in a row that were too large.
    pub(super) skips_in_a_row: u8,
    /// An offset has led to another page than the first.
    pub(super) went_on: bool,
    /// When the last entry began, as long as each began no earlier than the one before.
    pub(super) last_start: Rising,
    /// The same of their ends.
    pub(super) last_stop: Rising,
}

/// The latest of times that have only risen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rising {
    /// Up to here; `None` before the first.
    Upto(Option<Ms>),
    /// One was unknown or earlier than the one before.
    Broken,
}

impl Rising {
    fn then(self, at: Option<Ms>) -> Self {
        match (self, at) {
            (Self::Upto(before), Some(at)) if before.is_none_or(|before| before <= at) => {
                Self::Upto(Some(at))
            }
            _ => Self::Broken,
        }
    }

    pub(super) fn last(self) -> Option<Ms> {
        match self {
            Self::Upto(last) => last,
            Self::Broken => None,
        }
    }
}

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    First,
    Link(NextLink),
    Offset {
        at: u64,
        /// It begins with the last entry seen.
        is_anchored: bool,
    },
    /// The first page once more, to see whether the list is still the same.
    Head,
}

impl Pass {
    pub(super) fn new() -> Self {
        Self {
            ask: Ask::First,
            asked_limit: 0,
            anchor: None,
            known: BTreeSet::new(),
            position: 0,
            keyless: 0,
            doubles: false,
            barren: 0,
            links: HashSet::new(),
            linked: false,
            before: Fill::Full,
            first_page: Vec::new(),
            pages: 0,
            total: None,
            total_moved: false,
            sequence: 0,
            skips_in_a_row: 0,
            went_on: false,
            last_start: Rising::Upto(None),
            last_stop: Rising::Upto(None),
        }
    }

    /// Entries that are different, as far as can be told.
    pub(super) fn distinct(&self) -> u64 {
        self.known.len() as u64 + self.keyless
    }

    pub(super) fn note_total(&mut self, page: &PageFacts) {
        self.pages += 1;
        self.skips_in_a_row = 0;
        let Some(total) = page.total else { return };
        self.total_moved |= self.total.is_some_and(|before| before != total);
        self.total = Some(total);
    }

    /// Enters new entries of the list and says how many of them are seen for the first time.
    pub(super) fn take(&mut self, entries: &[EntryFacts]) -> u64 {
        let mut here = HashSet::new();
        for entry in entries {
            self.position += 1;
            let number = entry.key.map_or(0, Key::number);
            // A polynomial over the keys: their order counts.
            self.sequence = self
                .sequence
                .wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
                .wrapping_add(number);
            match entry.key {
                None => self.keyless += 1,
                Some(key) if self.known.insert(key) => {
                    here.insert(key);
                }
                Some(key) => self.doubles |= !here.contains(&key),
            }
            self.anchor = entry.key;
            self.last_start = self.last_start.then(entry.start);
            self.last_stop = self.last_stop.then(entry.stop);
        }
        here.len() as u64
    }

    /// Whether a page is the first one again, in whatever order. Entries that cannot be told apart prove nothing.
    pub(super) fn is_first_page(&self, page: &PageFacts) -> bool {
        let first: HashSet<&Option<Key>> = self.first_page.iter().collect();
        !page.entries.is_empty()
            && page.entries.len() == self.first_page.len()
            && page
                .entries
                .iter()
                .all(|entry| entry.key.is_some() && first.contains(&entry.key))
    }
}

pub(super) fn keys(page: &PageFacts) -> Vec<Option<Key>> {
    page.entries.iter().map(|entry| entry.key).collect()
}
