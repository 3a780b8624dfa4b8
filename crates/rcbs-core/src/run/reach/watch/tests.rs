//! The watch by itself: tables of what was heard.

use super::*;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A watch on a server that has answered, at the beginning.
fn known() -> Watch {
    let mut watch = Watch::default();
    assert_eq!(watch.answered(s(0)), None);
    watch
}

fn miss(watch: &mut Watch, heard: Heard, now: Duration) -> Missed {
    watch.missed(heard, None, true, now)
}

/// The third of three in a row.
fn after_three(watch: &mut Watch, heard: Heard) -> Missed {
    assert_eq!(miss(watch, heard, s(1)), Then::Return.into());
    assert_eq!(miss(watch, heard, s(2)), Then::Return.into());
    miss(watch, heard, s(3))
}

#[test]
fn three_in_a_row_are_an_outage_or_the_suspicion_of_one() {
    for (heard, then, is_new) in [
        (Heard::Nobody, Then::Wait, true),
        (Heard::Failure, Then::Suspect, false),
        (Heard::Nothing, Then::Suspect, false),
    ] {
        let mut watch = known();
        let missed = after_three(&mut watch, heard);
        assert_eq!((missed.then, missed.is_new), (then, is_new), "{heard:?}");
        let waits = if is_new { s(1) } else { LOOK_EVERY };
        assert_eq!(watch.turn(s(3)), Turn::Wait(waits), "{heard:?}");
    }
}

#[test]
fn one_answer_in_between_makes_single_failures_of_them() {
    for heard in [Heard::Nobody, Heard::Failure, Heard::Nothing] {
        let mut watch = known();
        for round in 0..10 {
            let now = s(round);
            assert_eq!(miss(&mut watch, heard, now), Then::Return.into());
            assert_eq!(miss(&mut watch, heard, now), Then::Return.into());
            assert_eq!(watch.answered(now), None);
        }
    }
}

#[test]
fn who_never_answered_or_has_nothing_to_be_asked_again_is_not_waited_for() {
    let mut watch = Watch::default();
    for heard in [Heard::Nobody, Heard::Failure, Heard::Nothing] {
        for _ in 0..5 {
            let missed = watch.missed(heard, None, false, s(1));
            assert_eq!(missed, Then::Return.into(), "{heard:?}");
        }
    }
    assert_eq!(watch.turn(s(1)), Turn::Ask(None));
}

#[test]
fn a_suspicion_that_is_not_confirmed_ends_without_a_word_and_is_not_raised_again_soon() {
    let mut watch = known();
    assert_eq!(after_three(&mut watch, Heard::Failure).then, Then::Suspect);
    assert_eq!(watch.answered(s(4)), Some(Ended { lasted: None }));
    for now in 4..14 {
        let missed = miss(&mut watch, Heard::Failure, s(now));
        assert_eq!(missed, Then::Return.into(), "at {now}");
    }
    let missed = miss(&mut watch, Heard::Failure, s(14));
    assert_eq!(missed.then, Then::Suspect);
    // Whoever asked again was stopped meanwhile.
    assert!(watch.probe_ended());
    assert_eq!(watch.turn(s(15)), Turn::Ask(None));
}

#[test]
fn an_outage_is_probed_after_1_2_4_seconds_and_then_each_half_minute_and_given_up_after_15_minutes()
{
    for (heard, by) in [(Heard::Nobody, Probe::Next), (Heard::Failure, Probe::Again)] {
        let mut watch = known();
        let mut missed = after_three(&mut watch, heard);
        let mut now = s(3);
        if by == Probe::Again {
            missed = watch.missed(heard, Some(by), true, now);
            assert!(!watch.probe_ended(), "it is sure now");
        }
        assert!(missed.is_new);
        let mut waits = Vec::new();
        while !missed.is_given_up {
            let Turn::Wait(wait) = watch.turn(now) else {
                panic!("asked at once");
            };
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(watch.turn(now), Turn::Ask(Some(by)));
            assert_eq!(watch.turn(now), Turn::Wait(LOOK_EVERY), "one at a time");
            // One that was under way before says nothing new.
            let late = watch.missed(heard, None, true, now);
            assert_eq!(late, Then::Wait.into());
            missed = watch.missed(heard, Some(by), true, now);
            assert!(!missed.is_new && !watch.probe_ended());
        }
        assert_eq!(waits[..7], [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(missed.then, Then::Return);
        // It began with the first failure, a second after the beginning.
        assert!((s(901)..s(931)).contains(&now), "{now:?}");
    }
}

#[test]
fn an_outage_ends_with_the_first_answer_and_without_a_connection_also_with_a_failure() {
    let mut watch = known();
    after_three(&mut watch, Heard::Nobody);
    let lasted = |from: u64, to: u64| {
        Some(Ended {
            lasted: Some(s(to - from)),
        })
    };
    assert_eq!(watch.answered(s(61)), lasted(1, 61));
    after_three(&mut watch, Heard::Nobody);
    assert_eq!(watch.connected(s(31)), lasted(1, 31));
    after_three(&mut watch, Heard::Failure);
    watch.missed(Heard::Failure, Some(Probe::Again), true, s(3));
    assert_eq!(watch.connected(s(31)), None, "it fails: that is the outage");
    assert_eq!(watch.answered(s(32)), lasted(1, 32));
}
