//! Reads a timetable, and names the piece that cannot be read.

use super::{DAY, DAYS, Days, Hours, Piece, Timetable};
use crate::rate::unit::parse_rate;
use crate::text::printable;

/// Nobody writes more by hand.
const MOST_PIECES: usize = 100;

/// Why a text is no timetable. Pieces are as the operator wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimetableError {
    /// Nothing but semicolons.
    #[error("names no speed")]
    Nothing,
    /// More than anybody means.
    #[error("has more than {MOST_PIECES} pieces")]
    TooMany,
    /// A speed that is none.
    #[error("has no speed that can be understood in the piece \"{piece}\" (\"{speed}\")")]
    Speed {
        /// The piece.
        piece: String,
        /// What stands where the speed should.
        speed: String,
    },
    /// A small number without a unit.
    #[error("allows {speed} bytes a second in the piece \"{piece}\"")]
    Unitless {
        /// The piece.
        piece: String,
        /// The number.
        speed: String,
    },
    /// A speed of 0.
    #[error("stops all downloads in the piece \"{piece}\", and would never end")]
    Zero {
        /// The piece.
        piece: String,
    },
    /// No day of the week.
    #[error("has no day of the week in \"{day}\" of the piece \"{piece}\"")]
    Day {
        /// The piece.
        piece: String,
        /// What stands where a day should.
        day: String,
    },
    /// No hours.
    #[error("has no hours of a day in \"{hours}\" of the piece \"{piece}\"")]
    Hours {
        /// The piece.
        piece: String,
        /// What stands where hours should.
        hours: String,
    },
    /// Days or hours twice in one piece.
    #[error("says \"{again}\" in the piece \"{piece}\", which has its days or hours already")]
    Twice {
        /// The piece.
        piece: String,
        /// What stands there too much.
        again: String,
    },
    /// More than one piece without days and hours.
    #[error("has two speeds for the rest of the week, \"{first}\" and \"{second}\"")]
    TwoRests {
        /// The first piece without days and hours.
        first: String,
        /// The second.
        second: String,
    },
    /// The pieces before it leave nothing over.
    #[error("has the piece \"{piece}\", which never counts: pieces before it cover all its hours")]
    Never {
        /// The piece.
        piece: String,
    },
}

pub(super) fn timetable(text: &str) -> Result<Timetable, TimetableError> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest: Option<(&str, Option<u64>)> = None;
    let texts = text.split(';').map(str::trim).filter(|it| !it.is_empty());
    for (count, text) in texts.enumerate() {
        if count == MOST_PIECES {
            return Err(TimetableError::TooMany);
        }
        match piece(text)? {
            (None, None, limit) => {
                if let Some((first, _)) = rest {
                    return Err(TimetableError::TwoRests {
                        first: printable(first),
                        second: printable(text),
                    });
                }
                rest = Some((text, limit));
            }
            (days, hours, limit) => {
                let piece = Piece {
                    days: days.unwrap_or(Days::ALL),
                    hours: hours.unwrap_or(Hours::ALL),
                    limit,
                };
                if !counts(&piece, &pieces) {
                    return Err(TimetableError::Never {
                        piece: printable(text),
                    });
                }
                pieces.push(piece);
            }
        }
    }
    if pieces.is_empty() && rest.is_none() {
        return Err(TimetableError::Nothing);
    }
    Ok(Timetable {
        pieces,
        rest: rest.and_then(|(_, limit)| limit),
    })
}

/// Whether there is a minute of the week at which this piece fits and none of those before it.
fn counts(piece: &Piece, before: &[Piece]) -> bool {
    (0..7).any(|day| {
        (0..DAY).any(|minute| {
            piece.fits(day, minute) && !before.iter().any(|other| other.fits(day, minute))
        })
    })
}

/// Days and hours where they are told, and the limit.
type Read = (Option<Days>, Option<Hours>, Option<u64>);

fn piece(text: &str) -> Result<Read, TimetableError> {
    let told = || printable(text);
    let joined = joined(text);
    let (mut days, mut hours) = (None, None);
    let mut left = joined.as_str();
    while let Some(word) = left.split_whitespace().next() {
        let is_day = word.starts_with(|c: char| c.is_alphabetic()) && !is_off(word);
        let is_hours = word.starts_with(|c: char| c.is_ascii_digit()) && word.contains([':', '-']);
        let is_taken = (is_day && days.is_some()) || (is_hours && hours.is_some());
        if is_taken {
            return Err(TimetableError::Twice {
                piece: told(),
                again: printable(word),
            });
        }
        if is_day {
            days = Some(read_days(word).map_err(|day| TimetableError::Day {
                piece: told(),
                day: printable(day),
            })?);
        } else if is_hours {
            hours = Some(read_hours(word).ok_or_else(|| TimetableError::Hours {
                piece: told(),
                hours: printable(word),
            })?);
        } else {
            break;
        }
        left = left.trim_start()[word.len()..].trim_start();
    }
    Ok((days, hours, read_limit(left, text)?))
}

/// Blanks around `-` and `,` belong to neither side.
fn joined(text: &str) -> String {
    let mut joined = String::new();
    for word in text.split_whitespace() {
        let glues = |c: Option<char>| matches!(c, None | Some('-' | ','));
        if !glues(joined.chars().next_back()) && !glues(word.chars().next()) {
            joined.push(' ');
        }
        joined.push_str(word);
    }
    joined
}

fn is_off(word: &str) -> bool {
    word.eq_ignore_ascii_case("off")
}

fn read_limit(speed: &str, piece: &str) -> Result<Option<u64>, TimetableError> {
    let piece = || printable(piece);
    if is_off(speed) {
        return Ok(None);
    }
    match parse_rate(speed) {
        Ok(limit) => Ok(Some(limit)),
        Err(_) if speed.starts_with('0') => Err(TimetableError::Zero { piece: piece() }),
        Err(_) if !speed.is_empty() && speed.bytes().all(|it| it.is_ascii_digit()) => {
            Err(TimetableError::Unitless {
                piece: piece(),
                speed: printable(speed),
            })
        }
        Err(_) => Err(TimetableError::Speed {
            piece: piece(),
            speed: printable(speed),
        }),
    }
}

/// `mon`, `mon-fri`, `sat,sun`. The error is the part that is no day.
fn read_days(text: &str) -> Result<Days, &str> {
    let mut days = 0_u8;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (read_day(first)?, read_day(last)?);
        let mut day = first;
        loop {
            days |= 1 << day;
            if day == last {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    Ok(Days(days))
}

/// The first three letters of a day, or all of them.
fn read_day(text: &str) -> Result<u8, &str> {
    let is = |name: &&str| text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(&name[..3]);
    let place = DAYS.iter().position(is);
    place.and_then(|it| u8::try_from(it).ok()).ok_or(text)
}

/// `08:00-18:00`, `8-18`, `22:00-06:00`.
fn read_hours(text: &str) -> Option<Hours> {
    let (from, until) = text.split_once('-')?;
    let (from, until) = (read_minute(from)?, read_minute(until)?);
    // From 18:00 to 18:00 may be a whole day or nothing.
    (from < DAY && from != until).then_some(Hours { from, until })
}

/// `8:30` or `8` as minutes since midnight; at most 24:00.
fn read_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':').unwrap_or((text, "00"));
    let digits = |text: &str, lengths: &[usize]| {
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        (is_number && lengths.contains(&text.len())).then(|| text.parse::<u16>().ok())?
    };
    let (hour, minute) = (digits(hour, &[1, 2])?, digits(minute, &[2])?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= DAY).then_some(of_day)
}
