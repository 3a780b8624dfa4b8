//! Commands that only look, and commands that cannot begin, leave everything as it is.

use std::fs;

use crate::redact::told;
use crate::stage::{Stage, cloud};
use crate::support::snapshot::snapshot;

fn one() -> Stage {
    Stage::new(cloud().recording("one").audio().build())
}

const LOGIN: [&str; 4] = [
    "GWS_USERNAME",
    "GWS_PASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
];

fn without_login(stage: &mut Stage) {
    for variable in LOGIN {
        stage.without_env(variable);
    }
}

#[test]
fn plan_makes_nothing_where_there_is_no_archive_yet() {
    let stage = one();
    for args in [&["plan"][..], &["backup", "--dry-run"], &["plan", "--json"]] {
        stage.program(args).run().expect_code(0);
        assert!(!stage.target().exists(), "{args:?}");
    }
    assert!(stage.plan(&[])["free_bytes"].as_u64().unwrap() > 0);
    // A folder that is there already is not marked as ours.
    fs::create_dir(stage.target()).unwrap();
    stage.program(&["plan"]).run().expect_code(0);
    assert_eq!(fs::read_dir(stage.target()).unwrap().count(), 0);
}

#[test]
fn plan_changes_nothing_in_an_archive() {
    let stage = Stage::new(
        cloud()
            .recording("one")
            .audio()
            .recording("gone")
            .audio()
            .without_object()
            .build(),
    );
    stage.backup().expect_code(4);
    let before = snapshot(stage.folder(), &[]);
    for (command, code) in [("plan", 0), ("status", 4)] {
        stage.program(&[command]).run().expect_code(code);
        assert_eq!(snapshot(stage.folder(), &[]), before, "{command}");
    }
    let plan = stage.plan(&[]);
    assert_eq!((&plan["media"], &plan["in_place"]), (&2.into(), &1.into()));
}

#[test]
fn plan_may_run_beside_a_backup() {
    let cloud = cloud().recording("one").audio().build();
    let stage = Stage::with_faults(cloud, &["object always: hang"]);
    let mut first = stage.program(&["backup", "--json"]).start();
    first.expect_text("\"event\":\"slice_listed\"");
    assert_eq!(stage.plan(&[])["to_fetch"], 1);
}

#[test]
fn status_knows_a_run_at_work_and_one_that_was_killed() {
    let cloud = cloud().recording("one").audio().build();
    let stage = Stage::with_faults(cloud, &["object 1: hang"]);
    let mut first = stage.program(&["backup", "--json"]).start();
    first.expect_text("\"event\":\"slice_listed\"");
    let unended = stage.status()["unended_run"].take();
    assert_eq!(unended["state"], "under_way", "{unended}");
    assert_eq!(unended["command"], "backup");
    assert!(unended["owner"].as_str().unwrap().starts_with("process "));
    let killed = first.kill_when(|| true);
    assert_eq!(killed.code, None);
    let unended = stage.status()["unended_run"].take();
    assert_eq!(unended["state"], "killed", "{unended}");
    let text = stage.program(&["status"]).run().expect_code(3).stdout;
    assert!(text.contains("was killed or cut off"), "{text}");
    stage.backup().expect_code(0);
    assert!(stage.status()["unended_run"].is_null());
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing_behind() {
    let mut stage = one();
    // A certificate of a version that there is not: only who makes the client sees it.
    let pem = include_str!("../../../../testdata/config/version6.pem");
    fs::write(stage.folder().join("ca.pem"), pem).unwrap();
    for (lines, undo) in [
        ("maxDate=2100-01-01\nminDate=2100-01-02", crate::stage::DAY),
        ("caFile=ca.pem", "caFile="),
    ] {
        stage.set(lines);
        let finished = stage.backup().expect_code(2);
        assert!(!stage.target().exists(), "{lines}");
        let told = finished.stderr;
        let by_client = told.starts_with("error: preparing the connections");
        assert_eq!(by_client, lines.starts_with("caFile"), "{told}");
        stage.set(undo);
    }
    assert!(stage.server.requests().all().is_empty());
    stage.backup().expect_code(0);
}

#[test]
fn who_asks_no_server_needs_no_login() {
    let mut stage = one();
    stage.backup().expect_code(0);
    without_login(&mut stage);
    // Not even one that this account may not read.
    stage.env("GWS_PASSWORD_FILE", "/no/such/file");
    for args in [&["status"][..], &["explain", "one"], &["adopt"]] {
        let finished = stage.program(args).run().expect_code(0);
        assert_eq!(finished.stderr, "", "{args:?}");
    }
    let shown = stage.program(&["config", "show"]).run().expect_code(0);
    assert!(
        shown.stdout.contains("GWS_USERNAME is not set"),
        "{}",
        shown.stdout
    );
    for args in [&["backup"][..], &["plan"], &["config", "check"]] {
        let finished = stage.program(args).run().expect_code(2);
        assert_eq!(finished.stderr.matches("error: ").count(), 4, "{args:?}");
    }
}

#[test]
fn adopt_does_not_make_an_archive_of_a_mistyped_folder() {
    let mut stage = one();
    without_login(&mut stage);
    stage.set("targetDir=tarqet");
    let absent = stage.program(&["adopt"]).run();
    insta::assert_snapshot!("adopt_no_folder", told(&absent, &stage));
    let folder = stage.folder().join("tarqet");
    assert!(!folder.exists());
    fs::create_dir_all(folder.join("photos/summer")).unwrap();
    fs::write(folder.join("photos/summer/a.bin"), "x").unwrap();
    let before = snapshot(&folder, &[]);
    let other = stage.program(&["adopt"]).run();
    insta::assert_snapshot!("adopt_no_archive", told(&other, &stage));
    assert_eq!(snapshot(&folder, &[]), before);
}
