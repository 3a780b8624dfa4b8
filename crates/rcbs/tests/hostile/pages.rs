//! Pages that are too large, too deep, endless, or no pages at all.

use rcbs_sim::faults::RequestKind;
use rcbs_sim::quirks::Quirks;
use serde_json::Value;

use crate::scene::{run, with_neighbours};
use crate::stage::{Stage, cloud, events};

fn stage(faults: &[&str]) -> Stage {
    Stage::with_faults(with_neighbours(cloud()), faults)
}

#[test]
fn a_page_of_three_gigabytes_is_read_up_to_a_limit() {
    const HUGE: usize = 3;
    let stage = stage(&[&format!("list first-{HUGE}: huge-page bytes=3000000000")]);
    run(&stage).expect_code(0).expect_neighbours();
    let lists = stage.server.requests().of(RequestKind::List);
    for (number, seen) in lists.iter().enumerate() {
        // What was on its way when the program had read enough counts, too.
        assert!(seen.sent_bytes < 100_000_000, "{seen:?}");
        assert_eq!(seen.sent_bytes > 10_000_000, number < HUGE, "{seen:?}");
    }
}

#[test]
fn a_page_of_two_hundred_thousand_brackets_is_no_page() {
    let stage = stage(&["list always: nested depth=200000"]);
    run(&stage);
}

/// D8.
#[test]
fn a_field_of_two_hundred_thousand_brackets_harms_nobody() {
    let nest =
        |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
    let mut cloud = with_neighbours(cloud());
    let raws = [
        format!(
            "{{\"id\":\"DEEP0\",\"startTime\":\"2018-02-12T12:00:00.000+0000\",\"x\":{}}}",
            nest("[", "]")
        ),
        format!(
            "{{\"id\":\"DEEP1\",\"startTime\":\"2018-02-12T12:00:00.000+0000\",\"mediaFiles\":{}}}",
            nest("[", "]")
        ),
        format!(
            "{{\"id\":\"DEEP2\",\"startTime\":\"2018-02-12T12:00:00.000+0000\",\"x\":{}}}",
            nest("{\"x\":", "}").replace(":}", ":0}")
        ),
        format!(
            "{{\"id\":{},\"startTime\":\"2018-02-12T12:00:00.000+0000\"}}",
            nest("[", "]")
        ),
    ];
    for (number, raw) in raws.iter().enumerate() {
        cloud = cloud
            .recording(&format!("RAW{number}"))
            .at("2018-02-12T12:00:00Z")
            .raw(raw.clone())
            .build();
    }
    run(&Stage::new(cloud)).expect_code(3).expect_neighbours();
}

/// D9.
#[test]
fn a_login_page_with_status_200_is_no_page() {
    run(&stage(&["list always: html"]))
        .expect_code(1)
        .expect_reason("slice_failed", "text/html");
    run(&stage(&["list first-2: html"]))
        .expect_code(0)
        .expect_neighbours();
}

/// D9.
#[test]
fn an_error_inside_a_200_is_an_error() {
    run(&stage(&["list first-2: status-code code=4"]))
        .expect_code(0)
        .expect_neighbours();
    let refused = run(&stage(&["list always: status-code code=20"])).expect_code(5);
    assert!(
        refused
            .finished
            .stderr
            .contains("listing recordings as backup@sim"),
        "{}",
        refused.finished.stderr
    );
    assert!(
        refused.finished.stderr.contains("hint: "),
        "{}",
        refused.finished.stderr
    );
}

/// D9.
#[test]
fn a_page_that_is_cut_or_no_json_is_asked_for_again() {
    for fault in [
        "cut after=700",
        "cut-json after=700",
        "reset after=300",
        "xml-error",
        "encoded",
    ] {
        run(&stage(&[&format!("list first-2: {fault}")]))
            .expect_code(0)
            .expect_neighbours();
    }
}

/// D6.
#[test]
fn a_recording_that_is_listed_again_and_again_is_fetched_once() {
    let mut cloud = with_neighbours(cloud());
    for number in 0..5 {
        // Without a time of its own it belongs to every slice in which the server shows it, and it is shown at the
        // end of one and at the beginning of the next.
        cloud = cloud
            .recording(&format!("UNDATED{number}"))
            .at("2018-02-12T12:00:00Z")
            .field("startTime", Value::Null)
            .field("stopTime", Value::Null)
            .audio()
            .stored_as("undated", &number.to_string())
            .media_field("startTime", Value::Null)
            .media_field("parameters", Value::Null)
            .listed_twice()
            .build();
    }
    let mut stage = Stage::with_faults(cloud, &["object~sim-undated always: delay ms=300"]);
    stage.set("shardBy=PT1H");
    let report = run(&stage).expect_code(0).expect_neighbours();
    let requests = stage.server.requests();
    let asked = requests.matching(|seen| seen.path.contains("sim-undated"));
    assert_eq!(asked.len(), 5);
    for event in report.all("verified") {
        let is_undated = event["recording"].as_str().unwrap().starts_with("UNDATED");
        let path = event["path"].as_str().unwrap();
        assert_eq!(path.starts_with("undated/"), is_undated, "{event}");
    }
}

/// D4.
#[test]
fn endless_pages_end() {
    for fault in [
        "endless-pages fresh=false",
        "endless-pages fresh=true",
        "link-to-self",
    ] {
        for links in ["absolute", "none"] {
            let quirks = Quirks::from_settings([format!("links={links}").as_str()]).unwrap();
            let fault = format!("list always: {fault}");
            let stage = Stage::with(with_neighbours(cloud()), quirks, &[&fault]);
            let report = run(&stage);
            // Whether it is an end or a failure depends on what the pages show; that it ends, and truthfully, does not.
            let failed = events(&report.lines, "slice_failed").len();
            let code = report.finished.code.unwrap();
            assert!(
                matches!((code, failed), (0, 0) | (1, 1..)),
                "{fault} {links}: {code}, {failed} failed"
            );
            if !fault.contains("fresh=true") {
                report.expect_neighbours();
            }
            let lists = stage.server.requests().counts().lists;
            assert!(lists < 10_000, "{fault} {links}: {lists} requests");
        }
    }
}
