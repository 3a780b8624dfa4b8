//! Moments as the manual writes them: `YYYY-MM-DD` at midnight GMT, or epoch milliseconds.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::finding::Refusal;

/// Why a text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DateError {
    /// Neither of the two forms.
    #[error("is neither a date as YYYY-MM-DD nor epoch milliseconds")]
    Form,
    /// The form is right, the day does not exist.
    #[error("is not a day of the calendar")]
    NoSuchDay,
    /// Ten digits: seconds, in our century.
    #[error("looks like epoch seconds; epoch milliseconds are needed")]
    Seconds(String),
}

impl Refusal for DateError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Form => {
                "write a day as 2018-01-04 (midnight GMT) or 13 digits of milliseconds as 1515024000000"
                    .into()
            }
            Self::NoSuchDay => "write year-month-day, as 2018-01-04".into(),
            Self::Seconds(text) => format!("write {text}000 (milliseconds)"),
        })
    }
}

/// Reads a moment.
pub(super) fn parse(text: &str) -> Result<Timestamp, DateError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.len() {
        12 | 13 if digits => epoch_ms(text).ok_or(DateError::Form),
        10 if digits => Err(DateError::Seconds(text.to_owned())),
        10 if has_date_shape(text) => midnight(text).ok_or(DateError::NoSuchDay),
        _ => Err(DateError::Form),
    }
}

fn epoch_ms(text: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(text.parse().ok()?).ok()
}

fn has_date_shape(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    })
}

fn midnight(text: &str) -> Option<Timestamp> {
    let date: Date = text.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_gmt_and_milliseconds_are_the_same_moment() {
        let day = parse("2015-07-31").unwrap();
        assert_eq!(day.to_string(), "2015-07-31T00:00:00Z");
        assert_eq!(parse("1438300800000").unwrap(), day);
        assert_eq!(
            parse("999999999999").unwrap().as_millisecond(),
            999_999_999_999
        );
        assert_eq!(
            parse("2016-02-29").unwrap().to_string(),
            "2016-02-29T00:00:00Z"
        );
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        for (text, error) in [
            ("1438300800", DateError::Seconds("1438300800".into())),
            ("2015-02-29", DateError::NoSuchDay),
            ("2015-13-01", DateError::NoSuchDay),
            ("9999-12-31", DateError::NoSuchDay),
            ("15-07-31", DateError::Form),
            ("2015/07/31", DateError::Form),
            ("31.07.2015", DateError::Form),
            ("20150731", DateError::Form),
            ("2015-07-31T00:00:00Z", DateError::Form),
            ("-015-07-31", DateError::Form),
            ("14383008000000", DateError::Form),
            ("٠٢٠١٥", DateError::Form),
            ("", DateError::Form),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
