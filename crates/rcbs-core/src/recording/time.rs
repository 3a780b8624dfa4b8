//! Reads the times that servers write.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Nanoseconds in a second.
const SECOND_NS: i64 = 1_000_000_000;

/// Reads `2018-02-12T19:04:11.000+0000`, the same with `Z`, `+00:00`, `+00` or no zone (UTC) and with a space for the
/// `T`; or the time since 1970 in milliseconds (11 digits or more) or seconds (10 digits), with or without a fraction.
///
/// `None` for anything else: a time that is wrong by a digit is worse than none, because it moves the recording into
/// another slice and another folder.
#[must_use]
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim().as_bytes();
    if text.get(4) == Some(&b'-') {
        calendar_time(text)
    } else {
        epoch_time(text)
    }
}

/// `yyyy-MM-dd'T'HH:mm:ss`, then an optional fraction, then an optional offset from UTC.
fn calendar_time(text: &[u8]) -> Option<Timestamp> {
    let (clock, mut rest) = text.split_at_checked(19)?;
    let marks = [clock[4], clock[7], clock[13], clock[16]];
    if marks != *b"--::" || !matches!(clock[10], b'T' | b't' | b' ') {
        return None;
    }
    let year = i16::try_from(number(&clock[..4])?).ok()?;
    let two = |at: usize| i8::try_from(number(&clock[at..at + 2])?).ok();
    let mut nanos = 0;
    if let [b'.' | b',', digits @ ..] = rest {
        (nanos, rest) = fraction(digits, SECOND_NS)?;
    }
    let nanos = i32::try_from(nanos).ok()?;
    DateTime::new(year, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?, nanos)
        .ok()
        .and_then(|at| offset(rest)?.to_timestamp(at).ok())
}

/// Nothing, `Z`, or a sign with `HH`, `HHMM` or `HH:MM`.
fn offset(text: &[u8]) -> Option<Offset> {
    let (sign, digits) = match text {
        b"" | b"Z" | b"z" => return Some(Offset::UTC),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [a, b] => ([*a, *b], *b"00"),
        [a, b, c, d] | [a, b, b':', c, d] => ([*a, *b], [*c, *d]),
        _ => return None,
    };
    let (hours, minutes) = (number(&hours)?, number(&minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * i32::try_from(hours * 3600 + minutes * 60).ok()?).ok()
}

/// Milliseconds or seconds since 1970. Ten digits are seconds until the year 2286; as milliseconds they would lie in
/// the first months of 1970, before there was anything to record.
fn epoch_time(text: &[u8]) -> Option<Timestamp> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (whole, rest) = text.split_at(digits);
    // `number` takes up to 18 digits; the range of `Timestamp` ends at 15.
    let (per_second, unit_ns) = match digits {
        10 => (1, SECOND_NS),
        11..=18 => (1000, SECOND_NS / 1000),
        _ => return None,
    };
    let part_ns = match rest {
        b"" => 0,
        [b'.', digits @ ..] => match fraction(digits, unit_ns)? {
            (ns, b"") => ns,
            _ => return None,
        },
        _ => return None,
    };
    let whole = number(whole)?;
    let nanos = whole % per_second * unit_ns + part_ns;
    Timestamp::new(whole / per_second, i32::try_from(nanos).ok()?).ok()
}

/// The digits after a decimal point as parts of `unit`, and what follows them. At least one digit must be there; what
/// is finer than a nanosecond is cut off.
fn fraction(text: &[u8], unit: i64) -> Option<(i64, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    if digits.is_empty() {
        return None;
    }
    let mut weight = unit;
    let parts = digits.iter().map(|digit| {
        weight /= 10;
        i64::from(digit - b'0') * weight
    });
    Some((parts.sum(), rest))
}

/// Up to 18 decimal digits and nothing else.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(
            parse_time(text),
            Some(expected.parse().unwrap()),
            "{text:?}"
        );
    }

    #[test]
    fn calendar_times_in_every_spelling_seen() {
        check("2018-02-12T19:04:11.000+0000", "2018-02-12T19:04:11Z");
        check("2018-02-12T19:04:11.123+0000", "2018-02-12T19:04:11.123Z");
        check("2018-02-12T19:04:11Z", "2018-02-12T19:04:11Z");
        check("2018-02-12T19:04:11.5Z", "2018-02-12T19:04:11.5Z");
        check("2018-02-12T19:04:11+00:00", "2018-02-12T19:04:11Z");
        check("2018-02-12T19:04:11+01", "2018-02-12T18:04:11Z");
        check("2018-02-12T19:04:11-0330", "2018-02-12T22:34:11Z");
        check("2018-02-12T19:04:11", "2018-02-12T19:04:11Z");
        check("2018-02-12 19:04:11", "2018-02-12T19:04:11Z");
        check(" 2018-02-12T19:04:11Z\n", "2018-02-12T19:04:11Z");
        check(
            "2018-02-12T19:04:11,1234567891Z",
            "2018-02-12T19:04:11.123456789Z",
        );
        check("2020-02-29T23:59:59.999Z", "2020-02-29T23:59:59.999Z");
        check("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
    }

    #[test]
    fn epoch_times_in_milliseconds_and_seconds() {
        check("1518462251000", "2018-02-12T19:04:11Z");
        check("1518462251123", "2018-02-12T19:04:11.123Z");
        check("1518462251", "2018-02-12T19:04:11Z");
        check("1518462251.123000000", "2018-02-12T19:04:11.123Z");
        check("1518462251000.0", "2018-02-12T19:04:11Z");
        check("10000000000", "1970-04-26T17:46:40Z");
    }

    /// D10.
    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            " ",
            "now",
            "2016-05-13T13:45:032.000Z",
            "2018-02-30T00:00:00Z",
            "2018-13-01T00:00:00Z",
            "2018-02-12T24:00:00Z",
            "2018-02-12T19:60:00Z",
            "2018-02-12T19:04:11.Z",
            "2018-02-12T19:04:11+1",
            "2018-02-12T19:04:11+0:00",
            "2018-02-12T19:04:11+00:60",
            "2018-02-12T19:04:11+24:00",
            "2018-02-12T19:04:11Zulu",
            "2018-02-12T19:04",
            "2018-02-12",
            "18-02-12T19:04:11Z",
            "20 8-02-12T19:04:11Z",
            "+018-02-12T19:04:11Z",
            "2018-02-12T19:04:1é",
            "12018-02-12T19:04:11Z",
            "9999-12-31T23:59:59.999Z",
            "151846225",
            "-1518462251000",
            "15184622510ab",
            "1518462251.",
            "1518462251.5.5",
            "999999999999999",
            "999999999999999999",
            "99999999999999999999999999",
            "1.518462251E12",
        ] {
            assert_eq!(parse_time(text), None, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = parse_time(&text);
        }

        #[test]
        fn near_times_do_not_panic(text in "[0-9]{0,5}[-0-9T:.,+Zé ]{0,30}") {
            let _ = parse_time(&text);
        }

        #[test]
        fn every_millisecond_survives_both_spellings(ms in 10_000_000_000_i64..=253_370_764_800_000) {
            let at = Timestamp::from_millisecond(ms).unwrap();
            proptest::prop_assert_eq!(parse_time(&ms.to_string()), Some(at));
            proptest::prop_assert_eq!(parse_time(&format!("{at:.3}")), Some(at));
            let served = at.to_string().replace('Z', "+0000");
            proptest::prop_assert_eq!(parse_time(&served), Some(at));
        }
    }
}
