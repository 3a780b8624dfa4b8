//! What the walk is told of a page: who is on it and when they were, not what they are.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;

use crate::ports::NextLink;

/// Milliseconds since 1970 in UTC, the finest time that servers write.
pub(super) type Ms = i64;

/// One second.
pub(super) const SECOND: Ms = 1_000;
/// The longest recording: nobody is on the phone for longer than a day. The old program has no longer one either: its
/// `overlap` looks back 6 hours.
pub(super) const LONGEST: Ms = 24 * 3_600 * SECOND;

/// Stands for an id: the first 16 bytes of its SHA-256, so that sets of ids stay small whatever a server calls an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(u128);

impl Key {
    /// Not greater than any other.
    pub(super) const LEAST: Self = Self(0);

    /// The key of this id.
    #[must_use]
    pub fn of(id: &str) -> Self {
        Self(first_bytes(id.as_bytes()))
    }

    pub(super) fn number(self) -> u128 {
        self.0
    }
}

/// The first 16 bytes of a SHA-256.
pub(super) fn first_bytes(data: &[u8]) -> u128 {
    let hash = digest(&SHA256, data);
    hash.as_ref()
        .iter()
        .take(16)
        .fold(0, |all, byte| (all << 8) | u128::from(*byte))
}

/// What the walk is told of a page.
#[derive(Debug, Clone, Default)]
pub struct PageFacts {
    /// Its entries, in the server's order.
    pub entries: Vec<EntryFacts>,
    /// The link to the next page.
    pub next: Option<NextLink>,
    /// How many recordings the server says the whole list has.
    pub total: Option<u64>,
    /// About how long the answer was.
    pub len_bytes: u64,
}

/// What the walk is told of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryFacts {
    /// Which recording it is; `None` when it is no readable one.
    pub key: Option<Key>,
    /// When it began, in epoch milliseconds, where known.
    pub start: Option<i64>,
    /// When it ended, in epoch milliseconds, where known.
    pub stop: Option<i64>,
}

/// A half-open range of milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) since: Ms,
    pub(super) until: Ms,
}

impl Range {
    pub(super) fn width(self) -> Ms {
        self.until - self.since
    }

    pub(super) fn contains(self, at: Ms) -> bool {
        (self.since..self.until).contains(&at)
    }
}

/// The millisecond in which this moment lies.
pub(super) fn floor_ms(at: Timestamp) -> Ms {
    // A timestamp has 55 bits of milliseconds.
    Ms::try_from(at.as_nanosecond().div_euclid(1_000_000)).unwrap_or(Ms::MAX)
}

/// The first millisecond that is not before this moment.
pub(super) fn ceil_ms(at: Timestamp) -> Ms {
    Ms::try_from((at.as_nanosecond() + 999_999).div_euclid(1_000_000)).unwrap_or(Ms::MAX)
}

/// The whole second in which a millisecond lies.
pub(super) fn floor_second(at: Ms) -> Ms {
    at - at.rem_euclid(SECOND)
}

/// The first whole second that is not before a millisecond.
pub(super) fn ceil_second(at: Ms) -> Ms {
    floor_second(at + SECOND - 1)
}

/// A millisecond as a moment. Before 1970 there are no recordings, and servers need not know such times.
pub(super) fn moment(at: Ms) -> Timestamp {
    Timestamp::from_millisecond(at.max(0)).unwrap_or(Timestamp::MAX)
}
