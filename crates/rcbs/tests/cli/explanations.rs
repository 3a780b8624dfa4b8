//! What the program says when it cannot go on: what it did, why that failed, one thing to do.

use crate::redact::told;
use crate::stage::{Stage, cloud};

fn one() -> Stage {
    Stage::new(cloud().recording("one").audio().build())
}

/// The end of a run: its report and its explanation, without the lines that it said on its way.
macro_rules! snapshot {
    ($name:literal, $finished:expr, $stage:expr) => {
        insta::assert_snapshot!($name, told(&$finished, &$stage))
    };
}

#[test]
fn several_mistakes_in_the_configuration() {
    let mut stage = one();
    stage.set("maxAgee=3\nminDate=tomorrow\nmaxConnections=0\ntargetDir=C:\\rec\nmetadataOnly=yes");
    stage.without_env("GWS_PASSWORD");
    snapshot!(
        "several_mistakes",
        stage.program(&["-config", "config.properties"]).run(),
        stage
    );
    let finished = stage
        .program(&["backup", "--config", "elsewhere.properties"])
        .run();
    snapshot!("no_configuration_file", finished, stage);
    assert!(
        stage.server.requests().all().is_empty(),
        "nothing was asked of any server"
    );
}

#[test]
fn a_login_that_the_api_refuses() {
    let mut stage = one();
    stage.env("GWS_PASSWORD", "wrong");
    snapshot!(
        "api_login_refused",
        stage.program(&["backup", "-q"]).run(),
        stage
    );
}

#[test]
fn keys_that_the_store_refuses() {
    let many = || {
        (0..5).fold(cloud(), |cloud, number| {
            cloud.recording(&format!("r{number}")).audio().build()
        })
    };
    for (name, fault) in [
        (
            "store_access_denied",
            "object always: 403 code=AccessDenied",
        ),
        (
            "store_key_unknown",
            "object always: 403 code=InvalidAccessKeyId",
        ),
    ] {
        let mut stage = Stage::with_faults(many(), &[fault]);
        stage.set("downloadMode=single");
        let finished = stage.program(&["backup", "--json"]).run();
        insta::assert_snapshot!(name, crate::redact::redact(&finished.stderr, &stage));
        assert_eq!(finished.code, Some(5), "{name}");
    }
}

#[test]
fn something_else_than_the_api_answers() {
    let stage = Stage::with_faults(cloud(), &["list always: html"]);
    snapshot!("not_the_api", stage.program(&["backup"]).run(), stage);
}

#[test]
fn a_list_that_is_answered_with_a_redirect() {
    let fault = "list always: redirect to=https://login.example.com/";
    let stage = Stage::with_faults(cloud(), &[fault]);
    for command in ["backup", "plan"] {
        let finished = stage.program(&[command]).run().expect_code(1);
        let hint = "hint: check gwsUriPrefix: give the address that the server redirects to, if it is yours";
        assert!(finished.stderr.contains(hint), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("login.example.com"),
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn targets_that_cannot_be_used() {
    let mut stage = one();
    stage.set("targetDir=config.properties");
    snapshot!("target_is_a_file", stage.backup(), stage);
    for command in ["plan", "adopt"] {
        let finished = stage.program(&[command]).run().expect_code(6);
        assert!(
            finished
                .stderr
                .contains("hint: set targetDir to the folder"),
            "{command}"
        );
    }
    stage.set("targetDir=config.properties/below");
    snapshot!("target_below_a_file", stage.backup(), stage);
    stage.set("targetDir=/proc/rcbs");
    snapshot!("target_cannot_be_made", stage.backup(), stage);
    // A link where a folder of the archive should be is not followed.
    let stage = one();
    std::fs::create_dir(stage.target()).unwrap();
    std::os::unix::fs::symlink("/tmp", stage.target().join("2018")).unwrap();
    snapshot!(
        "target_holds_a_link",
        stage.program(&["backup", "-q"]).run(),
        stage
    );
}

/// B12.
#[test]
fn an_empty_mount_point_is_not_filled() {
    let mut stage = one();
    stage.set("stateDir=state");
    stage.backup().expect_code(0);
    std::fs::remove_dir_all(stage.target()).unwrap();
    std::fs::create_dir(stage.target()).unwrap();
    snapshot!("target_is_gone", stage.backup(), stage);
    assert_eq!(std::fs::read_dir(stage.target()).unwrap().count(), 0);
}

#[test]
fn another_rcbs_is_at_work() {
    let stage = Stage::with_faults(
        cloud().recording("one").audio().build(),
        &["object always: hang"],
    );
    let mut first = stage.program(&["backup", "--json"]).start();
    first.expect_text("\"event\":\"slice_listed\"");
    snapshot!("another_is_running", stage.backup(), stage);
}

#[test]
fn ledgers_that_cannot_be_read() {
    let stage = one();
    snapshot!("no_ledger_yet", stage.program(&["status"]).run(), stage);
    snapshot!("no_ledger_to_retry", stage.program(&["retry"]).run(), stage);
    stage.backup().expect_code(0);
    snapshot!(
        "an_unknown_recording",
        stage.program(&["explain", "nobody"]).run(),
        stage
    );
    let path = stage.target().join(".rcbs/ledger.db");
    let whole = std::fs::read(&path).unwrap();
    // `user_version` of SQLite, in which the ledger keeps its version.
    let mut newer = whole.clone();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&path, newer).unwrap();
    snapshot!("ledger_of_a_newer_version", stage.backup(), stage);
    std::fs::write(
        &path,
        [b"not a database, ".as_slice(), &whole[16..]].concat(),
    )
    .unwrap();
    snapshot!("ledger_damaged", stage.backup(), stage);
}
