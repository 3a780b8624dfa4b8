//! Chapter "Media": what waits comes first, and `rcbs retry`.

use jiff::SignedDuration;
use rcbs_sim::faults::RequestKind;
use serde_json::Value;

use crate::stage::{Stage, cloud, events, expect_fields, summary};

const CENTURY: SignedDuration = SignedDuration::from_hours(24 * 365 * 100);

/// What was asked for, in order: `list`, or the kind and the id that is in it.
fn asked(stage: &Stage, ids: &[&str]) -> Vec<String> {
    let seen = stage.server.requests().all();
    stage.server.requests().clear();
    let told = seen.iter().filter_map(|one| match one.kind {
        RequestKind::List => Some("list".to_owned()),
        kind @ (RequestKind::Recording | RequestKind::Object) => {
            let id = ids.iter().find(|id| one.path.contains(**id))?;
            Some(format!("{kind} {id}"))
        }
        _ => None,
    });
    told.collect()
}

fn show(stage: &Stage, id: &str) {
    let zero = SignedDuration::ZERO;
    stage
        .server
        .cloud()
        .change(|cloud| cloud.change(id, |recording| recording.visible_after = zero));
}

#[test]
fn what_waits_comes_first() {
    let ids = ["outside", "inside", "fresh"];
    let on_stage = || {
        let cloud = cloud()
            .recording("inside")
            .at("2018-02-12T20:00:00Z")
            .audio()
            .recording("outside")
            .at("2018-02-10T20:00:00Z")
            .audio()
            .recording("fresh")
            .at("2018-02-12T08:00:00Z")
            .visible_after(CENTURY)
            .audio()
            .build();
        let mut stage = Stage::with_faults(cloud, &["object always: html"]);
        stage.set("maxDate=2018-02-10\ndownloadMode=single");
        stage.backup().expect_code(3);
        stage.set("maxDate=2018-02-12");
        show(&stage, "fresh");
        asked(&stage, &ids);
        stage
    };
    // Inside and outside the window, the oldest first, each once, and before anything is listed.
    let stage = on_stage();
    stage.server.faults().clear();
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    expect_fields(
        summary(&lines),
        &[("recordings", 3), ("announced", 3), ("fetched", 3)],
    );
    let order = asked(&stage, &ids);
    let only =
        |kind: &str| -> Vec<&String> { order.iter().filter(|one| one.starts_with(kind)).collect() };
    assert_eq!(
        only("object"),
        ["object outside", "object inside", "object fresh"]
    );
    assert_eq!(only("recording"), ["recording outside", "recording inside"]);
    let first_list = order.iter().position(|one| one == "list").unwrap();
    let last_asked = order.iter().rposition(|one| one.starts_with("recording"));
    assert!(last_asked.unwrap() < first_list, "{order:?}");
    // What fails again is not tried a second time when it is listed.
    let stage = on_stage();
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    expect_fields(summary(&lines), &[("announced", 3), ("waiting", 3)]);
    for (id, attempts) in [("outside", 2), ("inside", 2), ("fresh", 1)] {
        expect_fields(&stage.explain(id)["media"][0], &[("attempts", attempts)]);
    }
    // An API that lists, but gives no recording by itself, costs what is inside nothing; what is outside waits on.
    for (fault, code, fetched) in [
        ("recording always: html", 3, 2),
        // Nor is anything lost by that: where the file lies stands in what was stored.
        ("recording always: 404", 0, 3),
    ] {
        let stage = on_stage();
        stage.server.faults().clear();
        stage.server.faults().add(fault.parse().unwrap());
        let (finished, lines) = stage.backup_json();
        finished.expect_code(code);
        expect_fields(summary(&lines), &[("announced", 3), ("fetched", fetched)]);
        let left = if code == 0 { "verified" } else { "waiting" };
        assert_eq!(stage.states("outside"), [left], "{fault}");
        assert_eq!(stage.states("inside"), ["verified"], "{fault}");
    }
}

#[test]
fn retry_tries_at_once_what_waits_and_nothing_else() {
    let cloud = cloud()
        .recording("waits")
        .audio()
        .recording("gone")
        .audio()
        .object_gone_at("2018-02-12T20:00:00Z".parse().unwrap())
        .recording("well")
        .audio()
        .recording("fresh")
        .visible_after(CENTURY)
        .audio()
        .build();
    let stage = &mut Stage::with_faults(cloud, &["object~/waits_ always: html"]);
    // Where there is nothing yet, nothing is made.
    stage.program(&["retry"]).run().expect_code(6);
    assert!(!stage.target().exists());
    stage.backup().expect_code(3);
    show(stage, "fresh");
    let before = stage.status();
    let retry = |stage: &Stage, ids: &[&str]| -> (Option<i32>, Vec<Value>, String) {
        stage.server.requests().clear();
        let finished = stage.program(&[&["retry", "--json"], ids].concat()).run();
        assert_eq!(stage.server.requests().counts().lists, 0);
        let lines = finished.stdout.lines();
        let lines = lines.map(|line| serde_json::from_str(line).unwrap());
        (finished.code, lines.collect(), finished.stderr)
    };
    // Not due, and tried all the same; what failed before fails again.
    let (code, lines, _) = retry(stage, &[]);
    assert_eq!(code, Some(3));
    expect_fields(summary(&lines), &[("announced", 1), ("waiting", 1)]);
    expect_fields(&stage.explain("waits")["media"][0], &[("attempts", 2)]);
    stage.server.faults().clear();
    let (code, lines, _) = retry(stage, &[]);
    assert_eq!(code, Some(0));
    expect_fields(summary(&lines), &[("fetched", 1), ("lost", 0)]);
    assert_eq!(stage.states("waits"), ["verified"]);
    // What is lost only where it is named; what is new not at all; the checkpoint stays.
    assert_eq!(stage.states("gone"), ["lost"]);
    assert_eq!(stage.states_or_none("fresh"), None);
    assert_eq!(stage.status()["checkpoint"], before["checkpoint"]);
    let (code, lines, _) = retry(stage, &["gone"]);
    assert_eq!((code, events(&lines, "lost").len()), (Some(4), 1));
    // Named, and nobody answers: it waits.
    let fault = "recording~gone always: html".parse().unwrap();
    stage.server.faults().add(fault);
    let (code, ..) = retry(stage, &["gone"]);
    let left = stage.states("gone");
    assert_eq!((code, left), (Some(3), vec!["waiting".to_owned()]));
    stage.server.faults().clear();
    stage
        .server
        .cloud()
        .change(|cloud| cloud.change("gone", |recording| recording.media[0].object_gone_at = None));
    let (code, ..) = retry(stage, &["gone", "gone"]);
    assert_eq!(code, Some(0));
    assert_eq!(stage.states("gone"), ["verified"]);
    // Nothing to do.
    let (code, lines, _) = retry(stage, &["well"]);
    assert_eq!((code, events(&lines, "warning").len()), (Some(0), 1));
    let text = stage.program(&["retry"]).run().expect_code(0).stdout;
    assert!(text.contains("there was nothing to try again"), "{text}");
    // All that are unknown are named, and nothing is asked.
    let (code, lines, told) = retry(stage, &["nobody", "well", "", "fresh"]);
    assert_eq!((code, lines.len()), (Some(2), 0));
    for wrong in ["nobody", "\"\"", "fresh"] {
        assert!(told.contains(wrong), "{told}");
    }
    assert!(!told.contains("well"), "{told}");
    assert_eq!(stage.server.requests().all().len(), 0);
    // Without media there is nothing that could be tried.
    stage.set("metadataOnly=true");
    stage.program(&["retry"]).run().expect_code(2);
}
