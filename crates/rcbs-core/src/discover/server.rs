//! What this run has seen of the server so far.

use super::facts::{Ms, PageFacts};
use super::learned::{Learned, Offsets};
use super::stride;

/// The most recordings that a page is asked for (`genesys.md` 2.4).
pub(super) const PAGE_LIMIT: u16 = 100;
/// How deep a list is paged by offset before its time range is divided instead. Elasticsearch answers up to 10,000.
const DEEPEST: u64 = 9_900;
/// The number of matches at which Elasticsearch stops counting.
const COUNTED_MOST: u64 = 10_000;
/// A page so much shorter than the largest answer we hold lets the limit grow again.
const COMFORTABLE_BYTES: u64 = 12 << 20;
/// No server is believed to cut its answers below this, where neither links nor offsets nor a count can tell: else a quiet
/// day with one recording would prove nothing on a server without pages.
pub(super) const SMALLEST_CAP: u64 = 2;

/// A length that is a multiple of this may be a cap that the server was given since an earlier run saw longer pages.
const ROUND: usize = 5;

/// What this run has seen of the server so far. Facts that may not outlive a change of the server stay here.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) learned: Learned,
    /// The reading was seen to be true in this run.
    pub(super) reading_is_sure: bool,
    /// Questions for the reading that brought no answer.
    pub(super) reading_attempts: u8,
    /// Entries of the longest page: what a page holds at most, as far as seen.
    pub(super) largest_page: usize,
    /// Entries of the longest page that earlier runs have seen, as long as nothing speaks against it.
    remembered_page: usize,
    /// A page was seen to show less than there is.
    pub(super) pages_are_cut: bool,
    /// Whether nothing comes behind a page that is shorter than the longest.
    pub(super) short_page_ends: Option<bool>,
    /// Whether totals count the list.
    pub(super) total: Total,
    /// A full page had a link in this run.
    pub(super) gives_links: bool,
    /// Links that lead in circles or nowhere.
    pub(super) links_are_broken: bool,
    /// The server lists some recordings more than once, always at the same places.
    pub(super) doubles_are_steady: bool,
    /// A list of several pages was seen not to move while it was read.
    pub(super) lists_are_steady: bool,
    /// Lists in a row that changed their order while they were read.
    pub(super) shaky_in_a_row: u8,
    /// Whether bounds are compared to the millisecond.
    pub(super) has_milliseconds: Option<bool>,
    /// Whether the lower, the upper bound is ignored.
    pub(super) ignores_since: bool,
    pub(super) ignores_until: bool,
    /// The whole window was asked for, to see how long a page gets.
    pub(super) cap_was_asked: bool,
    /// Questions asked for that.
    pub(super) bounds_questions: u8,
    /// The pieces of time that the server is asked for, once whole slices are too long.
    pub(super) pieces: Option<Pieces>,
    /// Filters by the caller's number do not divide a list.
    pub(super) patterns_are_useless: bool,
    /// Pages without a recording of the window that may still come in this run.
    pub(super) idle_pages_left: u32,
    /// Longer ranges are not asked for: the server has refused one.
    pub(super) widest: Option<Ms>,
    /// The operator was told so.
    pub(super) widest_is_told: bool,
    /// Taken from [`PAGE_LIMIT`] down by answers that are too large.
    limit_less: u16,
    /// What an operator should know, not told yet.
    pub(super) warnings: Vec<String>,
    /// What the server did wrong, not told yet.
    pub(super) faults: Vec<String>,
    /// Moments that cannot be divided, before each slice ends with the first.
    pub(super) flaws_left: u32,
}

/// How full a page is, compared with the longest page seen. That one is not longer than the server's cap, so a shorter page
/// was not cut, unless the server takes out some entries only after it has cut the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// More may follow.
    Full,
    /// Cut only if entries were taken out.
    NearlyFull,
    /// The end, if short pages end lists at all.
    Short,
}

/// How long a time is asked for at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces {
    /// Length of the next one.
    pub(super) width: Ms,
    /// Length of the last one with about as many recordings as intended.
    pub(super) usual: Ms,
    /// A piece may have many pages; else it is one.
    pub(super) has_pages: bool,
}

/// What the totals of a server are worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Total {
    /// Never seen above the length of a full page: it may be just that.
    #[default]
    Unknown,
    /// It counts more than the page.
    Counts,
    /// It was proved wrong.
    Wrong,
}

impl Server {
    pub(super) fn new(learned: Learned) -> Self {
        Self {
            remembered_page: usize::try_from(learned.longest_page).unwrap_or_default(),
            learned,
            idle_pages_left: 1_000,
            flaws_left: 20,
            ..Self::default()
        }
    }

    /// How many recordings to ask for.
    pub(super) fn limit(&self) -> u16 {
        PAGE_LIMIT - self.limit_less
    }

    /// Asks for fewer recordings from now on; false when it is one already.
    pub(super) fn lower_limit(&mut self) -> bool {
        let lower = self.limit() / 2;
        self.limit_less = PAGE_LIMIT - lower.max(1);
        lower > 0
    }

    /// Takes note of a page, whatever it was asked for.
    pub(super) fn note(&mut self, page: &PageFacts, limit: u16) {
        let len = page.entries.len();
        self.largest_page = self.largest_page.max(len);
        if len < self.remembered_page && self.says_more(len as u64, page.total) {
            self.forget_page();
        }
        let longest = u32::try_from(len).unwrap_or(u32::MAX);
        self.learned.longest_page = self.learned.longest_page.max(longest);
        self.gives_links |= page.next.is_some() && self.fill(len, limit) == Fill::Full;
        if let Some(total) = page.total {
            if total < len as u64 {
                self.total = Total::Wrong;
            } else if total > len as u64
                && self.fill(len, limit) == Fill::Full
                && self.total == Total::Unknown
            {
                self.total = Total::Counts;
            }
        }
        if page.len_bytes < COMFORTABLE_BYTES {
            self.limit_less = PAGE_LIMIT - (self.limit().saturating_mul(2)).min(PAGE_LIMIT);
        }
    }

    /// A page was cut: the longest one is as long as pages get.
    pub(super) fn on_cut_pages(&mut self) {
        self.pages_are_cut = true;
        self.forget_page();
    }

    /// Pages are not as long any more as they were in earlier runs.
    fn forget_page(&mut self) {
        self.remembered_page = 0;
        self.learned.longest_page = u32::try_from(self.largest_page).unwrap_or(u32::MAX);
    }

    /// How full a page is.
    pub(super) fn fill(&self, len: usize, limit: u16) -> Fill {
        let size = self.page_size(limit);
        if len * 10 < self.remembered_page.min(usize::from(limit)) * 9 && !len.is_multiple_of(ROUND)
        {
            Fill::Short
        } else if len >= size && len > 0 {
            Fill::Full
        } else if len * 10 >= size * 9 && len > 0 {
            Fill::NearlyFull
        } else {
            Fill::Short
        }
    }

    /// How many recordings a piece of time should have.
    pub(super) fn target(&self, has_pages: bool) -> u64 {
        if has_pages {
            self.deepest() * 3 / 5
        } else {
            stride::target(self.page_size(self.limit()) as u64)
        }
    }

    /// Whether a page may have been cut.
    pub(super) fn may_be_cut(&self, len: usize, limit: u16) -> bool {
        len as u64 >= SMALLEST_CAP && self.fill(len, limit) != Fill::Short
    }

    /// The entries of a full page, as far as seen.
    pub(super) fn page_size(&self, limit: u16) -> usize {
        if self.largest_page > usize::from(PAGE_LIMIT) {
            // The server does not look at `limit`.
            self.largest_page
        } else {
            self.largest_page.min(usize::from(limit))
        }
    }

    /// Whether pages can be asked for by offset.
    pub(super) fn has_offsets(&self) -> bool {
        matches!(self.learned.offsets, Offsets::Unknown | Offsets::Honoured)
    }

    /// The deepest offset that is asked for while the time range can be divided.
    pub(super) fn deepest(&self) -> u64 {
        self.learned
            .deepest
            .map_or(DEEPEST, |known| known.min(DEEPEST))
    }

    /// Whether so many entries are all that the list has, by the server's own count.
    pub(super) fn is_counted(&self, entries: u64, total: Option<u64>) -> bool {
        self.counted(total).is_some_and(|total| entries >= total)
    }

    /// The server's own count, where it is one.
    pub(super) fn counted(&self, total: Option<u64>) -> Option<u64> {
        total.filter(|total| self.total == Total::Counts && *total != COUNTED_MOST)
    }

    /// Whether the server says that it has more than so many entries.
    pub(super) fn says_more(&self, entries: u64, total: Option<u64>) -> bool {
        self.total != Total::Wrong && total.is_some_and(|total| total > entries)
    }

    pub(super) fn keeps_to_bounds(&self) -> bool {
        !self.ignores_since && !self.ignores_until
    }

    /// Tells the operator, once.
    pub(super) fn warn(&mut self, text: &str) {
        self.warnings.push(text.to_owned());
    }
}
