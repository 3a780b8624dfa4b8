//! The walk through one slice: which question to ask next, until all of it was seen. No I/O.
//!
//! The slice is asked for in pieces of time, mostly one. Each piece is a [`Listing`]; one that is cut is divided, in the
//! end to the millisecond, and then by the callers' numbers. In between, questions with known recordings find out what the
//! server compares with its bounds, because a range that hides recordings is only complete when it is asked for wider.

mod halves;
mod pieces;
mod ranges;

use std::collections::BTreeSet;

use super::burst::Burst;
use super::errand::{self, Errand, Finding};
use super::error::DiscoverError;
use super::facts::{
    EntryFacts, Key, LONGEST, Ms, PageFacts, Range, SECOND, ceil_second, floor_second, moment,
};
use super::learned::Reading;
use super::listing::{Listing, Verdict};
use super::survey::{Covered, Survey};
use crate::ports::{ApiError, Cursor, ListRequest};

/// Slices are listed together up to this length where each list must reach [`LONGEST`] beyond its end.
const GROUP: Ms = 7 * 24 * 3_600 * SECOND;
/// Pages for one slice, errands included: two million recordings.
const PAGES: u64 = 20_000;
/// Pages in a row without a recording of the window. A server that ignores its bounds may show more of them, as long as
/// the run has idle pages left.
const IDLE_PAGES: u32 = 50;
/// Questions about the reading that may fail before it stays unknown.
const READING_ATTEMPTS: u8 = 3;
/// Recordings of a piece that are remembered for choosing the next one.
const SAMPLE: usize = 2_000;
/// Pages for a slice of which it is known that not everything can be seen.
const FLAWED_PAGES: u64 = 1_000;
/// Questions about the bounds.
const BOUNDS_QUESTIONS: u8 = 2;

/// The walk through one slice.
#[derive(Debug)]
pub struct Walk<'a> {
    survey: &'a mut Survey,
    slice: Range,
    /// Recordings that start before are listed already.
    from: Ms,
    /// Those that start before are to be listed by this walk.
    goal: Ms,
    /// The time that the server compares is asked for up to here, and has to be up to `to`.
    at: Ms,
    to: Ms,
    /// How much wider a piece is asked for at its end.
    reach: Ms,
    piece: Range,
    asked: Range,
    listing: Option<Listing>,
    /// Times and keys of what the piece has shown.
    sample: Vec<(Ms, Key)>,
    /// Only lists of one page are believed.
    single: bool,
    /// Pieces in a row that were cut.
    cuts: u32,
    /// Shown in an answer that was cut, and to be shown again in a shorter one.
    expected: BTreeSet<(Ms, Key)>,
    /// What was missing in the piece, which is asked for once more, wider.
    missing: Vec<(Ms, Key)>,
    /// Where the halves of a piece end that may not have been cut, the next one last.
    halves: Vec<Ms>,
    /// What the whole of them has shown.
    shown: BTreeSet<Key>,
    /// The second that is being divided, and the length of its pieces.
    second: Option<(Ms, Ms)>,
    errand: Option<Errand>,
    errand_limit: u16,
    burst: Option<Burst>,
    /// The first thing that keeps the slice from being complete.
    flaw: Option<DiscoverError>,
    has_all: bool,
    pages: u64,
    /// Those before the flaw.
    flawless_pages: u64,
    idle_pages: u32,
    over: Option<Result<(), DiscoverError>>,
}

/// What to do next.
#[derive(Debug, Clone)]
pub enum Step {
    /// Ask this, and give the answer to [`Walk::on_page`] or [`Walk::on_error`].
    Ask(ListRequest),
    /// The slice is listed completely.
    Done,
    /// It is not, and nothing more can be done about it.
    Failed(DiscoverError),
}

impl<'a> Walk<'a> {
    pub(super) fn new(survey: &'a mut Survey, slice: Range) -> Self {
        let mut walk = Self {
            slice,
            from: slice.since,
            goal: slice.until,
            at: floor_second(slice.since),
            to: slice.until,
            reach: 0,
            piece: slice,
            asked: slice,
            listing: None,
            sample: Vec::new(),
            single: survey.server.shaky_in_a_row >= 2,
            cuts: 0,
            expected: BTreeSet::new(),
            missing: Vec::new(),
            halves: Vec::new(),
            shown: BTreeSet::new(),
            second: None,
            errand: None,
            errand_limit: 0,
            burst: None,
            flaw: None,
            has_all: false,
            pages: 0,
            flawless_pages: 0,
            idle_pages: 0,
            over: None,
            survey,
        };
        walk.begin_behind_what_is_listed();
        walk
    }

    /// The next question.
    pub fn step(&mut self) -> Step {
        loop {
            match &self.over {
                Some(Ok(())) => return Step::Done,
                Some(Err(error)) => return Step::Failed(error.clone()),
                None => {}
            }
            if let Some(errand) = self.errand {
                self.errand_limit = self.survey.server.limit();
                return self.ask(errand.range(), None, Cursor::First, self.errand_limit);
            }
            if let Some(burst) = &mut self.burst {
                if let Some(pattern) = burst.pattern(&self.survey.server) {
                    let asked = burst.asked;
                    self.errand_limit = self.survey.server.limit();
                    return self.ask(asked, Some(pattern), Cursor::First, self.errand_limit);
                }
                self.end_burst();
                continue;
            }
            if self.listing.is_none() {
                if self.at >= self.to {
                    self.finish();
                    continue;
                }
                self.begin_piece();
            }
            if let Some(listing) = &mut self.listing {
                let (cursor, limit) = listing.cursor(&self.survey.server);
                return self.ask(self.asked, None, cursor, limit);
            }
        }
    }

    /// Takes the answer to the last question.
    pub fn on_page(&mut self, page: &PageFacts) {
        self.pages += 1;
        self.tell_widest();
        if let Some(errand) = self.errand.take() {
            self.survey.server.note(page, self.errand_limit);
            self.on_errand(errand, page);
        } else if let Some(burst) = &mut self.burst {
            self.survey.server.note(page, self.errand_limit);
            burst.on_page(page, self.errand_limit, &mut self.survey.server);
        } else if let Some(mut listing) = self.listing.take() {
            self.survey.server.note(page, listing.asked_limit());
            self.take_sample(page);
            self.count_idle(page, listing.has_pages());
            self.find_errand(page);
            let verdict = listing.on_page(page, &mut self.survey.server);
            self.listing = Some(listing);
            self.on_verdict(verdict, page);
        }
        self.end_in_time();
    }

    fn end_in_time(&mut self) {
        match &self.flaw {
            Some(flaw) if self.pages >= self.flawless_pages + FLAWED_PAGES => {
                let flaw = flaw.clone();
                self.fail(flaw);
            }
            None => self.flawless_pages = self.pages,
            Some(_) => {}
        }
        if self.pages >= PAGES && self.over.is_none() {
            self.fail(DiscoverError::Endless { pages: self.pages });
        }
    }

    /// Takes the error that came instead of an answer. Errors that only say what the server cannot do are facts like any
    /// other; all others end the walk.
    pub fn on_error(&mut self, error: &ApiError) {
        self.pages += 1;
        let is_by_link = self.errand.is_none()
            && self.burst.is_none()
            && self.listing.as_ref().is_some_and(Listing::asks_by_link);
        let is_fact = matches!(
            error,
            ApiError::OffsetRefused { .. } | ApiError::TooLarge { .. } | ApiError::Refused { .. }
        ) || (is_by_link && says_link_is_wrong(error));
        if !is_fact || self.pages >= PAGES {
            return self.fail(DiscoverError::Api(error.clone()));
        }
        let is_too_large = matches!(error, ApiError::TooLarge { .. });
        let server = &mut self.survey.server;
        if let Some(errand) = self.errand.take() {
            if is_too_large && server.lower_limit() {
                self.errand = Some(errand);
            } else {
                self.forgo(errand);
            }
        } else if let Some(burst) = &mut self.burst {
            if !(is_too_large && server.lower_limit()) {
                burst.give_up();
            }
        } else if let Some(listing) = &mut self.listing {
            let verdict = match error {
                ApiError::OffsetRefused { .. } => listing.on_offset_refused(server),
                ApiError::TooLarge { .. } => Some(listing.on_too_large(server)),
                _ => listing.on_link_refused(server),
            };
            match verdict {
                Some(verdict) => self.on_verdict(verdict, &PageFacts::default()),
                None => self.on_range_refused(error),
            }
        }
    }

    /// Questions asked so far.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.pages
    }

    pub(super) fn survey(&mut self) -> &mut Survey {
        self.survey
    }

    fn ask(&self, range: Range, pattern: Option<String>, cursor: Cursor, limit: u16) -> Step {
        Step::Ask(ListRequest {
            since: moment(range.since),
            until: moment(range.until),
            caller_pattern: pattern,
            cursor,
            limit,
        })
    }

    fn fail(&mut self, error: DiscoverError) {
        self.over = Some(Err(error));
    }

    /// Notes that the slice will not be complete; what else there is of it is still listed.
    fn flaw(&mut self, error: DiscoverError) {
        let left = &mut self.survey.server.flaws_left;
        *left = left.saturating_sub(1);
        self.flaw.get_or_insert(error);
    }

    /// Takes up where the list of an earlier slice ended, if it reaches this one.
    fn begin_behind_what_is_listed(&mut self) {
        let slice = self.slice;
        let covered = self
            .survey
            .covered
            .filter(|covered| (covered.since..=covered.until).contains(&slice.since));
        if let Some(covered) = covered {
            self.from = covered.until;
            if covered.until >= slice.until {
                self.over = Some(Ok(()));
                return;
            }
            self.at = floor_second(self.from);
            if covered.reading == Reading::Stop && self.reading() == Reading::Stop {
                self.at = covered.asked_until;
            }
        }
        self.aim();
    }

    fn reading(&self) -> Reading {
        self.survey.server.learned.reading
    }

    /// Decides how far to list, from what the server is like.
    fn aim(&mut self) {
        let survey = &*self.survey;
        let reading = survey.server.learned.reading;
        let shows_by_start = reading == Reading::Start || reading == Reading::Stop;
        let goal = if survey.server.ignores_since {
            survey.window.until
        } else if shows_by_start || survey.lists_single_slices {
            self.slice.until
        } else {
            (self.from.saturating_add(GROUP)).min(survey.window.until)
        };
        self.goal = goal.max(self.slice.until);
        let longest_until = (self.goal.saturating_add(LONGEST)).min(survey.latest);
        self.to = ceil_second(match reading {
            // The axis is the stop: whoever starts before the goal stops before this.
            Reading::Stop => longest_until.max(self.goal),
            Reading::Start | Reading::Contained | Reading::Unknown => self.goal,
        });
        self.reach = if shows_by_start {
            0
        } else {
            self.longest_reach()
        };
    }

    /// All that was asked for has been answered.
    fn finish(&mut self) {
        if let Some(flaw) = self.flaw.take() {
            if self.goal > self.slice.until && !self.survey.lists_single_slices {
                // Whatever it is, it may lie in a later slice: this one is tried by itself.
                self.survey.lists_single_slices = true;
                self.at = floor_second(self.from);
                return self.aim();
            }
            return self.fail(flaw);
        }
        let before = self
            .survey
            .covered
            .filter(|covered| (covered.since..=covered.until).contains(&self.slice.since));
        let until = if self.has_all {
            self.goal.max(self.survey.window.until)
        } else {
            self.goal
        };
        self.survey.covered = Some(Covered {
            since: before.map_or(self.slice.since, |before| before.since),
            until,
            asked_until: self.to,
            reading: self.reading(),
        });
        self.over = Some(Ok(()));
    }

    /// The time of an entry that the server compares, where that is one time.
    fn time_of(&self, entry: &EntryFacts) -> Option<Ms> {
        match self.reading() {
            Reading::Stop => entry.stop,
            Reading::Start | Reading::Contained | Reading::Unknown => entry.start,
        }
    }

    fn take_sample(&mut self, page: &PageFacts) {
        if self.sample.len() >= SAMPLE {
            return;
        }
        let shown: BTreeSet<Key> = self.sample.iter().map(|(_, key)| *key).collect();
        for entry in &page.entries {
            let (Some(time), Some(key)) = (self.time_of(entry), entry.key) else {
                continue;
            };
            if (self.at..self.to).contains(&time) && !shown.contains(&key) {
                self.sample.push((time, key));
            }
        }
    }

    fn count_idle(&mut self, page: &PageFacts, has_pages: bool) {
        let survey = &mut *self.survey;
        let is_busy = page
            .entries
            .iter()
            .any(|entry| entry.key.is_some() && survey.wants(entry.start));
        if is_busy || !has_pages {
            self.idle_pages = 0;
            return;
        }
        self.idle_pages += 1;
        if self.idle_pages > IDLE_PAGES {
            match survey.server.idle_pages_left.checked_sub(1) {
                Some(left) => survey.server.idle_pages_left = left,
                None => self.fail(DiscoverError::Endless { pages: self.pages }),
            }
        }
    }

    /// Looks for a question that this page raises.
    fn find_errand(&mut self, page: &PageFacts) {
        let server = &self.survey.server;
        let strays = page.entries.iter().any(|entry| {
            (!server.ignores_until && errand::is_later(entry, self.asked))
                || (!server.ignores_since && errand::is_earlier(entry, self.asked))
        });
        if strays && server.bounds_questions < BOUNDS_QUESTIONS {
            // Asked again somewhere else if the first answer says nothing.
            let into = self.asked.width() / 2 * Ms::from(server.bounds_questions);
            let second = floor_second(self.asked.since + into) + SECOND;
            self.errand = Some(Errand::Bounds { second });
        } else if !server.reading_is_sure && server.reading_attempts < READING_ATTEMPTS {
            self.errand = errand::witness(page, server.reading_attempts).map(Errand::Upper);
        }
    }

    fn on_errand(&mut self, errand: Errand, page: &PageFacts) {
        let before = self.reading();
        let ignored_since = self.survey.server.ignores_since;
        let finding = errand.on_page(page, self.errand_limit, &mut self.survey.server);
        match finding {
            Finding::Ask(next) => self.errand = Some(next),
            Finding::Nothing | Finding::Known => {}
        }
        match errand {
            Errand::Milliseconds { .. } => return self.divide_second(),
            Errand::Scout { since, left, .. } if finding == Finding::Nothing => {
                return self.scout_on(since, left);
            }
            _ => {}
        }
        let server = &self.survey.server;
        if let (false, Some(listing)) = (server.keeps_to_bounds(), &mut self.listing) {
            listing.keep_whole();
        }
        if before != self.reading() || ignored_since != self.survey.server.ignores_since {
            self.aim_again(before);
        }
    }

    /// A question that cannot be asked.
    fn forgo(&mut self, errand: Errand) {
        let server = &mut self.survey.server;
        match errand {
            Errand::Upper(_) | Errand::Lower(_) => server.reading_attempts = READING_ATTEMPTS,
            Errand::Bounds { .. } => server.bounds_questions = BOUNDS_QUESTIONS,
            Errand::Cap { .. } => {}
            Errand::Scout { until, left, .. } => self.scout_less(until, left),
            Errand::Milliseconds { .. } => self.divide_second(),
        }
    }

    /// The server turned out to be different: the piece under way is asked for again, as it has to be.
    fn aim_again(&mut self, before: Reading) {
        self.listing = None;
        self.burst = None;
        self.sample.clear();
        self.expected.clear();
        self.missing.clear();
        self.second = None;
        self.halves.clear();
        self.cuts = 0;
        if before == self.reading() {
            return self.aim();
        }
        if before != Reading::Unknown {
            self.at = floor_second(self.from);
            return self.aim();
        }
        if matches!(self.flaw, Some(DiscoverError::Crossing { .. })) {
            // Pieces could not reach far enough; with what is known now they may not have to.
            self.flaw = None;
            self.at = floor_second(self.from);
            return self.aim();
        }
        // What is listed while nothing is known is listed completely under every reading.
        let listed = self.at;
        self.aim();
        if listed >= self.goal {
            (self.goal, self.to) = (listed, listed);
        }
    }

    fn on_verdict(&mut self, verdict: Verdict, page: &PageFacts) {
        match verdict {
            Verdict::More => self.divide_in_time(),
            Verdict::Complete => self.on_complete(),
            Verdict::Capped => self.on_cut(page, false),
            Verdict::Deep => self.on_cut(page, true),
            Verdict::Shaky => self.on_shaky(page),
            Verdict::TooLarge => self.on_too_large(),
        }
    }
}

/// Whether this answer to a link may be the link's fault: a server whose links lead astray still has lists. A refused
/// login, silence, and being asked to wait are no word about the link.
fn says_link_is_wrong(error: &ApiError) -> bool {
    match error {
        ApiError::NotFound
        | ApiError::Malformed { .. }
        | ApiError::Redirect { .. }
        | ApiError::Server { .. } => true,
        ApiError::Denied { status, .. } => *status == 403,
        ApiError::Unreachable { .. }
        | ApiError::Cut { .. }
        | ApiError::Timeout { .. }
        | ApiError::Throttled { .. }
        | ApiError::OffsetRefused { .. }
        | ApiError::Refused { .. }
        | ApiError::TooLarge { .. } => false,
    }
}
