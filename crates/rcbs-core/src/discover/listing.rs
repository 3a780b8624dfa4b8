//! Lists one range of time page by page and says whether all of it was seen.
//!
//! A list is complete when its pages fit together and something proves its end: the server's own count, a page behind
//! the last one with nothing on it, or a page shorter than the server's longest. Pages by offset overlap by one entry:
//! if the list moves between two requests, because recordings arrive, expire or are shuffled, the entry is not where it
//! was, and the list is read once more. Pages behind links cannot overlap; there, doubles tell.

mod pass;

use std::collections::BTreeSet;

use self::pass::{Ask, Pass, keys};
use super::facts::{Key, Ms, PageFacts};
use super::learned::Offsets;
use super::server::{Fill, SMALLEST_CAP, Server, Total};
use crate::ports::Cursor;

/// Pages in a row that bring nothing new and still are followed by their link.
const BARREN_PAGES: u8 = 2;
/// The same for pages that were seen to go on where the one before ended: a server may list recordings twice.
const BARREN_OVERLAPPING_PAGES: u8 = 50;
/// So many entries are not shuffled into the same order twice.
const NO_CHANCE: u64 = 8;
/// Recordings in a row that are too large by themselves before the fault is sought elsewhere.
const SKIPS_IN_A_ROW: u8 = 3;

/// One range of time under way.
#[derive(Debug)]
pub(super) struct Listing {
    /// Only a list of one page is wanted: what pages cannot prove together, single ones can.
    single: bool,
    /// A list that is too deep is given back, to be divided.
    may_divide: bool,
    pass: Pass,
    /// How the first reading ended, once this is the second.
    earlier: Option<Ending>,
    /// Entries of a refused length were passed over at these places.
    pub(super) skipped: u64,
}

/// How a reading of the whole list ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// It was broken off.
    Open,
    /// At its end; all keys in their order, as one number.
    AtEnd(u128),
}

/// What is known after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another page is needed.
    More,
    /// All of the range was seen.
    Complete,
    /// There is more, and nothing asks for it.
    Capped,
    /// There is more, deeper than is asked for by offset.
    Deep,
    /// The list moves: its pages do not fit together.
    Shaky,
    /// Even one recording is too large an answer.
    TooLarge,
}

impl Listing {
    pub(super) fn new(single: bool, may_divide: bool) -> Self {
        Self {
            single,
            may_divide,
            pass: Pass::new(),
            earlier: None,
            skipped: 0,
        }
    }

    /// The page to ask for.
    pub(super) fn cursor(&mut self, server: &Server) -> (Cursor, u16) {
        self.pass.asked_limit = server.limit();
        let cursor = match &self.pass.ask {
            Ask::First | Ask::Head => Cursor::First,
            Ask::Link(link) => Cursor::Link(link.clone()),
            Ask::Offset { at, .. } => Cursor::Offset(*at),
        };
        (cursor, self.pass.asked_limit)
    }

    /// Recordings of the range and its margins seen so far.
    pub(super) fn known(&self) -> &BTreeSet<Key> {
        &self.pass.known
    }

    /// The list cannot be divided after all.
    pub(super) fn keep_whole(&mut self) {
        self.may_divide = false;
    }

    /// The limit of the page that was asked for last.
    pub(super) fn asked_limit(&self) -> u16 {
        self.pass.asked_limit
    }

    /// Whether the page that was asked for last is one behind a link.
    pub(super) fn asks_by_link(&self) -> bool {
        matches!(self.pass.ask, Ask::Link(_))
    }

    /// Entries so far, and when the last of them began or ended, where they have come in that order.
    pub(super) fn come_to(&self) -> Option<(u64, Ms)> {
        let Pass {
            last_start,
            last_stop,
            position,
            ..
        } = &self.pass;
        let last = last_start.last().or_else(|| last_stop.last())?;
        Some((*position, last))
    }

    /// The server's own count.
    pub(super) fn total(&self) -> Option<u64> {
        self.pass.total
    }

    /// Whether more than one page was needed.
    pub(super) fn has_pages(&self) -> bool {
        self.pass.pages > 1
    }

    /// Takes the page that was asked for.
    pub(super) fn on_page(&mut self, page: &PageFacts, server: &mut Server) -> Verdict {
        let ask = self.pass.ask.clone();
        self.pass.note_total(page);
        let mut entries = page.entries.as_slice();
        match ask {
            Ask::First => self.pass.first_page = keys(page),
            Ask::Link(_) => {}
            Ask::Head => return self.on_head(page, server),
            Ask::Offset { is_anchored, .. } => {
                if !self.pass.went_on && self.pass.is_first_page(page) {
                    server.learned.offsets = Offsets::Ignored;
                    return self.without_offsets(server);
                }
                if is_anchored {
                    match entries.split_first() {
                        Some((first, rest)) if first.key == self.pass.anchor => entries = rest,
                        _ => return self.on_lost_anchor(server),
                    }
                }
                if !self.single {
                    self.pass.went_on = true;
                    server.learned.offsets = Offsets::Honoured;
                }
            }
        }
        let fresh = self.pass.take(entries);
        if page
            .total
            .is_some_and(|total| total < self.pass.known.len() as u64)
        {
            server.total = Total::Wrong;
        }
        if self.single {
            return self.judge_single(page, fresh, server);
        }
        self.judge(page, entries.len(), fresh, server)
    }

    /// The entry that was the last is not where it was.
    fn on_lost_anchor(&mut self, server: &mut Server) -> Verdict {
        let ending = if self.pass.linked {
            // The links had come to their end, and places behind links need not be those of offsets.
            Ending::AtEnd(self.pass.sequence)
        } else {
            Ending::Open
        };
        self.read_again(ending, server)
    }

    /// The server takes no offset, or none so deep.
    pub(super) fn on_offset_refused(&mut self, server: &mut Server) -> Option<Verdict> {
        match self.pass.ask {
            Ask::Offset { at, .. } if server.learned.offsets == Offsets::Honoured => {
                server.learned.deepest = Some(at);
                Some(self.too_deep())
            }
            Ask::Offset { .. } => {
                server.learned.offsets = Offsets::Refused;
                Some(self.without_offsets(server))
            }
            Ask::Link(_) => Some(self.too_deep()),
            Ask::First | Ask::Head => None,
        }
    }

    /// The server does not take its own link.
    pub(super) fn on_link_refused(&mut self, server: &mut Server) -> Option<Verdict> {
        if !matches!(self.pass.ask, Ask::Link(_)) {
            return None;
        }
        Some(self.without_links(server))
    }

    /// The answer was too large: fewer at a time, and in the end none of the one that is.
    pub(super) fn on_too_large(&mut self, server: &mut Server) -> Verdict {
        if server.lower_limit() {
            match self.pass.ask {
                // The limit is part of the link.
                Ask::Link(_) | Ask::Head => self.pass = Pass::new(),
                Ask::Offset { .. } => self.ask_offset(server),
                Ask::First => {}
            }
            return Verdict::More;
        }
        let in_order = !matches!(self.pass.ask, Ask::Link(_) | Ask::Head);
        if self.single || !in_order || !server.has_offsets() {
            return Verdict::TooLarge;
        }
        self.pass.skips_in_a_row += 1;
        if self.pass.skips_in_a_row >= SKIPS_IN_A_ROW {
            return Verdict::TooLarge;
        }
        self.skipped += 1;
        server.faults.push(format!(
            "recording {} of a list is too large to be read and is passed over",
            self.pass.position + 1
        ));
        self.pass.position += 1;
        self.pass.keyless += 1;
        self.pass.anchor = None;
        self.ask_offset(server);
        Verdict::More
    }

    /// One page is to be all. Another is asked for only to see that there is none.
    fn judge_single(&mut self, page: &PageFacts, fresh: u64, server: &mut Server) -> Verdict {
        let len = page.entries.len();
        match self.pass.ask {
            Ask::First | Ask::Head => {}
            Ask::Link(_) if len == 0 => return Verdict::Complete,
            Ask::Link(_) => return Verdict::Capped,
            Ask::Offset { .. } if len == 0 => {
                server.short_page_ends.get_or_insert(true);
                return Verdict::Complete;
            }
            Ask::Offset { .. } if fresh == 0 => {
                // Nothing new, and still the places in the list are not those shown: entries are taken out of pages.
                server.short_page_ends = Some(false);
                return Verdict::Complete;
            }
            Ask::Offset { .. } => {
                server.short_page_ends = Some(false);
                return Verdict::Capped;
            }
        }
        let pass = &mut self.pass;
        pass.before = server.fill(len, pass.asked_limit);
        let may_be_small = pass.position < SMALLEST_CAP && !server.has_offsets();
        if (pass.before == Fill::Full && !may_be_small)
            || server.says_more(pass.position, pass.total)
        {
            return Verdict::Capped;
        }
        if let Some(link) = page.next.as_ref().filter(|_| !server.links_are_broken) {
            pass.ask = Ask::Link(link.clone());
            return Verdict::More;
        }
        let is_counted = server.is_counted(pass.distinct(), pass.total);
        if len == 0 || is_counted {
            return Verdict::Complete;
        }
        if !server.has_offsets() {
            return self.without_offsets(server);
        }
        // Lists come here because their pages do not fit together. Entries taken out of pages do that too, and a page
        // that is half empty for them has been seen.
        let is_nearly_empty = len * 2 < server.page_size(pass.asked_limit);
        if is_nearly_empty && server.short_page_ends == Some(true) {
            return Verdict::Complete;
        }
        pass.ask = Ask::Offset {
            at: pass.position,
            is_anchored: false,
        };
        Verdict::More
    }

    fn judge(&mut self, page: &PageFacts, len: usize, fresh: u64, server: &mut Server) -> Verdict {
        let pass = &mut self.pass;
        pass.barren = if fresh == 0 { pass.barren + 1 } else { 0 };
        if let Some(link) = page.next.as_ref().filter(|_| !server.links_are_broken) {
            if pass.barren > BARREN_PAGES || !pass.links.insert(link.clone()) {
                return self.without_links(server);
            }
            pass.linked = true;
            pass.ask = Ask::Link(link.clone());
            return Verdict::More;
        }
        // A server that gives links where there is more says with none that there is not.
        pass.linked |= server.gives_links && !server.links_are_broken && pass.ask == Ask::First;
        let before = std::mem::replace(
            &mut pass.before,
            server.fill(page.entries.len(), pass.asked_limit),
        );
        if let Ask::Offset { is_anchored, .. } = pass.ask {
            let most = if is_anchored {
                BARREN_OVERLAPPING_PAGES
            } else {
                BARREN_PAGES
            };
            if len > 0 && pass.barren > most {
                return self.read_again(Ending::Open, server);
            }
            if before != Fill::Full && fresh > 0 {
                server.short_page_ends = Some(false);
            } else if before != Fill::Full && len == 0 {
                server.short_page_ends.get_or_insert(true);
            }
            pass.linked &= len == 0;
        }
        // The count alone is no proof on a full page: servers stop counting at some round number.
        let is_counted = server.is_counted(pass.distinct(), pass.total);
        let is_last = match pass.before {
            _ if len == 0 => true,
            Fill::Full => false,
            Fill::NearlyFull => pass.linked || is_counted,
            Fill::Short => pass.linked || is_counted || server.short_page_ends == Some(true),
        };
        if is_last {
            self.at_end(server)
        } else {
            self.by_offset(server)
        }
    }

    /// The server's links lead in a circle or nowhere: from the beginning, without them.
    fn without_links(&mut self, server: &mut Server) -> Verdict {
        server.links_are_broken = true;
        server.warn("links to further pages lead nowhere and are not followed any more");
        self.pass = Pass::new();
        Verdict::More
    }

    /// Asks for what stands behind the entries seen so far.
    fn by_offset(&mut self, server: &mut Server) -> Verdict {
        if !server.has_offsets() {
            return self.without_offsets(server);
        }
        if self.may_divide && self.pass.position >= server.deepest() {
            return Verdict::Deep;
        }
        self.ask_offset(server);
        Verdict::More
    }

    fn ask_offset(&mut self, server: &Server) {
        // A server that has never shown two entries on a page might cap pages at one: the overlap would be all. And the
        // page that begins at 0 is the first one, whatever the server makes of offsets.
        let is_anchored = server.limit() > 1
            && server.largest_page > 1
            && self.pass.position > 1
            && self.pass.anchor.is_some();
        self.pass.ask = Ask::Offset {
            at: self.pass.position - u64::from(is_anchored),
            is_anchored,
        };
    }

    /// Nothing behind the entries seen so far can be asked for; they may be all.
    fn without_offsets(&mut self, server: &mut Server) -> Verdict {
        if self.pass.linked {
            // The links ended here, and they end too early only where the server pages no deeper.
            if self.pass.position < server.deepest() {
                return self.at_end(server);
            }
            return self.too_deep();
        }
        let is_short = self.pass.before == Fill::Short || self.pass.position < SMALLEST_CAP;
        if is_short
            && server.short_page_ends != Some(false)
            && !server.says_more(self.pass.position, self.pass.total)
        {
            return self.at_end(server);
        }
        Verdict::Capped
    }

    fn too_deep(&self) -> Verdict {
        if self.may_divide {
            Verdict::Deep
        } else {
            Verdict::Capped
        }
    }

    /// The pages end here. Do they fit together?
    fn at_end(&mut self, server: &mut Server) -> Verdict {
        let pass = &mut self.pass;
        let is_counted = server.is_counted(pass.distinct(), pass.total) && !pass.total_moved;
        if is_counted {
            return Verdict::Complete;
        }
        if (pass.doubles && !server.doubles_are_steady)
            || (pass.total_moved && server.total == Total::Counts)
            || server.says_more(pass.position, pass.total)
        {
            let ending = Ending::AtEnd(pass.sequence);
            return self.read_again(ending, server);
        }
        if pass.linked && pass.pages > 1 && !server.lists_are_steady {
            pass.ask = Ask::Head;
            return Verdict::More;
        }
        Verdict::Complete
    }

    fn on_head(&mut self, page: &PageFacts, server: &mut Server) -> Verdict {
        if keys(page) == self.pass.first_page {
            server.lists_are_steady = true;
            return Verdict::Complete;
        }
        let ending = Ending::AtEnd(self.pass.sequence);
        self.read_again(ending, server)
    }

    /// Reads the list once more, and only once. Two readings that are the same to the last entry are the list.
    fn read_again(&mut self, ending: Ending, server: &mut Server) -> Verdict {
        let is_same = matches!(ending, Ending::AtEnd(_)) && self.earlier.as_ref() == Some(&ending);
        if is_same && (!self.pass.doubles || self.pass.position >= NO_CHANCE) {
            server.doubles_are_steady |= self.pass.doubles;
            if server.says_more(self.pass.position, self.pass.total) {
                server.total = Total::Wrong;
            }
            return Verdict::Complete;
        }
        if self.earlier.is_some() {
            return Verdict::Shaky;
        }
        self.earlier = Some(ending);
        self.pass = Pass::new();
        Verdict::More
    }
}
