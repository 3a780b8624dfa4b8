//! Finds out when the recordings begin, for a window without an oldest edge.
//!
//! The question is always whether anything lies between 1970 and some moment: only an empty answer to that is proof. A
//! server that shows the oldest first answers it at once; else the moment is sought by doubling and halving.

use jiff::Timestamp;

use super::errand::is_later;
use super::facts::{LONGEST, Ms, PageFacts, Range, ceil_ms, moment};
use super::learned::{Learned, Reading};
use super::resolve::resolve_without_asking;
use super::server::PAGE_LIMIT;
use super::silence;
use crate::ports::{ApiError, Cursor, ListRequest, RecordingApi};

/// How exactly the beginning is sought: a slice is a day by default, and looking closer costs more than an empty one.
const DAY: Ms = LONGEST;

/// A moment before which the cloud has no recordings, at most about a day before the first; `None` when it has none before
/// `until`. 1970 where the server cannot be asked for the oldest.
///
/// # Errors
/// [`ApiError`] when one of the questions gets no usable answer.
pub async fn beginning(
    api: &dyn RecordingApi,
    learned: &Learned,
    until: Timestamp,
) -> Result<Option<Timestamp>, ApiError> {
    let mut learned = *learned;
    let mut search = Search::new(ceil_ms(until), learned.reading);
    loop {
        let before = match search.next() {
            Step::Ask(before) => before,
            Step::Found(at) => return Ok(at.map(moment)),
        };
        match first_page(api, before, &mut learned).await {
            Ok(page) => search.on_page(&page),
            // It lists no period as long as that.
            Err(ApiError::Refused { .. }) => return Ok(Some(Timestamp::UNIX_EPOCH)),
            Err(error) => return Err(error),
        }
    }
}

/// The first page of all that lies before a moment.
async fn first_page(
    api: &dyn RecordingApi,
    before: Ms,
    learned: &mut Learned,
) -> Result<PageFacts, ApiError> {
    let mut limit = PAGE_LIMIT;
    loop {
        let request = ListRequest {
            since: Timestamp::UNIX_EPOCH,
            until: moment(before),
            caller_pattern: None,
            cursor: Cursor::First,
            limit,
        };
        match silence::list(api, &request, learned).await {
            Ok(page) => return Ok(resolve_without_asking(page)),
            Err(ApiError::TooLarge { .. }) if limit > 1 => limit /= 2,
            // Too large to be read, so it is not empty.
            Err(ApiError::TooLarge { .. }) => {
                return Ok(PageFacts {
                    total: Some(1),
                    ..PageFacts::default()
                });
            }
            Err(error) => return Err(error),
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Ask for what lies before this.
    Ask(Ms),
    /// The beginning, if there is one.
    Found(Option<Ms>),
}

/// The search, without I/O.
#[derive(Debug)]
struct Search {
    reading: Reading,
    /// Nothing lies before this.
    empty: Ms,
    /// Something lies before this, or at it.
    full: Option<Ms>,
    until: Ms,
    /// How far the next question reaches back.
    step: Ms,
    asked: Ms,
    /// The oldest recording seen so far is not known not to be the first.
    may_be_first: bool,
    over: Option<Option<Ms>>,
}

impl Search {
    fn new(until: Ms, reading: Reading) -> Self {
        Self {
            reading,
            empty: 0,
            full: None,
            until,
            step: DAY,
            asked: until,
            may_be_first: false,
            over: None,
        }
    }

    fn next(&mut self) -> Step {
        if let Some(over) = self.over {
            return Step::Found(over);
        }
        self.asked = match self.full {
            // Whoever starts before `until` may end a day later, and be shown only then.
            None => self.until.saturating_add(LONGEST),
            Some(full) if self.may_be_first => full,
            Some(full) if full - self.empty <= DAY => {
                return Step::Found(Some(self.at(self.empty)));
            }
            Some(full) if self.empty == 0 && full > self.step => full - self.step,
            Some(full) => self.empty + (full - self.empty) / 2,
        };
        Step::Ask(self.asked)
    }

    /// The moment before which nothing starts, if nothing is shown before `empty`.
    fn at(&self, empty: Ms) -> Ms {
        match self.reading {
            Reading::Start => empty,
            // A recording that starts before may end behind it.
            Reading::Unknown | Reading::Contained | Reading::Stop => (empty - LONGEST).max(0),
        }
    }

    fn on_page(&mut self, page: &PageFacts) {
        // An empty page with a link, or with a count, is not empty.
        let is_empty =
            page.entries.is_empty() && page.next.is_none() && page.total.unwrap_or(0) == 0;
        let asked = Range {
            since: 0,
            until: self.asked,
        };
        let later = page
            .entries
            .iter()
            .filter(|entry| is_later(entry, asked))
            .count();
        if later > 0 && later * 2 >= page.entries.len() {
            // The upper bound does not count, so no answer proves anything: one list will have to show all.
            self.over = Some(Some(0));
            return;
        }
        let oldest = page.entries.iter().filter_map(|entry| entry.start).min();
        match (is_empty, self.full) {
            (true, None) => self.over = Some(None),
            (true, Some(full)) if self.may_be_first => self.over = Some(Some(self.at(full))),
            (true, Some(_)) => self.empty = self.asked,
            (false, full) => {
                let is_first_page = full.is_none();
                if !is_first_page && !self.may_be_first && self.empty == 0 {
                    self.step = self.step.saturating_mul(2);
                }
                let full = self.asked.min(self.until);
                self.full = Some(oldest.map_or(full, |oldest| oldest.clamp(self.empty, full)));
                // Asked once: a server that does not show the oldest first would be asked for ever.
                self.may_be_first = is_first_page && oldest.is_some();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::EntryFacts;

    const UNTIL: Ms = 1_518_393_600_000;

    /// Searches in a cloud whose recordings start then and last a minute. `newest_first` decides what a page of three shows.
    fn search(
        starts: &[Ms],
        newest_first: bool,
        reading: Reading,
        ignores_until: bool,
    ) -> (Option<Ms>, u32) {
        let mut search = Search::new(UNTIL, reading);
        let mut asked = 0;
        loop {
            let before = match search.next() {
                Step::Ask(before) => before,
                Step::Found(at) => return (at, asked),
            };
            asked += 1;
            assert!(asked < 100, "does not end");
            let mut shown: Vec<Ms> = starts.to_vec();
            let length = if reading == Reading::Start { 0 } else { 60_000 };
            shown.retain(|start| ignores_until || start + length < before);
            shown.sort_unstable();
            if newest_first {
                shown.reverse();
            }
            shown.truncate(3);
            let entries = shown.iter().map(|start| EntryFacts {
                key: None,
                start: Some(*start),
                stop: Some(start + 60_000),
            });
            search.on_page(&PageFacts {
                entries: entries.collect(),
                ..PageFacts::default()
            });
        }
    }

    #[test]
    fn an_empty_cloud_has_no_beginning() {
        assert_eq!(search(&[], false, Reading::Unknown, false), (None, 1));
    }

    #[test]
    fn the_first_recording_is_found_with_few_questions() {
        let days = |n: Ms| {
            (0..n)
                .map(|day| UNTIL - day * DAY - 7_000)
                .collect::<Vec<_>>()
        };
        for (name, starts, most) in [
            ("one of today", days(1), 10),
            ("a month", days(30), 14),
            ("ten years", days(3_650), 30),
            ("one of 1970", vec![5], 30),
            ("a gap of years", vec![UNTIL - 2_000 * DAY, UNTIL - 1], 30),
            ("just before the end", vec![UNTIL - 1], 30),
        ] {
            let first = starts.iter().copied().min().unwrap();
            for newest_first in [false, true] {
                for reading in [Reading::Start, Reading::Unknown] {
                    let (at, asked) = search(&starts, newest_first, reading, false);
                    let at = at.unwrap();
                    assert!(at <= first, "{name}: {at} > {first}");
                    assert!(
                        first - at <= 3 * DAY,
                        "{name}: {} days early",
                        (first - at) / DAY
                    );
                    assert!(asked <= most, "{name}: {asked} questions");
                    assert!(newest_first || asked == 2, "{name}: {asked} questions");
                }
            }
        }
    }

    #[test]
    fn a_server_without_an_upper_bound_has_to_list_everything() {
        let starts: Vec<Ms> = (0..30).map(|day| UNTIL - day * DAY).collect();
        for newest_first in [false, true] {
            let (at, asked) = search(&starts, newest_first, Reading::Start, true);
            assert!(at.unwrap() <= starts[29], "{at:?}");
            assert!(asked <= 10);
        }
    }

    #[test]
    fn an_empty_page_with_a_link_or_a_count_is_not_an_empty_cloud() {
        let linked = PageFacts {
            next: Some(crate::ports::NextLink::new("next".to_owned())),
            ..PageFacts::default()
        };
        let counted = PageFacts {
            total: Some(4),
            ..PageFacts::default()
        };
        for page in [linked, counted] {
            let mut search = Search::new(UNTIL, Reading::Start);
            search.next();
            search.on_page(&page);
            assert!(matches!(search.next(), Step::Ask(_)));
        }
    }
}
