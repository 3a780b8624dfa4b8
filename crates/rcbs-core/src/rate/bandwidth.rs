//! How many bytes a second may be moved now: always the same, or by a timetable in somebody's time zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::timetable::{Timetable, limit_text};
use super::unit::rate_text;

/// A limit on the speed of transfers, for all of them together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bandwidth(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Always(Option<u64>),
    ByHour {
        timetable: Timetable,
        zone: TimeZone,
    },
}

impl Bandwidth {
    /// No limit.
    pub const UNLIMITED: Self = Self(Kind::Always(None));

    /// So many bytes a second at all times; `None` is no limit.
    #[must_use]
    pub fn always(bytes_per_s: Option<u64>) -> Self {
        Self(Kind::Always(bytes_per_s))
    }

    /// By a timetable, whose hours are those of the clocks in this zone.
    #[must_use]
    pub fn by_hour(timetable: Timetable, zone: TimeZone) -> Self {
        if timetable.is_constant() || timetable.is_unlimited() {
            return Self::always(timetable.limit_at(0, 0));
        }
        Self(Kind::ByHour { timetable, zone })
    }

    /// Bytes a second at a moment; `None` is no limit.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Option<u64> {
        match &self.0 {
            Kind::Always(limit) => *limit,
            Kind::ByHour { timetable, zone } => {
                let local = zone.to_datetime(now);
                let day = local.weekday().to_monday_zero_offset();
                let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
                // Neither is ever negative.
                timetable.limit_at(day.unsigned_abs(), minute.unsigned_abs())
            }
        }
    }

    /// Whether there is never a limit.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.0 == Kind::Always(None)
    }

    /// What it comes to, for a person: `mon-fri 08:00-18:00 20MB/s; 100MB/s (now 20MB/s, by the clock of Europe/Berlin)`.
    #[must_use]
    pub fn meaning(&self, now: Timestamp) -> String {
        match &self.0 {
            Kind::Always(None) => limit_text(None),
            Kind::Always(Some(limit)) => rate_text(*limit),
            Kind::ByHour { timetable, zone } => {
                let zone = zone.iana_name().unwrap_or("this machine");
                let limit = limit_text(self.at(now));
                format!("{timetable} (now {limit}, by the clock of {zone})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::{Offset, TimeZone};

    use super::*;

    fn office(zone: TimeZone) -> Bandwidth {
        let timetable = Timetable::parse("mon-fri 08:00-18:00 20MB/s; 100MB/s").unwrap();
        Bandwidth::by_hour(timetable, zone)
    }

    #[test]
    fn hours_are_those_of_the_zone_and_so_is_the_day() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let auckland = TimeZone::fixed(Offset::constant(12));
        // The 12th of February 2018 was a Monday.
        for (zone, moment, limit) in [
            (TimeZone::UTC, "2018-02-12T07:59:59Z", 100),
            (TimeZone::UTC, "2018-02-12T08:00:00Z", 20),
            (berlin.clone(), "2018-02-12T06:59:59Z", 100),
            (berlin.clone(), "2018-02-12T07:00:00Z", 20),
            // In summer an hour earlier, also on the day after the clocks were changed.
            (berlin.clone(), "2018-03-26T06:00:00Z", 20),
            (berlin.clone(), "2018-03-26T16:00:00Z", 100),
            (berlin, "2018-10-29T07:00:00Z", 20),
            (auckland.clone(), "2018-02-11T20:00:00Z", 20),
            (auckland, "2018-02-16T20:00:00Z", 100),
        ] {
            let now: Timestamp = moment.parse().unwrap();
            assert_eq!(office(zone).at(now), Some(limit * 1_000_000), "{moment}");
        }
    }

    #[test]
    fn what_it_means_is_said_with_the_limit_of_now_and_the_zone() {
        let monday: Timestamp = "2018-02-12T09:00:00Z".parse().unwrap();
        assert_eq!(
            office(TimeZone::UTC).meaning(monday),
            "mon-fri 08:00-18:00 20MB/s; 100MB/s (now 20MB/s, by the clock of UTC)"
        );
        let of = |text: &str| Bandwidth::by_hour(Timetable::parse(text).unwrap(), TimeZone::UTC);
        assert_eq!(of("512k").meaning(monday), "512kB/s");
        assert_eq!(of("off").meaning(monday), "off");
        // A timetable that never limits is none.
        assert!(of("sat off").is_unlimited());
        assert!(!of("sat 1M").is_unlimited());
    }
}
