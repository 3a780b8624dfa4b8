//! Which piece of time to ask for next, and what to do with one that is cut.

use std::collections::BTreeSet;

use super::*;
use crate::discover::server::{PAGE_LIMIT, Pieces};
use crate::discover::stride::{self, Piece};

/// A piece at least so long is asked for wider by a second on both sides, which costs little.
const LONG_PIECE: Ms = 60 * SECOND;
/// How much wider a piece is asked for when something is missing in it.
const WIDER: Ms = 2 * SECOND;
/// The most entries that a page is asked to have.
pub(super) const FULL_PAGE: usize = PAGE_LIMIT as usize;
/// A piece is not shorter than this part of what it is asked for wider: its answer would hardly be shorter any more.
const PIECES_IN_REACH: Ms = 24;
/// How a piece goes on is foreseen from this part of it on: a burst at its beginning says nothing of the rest, and what
/// is listed twice is no more than this part.
const FORESEEN_FROM: Ms = 50;
/// Times that one piece is asked for again because pages may have more entries than before.
const LIMIT_RETRIES: u32 = 7;

impl Walk<'_> {
    /// Begins with the piece at `at`.
    pub(super) fn begin_piece(&mut self) {
        let half = self.end_of_half();
        let server = &self.survey.server;
        // Where bounds do not count, shorter pieces do not help.
        let pieces = server.pieces.filter(|_| server.keeps_to_bounds());
        let until = match (self.second, pieces) {
            (Some((second, width)), _) => (self.at + width).min(second + SECOND),
            (None, Some(pieces)) => {
                let until = floor_second(self.at.saturating_add(pieces.width));
                until.max(floor_second(self.at) + SECOND).min(self.to)
            }
            (None, None) => self.to,
        };
        let until = half.map_or(until, |half| half.min(self.to));
        let until = self
            .longest_piece()
            .map_or(until, |longest| until.min(self.at + longest));
        self.piece = Range {
            since: self.at,
            until,
        };
        let (before, after) = self.margins();
        let wider = until.saturating_add(self.reach).min(self.survey.latest);
        self.asked = Range {
            since: self.at - before,
            until: until.max(wider) + after,
        };
        let may_divide = server.keeps_to_bounds() && self.piece.width() > SECOND;
        self.listing = Some(Listing::new(self.single, may_divide));
        self.sample.clear();
        self.idle_pages = 0;
    }

    /// How much wider a piece is asked for, because bounds may be exclusive or cut to seconds. Pieces are whole seconds;
    /// only parts of a second are not, and those are asked for only where milliseconds count.
    fn margins(&self) -> (Ms, Ms) {
        if !self.missing.is_empty() {
            (WIDER, WIDER)
        } else if self.piece.width() >= LONG_PIECE {
            (SECOND, SECOND)
        } else {
            (1, 0)
        }
    }

    /// The piece was seen completely.
    pub(super) fn on_complete(&mut self) {
        let Some(listing) = self.listing.take() else {
            return;
        };
        if !self.single && listing.has_pages() {
            self.survey.server.shaky_in_a_row = 0;
        }
        self.judge_half(listing.known());
        if self.is_something_missing(listing.known()) {
            return;
        }
        if self.reach < LONGEST && !self.shows_by_one_time() {
            let proven_s = u64::try_from(self.reach / SECOND).unwrap_or(0);
            self.flaw = Some(DiscoverError::Crossing { proven_s });
        }
        self.choose_width_after_complete(listing.known().len() as u64);
        self.advance(self.piece.until);
        if self.survey.server.ignores_until {
            // The list had everything from its lower bound on.
            self.has_all = true;
            self.at = self.to;
        }
    }

    fn shows_by_one_time(&self) -> bool {
        matches!(self.reading(), Reading::Start | Reading::Stop)
    }

    fn advance(&mut self, to: Ms) {
        self.at = to;
        self.cuts = 0;
        self.expected = self.expected.split_off(&(to, Key::LEAST));
        if self.second.is_some_and(|(second, _)| to >= second + SECOND) {
            self.second = None;
        }
    }

    /// Recordings that a longer answer has shown must be in the shorter one. If they are not, the server keeps to its
    /// bounds less finely than thought, or they have just been deleted.
    fn is_something_missing(&mut self, known: &BTreeSet<Key>) -> bool {
        let was_missing = std::mem::take(&mut self.missing);
        if was_missing.iter().any(|(_, key)| known.contains(key)) {
            self.flaw(DiscoverError::Inconsistent {
                at: moment(self.piece.since),
            });
        }
        if !was_missing.is_empty() || !self.shows_by_one_time() {
            return false;
        }
        let piece = (self.piece.since, Key::LEAST)..(self.piece.until, Key::LEAST);
        let missing = self
            .expected
            .range(piece)
            .filter(|(_, key)| !known.contains(key));
        self.missing = missing.copied().collect();
        if self.missing.is_empty() {
            return false;
        }
        if let Some((second, _)) = self.second {
            self.survey.server.has_milliseconds = Some(false);
            let known = self
                .expected_in(second)
                .chain(known.iter().copied())
                .collect();
            self.missing.clear();
            self.begin_burst(second, SECOND, known, None);
        }
        true
    }

    fn expected_in(&self, second: Ms) -> impl Iterator<Item = Key> + use<'_> {
        let range = (second, Key::LEAST)..(second + SECOND, Key::LEAST);
        self.expected.range(range).map(|(_, key)| *key)
    }

    fn choose_width_after_complete(&mut self, count: u64) {
        let server = &mut self.survey.server;
        let whole = Piece {
            width: self.piece.width(),
            count,
            target: server.target(false),
            floor: 1,
        };
        if let Some((_, width)) = &mut self.second {
            *width = stride::after_complete(whole, 0);
        } else if let Some(pieces) = server.pieces {
            let target = server.target(pieces.has_pages);
            // What is asked for beyond the piece takes room in the answer too.
            let next = stride::after_complete(
                Piece {
                    width: self.piece.width() + self.reach,
                    target,
                    floor: SECOND + self.reach,
                    ..whole
                },
                pieces.usual,
            );
            if self.reach < LONGEST {
                // The slice is flawed already: the longer the reach, the more calls for the same recordings.
                self.reach = self.reach.min(next / 2);
            }
            let is_usual = count >= target / 3;
            server.pieces = Some(Pieces {
                width: (next - self.reach)
                    .max(self.reach / PIECES_IN_REACH)
                    .max(SECOND),
                usual: if is_usual {
                    self.piece.width()
                } else {
                    pieces.usual
                },
                ..pieces
            });
        }
    }

    /// Divides a piece as soon as its list is going to be deeper than pages are asked for, not only there: everything
    /// would be listed twice. Only a list in the order of time lets that be foreseen; a wrong guess costs some calls. A
    /// count of the server's is no guess.
    pub(super) fn divide_in_time(&mut self) {
        let server = &self.survey.server;
        let is_whole = self.second.is_none() && self.halves.is_empty() && server.pieces.is_none();
        if !is_whole || !server.keeps_to_bounds() || !self.shows_by_one_time() {
            return;
        }
        let Some(listing) = &self.listing else {
            return;
        };
        let Some((count, last)) = listing.come_to() else {
            return;
        };
        let (upto, width) = (last - self.piece.since, self.piece.width());
        if upto < width / FORESEEN_FROM {
            return;
        }
        let foreseen = || stride::foreseen(count, upto, width);
        let whole = Piece {
            width,
            count: server.counted(listing.total()).unwrap_or_else(foreseen),
            target: server.target(true),
            floor: SECOND,
        };
        if whole.count <= server.deepest() {
            return;
        }
        self.listing = None;
        self.survey.server.pieces = Some(Pieces {
            width: stride::scaled(whole).max(SECOND),
            usual: 0,
            has_pages: true,
        });
    }

    /// The list moves: single pages do not.
    pub(super) fn on_shaky(&mut self, page: &PageFacts) {
        let server = &mut self.survey.server;
        server.shaky_in_a_row = server.shaky_in_a_row.saturating_add(1);
        if server.shaky_in_a_row == 2 {
            server.warn("lists change their order between pages; only lists of one page are used");
        }
        self.single = true;
        self.on_cut(page, false);
    }

    /// The piece has more recordings than can be shown for it.
    pub(super) fn on_cut(&mut self, page: &PageFacts, has_pages: bool) {
        let Some(listing) = self.listing.take() else {
            return;
        };
        let server = &mut self.survey.server;
        if !server.keeps_to_bounds() {
            return self.fail(DiscoverError::BoundsIgnored);
        }
        if !has_pages && listing.asked_limit() < server.limit() && self.cuts < LIMIT_RETRIES {
            self.cuts += 1;
            return;
        }
        let is_longest = listing.known().len() >= server.largest_page;
        let window = self.survey.window;
        let has_more = window.since < self.asked.since || window.until > self.asked.until;
        let may_be_whole = is_longest && has_more && server.largest_page < FULL_PAGE;
        if !has_pages && may_be_whole && !server.cap_was_asked {
            // Perhaps it only looks cut because no longer page was seen yet.
            server.cap_was_asked = true;
            self.errand = Some(Errand::Cap { window });
            return;
        }
        if self.shows_by_one_time() {
            self.expected.extend(self.sample.iter().copied());
        }
        self.judge_half(listing.known());
        if self.plan_halves(listing.known().len(), page.total) {
            self.cuts += 1;
            return;
        }
        self.halves.clear();
        let width = self.piece.width();
        if self.reach > 0 && width <= (self.reach / PIECES_IN_REACH).max(SECOND) {
            self.reach = if self.reach >= 2 * SECOND {
                self.reach / 2
            } else {
                0
            };
            return;
        }
        self.cuts += 1;
        if let Some((second, _)) = self.second {
            if width <= 1 {
                return self.begin_burst(self.at, 1, listing.known().clone(), page.total);
            }
            let next = self.width_after_cut(listing.known().len(), page.total, false, 1);
            self.second = Some((second, next));
        } else if width <= SECOND {
            self.enter_second(listing.known().clone(), page.total);
        } else {
            let next = self.width_after_cut(listing.known().len(), page.total, has_pages, SECOND);
            let usual = self.survey.server.pieces.map_or(0, |pieces| pieces.usual);
            self.survey.server.pieces = Some(Pieces {
                width: next,
                usual: usual.min(width),
                has_pages,
            });
        }
    }

    fn width_after_cut(&self, count: usize, total: Option<u64>, has_pages: bool, floor: Ms) -> Ms {
        let server = &self.survey.server;
        let mut seen: Vec<Ms> = self
            .sample
            .iter()
            .filter(|(at, _)| self.piece.contains(*at))
            .map(|(at, _)| at - self.at)
            .collect();
        seen.sort_unstable();
        let piece = Piece {
            width: self.piece.width(),
            count: count as u64,
            target: server.target(has_pages),
            floor,
        };
        let total = total.filter(|total| server.says_more(piece.count, Some(*total)));
        stride::after_cut(piece, &seen, total, self.cuts)
    }

    /// A whole second is cut: parts of it can be asked for if the server looks at milliseconds.
    fn enter_second(&mut self, known: BTreeSet<Key>, total: Option<u64>) {
        let witness = self
            .sample
            .iter()
            .find(|(at, _)| self.piece.contains(*at) && (2..=997).contains(&at.rem_euclid(SECOND)));
        let question = match (self.survey.server.has_milliseconds, witness) {
            (None, Some((at, key))) => Some(Errand::Milliseconds { key: *key, at: *at }),
            _ => None,
        };
        // What is known stays at hand in case the second cannot be divided.
        self.begin_burst(self.at, SECOND, known, total);
        match question {
            Some(question) => self.errand = Some(question),
            None => self.divide_second(),
        }
    }

    /// Milliseconds instead of callers' numbers, if the server looks at them.
    pub(super) fn divide_second(&mut self) {
        let is_whole = self
            .burst
            .as_ref()
            .is_some_and(|burst| burst.piece.width() == SECOND);
        if is_whole && self.survey.server.has_milliseconds == Some(true) {
            self.burst = None;
            let next = self.width_after_cut(self.sample.len(), None, false, 1);
            self.second = Some((self.at, next));
        }
    }

    fn begin_burst(&mut self, at: Ms, width: Ms, known: BTreeSet<Key>, total: Option<u64>) {
        let piece = Range {
            since: at,
            until: at + width,
        };
        let asked = Range {
            since: at - 1,
            until: piece.until,
        };
        self.at = at;
        self.second = self.second.filter(|_| width < SECOND);
        self.burst = Some(Burst::new(asked, piece, known, total));
    }

    /// Nothing more can be asked for the moment.
    pub(super) fn end_burst(&mut self) {
        let Some(burst) = self.burst.take() else {
            return;
        };
        if !burst.is_proven(&self.survey.server) {
            self.flaw(DiscoverError::Burst {
                at: moment(burst.at()),
                seen: burst.seen(),
            });
        }
        self.after_flaw(burst.piece.until);
    }

    fn after_flaw(&mut self, to: Ms) {
        self.advance(to);
        if self.flaw.is_some() && self.survey.server.flaws_left == 0 {
            self.at = self.to;
        }
    }

    /// Even one recording is too large an answer: perhaps the server does not look at the limit, and a shorter time has
    /// fewer.
    pub(super) fn on_too_large(&mut self) {
        self.listing = None;
        let width = self.piece.width();
        if width > SECOND && self.survey.server.keeps_to_bounds() {
            let usual = self.survey.server.pieces.map_or(0, |pieces| pieces.usual);
            self.survey.server.pieces = Some(Pieces {
                width: width / 2,
                usual,
                has_pages: false,
            });
            return;
        }
        self.flaw(DiscoverError::TooLarge {
            at: moment(self.piece.since),
        });
        self.after_flaw(self.piece.until);
    }
}
