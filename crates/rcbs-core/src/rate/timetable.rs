//! A week of limits: which speed holds on which days and at which hours.
//!
//! ```text
//! timetable = piece *( ";" piece )
//! piece     = [ days ] [ hours ] speed        one piece may have neither: the rest of the week
//! days      = day [ "-" day ] *( "," … )      mon … sun, or whole words; fri-mon goes over the weekend
//! hours     = 8:00-18:00 | 8-18 | 22:00-06:00 over midnight belongs to the day on which it begins
//! speed     = 20MB/s | 512k | 1000000 | off
//! ```

mod parse;

use std::fmt;

use super::unit::rate_text;

pub use parse::TimetableError;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Limits by weekday and hour. Of several pieces that fit a moment the first counts, then the rest, then no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetable {
    pieces: Vec<Piece>,
    rest: Option<u64>,
}

/// One line of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    days: Days,
    hours: Hours,
    /// Bytes a second; `None` is no limit.
    limit: Option<u64>,
}

/// Days of the week, Monday the lowest bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Days(u8);

/// From this minute of the day to that one, which is not included; over midnight when they are the wrong way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hours {
    from: u16,
    until: u16,
}

impl Timetable {
    /// Reads a timetable, or a single speed.
    ///
    /// # Errors
    /// [`TimetableError`], which names the piece.
    pub fn parse(text: &str) -> Result<Self, TimetableError> {
        parse::timetable(text)
    }

    /// Bytes a second at a minute of a day, days counted from Monday, 0; `None` is no limit.
    #[must_use]
    pub fn limit_at(&self, day: u8, minute: u16) -> Option<u64> {
        let fitting = self.pieces.iter().find(|piece| piece.fits(day, minute));
        fitting.map_or(self.rest, |piece| piece.limit)
    }

    /// Whether the hour makes no difference.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether there is never a limit.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.rest.is_none() && self.pieces.iter().all(|piece| piece.limit.is_none())
    }
}

impl Piece {
    fn fits(&self, day: u8, minute: u16) -> bool {
        let Hours { from, until } = self.hours;
        if from < until {
            return self.days.has(day) && (from..until).contains(&minute);
        }
        let of_today = self.days.has(day) && minute >= from;
        of_today || (self.days.has((day + 6) % 7) && minute < until)
    }
}

impl Days {
    const ALL: Self = Self(0x7f);

    fn has(self, day: u8) -> bool {
        self.0 & (1 << day) != 0
    }
}

impl Hours {
    const ALL: Self = Self {
        from: 0,
        until: DAY,
    };
}

/// As it can be read again: every piece that holds, then what holds otherwise.
impl fmt::Display for Timetable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            write!(f, "{piece}; ")?;
        }
        f.write_str(&limit_text(self.rest))
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != Days::ALL || self.hours == Hours::ALL {
            write!(f, "{} ", self.days)?;
        }
        if self.hours != Hours::ALL {
            write!(f, "{} ", self.hours)?;
        }
        f.write_str(&limit_text(self.limit))
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        let mut day = 0;
        while day < 7 {
            let run = (day..7).take_while(|day| self.has(*day)).count() as u8;
            if run > 0 {
                let name = |day: u8| &DAYS[usize::from(day)][..3];
                let comma = if first { "" } else { "," };
                match run {
                    1 => write!(f, "{comma}{}", name(day))?,
                    _ => write!(f, "{comma}{}-{}", name(day), name(day + run - 1))?,
                }
                first = false;
            }
            day += run.max(1);
        }
        Ok(())
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{}-{}", clock(self.from), clock(self.until))
    }
}

/// A limit, or that there is none, as it is written in a timetable.
pub(super) fn limit_text(limit: Option<u64>) -> String {
    limit.map_or_else(|| "off".to_owned(), rate_text)
}

#[cfg(test)]
mod tests;
