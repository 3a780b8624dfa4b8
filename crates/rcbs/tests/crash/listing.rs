//! An API that fails, refuses or slows down in the middle of a list.

use std::time::Duration;

use rcbs_sim::Cloud;
use rcbs_sim::faults::RequestKind;

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud};

fn day() -> Cloud {
    (0..12).fold(cloud(), |cloud, number| {
        cloud
            .recording(&format!("RECORDING{number}"))
            .at(&format!("2018-02-12T{number:02}:30:00Z"))
            .audio()
            .build()
    })
}

fn stage(faults: &[&str]) -> Stage {
    let mut stage = Stage::with_faults(day(), faults);
    stage.set(&hourly());
    stage
}

fn lists(stage: &Stage) -> usize {
    stage.server.requests().of(RequestKind::List).len()
}

/// D1.
#[test]
fn a_page_that_fails_is_asked_for_again_and_only_that_one() {
    let reference = Reference::of(day(), &hourly());
    let undisturbed = stage(&[]);
    undisturbed.backup().expect_code(0);
    for status in [500, 502, 503, 504] {
        let stage = stage(&[&format!("list 4: {status}")]);
        stage.backup().expect_code(0);
        assert_eq!(lists(&stage), lists(&undisturbed) + 1, "{status}");
        reference.check_complete(&stage);
    }
}

/// D2.
#[test]
fn an_api_that_asks_for_patience_gets_it() {
    let reference = Reference::of(day(), &hourly());
    let undisturbed = stage(&[]);
    undisturbed.backup().expect_code(0);
    let stage = stage(&["list 4: 429 retry-after=2"]);
    let finished = stage.backup().expect_code(0);
    assert!(finished.wall >= Duration::from_secs(2), "{finished:?}");
    assert_eq!(lists(&stage), lists(&undisturbed) + 1);
    reference.check_complete(&stage);
}

/// D3.
#[test]
fn a_login_that_is_refused_in_the_middle_stops_the_run_where_it_was() {
    let reference = Reference::of(day(), &hourly());
    let stage = stage(&["list from-4: 401"]);
    let finished = stage.program(&["backup", "--json"]).run().expect_code(5);
    let after = reference.check_aftermath(&stage, &finished);
    stage.server.faults().clear();
    reference.check_next_run(&stage, &after);
}
