//! Chapter "Promises": what a run says of itself, and how far it says that it came.

use jiff::Timestamp;
use rcbs_sim::Cloud;
use rcbs_sim::quirks::Quirks;
use serde_json::Value;

use crate::stage::{Stage, cloud, days_ago, events, expect_fields, heal, side_by_side, summary};

#[test]
fn nothing_announced_is_forgotten() {
    let cloud = cloud()
        .recording("stored")
        .audio()
        .media_id("1")
        .screen()
        .media_id("2")
        .recording("gone")
        .audio()
        .without_object()
        .recording("plain")
        .audio()
        .plain()
        .build();
    let mut stage = Stage::new(cloud);
    stage.set("mediaTypePattern=audio/.*\nplainMedia=refuse");
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    let ends = [("waiting", 1), ("lost", 1), ("skipped", 1)];
    expect_fields(summary(&lines), &[("announced", 4), ("fetched", 1)]);
    expect_fields(summary(&lines), &ends);
    expect_fields(&stage.status(), &[("verified", 1), ("announced", 0)]);
    expect_fields(&stage.status(), &ends);
    assert_eq!(events(&lines, "verified").len(), 1);
    assert_eq!(stage.states("stored"), ["verified", "skipped"]);
    assert_eq!(stage.states("gone"), ["lost"]);
    assert_eq!(stage.states("plain"), ["waiting"]);
    let of = |id: &str, number: usize| stage.explain(id)["media"][number].take();
    expect_fields(&of("stored", 1), &[("rule", "mediaTypePattern")]);
    assert!(of("gone", 0)["reason"].as_str().unwrap().contains("s3://"));
    expect_fields(&of("plain", 0), &[("class", "unencrypted")]);
    for told in ["reason", "next_attempt"] {
        assert!(of("plain", 0)[told].is_string(), "{told}");
    }
    // The exit code follows: once the plain one is mended, only the lost one is left.
    heal(&stage, "plain");
    stage.backup().expect_code(4);
    assert_eq!(stage.states("plain"), ["verified"]);
}

#[test]
fn the_run_tells_the_truth() {
    let one = || cloud().recording("one").audio();
    struct Case {
        name: &'static str,
        cloud: Cloud,
        faults: &'static [&'static str],
        lines: &'static str,
        env: Option<(&'static str, &'static str)>,
        code: i32,
    }
    let case = |name, cloud, code| Case {
        name,
        cloud,
        faults: &[],
        lines: "",
        env: None,
        code,
    };
    let cases = [
        case("everything stored", one().build(), 0),
        case("nothing announced", cloud(), 0),
        Case {
            lines: "mediaTypePattern=video/.*",
            ..case("everything skipped", one().build(), 0)
        },
        Case {
            faults: &["list always: html"],
            ..case("nothing could be listed", one().build(), 1)
        },
        Case {
            lines: "maxConections=3",
            ..case("a mistyped key", one().build(), 2)
        },
        Case {
            lines: "plainMedia=refuse",
            ..case("one waits", one().screen().plain().build(), 3)
        },
        case(
            "a recording without an id",
            one().recording("x").raw("{}").build(),
            3,
        ),
        case("one lost", one().screen().without_object().build(), 4),
        Case {
            env: Some(("GWS_PASSWORD", "wrong")),
            ..case("the API refuses the login", one().build(), 5)
        },
        Case {
            env: Some(("AWS_SECRET_ACCESS_KEY", "wrong")),
            ..case("the store refuses the key", one().build(), 5)
        },
        Case {
            lines: "targetDir=config.properties",
            ..case("a file where the target should be", one().build(), 6)
        },
    ];
    side_by_side(&cases, |case| {
        let mut stage = Stage::with_faults(case.cloud.clone(), case.faults);
        stage.set(case.lines);
        if let Some((name, value)) = case.env {
            stage.env(name, value);
        }
        let (finished, lines) = stage.backup_json();
        assert_eq!(
            finished.code,
            Some(case.code),
            "{}: {finished:?}",
            case.name
        );
        let Some(last) = lines.last() else {
            assert!([2, 6].contains(&case.code), "{}", case.name);
            return;
        };
        let whole = last["percent"] == 100;
        assert_eq!(whole, case.code == 0, "{}: {last}", case.name);
        assert_eq!(last["exit_code"], case.code, "{}", case.name);
        assert_eq!(stage.status()["last_run"]["exit_code"], case.code);
    });
    stopped_from_outside();
    unusable_ledgers();
}

/// Codes 130 and 143.
fn stopped_from_outside() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let stage = Stage::with_faults(
            cloud()
                .recording("a")
                .audio()
                .recording("b")
                .audio()
                .build(),
            &["object~/a_ always: stall after=100"],
        );
        let mut run = stage.program(&["backup", "--json"]).start();
        run.expect_text("\"event\":\"verified\"");
        let finished = run.signal(signal).expect_code(code);
        let last: Value = serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap();
        expect_fields(&last, &[("exit_code", code), ("percent", 50)]);
        stage.server.faults().clear();
        stage.backup().expect_code(0);
    }
}

/// Code 8. A version of the ledger that is not known stands in SQLite's `user_version`, bytes 60 to 63 of the file.
fn unusable_ledgers() {
    let damage: [fn(&mut Vec<u8>); 2] = [
        |bytes| bytes[..16].fill(0x55),
        |bytes| bytes[60..64].fill(0x7f),
    ];
    for change in damage {
        let stage = Stage::new(cloud().recording("one").audio().build());
        stage.backup().expect_code(0);
        let path = stage.target().join(".rcbs/ledger.db");
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        stage.backup().expect_code(8);
    }
}

#[test]
fn the_checkpoint_never_passes_a_recording_that_is_not_in_the_ledger() {
    // Three slices of a day. The second cannot be listed: it holds the checkpoint, also for the third.
    let days = ["2018-02-12", "2018-02-13", "2018-02-14"];
    let cloud = days.iter().fold(cloud(), |cloud, day| {
        let recording = cloud.recording(&format!("of-{day}"));
        recording.at(&format!("{day}T12:00:00Z")).audio().build()
    });
    let first_alone = Stage::new(cloud.clone());
    first_alone.backup().expect_code(0);
    let requests = first_alone.server.requests().counts().lists;
    let fault = format!("list from-{}: html", requests + 1);
    let mut stage = Stage::with_faults(cloud, &[&fault]);
    stage.set("minDate=2018-02-15");
    let (finished, lines) = stage.backup_json();
    finished.expect_code(1);
    let failed = events(&lines, "slice_failed");
    assert_eq!(failed[0]["since"], "2018-02-13T00:00:00Z");
    let moved = events(&lines, "checkpoint");
    assert!(
        moved
            .iter()
            .all(|line| line["at"] == "2018-02-13T00:00:00Z")
    );
    assert_eq!(stage.status()["checkpoint"], "2018-02-13T00:00:00Z");
    assert_eq!(stage.states("of-2018-02-12"), ["verified"]);
    // The next run brings the rest and moves on.
    stage.server.faults().clear();
    stage.backup().expect_code(0);
    assert_eq!(stage.status()["checkpoint"], "2018-02-15T00:00:00Z");
    assert_eq!(stage.media_files().len(), 3);
    a_run_that_is_stopped_in_mid_listing_holds_the_checkpoint();
}

fn a_run_that_is_stopped_in_mid_listing_holds_the_checkpoint() {
    let cloud = ["a", "b", "c"]
        .iter()
        .fold(cloud(), |cloud, id| cloud.recording(id).audio().build());
    let quirks = Quirks {
        page_cap: 2,
        ..Quirks::default()
    };
    let stage = Stage::with(cloud, quirks, &["list from-2: hang"]);
    let mut run = stage.program(&["backup", "--json"]).start();
    // Everything that was listed is through, and the rest of the slice is still to come.
    run.expect_text("\"event\":\"verified\",\"fetched\":true");
    run.expect_text("b.json");
    run.signal("TERM").expect_code(143);
    assert_eq!(stage.status()["checkpoint"], Value::Null);
    assert_eq!(stage.endtime_ms(), None);
    stage.server.faults().clear();
    stage.backup().expect_code(0);
    assert_eq!(stage.states("c"), ["verified"]);
}

#[test]
fn the_exported_end_time_never_passes_a_recording_that_waits() {
    let waits = days_ago(9);
    let cloud = cloud()
        .recording("before")
        .at_time(days_ago(10))
        .audio()
        .recording("waits")
        .at_time(waits)
        .audio()
        .plain()
        .recording("after")
        .at_time(days_ago(8))
        .audio()
        .build();
    let mut stage = Stage::new(cloud);
    stage.unset("maxDate").unset("minDate");
    stage.set("maxAge=11\nplainMedia=refuse");
    stage.backup().expect_code(3);
    assert_eq!(stage.endtime_ms(), Some(waits.as_millisecond()));
    let checkpoint: Timestamp = stage.status()["checkpoint"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(checkpoint > days_ago(1), "{checkpoint}");
    // The ledger is lost, and the recording lies far outside the usual window: it is found again all the same.
    std::fs::remove_dir_all(stage.target().join(".rcbs")).unwrap();
    heal(&stage, "waits");
    stage.set("maxAge=2");
    stage.backup().expect_code(0);
    assert_eq!(stage.states("waits"), ["verified"]);
    assert!(stage.endtime_ms().unwrap() >= checkpoint.as_millisecond());
    a_run_that_had_to_stop_exports_it_too();
}

fn a_run_that_had_to_stop_exports_it_too() {
    let start = days_ago(1);
    let cloud = cloud()
        .recording("late")
        .at_time(start)
        .audio()
        .screen_late_by(jiff::SignedDuration::from_hours(24 * 30))
        .build();
    let mut stage = Stage::new(cloud);
    stage.unset("maxDate").unset("minDate");
    stage.backup().expect_code(0);
    assert!(stage.endtime_ms().unwrap() > start.as_millisecond());
    stage.server.cloud().change(|cloud| {
        cloud.change("late", |recording| {
            recording.media[1].appears_after = jiff::SignedDuration::ZERO;
        })
    });
    stage.env("AWS_SECRET_ACCESS_KEY", "wrong");
    stage.backup().expect_code(5);
    assert_eq!(stage.endtime_ms(), Some(start.as_millisecond()));
}
