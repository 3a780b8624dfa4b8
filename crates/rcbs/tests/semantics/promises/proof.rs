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
    let verified = [
        ("complete_until", "2018-02-14T00:00:00Z"),
        ("last_verified_day", "2018-02-13"),
    ];
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

#[test]
fn the_last_fully_verified_day_is_a_whole_day_of_which_nothing_is_missing() {
    let mut stage = Stage::new(
        cloud()
            .recording("one")
            .at("2018-02-13T10:00:00Z")
            .audio()
            .build(),
    );
    // From one in the afternoon of the 12th to noon of the 15th: neither day counts.
    stage.set("maxDate=1518440400000\nminDate=1518696000000");
    stage.backup().expect_code(0);
    let told = report(&stage, &[], 0);
    expect_fields(
        &told,
        &[
            ("last_verified_day", "2018-02-14"),
            ("complete_until", "2018-02-15T00:00:00Z"),
        ],
    );
    let parts = told["days"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| day["part_of_day"].as_bool().unwrap());
    assert_eq!(parts.collect::<Vec<_>>(), [true, false, false, true]);
    let status = stage.status();
    expect_fields(
        &status,
        &[("last_verified_day", "2018-02-14"), ("verdict", "complete")],
    );
    for command in ["report", "status"] {
        let text = stage.program(&[command]).run().expect_code(0).stdout;
        assert!(
            text.contains("last fully verified day: 2018-02-14\n"),
            "{text}"
        );
    }
    let text = stage.program(&["report"]).run().stdout;
    assert!(text.contains("part of the day, from 13:00"), "{text}");
}

#[test]
fn damage_that_was_found_is_not_forgotten() {
    let stage = Stage::new(cloud().recording("one").audio().build());
    stage.backup().expect_code(0);
    assert_eq!(stage.status()["exit_code"], 0);
    let path = stage.target().join(&stage.media_files()[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    let whole = bytes.clone();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    stage
        .program(&["verify", "--read-data"])
        .run()
        .expect_code(9);
    // A look that is not as close reads what is known to be damaged.
    stage.program(&["verify"]).run().expect_code(9);
    let status = stage.status();
    expect_fields(&status, &[("exit_code", 9), ("damaged", 1)]);
    assert!(status["last_verified_day"].is_null(), "{status}");
    expect_fields(
        &status["damaged_files"][0],
        &[("recording", "one"), ("harm", "digest")],
    );
    report(&stage, &[], 9);
    let text = stage.program(&["report"]).run().stdout;
    assert!(!text.contains("rcbs backup"), "it does not help: {text}");
    let text = stage.program(&["status"]).run().stdout;
    assert!(
        text.contains("1 file was found damaged") && text.contains("verify --repair"),
        "{text}"
    );
    let named = "damaged or missing in the archive:\n  one ";
    assert!(text.contains(named), "{text}");
    let metadata = path.parent().unwrap().read_dir().unwrap();
    let mut metadata = metadata.map(|entry| entry.unwrap().path());
    let metadata = metadata
        .find(|path| path.extension().is_some_and(|it| it == "json"))
        .unwrap();
    let json = std::fs::read(&metadata).unwrap();
    std::fs::write(&metadata, b"{}").unwrap();
    stage.program(&["verify"]).run().expect_code(9);
    assert_eq!(stage.explain("one")["metadata_harm"], "digest");
    let text = stage.program(&["explain", "one"]).run().stdout;
    assert!(text.contains("found damaged    digest"), "{text}");
    std::fs::write(&metadata, json).unwrap();
    // Found whole, and then damaged and mended.
    std::fs::write(&path, &whole).unwrap();
    stage
        .program(&["verify", "--read-data"])
        .run()
        .expect_code(0);
    assert_eq!(stage.status()["exit_code"], 0);
    std::fs::write(&path, &bytes).unwrap();
    stage
        .program(&["verify", "--read-data"])
        .run()
        .expect_code(9);
    stage
        .program(&["verify", "--read-data", "--repair"])
        .run()
        .expect_code(0);
    let status = stage.status();
    expect_fields(&status, &[("exit_code", 0), ("damaged", 0)]);
    assert_eq!(status["unended_run"], Value::Null);
}

#[test]
fn the_life_of_a_recording_is_kept() {
    let mut stage = Stage::new(cloud().recording("plain").audio().plain().build());
    stage.set("plainMedia=refuse");
    stage.backup().expect_code(3);
    stage.backup().expect_code(3);
    heal(&stage, "plain");
    stage.backup().expect_code(0);
    let path = stage.target().join(&stage.media_files()[0]);
    std::fs::remove_file(&path).unwrap();
    stage.program(&["verify"]).run().expect_code(9);
    stage.backup().expect_code(0);
    let told = stage.explain("plain");
    let history = told["history"].as_array().unwrap();
    let what: Vec<_> = history
        .iter()
        .map(|one| one["what"].as_str().unwrap())
        .collect();
    let files: Vec<_> = what
        .iter()
        .filter(|what| !what.starts_with("metadata"))
        .copied()
        .collect();
    let wanted = [
        "announced",
        "failed",
        "stored",
        "found_damaged",
        "announced_again",
        "stored",
    ];
    assert_eq!(files, wanted, "{told:#}");
    let failed = history.iter().find(|one| one["what"] == "failed").unwrap();
    expect_fields(failed, &[("class", "unencrypted")]);
    expect_fields(failed, &[("times", 2)]);
    assert_eq!(told["left_out"], 0);
}

#[test]
fn status_tells_what_the_next_backup_does() {
    let mut stage = stage();
    stage.set("retentionDays=10");
    stage.backup().expect_code(3);
    let status = stage.status();
    let next = &status["next_run"];
    expect_fields(
        next,
        &[
            ("since", "2018-02-12T00:00:00Z"),
            ("until", "2018-02-15T00:00:00Z"),
        ],
    );
    expect_fields(next, &[("queued", 1), ("not_due", 0)]);
    assert!(next["unlisted_since"].is_null());
    expect_fields(
        &status["missing"][0],
        &[("deletes_at", "2018-02-22T23:59:59Z")],
    );
    assert!(status["missing"][1]["deletes_at"].is_null(), "it is lost");
    assert!(status["endangered"]["stored_per_s"].as_f64().unwrap() > 0.0);
    stage.set("minDate=2018-02-20");
    assert_eq!(
        stage.status()["next_run"]["unlisted_since"],
        "2018-02-15T00:00:00Z"
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
    expect_fields(
        &told["cloud"],
        &[("lost_media", 1), ("changed_recordings", 0)],
    );
    expect_fields(&told["cloud"]["media_lost"][0], &[("recording", "gone")]);
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
    expect_fields(cloud, &[("lost_media", 1), ("changed_recordings", 1)]);
    assert_eq!(cloud["recordings_changed"][0], "stored");
    let csv = stage.program(&["report", "--csv", "--reconcile"]).run();
    let last = csv.expect_code(3).stdout;
    assert!(last.trim_end().ends_with(",2,2,1,1,1,0"), "{last}");
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
