//! The proof, day by day: is everything that was announced accounted for, and was all of the day listed?

use jiff::Timestamp;

use crate::ports::{DayCount, Period};

/// Milliseconds of a day in UTC.
const DAY_MS: i64 = 86_400_000;

/// What can be said of a range of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The range; `None` when nothing is known at all.
    pub period: Option<Period>,
    /// Rows without a gap between them, oldest first; before them, where all of the archive is asked for, the recordings
    /// whose start is not known.
    pub rows: Vec<Row>,
}

/// A day, or several days in a row on which nothing is known to have begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The part of the days that lies in the range; `None` for recordings whose start is not known.
    pub period: Option<Period>,
    /// What is known of the recordings that began then.
    pub count: DayCount,
    /// How much of it was listed.
    pub listing: Listing,
}

/// How much of a period was listed to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// All of it.
    Whole,
    /// A part of it.
    Part,
    /// Nothing of it.
    Never,
}

/// What is proven of a row, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All of it was listed, and everything announced is in the archive or was not wanted.
    Complete,
    /// The same, except for what the cloud no longer has.
    Lost,
    /// Something is still to be fetched or stored, was found damaged, or was never listed.
    Incomplete,
}

impl Verdict {
    /// The word for it in JSON and CSV: a contract with programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Lost => "lost",
            Self::Incomplete => "incomplete",
        }
    }
}

impl Listing {
    /// The word for it in JSON and CSV: a contract with programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Part => "part",
            Self::Never => "never",
        }
    }
}

impl Row {
    /// The whole days that it stands for; `None` where it is a part of one, or of no day.
    #[must_use]
    pub fn whole_days(&self) -> Option<Period> {
        let whole = |period: &Period| {
            day_of(period.since) == period.since && day_of(period.until) == period.until
        };
        self.period.filter(whole)
    }

    /// Whether it is a part of a day: the range begins or ends in it, or the day is not over.
    #[must_use]
    pub fn is_part_of_day(&self) -> bool {
        self.period.is_some() && self.whole_days().is_none()
    }

    /// Whether a backup has nothing left to do for it: it was listed whole, and all that is to be had was stored once.
    #[must_use]
    pub fn is_fetched(&self) -> bool {
        let count = &self.count;
        // Recordings without a start belong to no period that could be listed.
        let is_listed = self.listing == Listing::Whole || self.period.is_none();
        let is_stored = count.open == 0 && count.waiting.is_empty() && count.without_metadata == 0;
        is_listed && is_stored
    }

    /// What is proven of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if !self.is_fetched() || self.count.damaged > 0 {
            Verdict::Incomplete
        } else if self.count.lost > 0 {
            Verdict::Lost
        } else {
            Verdict::Complete
        }
    }
}

impl Proof {
    /// The worst of all rows; of nothing, nothing is proven.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.rows.iter().map(Row::verdict);
        verdicts.max().unwrap_or(Verdict::Incomplete)
    }

    /// The end of the last whole day up to which every whole day of the range is fully verified, and what is known of the
    /// part of a day before them too; `None` when not even the first one is.
    #[must_use]
    pub fn complete_until(&self) -> Option<Timestamp> {
        if self.has_open_undated() {
            return None;
        }
        let dated = self.rows.iter().filter(|row| row.period.is_some());
        let good = dated.take_while(|row| row.verdict() == Verdict::Complete);
        good.filter_map(Row::whole_days)
            .last()
            .map(|days| days.until)
    }

    /// Midnight at which the last day begins that is fully verified: it was listed whole, and everything announced in it
    /// is in the archive and not known to be damaged, or was not wanted. What is known of days before it does not
    /// matter; see [`Self::not_verified_before`].
    #[must_use]
    pub fn last_verified_day(&self) -> Option<Timestamp> {
        if self.has_open_undated() {
            return None;
        }
        let mut good = self
            .rows
            .iter()
            .rev()
            .filter(|row| row.verdict() == Verdict::Complete);
        let days = good.find_map(Row::whole_days)?;
        Some(later(days.until, -DAY_MS))
    }

    /// How many days of the range, or parts of days, before this moment are not fully verified.
    #[must_use]
    pub fn not_verified_before(&self, day: Timestamp) -> u64 {
        let bad = self
            .rows
            .iter()
            .filter(|row| row.verdict() != Verdict::Complete);
        let periods = bad.filter_map(|row| row.period?.before(day));
        let days = periods.map(|it| {
            (ceil(it.until).as_millisecond() - day_of(it.since).as_millisecond()) / DAY_MS
        });
        days.sum::<i64>().unsigned_abs()
    }

    /// A recording without a start may belong to any of the days.
    fn has_open_undated(&self) -> bool {
        let is_open = |row: &Row| row.period.is_none() && row.verdict() != Verdict::Complete;
        self.rows.iter().any(is_open)
    }

    /// All rows, added up.
    #[must_use]
    pub fn total(&self) -> DayCount {
        let mut total = DayCount::default();
        for row in &self.rows {
            let count = &row.count;
            total.recordings += count.recordings;
            total.without_metadata += count.without_metadata;
            total.open += count.open;
            total.verified += count.verified;
            total.verified_bytes += count.verified_bytes;
            total.lost += count.lost;
            total.damaged += count.damaged;
            add(&mut total.skipped, &count.skipped);
            add(&mut total.waiting, &count.waiting);
        }
        total
    }
}

fn add(sums: &mut Vec<(String, u64)>, counts: &[(String, u64)]) {
    for (reason, files) in counts {
        match sums.iter_mut().find(|(known, _)| known == reason) {
            Some((_, sum)) => *sum += files,
            None => sums.push((reason.clone(), *files)),
        }
    }
}

/// Which part of the archive is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// From here on; `None`: from the first that is known.
    pub since: Option<Timestamp>,
    /// Up to here; `None`: up to the last that is known.
    pub until: Option<Timestamp>,
}

/// The range that is meant, of what is known; `None` when nothing is known, or nothing lies between the edges.
///
/// `due` is the moment up to which backups should have come by now, where they follow the time: a proof that nobody has
/// renewed for days must not stay complete.
#[must_use]
pub fn range(
    asked: Asked,
    counts: &[DayCount],
    listed: &[Period],
    due: Option<Timestamp>,
) -> Option<Period> {
    let days = || counts.iter().filter_map(|count| count.day);
    let begins = days().chain(listed.iter().map(|one| one.since));
    let ends = days().map(|day| later(day, DAY_MS));
    let last = ends.chain(listed.iter().map(|one| one.until));
    // The first and the last day count as far as they were listed, also when something is known of them: runs begin and
    // end in the middle of a day.
    let listed_first = listed.iter().map(|one| one.since).min();
    let first = listed_first
        .filter(|begin| days().all(|day| later(day, DAY_MS) > *begin))
        .or(begins.min());
    let listed_last = listed.iter().map(|one| one.until).max();
    let last = listed_last
        .filter(|end| days().all(|day| day < *end))
        .or(last.max());
    let since = asked.since.or(first)?;
    let until = asked
        .until
        .or(last.map(|last| due.map_or(last, |due| due.max(last))))?;
    (since < until).then_some(Period { since, until })
}

/// What can be said of each day of the range. `counts` are those of the range, in order; those without a day come
/// first.
#[must_use]
pub fn prove(period: Option<Period>, counts: Vec<DayCount>, listed: &[Period]) -> Proof {
    let mut rows = Vec::new();
    let Some(range) = period else {
        return Proof { period, rows };
    };
    let mut covered = range.since;
    for count in counts {
        let Some(day) = count.day else {
            rows.push(Row {
                period: None,
                count,
                listing: Listing::Never,
            });
            continue;
        };
        let of_day = clipped(day, later(day, DAY_MS), range);
        let Some(of_day) = of_day else {
            continue;
        };
        quiet(&mut rows, covered, of_day.since, listed);
        rows.push(Row {
            period: Some(of_day),
            count,
            listing: listing(of_day, listed),
        });
        covered = of_day.until;
    }
    quiet(&mut rows, covered, range.until, listed);
    Proof { period, rows }
}

/// Where the end of a period begins that was never listed; `None` when something was listed up to its end. What was left
/// out before that is told day by day.
#[must_use]
pub fn unlisted_end(period: Period, listed: &[Period]) -> Option<Timestamp> {
    let ends = listed.iter().map(|one| one.until);
    let at = ends.fold(period.since, Timestamp::max);
    (at < period.until).then_some(at)
}

/// Days on which nothing is known to have begun: a row for each stretch of whole days that was listed in the same way,
/// and one for the part of a day at each end.
fn quiet(rows: &mut Vec<Row>, since: Timestamp, until: Timestamp, listed: &[Period]) {
    let inside = |at: &Timestamp| since < *at && *at < until;
    let edges = listed.iter().flat_map(|one| [one.since, one.until]);
    let midnights = edges.filter(inside).flat_map(|at| [day_of(at), ceil(at)]);
    let ends = [ceil(since), day_of(until), until];
    let mut cuts: Vec<Timestamp> = midnights
        .chain(ends)
        .filter(|at| since < *at && *at <= until)
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut at = since;
    for cut in cuts {
        let period = Period {
            since: at,
            until: cut,
        };
        rows.push(Row {
            period: Some(period),
            count: DayCount::default(),
            listing: listing(period, listed),
        });
        at = cut;
    }
}

fn listing(period: Period, listed: &[Period]) -> Listing {
    let is_whole = |one: &Period| one.since <= period.since && period.until <= one.until;
    let is_part = |one: &Period| one.since < period.until && period.since < one.until;
    if listed.iter().any(is_whole) {
        Listing::Whole
    } else if listed.iter().any(is_part) {
        Listing::Part
    } else {
        Listing::Never
    }
}

fn clipped(since: Timestamp, until: Timestamp, range: Period) -> Option<Period> {
    let (since, until) = (since.max(range.since), until.min(range.until));
    (since < until).then_some(Period { since, until })
}

/// The beginning of the day in UTC.
#[must_use]
pub fn day_of(at: Timestamp) -> Timestamp {
    let ms = at.as_millisecond();
    Timestamp::from_millisecond(ms - ms.rem_euclid(DAY_MS)).unwrap_or(Timestamp::MIN)
}

/// The first midnight in UTC that is not before.
fn ceil(at: Timestamp) -> Timestamp {
    match day_of(at) {
        day if day == at => at,
        day => later(day, DAY_MS),
    }
}

fn later(at: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond() + ms).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment so many hours after a midnight.
    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_millisecond(17_574 * DAY_MS + hour * 3_600_000).unwrap()
    }

    fn period(since: i64, until: i64) -> Period {
        Period {
            since: hour(since),
            until: hour(until),
        }
    }

    fn day(number: i64) -> DayCount {
        DayCount {
            day: Some(hour(number * 24)),
            recordings: 1,
            verified: 1,
            ..DayCount::default()
        }
    }

    /// Hours of a row, how it was listed, and what is proven.
    type Told = (Option<(i64, i64)>, Listing, Verdict);

    fn told(proof: &Proof) -> Vec<Told> {
        let hours = |at: Timestamp| (at.as_millisecond() - hour(0).as_millisecond()) / 3_600_000;
        let row = |row: &Row| {
            let period = row.period.map(|it| (hours(it.since), hours(it.until)));
            (period, row.listing, row.verdict())
        };
        proof.rows.iter().map(row).collect()
    }

    #[test]
    fn rows_cover_the_range_without_a_gap() {
        use Listing::{Never, Part, Whole};
        use Verdict::{Complete, Incomplete};
        let listed = [period(0, 60), period(100, 110)];
        let proof = prove(
            Some(period(-10, 130)),
            vec![day(0), day(2), day(4)],
            &listed,
        );
        assert_eq!(
            told(&proof),
            [
                (Some((-10, 0)), Never, Incomplete),
                (Some((0, 24)), Whole, Complete),
                (Some((24, 48)), Whole, Complete),
                (Some((48, 72)), Part, Incomplete),
                (Some((72, 96)), Never, Incomplete),
                (Some((96, 120)), Part, Incomplete),
                (Some((120, 130)), Never, Incomplete),
            ]
        );
        assert_eq!(proof.verdict(), Incomplete);
        assert_eq!(proof.complete_until(), None);
        assert_eq!(proof.total().recordings, 3);
    }

    #[test]
    fn days_count_as_far_as_they_were_listed() {
        let late = [period(7, 60)];
        let counts = vec![day(0), day(2)];
        let begun = range(Asked::default(), &counts, &late, None);
        assert_eq!(begun, Some(period(7, 60)));
        let proof = prove(begun, counts.clone(), &late);
        assert_eq!(proof.verdict(), Verdict::Complete);
        let before = vec![day(-1), day(0)];
        let begun = range(Asked::default(), &before, &late, None);
        assert_eq!(begun, Some(period(-24, 60)), "known of the day before");
        let listed = [period(0, 60)];
        let range = range(Asked::default(), &counts, &listed, None);
        assert_eq!(range, Some(period(0, 60)));
        let proof = prove(range, counts, &listed);
        assert_eq!(proof.verdict(), Verdict::Complete);
        assert_eq!(proof.complete_until(), Some(hour(48)), "whole days only");
        assert_eq!(proof.last_verified_day(), Some(hour(24)));
        let parts: Vec<bool> = proof.rows.iter().map(Row::is_part_of_day).collect();
        assert_eq!(parts, [false, false, true]);
    }

    #[test]
    fn a_proof_that_is_due_again_is_incomplete() {
        let (counts, listed) = (vec![day(0), day(1)], [period(0, 30)]);
        for (due, wanted, verdict) in [
            (24, 30, Verdict::Complete),
            (30, 30, Verdict::Complete),
            (72, 72, Verdict::Incomplete),
        ] {
            let range = range(Asked::default(), &counts, &listed, Some(hour(due)));
            assert_eq!(range, Some(period(0, wanted)), "due at {due}");
            let proof = prove(range, counts.clone(), &listed);
            assert_eq!(proof.verdict(), verdict, "due at {due}");
        }
        let asked = Asked {
            until: Some(hour(30)),
            ..Asked::default()
        };
        let range = range(asked, &counts, &listed, Some(hour(72)));
        assert_eq!(range, Some(period(0, 30)), "asked for by name");
    }

    #[test]
    fn what_was_announced_behind_the_last_list_is_not_left_out() {
        let listed = [period(0, 60)];
        let counts = vec![day(0), day(5)];
        let whole = range(Asked::default(), &counts, &listed, None);
        assert_eq!(whole, Some(period(0, 144)));
        assert_eq!(
            prove(whole, counts.clone(), &listed).verdict(),
            Verdict::Incomplete
        );
        let asked = Asked {
            since: Some(hour(10)),
            until: Some(hour(20)),
        };
        let part = range(asked, &counts, &listed, None);
        assert_eq!(told(&prove(part, vec![day(0)], &listed)).len(), 1);
        let backwards = Asked {
            since: Some(hour(20)),
            until: Some(hour(10)),
        };
        assert_eq!(range(backwards, &counts, &listed, None), None);
        assert_eq!(range(Asked::default(), &[], &[], None), None);
    }

    #[test]
    fn a_row_is_judged_by_its_worst() {
        let listed = [period(0, 24)];
        let verdict = |change: &dyn Fn(&mut DayCount)| {
            let mut count = day(0);
            change(&mut count);
            prove(Some(period(0, 24)), vec![count], &listed).verdict()
        };
        assert_eq!(verdict(&|_| ()), Verdict::Complete);
        let skip = |count: &mut DayCount| count.skipped.push(("mediaTypePattern".to_owned(), 1));
        assert_eq!(verdict(&skip), Verdict::Complete);
        assert_eq!(verdict(&|count| count.lost = 1), Verdict::Lost);
        let wait = |count: &mut DayCount| {
            count.lost = 1;
            count.waiting.push(("transient".to_owned(), 1));
        };
        assert_eq!(verdict(&wait), Verdict::Incomplete);
        assert_eq!(verdict(&|count| count.open = 1), Verdict::Incomplete);
        assert_eq!(
            verdict(&|count| count.without_metadata = 1),
            Verdict::Incomplete
        );
    }

    #[test]
    fn a_part_of_a_day_is_never_the_last_verified_one() {
        let listed = [period(7, 60)];
        let proof = prove(Some(period(7, 60)), Vec::new(), &listed);
        assert_eq!(
            told(&proof),
            [
                (Some((7, 24)), Listing::Whole, Verdict::Complete),
                (Some((24, 48)), Listing::Whole, Verdict::Complete),
                (Some((48, 60)), Listing::Whole, Verdict::Complete),
            ]
        );
        assert_eq!(proof.complete_until(), Some(hour(48)));
        assert_eq!(proof.last_verified_day(), Some(hour(24)));
        let short = prove(Some(period(7, 23)), Vec::new(), &[period(7, 23)]);
        assert_eq!(
            (short.complete_until(), short.last_verified_day()),
            (None, None)
        );
    }

    #[test]
    fn a_day_with_a_lost_or_damaged_file_is_not_verified() {
        let listed = [period(0, 96)];
        let spoil: [fn(&mut DayCount); 2] = [|count| count.lost = 1, |count| count.damaged = 1];
        for spoil in spoil {
            let mut bad = day(1);
            spoil(&mut bad);
            let proof = prove(Some(period(0, 96)), vec![day(0), bad, day(2)], &listed);
            assert_ne!(proof.verdict(), Verdict::Complete);
            assert_eq!(proof.complete_until(), Some(hour(24)), "without a gap");
            assert_eq!(proof.last_verified_day(), Some(hour(72)), "by itself");
            assert_eq!(proof.not_verified_before(hour(72)), 1);
            let mut last = day(3);
            spoil(&mut last);
            let proof = prove(Some(period(0, 96)), vec![day(0), last], &listed);
            assert_eq!(proof.last_verified_day(), Some(hour(48)));
            assert_eq!(proof.not_verified_before(hour(48)), 0);
        }
    }

    #[test]
    fn recordings_without_a_start_are_judged_by_themselves() {
        let undated = DayCount {
            recordings: 1,
            open: 1,
            ..DayCount::default()
        };
        let listed = [period(0, 24)];
        let proof = prove(Some(period(0, 24)), vec![undated, day(0)], &listed);
        assert_eq!(proof.rows.len(), 2);
        assert_eq!(proof.rows[0].verdict(), Verdict::Incomplete);
        assert_eq!(proof.complete_until(), None, "it may be of any day");
        let good = DayCount::default();
        let proof = prove(Some(period(0, 24)), vec![good, day(0)], &listed);
        assert_eq!(proof.verdict(), Verdict::Complete);
    }

    #[test]
    fn nothing_known_proves_nothing() {
        let nothing = prove(None, Vec::new(), &[]);
        assert_eq!(nothing.verdict(), Verdict::Incomplete);
        assert_eq!(nothing.complete_until(), None);
    }
}
