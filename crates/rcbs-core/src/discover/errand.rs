//! Questions about the server, asked in between with a recording that is known.

use super::facts::{EntryFacts, Key, LONGEST, Ms, PageFacts, Range, SECOND, floor_second};
use super::learned::Reading;
use super::server::Server;

/// A question, answered by one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// Is a recording shown for a range that holds its start and not its end?
    Upper(Witness),
    /// Is it shown for a range that holds its end and not its start?
    Lower(Witness),
    /// Are recordings outside of one second shown for that second?
    Bounds { second: Ms },
    /// How long does a page get, and does a long list have links?
    Cap { window: Range },
    /// Is there any recording to ask the others with?
    Scout {
        since: Ms,
        until: Ms,
        /// How many such questions may be asked, this one included.
        left: u8,
    },
    /// Is a recording shown for the two milliseconds around its time?
    Milliseconds { key: Key, at: Ms },
}

/// A recording whose start and end are known, far enough apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Witness {
    key: Key,
    start: Ms,
    stop: Ms,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// Another question follows from the answer.
    Ask(Errand),
    /// The server has been understood, differently from before or not.
    Known,
    /// The answer says nothing.
    Nothing,
}

impl Errand {
    /// The time to ask for. No piece of it can be mistaken if the server cuts bounds to seconds or leaves them out.
    pub(super) fn range(self) -> Range {
        let (since, until) = match self {
            Self::Upper(seen) => (
                floor_second(seen.start) - SECOND,
                floor_second(seen.start) + 2 * SECOND,
            ),
            Self::Lower(seen) => (
                floor_second(seen.start) + 2 * SECOND,
                floor_second(seen.stop) + 2 * SECOND,
            ),
            Self::Bounds { second } => (second, second + SECOND),
            Self::Cap { window } => (window.since, window.until),
            Self::Scout { since, until, .. } => (since, until),
            Self::Milliseconds { at, .. } => (at - 1, at + 1),
        };
        Range { since, until }
    }

    /// Reads the answer and notes what it says of the server.
    pub(super) fn on_page(self, page: &PageFacts, limit: u16, server: &mut Server) -> Finding {
        let shows = |key| page.entries.iter().any(|entry| entry.key == Some(key));
        // What is not on a page that may be cut may have been cut off.
        let is_cut = page.next.is_some() && !server.links_are_broken
            || server.says_more(page.entries.len() as u64, page.total)
            || (server.may_be_cut(page.entries.len(), limit));
        match self {
            Self::Upper(seen) if shows(seen.key) => learn(server, Reading::Start),
            Self::Upper(seen) if !is_cut => match server.learned.reading {
                reading @ (Reading::Contained | Reading::Stop) => learn(server, reading),
                Reading::Unknown | Reading::Start => Finding::Ask(Self::Lower(seen)),
            },
            Self::Lower(seen) if shows(seen.key) => learn(server, Reading::Stop),
            // In doubt: what is complete when only contained recordings are shown is so under every reading.
            Self::Lower(_) => learn(server, Reading::Contained),
            Self::Upper(_) => {
                server.reading_attempts += 1;
                Finding::Nothing
            }
            Self::Bounds { second } => judge_bounds(second, page, server),
            Self::Scout { .. } => match witness(page, 0) {
                Some(seen) => Finding::Ask(Self::Upper(seen)),
                None => Finding::Nothing,
            },
            // That it was seen is all.
            Self::Cap { .. } => Finding::Known,
            Self::Milliseconds { key, .. } => {
                let shows = shows(key);
                if shows || !is_cut {
                    server.has_milliseconds = Some(shows && !is_cut);
                }
                Finding::Known
            }
        }
    }
}

fn learn(server: &mut Server, reading: Reading) -> Finding {
    server.learned.reading = reading;
    server.reading_is_sure = true;
    Finding::Known
}

/// If most of an answer for one second lies elsewhere, the bound on that side does not count. A single such entry may be
/// one whose times are wrong.
fn judge_bounds(second: Ms, page: &PageFacts, server: &mut Server) -> Finding {
    server.bounds_questions += 1;
    let asked = Range {
        since: second,
        until: second + SECOND,
    };
    let later = page
        .entries
        .iter()
        .filter(|entry| is_later(entry, asked))
        .count();
    let earlier = page
        .entries
        .iter()
        .filter(|entry| is_earlier(entry, asked))
        .count();
    if (later + earlier) * 2 < page.entries.len().max(1) {
        return Finding::Nothing;
    }
    if later > 0 {
        server.ignores_until = true;
        server.warn("the server ignores the upper bound of the time range it is asked for");
    }
    if earlier > 0 {
        server.ignores_since = true;
        server.warn("the server ignores the lower bound of the time range it is asked for");
    }
    Finding::Known
}

/// Whether no reading of the upper bound would show this entry.
pub(super) fn is_later(entry: &EntryFacts, asked: Range) -> bool {
    entry
        .start
        .is_some_and(|start| start > asked.until + 2 * SECOND)
}

/// Whether no reading of the lower bound would show this entry.
pub(super) fn is_earlier(entry: &EntryFacts, asked: Range) -> bool {
    let ended = entry.stop.max(entry.start).filter(|_| entry.stop.is_some());
    let ended = ended.or(entry.start.map(|start| start.saturating_add(LONGEST)));
    ended.is_some_and(|ended| ended < asked.since - 2 * SECOND)
}

/// The best witness on a page, after so many others: long enough to tell start and end apart by whole seconds, and else
/// short, so that few others are shown beside it.
pub(super) fn witness(page: &PageFacts, others: u8) -> Option<Witness> {
    let mut witnesses: Vec<Witness> = page
        .entries
        .iter()
        .filter_map(|entry| {
            Some(Witness {
                key: entry.key?,
                start: entry.start?,
                stop: entry.stop?,
            })
        })
        .filter(|seen| seen.stop - floor_second(seen.start) >= 4 * SECOND)
        .filter(|seen| seen.start >= 2 * SECOND && seen.stop - seen.start <= LONGEST)
        .collect();
    witnesses.sort_by_key(|seen| seen.stop - seen.start);
    witnesses.into_iter().nth(usize::from(others))
}
