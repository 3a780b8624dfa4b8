//! A slice: one `shardBy` piece of the window.

use std::iter::FusedIterator;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::WindowError;

/// A half-open range of time, `[since, until)`, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    /// Included.
    pub since: Timestamp,
    /// Not included.
    pub until: Timestamp,
}

/// The slices that cover `[since, until)` exactly once, oldest first.
///
/// The first begins at `since`, each next one where the one before ends, the last ends at `until` and may be shorter.
/// Months and years are counted from `since` by the calendar in UTC, so slices of `P1M` from 31 January begin on
/// 31 January, 28 February, 31 March. Slices are made one at a time: their number costs no memory.
///
/// # Errors
/// [`WindowError::Empty`] when there is nothing between the edges, [`WindowError::OutOfRange`] when the length is not
/// positive.
pub fn slices(since: Timestamp, until: Timestamp, length: Span) -> Result<Slices, WindowError> {
    if !length.is_positive() {
        return Err(WindowError::out_of_range(length));
    }
    if since >= until {
        return Err(WindowError::Empty { since, until });
    }
    Ok(Slices {
        origin: since,
        length,
        count: 0,
        cursor: since,
        until,
    })
}

/// The slices of a window, oldest first; see [`slices`].
#[derive(Debug, Clone)]
pub struct Slices {
    /// Where the first slice begins.
    origin: Timestamp,
    length: Span,
    /// Slices given out.
    count: i64,
    /// Where the next slice begins; `until` when there is none.
    cursor: Timestamp,
    until: Timestamp,
}

impl Slices {
    /// Where slice number `count` begins: so many lengths after the origin, never added up step by step, because the
    /// day of the month would be cut once in February and stay cut. `None` outside the calendar.
    fn edge(&self, count: i64) -> Option<Timestamp> {
        let reach = self.length.checked_mul(count).ok()?;
        let start = self.origin.to_zoned(TimeZone::UTC);
        Some(start.checked_add(reach).ok()?.timestamp())
    }
}

impl Iterator for Slices {
    type Item = Slice;

    fn next(&mut self) -> Option<Slice> {
        if self.cursor >= self.until {
            return None;
        }
        self.count += 1;
        let since = self.cursor;
        // Whatever the calendar answers, the slice is not empty and does not pass the window: coverage comes first.
        let until = self
            .edge(self.count)
            .filter(|edge| *edge > since && *edge < self.until)
            .unwrap_or(self.until);
        self.cursor = until;
        Some(Slice { since, until })
    }
}

impl FusedIterator for Slices {}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The edges of all slices: the beginning of the first, then the end of each.
    fn edges(since: &str, until: &str, length: Span) -> Vec<String> {
        let pieces: Vec<Slice> = slices(at(since), at(until), length).unwrap().collect();
        for pair in pieces.windows(2) {
            assert_eq!(pair[0].until, pair[1].since, "a gap or an overlap");
        }
        let first = pieces[0].since.to_string();
        let ends = pieces.iter().map(|slice| slice.until.to_string());
        std::iter::once(first).chain(ends).collect()
    }

    #[test]
    fn days_begin_at_the_window_not_at_midnight() {
        assert_eq!(
            edges("2018-01-06T10:30:00Z", "2018-01-08T12:00:00Z", 1.day()),
            [
                "2018-01-06T10:30:00Z",
                "2018-01-07T10:30:00Z",
                "2018-01-08T10:30:00Z",
                "2018-01-08T12:00:00Z"
            ]
        );
    }

    #[test]
    fn a_window_of_whole_lengths_has_no_rest() {
        assert_eq!(
            edges("2018-01-06T00:00:00Z", "2018-01-08T00:00:00Z", 1.day()),
            [
                "2018-01-06T00:00:00Z",
                "2018-01-07T00:00:00Z",
                "2018-01-08T00:00:00Z"
            ]
        );
    }

    #[test]
    fn a_window_smaller_than_the_length_is_one_slice() {
        for length in [1.day(), 10.years(), 19_998.years()] {
            assert_eq!(
                edges("2018-01-06T00:00:00Z", "2018-01-06T00:00:01Z", length),
                ["2018-01-06T00:00:00Z", "2018-01-06T00:00:01Z"]
            );
        }
    }

    #[test]
    fn months_follow_the_calendar_without_drifting() {
        assert_eq!(
            edges("2018-01-31T00:00:00Z", "2018-05-01T00:00:00Z", 1.month()),
            [
                "2018-01-31T00:00:00Z",
                "2018-02-28T00:00:00Z",
                "2018-03-31T00:00:00Z",
                "2018-04-30T00:00:00Z",
                "2018-05-01T00:00:00Z"
            ]
        );
    }

    #[test]
    fn a_window_at_the_end_of_the_calendar_is_covered() {
        let until = Timestamp::MAX.to_string();
        assert_eq!(
            edges("9999-12-29T00:00:00Z", &until, 1.day()),
            ["9999-12-29T00:00:00Z", "9999-12-30T00:00:00Z", &until]
        );
    }

    #[test]
    fn a_great_many_slices_are_not_made_ahead() {
        let mut all = slices(Timestamp::MIN, Timestamp::MAX, 1.second()).unwrap();
        let first = all.next().unwrap();
        assert_eq!(first.since, Timestamp::MIN);
        assert_eq!(all.next().unwrap().since, first.until);
    }

    #[test]
    fn a_length_that_is_not_positive_is_refused() {
        for length in [0.seconds(), -1.day()] {
            assert!(matches!(
                slices(Timestamp::MIN, Timestamp::MAX, length),
                Err(WindowError::OutOfRange { .. })
            ));
        }
    }

    #[test]
    fn nothing_between_the_edges_is_refused() {
        let edge = at("2018-01-06T00:00:00Z");
        assert!(matches!(
            slices(edge, edge, 1.day()),
            Err(WindowError::Empty { .. })
        ));
    }
}
