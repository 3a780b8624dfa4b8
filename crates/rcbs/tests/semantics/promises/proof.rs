//! Chapter "The proof".

use serde_json::Value;

use crate::stage::{Stage, cloud, events, expect_fields, heal};

/// Two days with every end, and one between them on which nothing happened.
fn stage() -> Stage {
    let cloud = cloud()
        .recording("stored")
        .at("2018-02-12T10:00:00Z")
        .audio()
        .screen()
        .recording("plain")
        .at("2018-02-12T23:59:59Z")
        .audio()
        .plain()
        .recording("gone")
        .at("2018-02-14T00:00:00Z")
        .audio()
        .without_object()
        .build();
    let mut stage = Stage::new(cloud);
    stage.set("maxDate=2018-02-12\nminDate=2018-02-15");
    stage.set("mediaTypePattern=audio/.*\nplainMedia=refuse");
    stage
}

fn report(stage: &Stage, args: &[&str], code: i32) -> Value {
    let args = [&["report", "--json"][..], args].concat();
    let finished = stage.program(&args).run().expect_code(code);
    let told: Value = serde_json::from_str(&finished.stdout).unwrap();
    expect_fields(&told, &[("exit_code", code)]);
    told
}

/// Day, how it was listed and its verdict.
fn days(told: &Value) -> Vec<(String, String, String)> {
    let days = told["days"].as_array().unwrap();
    let text = |day: &Value, field: &str| day[field].as_str().unwrap_or("-").to_owned();
    let day = |day: &Value| {
        (
            text(day, "since").chars().take(10).collect(),
            text(day, "listed"),
            text(day, "verdict"),
        )
    };
    days.iter().map(day).collect()
}

fn day(since: &str, listed: &str, verdict: &str) -> (String, String, String) {
    (since.to_owned(), listed.to_owned(), verdict.to_owned())
}

#[test]
fn each_day_is_proven_or_said_to_be_incomplete() {
    let stage = stage();
    stage.backup().expect_code(3);
    let told = report(&stage, &[], 3);
    assert_eq!(
        days(&told),
        [
            day("2018-02-12", "whole", "incomplete"),
            day("2018-02-13", "whole", "complete"),
            day("2018-02-14", "whole", "lost"),
        ]
    );
    let total = &told["total"];
    let counts = [
        ("recordings", 3),
        ("media", 4),
        ("verified", 1),
        ("lost", 1),
    ];
    expect_fields(total, &counts);
    expect_fields(&total["skipped"][0], &[("reason", "mediaTypePattern")]);
    expect_fields(&total["waiting"][0], &[("reason", "unencrypted")]);
    assert!(told["complete_until"].is_null());
    // A part of it is judged by itself.
    report(&stage, &["--day", "2018-02-13"], 0);
    report(&stage, &["--since", "2018-02-13"], 4);
    let beyond = report(
        &stage,
        &["--until", "2018-02-20", "--since", "2018-02-13"],
        3,
    );
    assert_eq!(days(&beyond)[2], day("2018-02-15", "never", "incomplete"));
    // Once nothing waits, only what is lost is missing.
    heal(&stage, "plain");
    stage.backup().expect_code(4);
    let told = report(&stage, &[], 4);
    let verified = [("complete_until", "2018-02-14T00:00:00Z"), ("last_verified_day", "2018-02-13")];
    expect_fields(&told, &verified);
    let status = stage.status();
    expect_fields(&status, &verified);
    expect_fields(&status, &[("exit_code", 4)]);
    // What is missing on disk but thought stored is for `rcbs verify` to find; metadata never stored are not.
    a_period_that_could_not_be_listed_is_not_proven();
    every_form_says_the_same();
}

fn a_period_that_could_not_be_listed_is_not_proven() {
    let cloud = cloud()
        .recording("one")
        .at("2018-02-12T10:00:00Z")
        .audio()
        .recording("two")
        .at("2018-02-13T10:00:00Z")
        .audio()
        .build();
    // The second day's answers are rubbish.
    let mut stage = Stage::with_faults(cloud, &["list from-4: html"]);
    stage.set("maxDate=2018-02-12\nminDate=2018-02-14");
    let (finished, lines) = stage.backup_json();
    finished.expect_code(1);
    assert!(!events(&lines, "slice_failed").is_empty());
    report(&stage, &["--day", "2018-02-13"], 3);
    // Nor is one with an announcement that cannot be used.
    let cloud = cloud_with_rubbish();
    let stage = Stage::new(cloud);
    stage.backup().expect_code(3);
    assert_eq!(
        days(&report(&stage, &["--day", "2018-02-12"], 3))[0].2,
        "incomplete"
    );
}

fn cloud_with_rubbish() -> rcbs_sim::Cloud {
    let one = cloud().recording("one").audio();
    one.recording("bad").raw("{}").build()
}

fn every_form_says_the_same() {
    let stage = stage();
    stage.backup().expect_code(3);
    let csv = stage
        .program(&["report", "--csv"])
        .run()
        .expect_code(3)
        .stdout;
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(
        csv.contains("\"mediaTypePattern=1 unencrypted=1\"") && csv.contains(",incomplete,2,"),
        "{csv}"
    );
    let html = stage
        .program(&["report", "--html"])
        .run()
        .expect_code(3)
        .stdout;
    assert!(
        html.starts_with("<!DOCTYPE html>") && html.contains("mediaTypePattern 1, unencrypted 1"),
        "{html}"
    );
    assert!(
        !html.contains("http://") && !html.contains("<script"),
        "{html}"
    );
    let text = stage.program(&["report"]).run().expect_code(3).stdout;
    assert!(
        text.contains("2018-02-13") && text.contains("not complete"),
        "{text}"
    );
    let wrong = stage.program(&["report", "--day", "2018-02-31"]).run();
    assert!(
        wrong
            .expect_code(2)
            .stderr
            .contains("not a day of the calendar")
    );
}

#[test]
fn the_proof_can_be_compared_with_the_cloud() {
    let stage = stage();
    stage.backup().expect_code(3);
    let before = stage.everything();
    let told = report(&stage, &["--reconcile", "--since", "2018-02-14"], 4);
    expect_fields(&told["cloud"], &[("recordings", 1), ("unknown_media", 0)]);
    // A recording that came later, and a file of one that is known.
    stage.server.cloud().change(|cloud| {
        let mut late = cloud.recordings()[2].clone();
        late.id = "late".to_owned();
        cloud.add(late);
        cloud.change("stored", |recording| {
            let mut file = recording.media[0].clone();
            file.id = "another.mp3".to_owned();
            recording.media.push(file);
        });
    });
    let told = report(&stage, &["--reconcile"], 3);
    let cloud = &told["cloud"];
    expect_fields(cloud, &[("unknown_recordings", 1), ("unknown_media", 2)]);
    assert_eq!(cloud["recordings_unknown"][0], "late");
    expect_fields(&cloud["media_unknown"][0], &[("media", "another.mp3")]);
    expect_fields(&cloud["days"][1], &[("unknown_recordings", 1)]);
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        stage.everything().keys().collect::<Vec<_>>(),
        "nothing is written"
    );
    // Servers that refuse say so, and nothing is claimed.
    let mut refused = stage;
    refused.env("GWS_PASSWORD", "wrong");
    let args = ["report", "--reconcile"];
    refused.program(&args).run().expect_code(5);
}

#[test]
fn a_proof_that_nobody_renews_does_not_stay_complete() {
    let faketime = "/usr/bin/faketime";
    assert!(
        std::path::Path::new(faketime).exists(),
        "`scripts/install.sh test` installs faketime"
    );
    let mut stage = Stage::new(cloud().recording("one").audio().build());
    stage.set("maxDate=2018-02-12");
    stage.unset("minDate");
    stage.set("shardBy=P1Y");
    let earlier = stage.program(&["backup"]).under([faketime, "-f", "-4d"]);
    earlier.run().expect_code(0);
    let told = report(&stage, &[], 3);
    let (_, listed, verdict) = days(&told).pop().unwrap();
    assert_eq!((listed.as_str(), verdict.as_str()), ("never", "incomplete"));
    // A day that was proven stays so.
    report(&stage, &["--day", "2018-02-12"], 0);
    stage.backup().expect_code(0);
    report(&stage, &[], 0);
}
