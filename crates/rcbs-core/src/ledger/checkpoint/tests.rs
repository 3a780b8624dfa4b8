//! The checkpoint: never back, never past what is not settled. Hours of one day stand for moments.

use super::*;

fn hour(hour: i64) -> Timestamp {
    Timestamp::from_second(hour * 3_600).unwrap()
}

fn slice(since: i64, until: i64) -> Slice {
    Slice {
        since: hour(since),
        until: hour(until),
    }
}

#[test]
fn only_a_settled_slice_that_touches_the_checkpoint_moves_it() {
    let cases = [
        // (checkpoint, slice, settled, checkpoint after)
        (None, (0, 1), true, Some(1)),
        (None, (0, 1), false, None),
        (Some(1), (1, 2), true, Some(2)),
        (Some(1), (0, 2), true, Some(2)),
        (Some(1), (1, 2), false, Some(1)),
        (Some(1), (2, 3), true, Some(1)),
        (Some(5), (0, 2), true, Some(5)),
    ];
    for (current, (since, until), settled, after) in cases {
        assert_eq!(
            advance(current.map(hour), slice(since, until), settled),
            after.map(hour),
            "{current:?} {since}..{until} {settled}"
        );
    }
}

#[test]
fn the_exported_checkpoint_stops_at_the_oldest_unsettled_recording() {
    let cases = [
        (None, None, None),
        (None, Some(1), None),
        (Some(5), None, Some(5)),
        (Some(5), Some(3), Some(3)),
        (Some(5), Some(7), Some(5)),
    ];
    for (checkpoint, oldest, export) in cases {
        assert_eq!(
            exported(checkpoint.map(hour), oldest.map(hour)),
            export.map(hour)
        );
    }
}

#[test]
fn slices_settled_in_order_move_the_checkpoint_one_by_one() {
    let mut frontier = Frontier::new(None, hour(0));
    assert_eq!(frontier.settle(slice(0, 1)), Some(hour(1)));
    assert_eq!(frontier.settle(slice(1, 2)), Some(hour(2)));
    assert_eq!(frontier.checkpoint(), Some(hour(2)));
}

#[test]
fn a_slice_settled_early_waits_for_those_before_it() {
    let mut frontier = Frontier::new(None, hour(0));
    assert_eq!(frontier.settle(slice(1, 2)), None);
    assert_eq!(frontier.settle(slice(3, 4)), None);
    assert_eq!(frontier.settle(slice(0, 1)), Some(hour(2)));
    assert_eq!(frontier.settle(slice(2, 3)), Some(hour(4)));
}

#[test]
fn slices_before_the_checkpoint_are_settled_again_without_moving_it() {
    let mut frontier = Frontier::new(Some(hour(2)), hour(0));
    assert_eq!(frontier.settle(slice(0, 1)), None);
    assert_eq!(frontier.settle(slice(1, 3)), Some(hour(3)));
}

#[test]
fn a_window_that_begins_after_the_checkpoint_does_not_move_it() {
    let mut frontier = Frontier::new(Some(hour(2)), hour(3));
    assert_eq!(frontier.settle(slice(3, 4)), None);
    assert_eq!(frontier.checkpoint(), Some(hour(2)));
}

#[test]
fn the_checkpoint_stays_before_the_latest_time_that_is_sure() {
    let mut frontier = Frontier::new(None, hour(0));
    frontier.lower_to(hour(3));
    assert_eq!(frontier.settle(slice(0, 2)), Some(hour(2)));
    assert_eq!(frontier.settle(slice(2, 4)), Some(hour(3)));
    assert_eq!(frontier.settle(slice(4, 6)), None);
    let mut frontier = Frontier::new(None, hour(5));
    frontier.lower_to(hour(3));
    assert_eq!(frontier.settle(slice(5, 6)), None, "no window is sure");
    let mut frontier = Frontier::new(Some(hour(4)), hour(2));
    frontier.lower_to(hour(3));
    assert_eq!(frontier.settle(slice(2, 6)), None, "it never moves back");
}

#[test]
fn a_checkpoint_inside_the_window_does_not_hide_an_unsettled_slice_before_it() {
    let mut frontier = Frontier::new(Some(hour(2)), hour(0));
    // The slice from 0 to 2 failed: media that came late in it are not in the ledger.
    assert_eq!(frontier.settle(slice(2, 4)), None);
}

#[test]
fn the_older_checkpoint_counts() {
    let now = hour(10);
    for (ledger, exported, chosen) in [
        (None, None, None),
        (Some(4), None, Some(4)),
        (None, Some(4), Some(4)),
        (Some(4), Some(3), Some(3)),
        (Some(3), Some(4), Some(3)),
        (Some(10), None, Some(10)),
    ] {
        assert_eq!(
            choose_checkpoint(ledger.map(hour), exported.map(hour), now),
            (chosen.map(hour), None)
        );
    }
}

#[test]
fn a_checkpoint_in_the_future_is_left_out_with_a_note() {
    let now = hour(10);
    let choose = |ledger: Option<i64>, exported: Option<i64>| {
        choose_checkpoint(ledger.map(hour), exported.map(hour), now)
    };
    assert_eq!(
        choose(Some(11), Some(4)),
        (Some(hour(4)), Some(CheckpointNote::LedgerAhead(hour(11))))
    );
    assert_eq!(
        choose(Some(4), Some(11)),
        (Some(hour(4)), Some(CheckpointNote::ExportedAhead(hour(11))))
    );
    let (none, note) = choose(Some(11), Some(12));
    assert_eq!(none, None);
    assert_eq!(
        note.unwrap().to_string(),
        "the checkpoint 1970-01-01T11:00:00Z in the ledger and the time 1970-01-01T12:00:00Z in \
         last_recording_endtime.txt lie in the future and are not used"
    );
}
