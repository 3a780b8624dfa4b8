//! Tables of what servers refuse and what is asked next.

use rcbs_core::ports::Cursor;

use super::*;

const ALL: [bool; 4] = [true; 4];

fn request() -> ListRequest {
    ListRequest {
        since: "2018-02-12T19:04:11.0005Z".parse().unwrap(),
        until: "2018-02-13T00:00:00.0005Z".parse().unwrap(),
        caller_pattern: None,
        cursor: Cursor::First,
        limit: 100,
    }
}

fn refusal(message: &str) -> Refusal {
    Refusal {
        status: 400,
        missing: false,
        message: message.to_owned(),
    }
}

/// Negotiates with a server that accepts exactly what `accepts` says; gives the spelling and the number of requests.
fn negotiate(
    offset: u64,
    message: impl Fn(Dialect) -> String,
    accepts: impl Fn(Dialect) -> bool,
) -> (Result<Dialect, Step>, usize) {
    let known = Known::default();
    let mut sent = known.dialect;
    let mut tried = vec![sent];
    loop {
        if accepts(sent) {
            return (Ok(sent), tried.len());
        }
        match next(
            &known,
            sent,
            &request(),
            offset,
            &refusal(&message(sent)),
            &tried,
        ) {
            Step::Try(dialect) => {
                assert!(!tried.contains(&dialect), "{dialect:?} was tried before");
                tried.push(dialect);
                sent = dialect;
            }
            step => return (Err(step), tried.len()),
        }
    }
}

#[test]
fn times_are_written_in_three_forms_and_rounded_outwards() {
    for (times, query) in [
        (
            TimeForm::Numeric,
            "startTime=2018-02-12T19:04:11.000%2B0000&endTime=2018-02-13T00:00:00.001%2B0000",
        ),
        (
            TimeForm::Zulu,
            "startTime=2018-02-12T19:04:11.000Z&endTime=2018-02-13T00:00:00.001Z",
        ),
        (
            TimeForm::Millis,
            "startTime=1518462251000&endTime=1518480000001",
        ),
    ] {
        let dialect = Dialect::new(times, [false, true, false, false]);
        assert_eq!(dialect.query(&request(), 0), query);
    }
}

#[test]
fn offset_is_sent_only_behind_the_first_page() {
    let dialect = Known::default().dialect;
    assert!(!dialect.query(&request(), 0).contains("offset"));
    assert!(
        dialect
            .query(&request(), 200)
            .contains("&limit=100&offset=200&fields=*")
    );
}

#[test]
fn a_caller_pattern_keeps_its_star_and_hides_its_plus() {
    let request = ListRequest {
        caller_pattern: Some("+1 555&x=*".to_owned()),
        ..request()
    };
    let query = Known::default().dialect.query(&request, 0);
    assert!(
        query.ends_with("&callerPhoneNumber=%2B1%20555%26x%3D*"),
        "{query}"
    );
}

#[test]
fn a_named_parameter_is_dropped() {
    for (message, kept) in [
        ("Unknown parameter 'fields'", [true, true, false, true]),
        (
            "Parameter \"limit\" is invalid: not within valid range",
            [true, true, true, false],
        ),
        ("Parameter 'FIELDS' is invalid", [true, true, false, true]),
    ] {
        let known = Known::default();
        let step = next(
            &known,
            known.dialect,
            &request(),
            0,
            &refusal(message),
            &[known.dialect],
        );
        assert_eq!(
            step,
            Step::Try(Dialect::new(TimeForm::Numeric, kept)),
            "{message}"
        );
    }
}

#[test]
fn a_named_time_bound_is_dropped_after_the_other_forms() {
    let (found, requests) = negotiate(0, |_| "no parameter 'stopTime'".into(), |d| !d.stop_time);
    assert_eq!(
        found,
        Ok(Dialect::new(TimeForm::Numeric, [false, true, true, true]))
    );
    assert_eq!(requests, 4);

    // Once the form is known to be good it is the parameter that the server minds.
    let known = Known {
        confirmed: true,
        ..Known::default()
    };
    let step = next(
        &known,
        known.dialect,
        &request(),
        0,
        &refusal("'stopTime'?"),
        &[known.dialect],
    );
    assert_eq!(
        step,
        Step::Try(Dialect::new(TimeForm::Numeric, [false, true, true, true]))
    );
}

#[test]
fn a_bound_named_for_its_form_is_kept() {
    let (found, requests) = negotiate(
        0,
        |_| "Parameter 'endTime' is invalid".into(),
        |d| d.times == TimeForm::Millis,
    );
    assert_eq!(found, Ok(Dialect::new(TimeForm::Millis, ALL)));
    assert_eq!(requests, 3);
}

#[test]
fn a_silent_server_is_asked_in_other_forms_then_with_less() {
    for (kept, requests) in [
        ([false, true, true, true], 4),
        ([true, false, true, true], 7),
        ([true, true, false, true], 10),
        ([true, true, true, false], 13),
        ([false, false, true, true], 16),
        ([false; 4], 46),
    ] {
        let wanted = Dialect::new(TimeForm::Numeric, kept);
        let (found, asked) = negotiate(0, |_| "Bad Request".into(), |d| d == wanted);
        assert_eq!((found, asked), (Ok(wanted), requests));
    }
    let wanted = Dialect::new(TimeForm::Zulu, ALL);
    assert_eq!(
        negotiate(0, |_| String::new(), |d| d == wanted),
        (Ok(wanted), 2)
    );
}

#[test]
fn a_server_that_refuses_everything_is_left_alone_after_48_requests() {
    assert_eq!(
        negotiate(0, |_| "no".into(), |_| false),
        (Err(Step::Refused), 48)
    );
    assert_eq!(
        negotiate(100, |_| "no".into(), |_| false),
        (Err(Step::OffsetRefused), 48)
    );

    let known = Known {
        exhausted: true,
        ..Known::default()
    };
    let step = next(
        &known,
        known.dialect,
        &request(),
        0,
        &refusal("no"),
        &[known.dialect],
    );
    assert_eq!(step, Step::Refused);
}

#[test]
fn a_refused_offset_is_told_apart() {
    let known = Known {
        confirmed: true,
        ..Known::default()
    };
    for (offset, message, step) in [
        (100, "Unknown parameter 'offset'", Step::OffsetRefused),
        (
            9_900,
            "limit: offset + limit must not pass 10000",
            Step::OffsetRefused,
        ),
        (10_000, "Result window is too large", Step::OffsetRefused),
        (0, "Result window is too large", Step::Refused),
    ] {
        assert_eq!(
            next(
                &known,
                known.dialect,
                &request(),
                offset,
                &refusal(message),
                &[known.dialect]
            ),
            step,
            "{message}"
        );
    }
}

#[test]
fn a_refused_caller_pattern_is_not_negotiated() {
    let request = ListRequest {
        caller_pattern: Some("1*".to_owned()),
        ..request()
    };
    let known = Known::default();
    let refused = refusal("Parameter 'callerPhoneNumber' is invalid");
    assert_eq!(
        next(
            &known,
            known.dialect,
            &request,
            0,
            &refused,
            &[known.dialect]
        ),
        Step::Refused
    );
}

#[test]
fn a_missing_parameter_is_not_answered_by_dropping_it() {
    let known = Known {
        confirmed: true,
        ..Known::default()
    };
    let missing = Refusal {
        missing: true,
        ..refusal("required parameter 'limit'")
    };
    assert_eq!(
        next(
            &known,
            known.dialect,
            &request(),
            0,
            &missing,
            &[known.dialect]
        ),
        Step::Refused
    );
}

#[test]
fn a_failure_at_a_deep_offset_is_a_refusal_once_the_server_has_answered() {
    for (confirmed, offset, status, means) in [
        (true, 1_000, 500, true),
        (true, 999, 500, false),
        (false, 10_000, 500, false),
        (true, 10_000, 503, false),
    ] {
        let known = Known {
            confirmed,
            ..Known::default()
        };
        assert_eq!(
            failure_means_offset(&known, offset, status),
            means,
            "{offset} {status}"
        );
    }
}
