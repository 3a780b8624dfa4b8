//! Divides by the callers' numbers what time cannot divide: more recordings at one moment than an answer holds.
//!
//! Patterns such as `*7` are documented and divide the numbers, but recordings whose caller ends in no digit, or is
//! hidden, fit none of them. So the parts are proof only together with the server's own count of the whole.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::facts::{Key, Ms, PageFacts, Range};
use super::server::{Server, Total};

/// The longest ending that is asked for.
const SUFFIX_CHARS: usize = 4;
/// Questions for one moment where a count can prove them to be enough, and where they can only show more.
const QUESTIONS: u32 = 200;
const QUESTIONS_WITHOUT_COUNT: u32 = 40;

/// A moment that is being divided.
#[derive(Debug)]
pub(super) struct Burst {
    /// What is asked for, the same as for the whole.
    pub(super) asked: Range,
    /// The moment itself.
    pub(super) piece: Range,
    total: Option<u64>,
    known: BTreeSet<Key>,
    /// Under which ending a recording was shown.
    endings: HashMap<Key, String>,
    to_ask: VecDeque<String>,
    asked_letters: bool,
    questions: u32,
}

impl Burst {
    pub(super) fn new(
        asked: Range,
        piece: Range,
        known: BTreeSet<Key>,
        total: Option<u64>,
    ) -> Self {
        Self {
            asked,
            piece,
            total,
            known,
            endings: HashMap::new(),
            to_ask: ('0'..='9').map(String::from).collect(),
            asked_letters: false,
            questions: 0,
        }
    }

    /// Different recordings seen at that moment, by whatever question.
    pub(super) fn seen(&self) -> u64 {
        self.known.len() as u64
    }

    pub(super) fn at(&self) -> Ms {
        self.piece.since
    }

    /// The next pattern to ask for; `None` when no other can help.
    pub(super) fn pattern(&mut self, server: &Server) -> Option<String> {
        let is_counted = server.total == Total::Counts && self.total.is_some();
        let most = if is_counted {
            QUESTIONS
        } else {
            QUESTIONS_WITHOUT_COUNT
        };
        if server.patterns_are_useless || self.is_proven(server) || self.questions >= most {
            return None;
        }
        // Letters only pay where there is a count that they can complete.
        if self.to_ask.is_empty() && !self.asked_letters && is_counted {
            self.asked_letters = true;
            self.to_ask = ('a'..='z').chain('A'..='Z').map(String::from).collect();
        }
        self.to_ask.front().map(|ending| format!("*{ending}"))
    }

    /// Whether all of the moment was seen.
    pub(super) fn is_proven(&self, server: &Server) -> bool {
        server.is_counted(self.seen(), self.total)
    }

    /// Takes the answer to the pattern asked for.
    pub(super) fn on_page(&mut self, page: &PageFacts, limit: u16, server: &mut Server) {
        self.questions += 1;
        let Some(ending) = self.to_ask.pop_front() else {
            return;
        };
        let keys = page.entries.iter().filter_map(|entry| entry.key);
        for key in keys {
            self.known.insert(key);
            let before = self.endings.insert(key, ending.clone());
            // Nothing ends in both.
            if before.is_some_and(|before| !ending.ends_with(&before)) {
                server.patterns_are_useless = true;
            }
        }
        let is_cut = server.may_be_cut(page.entries.len(), limit);
        if is_cut && ending.chars().count() < SUFFIX_CHARS {
            self.to_ask
                .extend(('0'..='9').map(|digit| format!("{digit}{ending}")));
        }
    }

    /// The server refuses the pattern.
    pub(super) fn give_up(&mut self) {
        self.questions = QUESTIONS;
    }
}
