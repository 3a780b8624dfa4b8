//! The lines of a run: JSON for programs, plain ones for people, few with `--quiet`.

use std::collections::BTreeMap;

use rcbs_sim::Content;
use regex::Regex;

use crate::redact::{redact, told};
use crate::stage::{Stage, cloud};

fn some_of_each() -> Stage {
    let cloud = cloud()
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
        .recording("bad")
        .raw("{}")
        .build();
    let mut stage = Stage::with_faults(
        cloud,
        &[
            "list 1: cut-json after=10",
            "object~/stored 1: cut after=1000",
        ],
    );
    stage.set("mediaTypePattern=audio/mp3\nplainMedia=refuse");
    stage
}

#[test]
fn json_lines_have_one_form_for_each_event() {
    let stage = some_of_each();
    let (first, _) = stage.backup_json();
    let (second, _) = stage.backup_json();
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for line in first.stdout.lines().chain(second.stdout.lines()) {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let event = value["event"].as_str().unwrap().to_owned();
        // Which of several comes first depends on the machine; the smallest does not.
        let kept = lines.entry(event).or_insert_with(|| line.to_owned());
        if line < kept.as_str() {
            line.clone_into(kept);
        }
    }
    // When they come, and how long they wait, depends on the machine.
    lines.remove("progress");
    lines.remove("retrying");
    // It names the day.
    lines.remove("manifest_written");
    let lines: Vec<String> = lines.into_values().collect();
    insta::assert_snapshot!("json_lines", redact(&lines.join("\n"), &stage));
}

#[test]
fn quiet_says_only_what_is_wrong() {
    let stage = some_of_each();
    let finished = stage.program(&["backup", "--quiet"]).run();
    let mut lines: Vec<&str> = finished.stderr.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!("quiet", redact(&lines.join("\n"), &stage));
    let well = Stage::new(cloud().recording("one").audio().build());
    for args in [
        &["backup"][..],
        &["plan"],
        &["status"],
        &["explain", "one"],
        &["adopt"],
    ] {
        let args = [args, &["--quiet"]].concat();
        let finished = well.program(&args).run().expect_code(0);
        assert_eq!(
            (finished.stdout, finished.stderr),
            (String::new(), String::new()),
            "{args:?}"
        );
    }
    // Who asks for JSON wants it.
    let json = well.program(&["status", "--quiet", "--json"]).run();
    assert_ne!(json.stdout, "");
}

#[test]
fn plain_lines_tell_the_window_the_progress_and_the_end() {
    let stage = Stage::new(
        cloud()
            .recording("one")
            .audio()
            .media_id("call.mp3")
            .build(),
    );
    let first = told(&stage.backup(), &stage);
    // Whether the last page is through by then depends on the machine.
    insta::assert_snapshot!("plain", first.replace(" (still listing)", ""));
    insta::assert_snapshot!(
        "plain_nothing_new",
        told(&stage.backup(), &stage).replace(" (still listing)", "")
    );
    let empty = Stage::new(cloud());
    insta::assert_snapshot!("plain_nothing_announced", told(&empty.backup(), &empty));
}

#[test]
fn a_long_run_tells_how_far_it_is() {
    let cloud = cloud()
        .recording("quick")
        .audio_of(Content::pattern(1_000, 1))
        .recording("slow")
        .audio_of(Content::pattern(30_000, 2))
        .build();
    let mut stage = Stage::with_faults(cloud, &["object~/slow 1: slow rate=20000"]);
    stage.set("downloadMode=single");
    let finished = stage.backup().expect_code(0);
    let progress = Regex::new(
        r"(?m)^ 50 %  1 of 2 media files, [\d.]+ kB received, [\d.]+ k?B/s(, \d+ s left)?$",
    );
    assert!(
        progress.unwrap().is_match(&finished.stderr),
        "{}",
        finished.stderr
    );
}
