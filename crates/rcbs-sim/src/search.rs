//! What a search finds: the model and the quirks in, one page of recordings out. Both faces answer from here.

use jiff::Timestamp;

use crate::cloud::{Cloud, SimRecording};
use crate::quirks::{Bound, BoundReading, NumberFilter, Offsets, Order, Precision, Quirks};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    /// Lower bound.
    pub(crate) since: Option<Timestamp>,
    /// Upper bound.
    pub(crate) until: Option<Timestamp>,
    /// Pattern for the caller's number.
    pub(crate) caller: Option<String>,
    /// Pattern for the dialed number.
    pub(crate) dialed: Option<String>,
    /// How many to skip.
    pub(crate) offset: u64,
    /// How many to give.
    pub(crate) limit: u64,
    /// Differs from request to request; decides the order when it is shuffled.
    pub(crate) request: u64,
}

impl Search {
    /// Whether the range is longer than this server lists at once. One without an end is as long as can be.
    pub(crate) fn is_too_long(&self, quirks: &Quirks) -> bool {
        let longest_h = i64::try_from(quirks.longest_range).unwrap_or(i64::MAX / 3_600);
        let fits = |since: Timestamp, until: Timestamp| {
            until.as_second().saturating_sub(since.as_second()) <= longest_h.saturating_mul(3_600)
        };
        let range = self.since.zip(self.until);
        quirks.longest_range > 0 && !range.is_some_and(|(since, until)| fits(since, until))
    }
}

/// One page of what was found.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// The recordings of this page.
    pub(crate) recordings: Vec<&'a SimRecording>,
    /// How many were found altogether.
    pub(crate) total: u64,
    /// Where this page begins.
    pub(crate) offset: u64,
    /// How many a page has.
    pub(crate) limit: u64,
}

/// The offset lies deeper than the server goes, or it takes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OffsetRefused;

impl Found<'_> {
    /// Where the next page begins, if there is one.
    pub(crate) fn next_offset(&self) -> Option<u64> {
        let next = self.offset + self.recordings.len() as u64;
        (!self.recordings.is_empty() && next < self.total).then_some(next)
    }
}

/// How deep Elasticsearch lets offset and limit reach (`index.max_result_window`).
const DEEPEST: u64 = 10_000;

/// Searches the cloud as it is at this time. `by_link` tells that a link led here, which every server honours.
pub(crate) fn search<'a>(
    cloud: &'a Cloud,
    now: Timestamp,
    quirks: &Quirks,
    search: &Search,
    by_link: bool,
) -> Result<Found<'a>, OffsetRefused> {
    let limit = search.limit.clamp(1, 100).min(quirks.page_cap.max(1));
    let offset = match quirks.offsets {
        _ if by_link => search.offset,
        Offsets::Honoured => search.offset,
        Offsets::Ignored => 0,
        Offsets::Refused if search.offset > 0 => return Err(OffsetRefused),
        Offsets::RefusedDeep if search.offset + limit > DEEPEST => return Err(OffsetRefused),
        Offsets::Refused | Offsets::RefusedDeep => search.offset,
    };
    let (since, until) = (bound(search.since, quirks), bound(search.until, quirks));
    let mut found: Vec<&SimRecording> = cloud
        .around(since, until)
        .filter(|recording| cloud.is_visible(recording, now))
        .filter(|recording| is_within(recording, since, until, quirks))
        .filter(|recording| fits(search.caller.as_deref(), &recording.caller, quirks))
        .filter(|recording| fits(search.dialed.as_deref(), &recording.dialed, quirks))
        .collect();
    sort(&mut found, cloud, quirks.order, search.request);
    let again: Vec<&SimRecording> = found
        .iter()
        .flat_map(|recording| {
            std::iter::repeat_n(*recording, recording.listed_times.saturating_sub(1))
        })
        .collect();
    found.extend(again);
    let total = found.len() as u64;
    let page = found
        .into_iter()
        .skip(usize::try_from(offset).unwrap_or(usize::MAX))
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
        .collect();
    Ok(Found {
        recordings: page,
        total,
        offset,
        limit,
    })
}

fn bound(time: Option<Timestamp>, quirks: &Quirks) -> Option<Timestamp> {
    let time = time?;
    match quirks.precision {
        Precision::Milliseconds => Some(time),
        Precision::Seconds => Timestamp::from_second(time.as_millisecond().div_euclid(1_000)).ok(),
    }
}

fn is_within(
    recording: &SimRecording,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    quirks: &Quirks,
) -> bool {
    let (low, high) = match quirks.bound_reading {
        BoundReading::Start => (recording.start, recording.start),
        BoundReading::Stop => (recording.stop, recording.stop),
        BoundReading::Contained => (recording.start, recording.stop),
        BoundReading::AnyPart => (recording.stop, recording.start),
    };
    since.is_none_or(|since| low > since || (low == since && quirks.lower == Bound::Inclusive))
        && until
            .is_none_or(|until| high < until || (high == until && quirks.upper == Bound::Inclusive))
}

fn fits(pattern: Option<&str>, number: &str, quirks: &Quirks) -> bool {
    match (pattern, quirks.number_filter) {
        (None, _) | (_, NumberFilter::Ignored) => true,
        (Some(pattern), NumberFilter::Wildcard) => {
            let kept = |text: &str| {
                text.chars()
                    .filter(|c| c.is_alphanumeric() || *c == '*')
                    .collect::<Vec<_>>()
            };
            matches(&kept(pattern), &kept(number))
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for any text, in time proportional to the product of the lengths.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star = None;
    while read < text.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, read));
            at += 1;
        } else if pattern.get(at) == Some(&text[read]) {
            at += 1;
            read += 1;
        } else if let Some((place, taken)) = star {
            star = Some((place, taken + 1));
            at = place + 1;
            read = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

fn sort(found: &mut [&SimRecording], cloud: &Cloud, order: Order, request: u64) {
    match order {
        Order::Ascending => found.sort_by_key(|recording| (recording.start, &recording.id)),
        Order::Descending => {
            found.sort_by_key(|recording| std::cmp::Reverse((recording.start, &recording.id)));
        }
        Order::Id => found.sort_by(|a, b| a.id.cmp(&b.id)),
        Order::Shuffled => {
            found.sort_by_cached_key(|recording| {
                cloud
                    .seed()
                    .number(&format!("order {request} {}", recording.id))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Calls on one morning, named after when they begin and end.
    fn cloud() -> Cloud {
        Cloud::new(1)
            .recording("0900-0901")
            .at("2018-02-12T09:00:00.500Z")
            .lasting_s(60)
            .from_caller("+1 555 0100")
            .recording("0930-1030")
            .at("2018-02-12T09:30:00Z")
            .lasting_s(3_600)
            .from_caller("alchoi4")
            .recording("1000-1001")
            .at("2018-02-12T10:00:00Z")
            .lasting_s(60)
            .from_caller("+1 555 0199")
            .build()
    }

    fn all() -> Search {
        Search {
            since: None,
            until: None,
            caller: None,
            dialed: None,
            offset: 0,
            limit: 100,
            request: 0,
        }
    }

    fn from_nine_to_ten() -> Search {
        Search {
            since: Some(time("2018-02-12T09:00:00Z")),
            until: Some(time("2018-02-12T10:00:00Z")),
            ..all()
        }
    }

    fn ids(quirks: &Quirks, wanted: &Search) -> Vec<String> {
        let cloud = cloud();
        let found = search(&cloud, time("2018-02-13T00:00:00Z"), quirks, wanted, false).unwrap();
        found
            .recordings
            .iter()
            .map(|recording| recording.id.clone())
            .collect()
    }

    #[test]
    fn each_reading_of_the_bounds() {
        for (reading, expected) in [
            (
                BoundReading::Start,
                vec!["0900-0901", "0930-1030", "1000-1001"],
            ),
            (BoundReading::Stop, vec!["0900-0901"]),
            (BoundReading::Contained, vec!["0900-0901"]),
            (
                BoundReading::AnyPart,
                vec!["0900-0901", "0930-1030", "1000-1001"],
            ),
        ] {
            let quirks = Quirks {
                bound_reading: reading,
                ..Quirks::default()
            };
            assert_eq!(ids(&quirks, &from_nine_to_ten()), expected, "{reading}");
        }
        let late = Search {
            since: Some(time("2018-02-12T10:15:00Z")),
            until: None,
            ..all()
        };
        let quirks = Quirks {
            bound_reading: BoundReading::AnyPart,
            ..Quirks::default()
        };
        assert_eq!(ids(&quirks, &late), ["0930-1030"]);
    }

    #[test]
    fn exclusive_bounds_leave_out_what_equals_them() {
        let quirks = Quirks {
            upper: Bound::Exclusive,
            ..Quirks::default()
        };
        assert_eq!(
            ids(&quirks, &from_nine_to_ten()),
            ["0900-0901", "0930-1030"]
        );
        let quirks = Quirks {
            lower: Bound::Exclusive,
            ..Quirks::default()
        };
        let from_ten = Search {
            since: Some(time("2018-02-12T10:00:00Z")),
            ..all()
        };
        assert!(ids(&quirks, &from_ten).is_empty());
    }

    #[test]
    fn bounds_in_seconds_lose_their_milliseconds() {
        let quirks = Quirks {
            precision: Precision::Seconds,
            ..Quirks::default()
        };
        let late = Search {
            since: Some(time("2018-02-12T09:00:00.900Z")),
            ..all()
        };
        assert_eq!(ids(&Quirks::default(), &late).len(), 2);
        assert_eq!(ids(&quirks, &late).len(), 3);
    }

    #[test]
    fn orders() {
        let by = |order, request| {
            ids(
                &Quirks {
                    order,
                    ..Quirks::default()
                },
                &Search { request, ..all() },
            )
        };
        assert_eq!(
            by(Order::Descending, 0),
            ["1000-1001", "0930-1030", "0900-0901"]
        );
        assert_eq!(by(Order::Shuffled, 3), by(Order::Shuffled, 3));
        assert!((0..20).any(|request| by(Order::Shuffled, request) != by(Order::Shuffled, 0)));
    }

    #[test]
    fn number_patterns_compare_letters_and_digits_only() {
        for (pattern, expected) in [
            ("+15550100", vec!["0900-0901"]),
            ("1-555-01*", vec!["0900-0901", "1000-1001"]),
            ("*choi*", vec!["0930-1030"]),
            ("*CHOI*", vec![]),
            ("1555", vec![]),
            ("*", vec!["0900-0901", "0930-1030", "1000-1001"]),
            ("*0*9*", vec!["1000-1001"]),
        ] {
            let wanted = Search {
                caller: Some(pattern.to_owned()),
                ..all()
            };
            assert_eq!(ids(&Quirks::default(), &wanted), expected, "{pattern}");
        }
    }

    #[test]
    fn offsets_are_what_the_quirk_says() {
        let deep = Search {
            offset: 1,
            limit: 1,
            ..all()
        };
        let with = |offsets| Quirks {
            offsets,
            ..Quirks::default()
        };
        assert_eq!(ids(&with(Offsets::Honoured), &deep), ["0930-1030"]);
        assert_eq!(ids(&with(Offsets::Ignored), &deep), ["0900-0901"]);
        let cloud = cloud();
        let now = time("2018-02-13T00:00:00Z");
        assert_eq!(
            search(&cloud, now, &with(Offsets::Refused), &deep, false).err(),
            Some(OffsetRefused)
        );
        assert!(search(&cloud, now, &with(Offsets::Refused), &deep, true).is_ok());
        let deepest = Search {
            offset: 9_901,
            limit: 100,
            ..all()
        };
        assert_eq!(
            search(&cloud, now, &with(Offsets::RefusedDeep), &deepest, false).err(),
            Some(OffsetRefused)
        );
    }

    #[test]
    fn a_recording_listed_twice_comes_again_at_the_end() {
        let cloud = cloud()
            .recording("0800")
            .at("2018-02-12T08:00:00Z")
            .listed_twice()
            .build();
        let found = search(
            &cloud,
            time("2018-02-13T00:00:00Z"),
            &Quirks::default(),
            &all(),
            false,
        )
        .unwrap();
        let ids: Vec<&str> = found
            .recordings
            .iter()
            .map(|recording| recording.id.as_str())
            .collect();
        assert_eq!(ids, ["0800", "0900-0901", "0930-1030", "1000-1001", "0800"]);
        assert_eq!(found.total, 5);
    }
}
