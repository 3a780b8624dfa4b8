//! Retry, as scripts of failures: each one with its class, the time since the first try, and what follows.

use super::*;

const TRANSIENT: FailureClass = FailureClass::Transient;
const SLOW_DOWN: FailureClass = FailureClass::Throttled { after: None };

fn secs(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

fn asked(seconds: u64) -> FailureClass {
    FailureClass::Throttled {
        after: Some(Duration::from_secs(seconds)),
    }
}

/// Waits in seconds after each failure of one request; `None` where it is given up.
fn waits(policy: &RetryPolicy, random: f64, script: &[(FailureClass, u64)]) -> Vec<Option<f64>> {
    let mut attempts = Attempts::default();
    script
        .iter()
        .map(|(class, elapsed)| {
            match attempts.failed(policy, *class, Duration::from_secs(*elapsed), random) {
                Decision::Again { wait } => Some(wait.as_secs_f64()),
                Decision::GiveUp => None,
            }
        })
        .collect()
}

#[test]
fn a_transient_failure_gets_six_tries_with_doubled_waits() {
    let script = [(TRANSIENT, 0); 6];
    let whole = [Some(0.5), Some(1.0), Some(2.0), Some(4.0), Some(8.0), None];
    assert_eq!(waits(&RetryPolicy::API, 1.0, &script), whole);
    let none = [Some(0.0), Some(0.0), Some(0.0), Some(0.0), Some(0.0), None];
    assert_eq!(waits(&RetryPolicy::API, 0.0, &script), none);
}

#[test]
fn no_wait_is_longer_than_the_cap() {
    let patient = RetryPolicy {
        tries: 100,
        ..RetryPolicy::API
    };
    let all = waits(&patient, 1.0, &[(TRANSIENT, 0); 99]);
    assert!(all.iter().flatten().all(|wait| *wait <= 30.0));
    assert_eq!(all[6..], [Some(30.0); 93]);
}

#[test]
fn no_try_is_begun_after_ten_minutes() {
    for class in [
        TRANSIENT,
        SLOW_DOWN,
        asked(1),
        FailureClass::Corrupt,
        FailureClass::Unexpected,
    ] {
        assert_ne!(waits(&RetryPolicy::API, 0.5, &[(class, 599)]), [None]);
        assert_eq!(waits(&RetryPolicy::API, 0.5, &[(class, 600)]), [None]);
    }
}

#[test]
fn a_throttled_request_waits_at_least_half_of_the_bound() {
    let script = [(SLOW_DOWN, 0); 6];
    let shortest = [1.0, 2.0, 4.0, 8.0, 15.0, 15.0].map(Some);
    let longest = [2.0, 4.0, 8.0, 16.0, 30.0, 30.0].map(Some);
    assert_eq!(waits(&RetryPolicy::API, 0.0, &script), shortest);
    assert_eq!(waits(&RetryPolicy::API, 1.0, &script), longest);
}

#[test]
fn what_the_server_asks_for_is_the_least_wait_up_to_15_minutes() {
    let script = [(asked(10), 0), (asked(3_600), 10), (asked(0), 20)];
    assert_eq!(
        waits(&RetryPolicy::API, 0.0, &script),
        [Some(10.0), Some(900.0), Some(4.0)]
    );
    assert_eq!(
        waits(&RetryPolicy::API, 1.0, &[(asked(10), 0)]),
        [Some(11.0)]
    );
}

#[test]
fn being_throttled_counts_as_a_try_only_after_five_minutes() {
    let within = [(SLOW_DOWN, 300); 50];
    assert!(
        waits(&RetryPolicy::API, 0.0, &within)
            .iter()
            .all(Option::is_some)
    );
    let beyond = waits(&RetryPolicy::API, 0.0, &[(SLOW_DOWN, 301); 6]);
    assert_eq!(beyond.iter().position(Option::is_none), Some(5));
}

#[test]
fn what_came_damaged_is_fetched_once_more() {
    let script = [
        (TRANSIENT, 0),
        (TRANSIENT, 1),
        (FailureClass::Corrupt, 2),
        (FailureClass::Corrupt, 3),
    ];
    assert_eq!(
        waits(&RetryPolicy::API, 1.0, &script),
        [Some(0.5), Some(1.0), Some(0.5), None]
    );
}

#[test]
fn an_answer_that_breaks_the_format_gets_three_tries_from_the_api_and_one_from_the_store() {
    let script = [(FailureClass::Unexpected, 0); 3];
    assert_eq!(
        waits(&RetryPolicy::API, 1.0, &script),
        [Some(0.5), Some(1.0), None]
    );
    assert_eq!(waits(&RetryPolicy::media(0), 1.0, &script[..1]), [None]);
}

#[test]
fn what_does_not_pass_by_itself_is_given_up_at_once() {
    for class in [
        FailureClass::Denied,
        FailureClass::Lost,
        FailureClass::Local,
        FailureClass::Unencrypted,
        FailureClass::Bug,
    ] {
        assert_eq!(
            waits(&RetryPolicy::API, 0.0, &[(class, 0)]),
            [None],
            "{class:?}"
        );
    }
}

#[test]
fn progress_gives_new_tries_but_not_more_time() {
    let policy = RetryPolicy::media(0);
    let mut attempts = Attempts::default();
    for _ in 0..20 {
        assert_ne!(
            attempts.failed(&policy, TRANSIENT, secs(1.0), 0.5),
            Decision::GiveUp
        );
        attempts.progressed();
    }
    assert_eq!(
        attempts.failed(&policy, TRANSIENT, secs(600.0), 0.5),
        Decision::GiveUp
    );
}

#[test]
fn a_large_file_has_the_time_that_the_slowest_transfer_needs() {
    for (len_bytes, patience) in [(0, 600), (32 * 1024 * 600, 600), (32 * 1024 * 7_200, 7_200)] {
        let policy = RetryPolicy::media(len_bytes);
        assert_eq!(policy.patience, Duration::from_secs(patience));
    }
    assert!(RetryPolicy::media(u64::MAX).patience > Duration::from_secs(7_200));
}

#[test]
fn a_random_number_out_of_range_never_gives_a_longer_wait() {
    for random in [f64::NAN, f64::INFINITY, -1.0, 2.0] {
        let wait = waits(&RetryPolicy::API, random, &[(TRANSIENT, 0)])[0].unwrap();
        assert!((0.0..=0.5).contains(&wait), "{random}: {wait}");
    }
}

#[test]
fn waiting_files_are_tried_again_up_a_ladder() {
    let now = Timestamp::UNIX_EPOCH;
    let minutes = |class, attempts| next_attempt(class, attempts, now).as_second() / 60;
    for (attempts, wait) in [
        (0, 5),
        (1, 5),
        (2, 20),
        (3, 60),
        (4, 180),
        (5, 300),
        (u32::MAX, 300),
    ] {
        for class in [
            TRANSIENT,
            SLOW_DOWN,
            FailureClass::Lost,
            FailureClass::Corrupt,
        ] {
            assert_eq!(minutes(class, attempts), wait, "{class:?} {attempts}");
        }
    }
    assert_eq!(minutes(asked(600), 1), 10);
    assert_eq!(minutes(asked(600), 2), 20);
    assert_eq!(minutes(asked(100_000), 1), 15);
}

#[test]
fn what_a_person_has_to_mend_is_due_at_once() {
    let now = Timestamp::UNIX_EPOCH;
    for class in [
        FailureClass::Denied,
        FailureClass::Local,
        FailureClass::Unencrypted,
    ] {
        assert_eq!(next_attempt(class, 7, now), now);
    }
}

#[test]
fn the_end_of_the_calendar_is_no_obstacle() {
    assert_eq!(next_attempt(TRANSIENT, 1, Timestamp::MAX), Timestamp::MAX);
}
