//! The text of `last_recording_endtime.txt`: one form is written, several are read.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::text::printable;

/// Why the text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndtimeError {
    /// Nothing but white space.
    #[error("there is no time in it")]
    Empty,
    /// A number of milliseconds beyond the calendar.
    #[error("the number {millis} of milliseconds is outside the calendar")]
    OutOfRange {
        /// The number as it stands there, cut to a printable length.
        millis: String,
    },
    /// Neither a number nor a time of ISO 8601.
    #[error("\"{text}\" is neither a number of milliseconds since 1970 nor a time of ISO 8601")]
    NotATime {
        /// The text, cut to a printable length.
        text: String,
    },
}

/// Milliseconds since 1970 and a newline, as the manual writes such times. What is finer than a millisecond is rounded
/// to the past, so that what is read back is never newer.
#[must_use]
pub fn format_endtime(at: Timestamp) -> String {
    format!("{}\n", at.as_nanosecond().div_euclid(1_000_000))
}

/// Reads what [`format_endtime`] writes, and ISO 8601 with any zone, without one (UTC), or as a date alone (its
/// beginning in UTC). White space around it and a byte order mark do not matter.
///
/// A number is always milliseconds: seconds taken for them lead to 1970, which lists too much and loses nothing.
///
/// # Errors
/// [`EndtimeError`] when nothing of that is there.
pub fn parse_endtime(text: &str) -> Result<Timestamp, EndtimeError> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if text.is_empty() {
        return Err(EndtimeError::Empty);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let millis = text.parse().ok();
        return millis
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .ok_or_else(|| EndtimeError::OutOfRange {
                millis: printable(text),
            });
    }
    parse_iso(text).ok_or_else(|| EndtimeError::NotATime {
        text: printable(text),
    })
}

fn parse_iso(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    // A date alone may hold dashes. After the time of day they would be a zone, which a civil time leaves out unread.
    let zone = |c: char| matches!(c, '+' | '-' | 'Z' | 'z' | '[');
    let time_of_day = text
        .split_once(['T', 't', ' '])
        .map_or("", |(_, time)| time);
    if time_of_day.contains(zone) || text.contains('[') {
        return None;
    }
    let civil: DateTime = text.parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: &str = "2018-02-12T19:04:11Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn epoch_milliseconds_are_written_with_a_newline() {
        assert_eq!(format_endtime(at(MOMENT)), "1518462251000\n");
        assert_eq!(format_endtime(Timestamp::UNIX_EPOCH), "0\n");
    }

    #[test]
    fn parts_of_a_millisecond_are_rounded_to_the_past() {
        for (moment, text) in [
            ("2018-02-12T19:04:11.000999999Z", "1518462251000\n"),
            ("1969-12-31T23:59:59.9999Z", "-1\n"),
        ] {
            assert_eq!(format_endtime(at(moment)), text);
            assert!(parse_endtime(text).unwrap() <= at(moment));
        }
    }

    #[test]
    fn every_known_form_of_the_moment_is_read() {
        for text in [
            "1518462251000",
            "1518462251000\n",
            "\u{feff}1518462251000\r\n",
            "  1518462251000\t",
            "2018-02-12T19:04:11Z",
            "2018-02-12T19:04:11.000Z",
            "2018-02-12T19:04:11.000+0000",
            "2018-02-12T20:04:11+01:00",
            "2018-02-12T20:04:11+0100",
            "2018-02-12T14:04:11-05",
            "2018-02-12T20:04:11+01:00[Europe/Berlin]",
            "2018-02-12T19:04:11",
            "2018-02-12 19:04:11",
            "20180212T190411Z",
        ] {
            assert_eq!(parse_endtime(text), Ok(at(MOMENT)), "{text:?}");
        }
    }

    #[test]
    fn a_date_alone_is_its_beginning_in_utc() {
        assert_eq!(parse_endtime("2018-02-12"), Ok(at("2018-02-12T00:00:00Z")));
    }

    #[test]
    fn a_zone_is_never_left_out_unread() {
        for text in [
            "2018-02-12T19:04:11+99:00",
            "2018-02-12T19:04:11[Europe/Berlin]",
            "2018-02-12[Europe/Berlin]",
        ] {
            assert!(
                matches!(parse_endtime(text), Err(EndtimeError::NotATime { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", " \r\n", "\u{feff}"] {
            assert_eq!(parse_endtime(text), Err(EndtimeError::Empty), "{text:?}");
        }
        for text in [
            "99999999999999999999999",
            "999999999999999",
            "-999999999999999",
        ] {
            assert_eq!(
                parse_endtime(text),
                Err(EndtimeError::OutOfRange {
                    millis: text.to_owned()
                })
            );
        }
        for text in [
            "-",
            "yesterday",
            "1518462251000 1518462251000",
            "15e11",
            "2018-13-01",
            "١٢",
        ] {
            assert!(
                matches!(parse_endtime(text), Err(EndtimeError::NotATime { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn an_error_shows_foreign_text_cut_and_printable() {
        let error = parse_endtime(&format!("\u{1b}[31m{}", "x".repeat(5_000))).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("\"\\u{1b}[31mxxx") && text.len() < 400,
            "{text}"
        );
    }
}
