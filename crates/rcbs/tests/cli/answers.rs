//! The answers of `plan`, `status` and `explain`, as text and as JSON.

use std::collections::BTreeSet;

use rcbs_sim::Cloud;
use serde_json::Value;

use crate::redact::{redact, told};
use crate::stage::{Stage, cloud};
use crate::support::source_root;

/// A recording for each end of a media file.
fn all_ends() -> Cloud {
    cloud()
        .recording("stored")
        .audio()
        .media_id("call.mp3")
        .screen()
        .media_id("desktop.mp4")
        .recording("gone")
        .audio()
        .media_id("gone.mp3")
        .without_object()
        .recording("plain")
        .audio()
        .media_id("plain.mp3")
        .plain()
        .build()
}

#[test]
fn plan_tells_what_would_be_done() {
    let mut stage = Stage::new(all_ends());
    stage.set("mediaTypePattern=audio/mp3\nplainMedia=refuse");
    insta::assert_snapshot!("plan", told(&stage.program(&["plan"]).run(), &stage));
    let dry = stage.program(&["backup", "--dry-run"]).run();
    assert_eq!(
        told(&dry, &stage),
        told(&stage.program(&["plan"]).run(), &stage)
    );
    assert_eq!(stage.object_requests(), 0);
    assert!(stage.archive().is_empty());
    let json = stage
        .program(&["plan", "--json"])
        .run()
        .expect_code(0)
        .stdout;
    insta::assert_snapshot!("plan_json", redact(&json, &stage));
    expect_documented("plan", &json);
}

#[test]
fn status_tells_what_is_stored_waiting_and_lost() {
    let mut stage = Stage::new(all_ends());
    stage.set("mediaTypePattern=audio/mp3\nplainMedia=refuse");
    stage.backup().expect_code(3);
    insta::assert_snapshot!("status", told(&stage.program(&["status"]).run(), &stage));
    let json = stage
        .program(&["status", "--json"])
        .run()
        .expect_code(3)
        .stdout;
    insta::assert_snapshot!("status_json", redact(&json, &stage));
    expect_documented("status", &json);
    let whole = Stage::new(cloud().recording("one").audio().build());
    whole.backup().expect_code(0);
    insta::assert_snapshot!(
        "status_complete",
        told(&whole.program(&["status"]).run(), &whole)
    );
}

#[test]
fn status_lists_a_few_of_many_and_all_when_asked() {
    let many = (0..25).fold(cloud(), |cloud, number| {
        let one = cloud.recording(&format!("r{number:02}")).audio();
        let one = if number < 23 {
            one.plain()
        } else {
            one.without_object()
        };
        one.build()
    });
    let mut stage = Stage::new(many);
    stage.set("plainMedia=refuse");
    let report = stage.backup().expect_code(3).stdout;
    assert!(
        report.contains("\"rcbs status\" lists what is missing"),
        "{report}"
    );
    let lines = |args: &[&str]| -> Vec<String> {
        let text = stage.program(args).run().expect_code(3).stdout;
        text.lines().map(str::to_owned).collect()
    };
    let listed =
        |lines: &[String], word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
    let few = lines(&["status"]);
    assert_eq!(listed(&few, "  waits  "), 20);
    assert!(
        few.contains(&"  and 5 more; \"rcbs status --all\" lists them".to_owned()),
        "{few:?}"
    );
    let all = lines(&["status", "--all"]);
    assert_eq!(
        (listed(&all, "  waits  "), listed(&all, "  lost   ")),
        (23, 2)
    );
    assert_eq!(listed(&all, "  and "), 0);
    let missing = stage.status()["missing"].take();
    assert_eq!(missing.as_array().unwrap().len(), 25);
    assert!(!lines(&["status", "--quiet"]).is_empty());
}

#[test]
fn status_of_what_is_only_lost_promises_no_other_try() {
    let stage = Stage::new(cloud().recording("gone").audio().without_object().build());
    stage.backup().expect_code(4);
    let text = stage.program(&["status"]).run().expect_code(4).stdout;
    assert!(
        text.contains("  lost   gone ") && !text.contains("takes up"),
        "{text}"
    );
    assert!(
        text.contains("no whole day is fully verified yet"),
        "{text}"
    );
}

#[test]
fn status_of_a_ledger_without_a_first_commit_says_so() {
    let stage = one_recording();
    let own = stage.target().join(".rcbs");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("ledger.db"), "").unwrap();
    insta::assert_snapshot!(
        "status_never_begun",
        told(&stage.program(&["status"]).run(), &stage)
    );
    let unknown = stage.program(&["explain", "one"]).run().expect_code(2);
    assert!(
        unknown.stderr.contains("never heard of one"),
        "{}",
        unknown.stderr
    );
}

fn one_recording() -> Stage {
    Stage::new(cloud().recording("one").audio().build())
}

#[test]
fn plan_that_gets_no_answer_gives_none() {
    let mut refused = one_recording();
    refused.env("GWS_PASSWORD", "wrong");
    let elsewhere = Stage::with_faults(cloud(), &["list always: html"]);
    for (stage, code) in [(&refused, 5), (&elsewhere, 1)] {
        let text = stage.program(&["plan"]).run().expect_code(code);
        assert!(!text.stdout.contains(" 0  "), "{}", text.stdout);
        assert_ne!(text.stderr, "");
    }
    let json = refused.program(&["plan", "--json"]).run().expect_code(5);
    assert_eq!(json.stdout, "");
    assert_eq!(
        elsewhere
            .program(&["plan", "--json"])
            .run()
            .stdout
            .matches("\"slices_failed\":1")
            .count(),
        1
    );
}

#[test]
fn the_last_line_of_a_backup_without_media_is_true() {
    for (name, line) in [
        ("metadata_only", "metadataOnly=true"),
        ("no_wanted_type", "mediaTypePattern=video/mp4"),
    ] {
        let mut stage = one_recording();
        stage.set(line);
        let report = stage.backup().expect_code(0).stdout;
        insta::assert_snapshot!(name, redact(&report, &stage));
    }
}

#[test]
fn adopt_speaks_of_what_lies_on_disk() {
    let mut stage = Stage::new(all_ends());
    stage.set("plainMedia=refuse");
    stage.backup().expect_code(3);
    std::fs::remove_dir_all(stage.target().join(".rcbs")).unwrap();
    insta::assert_snapshot!("adopt", told(&stage.program(&["adopt"]).run(), &stage));
}

#[test]
fn report_tells_each_day() {
    let mut stage = Stage::new(all_ends());
    stage.set("mediaTypePattern=audio/mp3\nplainMedia=refuse");
    stage.backup().expect_code(3);
    insta::assert_snapshot!("report", told(&stage.program(&["report"]).run(), &stage));
    let args = ["report", "--json", "--reconcile"];
    let json = stage.program(&args).run().expect_code(3).stdout;
    insta::assert_snapshot!("report_json", redact(&json, &stage));
    expect_documented("report", &json);
    for form in ["--csv", "--html"] {
        let text = stage.program(&["report", form]).run();
        insta::assert_snapshot!(format!("report{form}"), told(&text, &stage));
    }
}

#[test]
fn explain_tells_the_life_of_a_recording() {
    let mut stage = Stage::new(all_ends());
    stage.set("mediaTypePattern=audio/mp3\nplainMedia=refuse");
    stage.backup().expect_code(3);
    for id in ["stored", "gone", "plain"] {
        let text = stage.program(&["explain", id]).run();
        insta::assert_snapshot!(format!("explain_{id}"), told(&text, &stage));
        let json = stage
            .program(&["explain", id, "--json"])
            .run()
            .expect_code(0)
            .stdout;
        insta::assert_snapshot!(format!("explain_{id}_json"), redact(&json, &stage));
        expect_documented("explain", &json);
    }
}

#[test]
fn keys_tells_for_whom_the_archive_is_sealed() {
    let mut stage = Stage::new(all_ends());
    stage.set("plainMedia=refuse");
    stage.backup().expect_code(3);
    insta::assert_snapshot!("keys", told(&stage.program(&["keys"]).run(), &stage));
    expect_documented("keys", &stage.program(&["keys", "--json"]).run().stdout);
}

#[test]
fn verify_tells_each_finding_in_a_line() {
    let mut stage = Stage::new(all_ends());
    stage.set("plainMedia=refuse");
    stage.backup().expect_code(3);
    insta::assert_snapshot!("verify", told(&stage.program(&["verify"]).run(), &stage));
    let media = stage.media_files();
    std::fs::remove_file(stage.target().join(&media[0])).unwrap();
    let damaged = stage.program(&["verify", "--read-data"]).run();
    insta::assert_snapshot!("verify_damaged", told(&damaged, &stage));
    for args in [&["verify", "--json"][..], &["verify", "--json", "--repair"]] {
        for line in stage.program(args).run().stdout.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            // With a repair the lines of a run stand between; they have a chapter of their own.
            let own = ["verify_begun", "damaged", "mended", "verify_summary"];
            if own.contains(&event["event"].as_str().unwrap()) {
                expect_documented("verify", line);
            }
        }
    }
}

/// Every field of an answer, also of those inside it, is named in the chapter of `docs/json.md` about its command.
fn expect_documented(command: &str, json: &str) {
    let document = std::fs::read_to_string(source_root().join("docs/json.md")).unwrap();
    let heading = format!("## `rcbs {command} --json`\n");
    let (_, chapter) = document.split_once(&heading).unwrap();
    let chapter = chapter.split("\n## ").next().unwrap();
    let mut fields = BTreeSet::new();
    gather(&serde_json::from_str(json).unwrap(), &mut fields);
    let is_missing = |field: &&String| !chapter.contains(&format!("| `{field}` |"));
    let missing: Vec<&String> = fields.iter().filter(is_missing).collect();
    assert!(
        missing.is_empty(),
        "docs/json.md does not name {missing:?} of {command}"
    );
}

fn gather(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                fields.insert(name.clone());
                // The summary of the last run is the line that the chapter on events describes.
                if name != "summary" {
                    gather(inner, fields);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, fields)),
        _ => {}
    }
}
