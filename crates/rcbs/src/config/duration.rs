//! Lengths of time as the manual writes them: a number of days or hours, or `P[n]Y[n]M[n]DT[n]H[n]M[n]S`.

use jiff::Span;

use super::finding::Refusal;

/// What a plain number counts. `maxAge=6` is days, `overlap=6` is hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// `maxAge`, `minAge`, `shardBy`.
    Days,
    /// `overlap`.
    Hours,
}

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DurationError {
    /// Neither of the two forms.
    #[error("is neither a whole number of {} nor an ISO 8601 duration", plural(*.0))]
    Form(Unit),
    /// A minus sign.
    #[error("is negative")]
    Negative,
    /// A decimal point or comma.
    #[error("has a fraction; only whole numbers are understood")]
    Fraction,
    /// More than the calendar holds.
    #[error("is longer than the calendar")]
    TooLong,
    /// Zero where some length is needed.
    #[error("must be longer than zero")]
    Zero,
}

impl Refusal for DurationError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Form(Unit::Hours) => {
                "write hours as 6, or an ISO 8601 duration as PT30M or P6D".into()
            }
            Self::Form(Unit::Days) | Self::Negative => {
                "write days as 2, or an ISO 8601 duration as PT30M, P30D or P1Y2DT4H30M".into()
            }
            Self::Fraction => "use a smaller unit, as PT12H for half a day".into(),
            Self::TooLong => "write a shorter one".into(),
            Self::Zero => "write at least PT1S; the usual value is 1 day".into(),
        })
    }
}

/// Reads a length of time. Years, months, weeks and days stay calendar units: how long they are is known only from a date.
pub(super) fn parse(text: &str, unit: Unit) -> Result<Span, DurationError> {
    if text.starts_with('-') || text.to_ascii_uppercase().starts_with("P-") {
        return Err(DurationError::Negative);
    }
    if text.contains(['.', ',']) {
        return Err(DurationError::Fraction);
    }
    if text.starts_with(['P', 'p']) {
        return iso(text, unit);
    }
    let count = digits(text).ok_or(DurationError::Form(unit))?;
    let letter = match unit {
        Unit::Days => Part::Days,
        Unit::Hours => Part::Hours,
    };
    add(Span::new(), letter, count)
}

/// As [`parse`], but not zero.
pub(super) fn parse_positive(text: &str, unit: Unit) -> Result<Span, DurationError> {
    let span = parse(text, unit)?;
    if span.is_zero() {
        return Err(DurationError::Zero);
    }
    Ok(span)
}

/// In the order in which they may appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Part {
    Years,
    Months,
    Weeks,
    Days,
    Hours,
    Minutes,
    Seconds,
}

fn iso(text: &str, unit: Unit) -> Result<Span, DurationError> {
    let refused = DurationError::Form(unit);
    let upper = text.to_ascii_uppercase();
    let body = upper.strip_prefix('P').ok_or(refused.clone())?;
    let (date, time) = match body.split_once('T') {
        Some((_, "")) => return Err(refused),
        Some((date, time)) => (date, time),
        None => (body, ""),
    };
    if date.is_empty() && time.is_empty() {
        return Err(refused);
    }
    let mut span = Span::new();
    for (text, letters) in [
        (
            date,
            &[
                ('Y', Part::Years),
                ('M', Part::Months),
                ('W', Part::Weeks),
                ('D', Part::Days),
            ][..],
        ),
        (
            time,
            &[
                ('H', Part::Hours),
                ('M', Part::Minutes),
                ('S', Part::Seconds),
            ][..],
        ),
    ] {
        let mut rest = text;
        let mut last = None;
        while !rest.is_empty() {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .ok_or(refused.clone())?;
            let (count, tail) = rest.split_at(end);
            let count = digits(count).ok_or(refused.clone())?;
            let (_, part) = *letters
                .iter()
                .find(|(letter, _)| tail.starts_with(*letter))
                .ok_or(refused.clone())?;
            if last.is_some_and(|last| last >= part) {
                return Err(refused);
            }
            last = Some(part);
            span = add(span, part, count)?;
            rest = &tail[1..];
        }
    }
    Ok(span)
}

/// A number of ASCII digits; one that no integer holds counts as the largest, which every unit refuses.
fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().unwrap_or(i64::MAX))
}

fn add(span: Span, part: Part, count: i64) -> Result<Span, DurationError> {
    match part {
        Part::Years => span.try_years(count),
        Part::Months => span.try_months(count),
        Part::Weeks => span.try_weeks(count),
        Part::Days => span.try_days(count),
        Part::Hours => span.try_hours(count),
        Part::Minutes => span.try_minutes(count),
        Part::Seconds => span.try_seconds(count),
    }
    .map_err(|_| DurationError::TooLong)
}

fn plural(unit: Unit) -> &'static str {
    match unit {
        Unit::Days => "days",
        Unit::Hours => "hours",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_numbers_count_the_unit_of_their_key() {
        let check = |text, unit, expected: Span| {
            assert_eq!(parse(text, unit).unwrap().fieldwise(), expected, "{text}");
        };
        check("2", Unit::Days, Span::new().days(2));
        check("6", Unit::Hours, Span::new().hours(6));
        check("0", Unit::Days, Span::new());
        check("007", Unit::Days, Span::new().days(7));
    }

    #[test]
    fn iso_durations_keep_their_calendar_units() {
        let check = |text, expected: Span| {
            assert_eq!(
                parse(text, Unit::Days).unwrap().fieldwise(),
                expected,
                "{text}"
            );
        };
        check("PT30M", Span::new().minutes(30));
        check("P30D", Span::new().days(30));
        check(
            "P1Y2DT4H30M",
            Span::new().years(1).days(2).hours(4).minutes(30),
        );
        check("P6MT12H", Span::new().months(6).hours(12));
        check("P2W", Span::new().weeks(2));
        check(
            "p1dt2h3m4s",
            Span::new().days(1).hours(2).minutes(3).seconds(4),
        );
        check("P0D", Span::new());
        check("PT36H", Span::new().hours(36));
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        use DurationError::*;
        for (text, error) in [
            ("P", Form(Unit::Days)),
            ("PT", Form(Unit::Days)),
            ("P1YT", Form(Unit::Days)),
            ("P1", Form(Unit::Days)),
            ("PD", Form(Unit::Days)),
            ("1D", Form(Unit::Days)),
            ("P1D2Y", Form(Unit::Days)),
            ("P1D1D", Form(Unit::Days)),
            ("P1H", Form(Unit::Days)),
            ("PT1D", Form(Unit::Days)),
            ("PT1MT1S", Form(Unit::Days)),
            ("P1Dé", Form(Unit::Days)),
            ("Pé1D", Form(Unit::Days)),
            ("P 1D", Form(Unit::Days)),
            ("2 days", Form(Unit::Days)),
            ("+2", Form(Unit::Days)),
            ("٢", Form(Unit::Days)),
            ("", Form(Unit::Days)),
            ("-1", Negative),
            ("-P1D", Negative),
            ("P-1D", Negative),
            ("1.5", Fraction),
            ("PT0.5S", Fraction),
            ("PT0,5S", Fraction),
            ("99999999999999999999", TooLong),
            ("P99999Y", TooLong),
        ] {
            assert_eq!(parse(text, Unit::Days).unwrap_err(), error, "{text}");
        }
        assert_eq!(parse_positive("P0D", Unit::Days).unwrap_err(), Zero);
        assert_eq!(parse_positive("0", Unit::Days).unwrap_err(), Zero);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = parse(&text, Unit::Days);
        }

        #[test]
        fn what_is_accepted_means_the_same_to_jiff(text in "P([0-9]{1,3}Y)?([0-9]{1,3}M)?([0-9]{1,3}D)?(T([0-9]{1,3}H)?([0-9]{1,3}M)?([0-9]{1,3}S)?)?") {
            let ours = parse(&text, Unit::Days).ok();
            let theirs = text.parse::<Span>().ok();
            prop_assert_eq!(ours.map(|s| s.fieldwise()), theirs.map(|s| s.fieldwise()), "{}", text);
        }
    }
}
