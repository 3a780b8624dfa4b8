//! Promises about the disk or share that holds the archive.

use std::collections::BTreeMap;
use std::path::Path;

use crate::stage::{Stage, cloud, events};

fn one() -> Stage {
    Stage::new(cloud().recording("one").audio().build())
}

/// A complete archive whose ledger lies beside the target.
fn with_state_elsewhere() -> Stage {
    let mut stage = one();
    stage.set("stateDir=state");
    stage.backup().expect_code(0);
    stage
}

fn marker(target: &Path) -> String {
    std::fs::read_to_string(target.join(".rcbs/archive-id")).unwrap()
}

/// Everything below the target, the program's own files too.
fn all_files(target: &Path) -> BTreeMap<String, Vec<u8>> {
    let listed = std::process::Command::new("find")
        .arg(target)
        .args(["-printf", "%P %y %T@\n"])
        .output()
        .unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    text.lines()
        .map(|line| {
            let path = line.split(' ').next().unwrap();
            let bytes = std::fs::read(target.join(path)).unwrap_or_default();
            (line.to_owned(), bytes)
        })
        .collect()
}

/// Each command that works with target and ledger is refused, and leaves the target as it is.
#[track_caller]
fn expect_refused(stage: &Stage, words: &str) {
    let before = all_files(&stage.target());
    for args in [
        vec!["backup"],
        vec!["retry"],
        vec!["plan"],
        vec!["verify"],
        vec!["verify", "--repair"],
        vec!["report"],
        vec!["decrypt", "one", "--key", "none.pem", "--out", "clear"],
    ] {
        let finished = stage.program(&args).run();
        if args[0] == "decrypt" {
            // What is wrong with the keys comes first.
            assert_ne!(finished.code, Some(0));
            continue;
        }
        assert_eq!(finished.code, Some(6), "{args:?}: {}", finished.stderr);
        assert!(
            finished.stderr.contains(words),
            "{args:?}: {}",
            finished.stderr
        );
        assert!(finished.stderr.contains("hint: "), "{}", finished.stderr);
    }
    assert_eq!(all_files(&stage.target()), before, "something was written");
    // What only asks the ledger answers, and says so.
    for (args, code) in [(vec!["status"], 6), (vec!["explain", "one"], 0)] {
        let finished = stage.program(&args).run().expect_code(code);
        assert!(
            finished.stderr.contains("not what this ledger speaks of"),
            "{args:?}: {}",
            finished.stderr
        );
    }
}

/// B12.
#[test]
fn a_target_is_the_archive_that_its_ledger_knows() {
    // What begins is told once, before and when it begins.
    let first = one();
    assert_eq!(first.plan(&[])["begins_archive"], true);
    let (finished, lines) = first.backup_json();
    finished.expect_code(0);
    let path = first.target().display().to_string();
    assert_eq!(events(&lines, "archive_begun")[0]["path"], path);
    assert_eq!(lines[0]["event"], "planned");
    let (finished, lines) = first.backup_json();
    finished.expect_code(0);
    assert!(events(&lines, "archive_begun").is_empty(), "{lines:?}");
    assert_eq!(first.plan(&[])["begins_archive"], false);
    // An archive of the original program is none that begins.
    std::fs::remove_dir_all(first.target().join(".rcbs")).unwrap();
    assert_eq!(first.plan(&[])["begins_archive"], false);
    let (_, lines) = first.backup_json();
    assert!(events(&lines, "archive_begun").is_empty(), "{lines:?}");

    // Another archive at its place.
    let stage = with_state_elsewhere();
    let other = with_state_elsewhere();
    assert_ne!(marker(&stage.target()), marker(&other.target()));
    let aside = stage.folder().join("aside");
    std::fs::rename(stage.target(), &aside).unwrap();
    std::fs::rename(other.target(), stage.target()).unwrap();
    expect_refused(&stage, "the ledger speaks of");
    stage.program(&["adopt"]).run().expect_code(6);

    // An archive of an older program, without an id.
    std::fs::remove_file(stage.target().join(".rcbs/archive-id")).unwrap();
    expect_refused(&stage, "has no id");

    // Nothing: an empty mount point.
    std::fs::remove_dir_all(stage.target()).unwrap();
    std::fs::create_dir(stage.target()).unwrap();
    expect_refused(&stage, "knows of an archive there");
    std::fs::remove_dir(stage.target()).unwrap();
    let finished = stage.backup().expect_code(6);
    assert!(
        finished.stderr.contains("hint: connect"),
        "{}",
        finished.stderr
    );
    assert!(!stage.target().exists(), "it was made");

    // The archive itself, moved or copied, is fine wherever it comes from.
    std::fs::rename(&aside, stage.target()).unwrap();
    stage.object_requests();
    stage.backup().expect_code(0);
    stage.program(&["verify"]).run().expect_code(0);
    assert_eq!(stage.object_requests(), 0);
}

#[test]
fn a_lost_ledger_takes_the_id_of_the_archive_over() {
    let stage = with_state_elsewhere();
    let id = marker(&stage.target());
    std::fs::remove_dir_all(stage.folder().join("state")).unwrap();
    stage.program(&["adopt"]).run().expect_code(0);
    assert_eq!(marker(&stage.target()), id);
    std::fs::write(
        stage.target().join(".rcbs/archive-id"),
        "rcbs archive 1\n00000000000000000000000000000000\n",
    )
    .unwrap();
    expect_refused(&stage, "the ledger speaks of");
}

#[test]
fn an_older_archive_gets_an_id_and_a_removed_marker_is_written_again() {
    let stage = one();
    stage.backup().expect_code(0);
    let id = marker(&stage.target());
    std::fs::remove_file(stage.target().join(".rcbs/archive-id")).unwrap();
    // A ledger in the target lies where the marker was.
    stage.backup().expect_code(0);
    assert_eq!(marker(&stage.target()), id);
}

#[test]
fn a_marker_that_cannot_be_read_is_never_replaced() {
    let stage = one();
    stage.backup().expect_code(0);
    let path = stage.target().join(".rcbs/archive-id");
    for (text, words) in [
        ("rcbs archive 2\nsomething else\n", "a newer rcbs marked"),
        ("\0\0\0\0", "is damaged"),
    ] {
        std::fs::write(&path, text).unwrap();
        let finished = stage.backup().expect_code(6);
        assert!(finished.stderr.contains(words), "{}", finished.stderr);
        assert_eq!(marker(&stage.target()), text);
    }
}

/// A reserve that no disk has.
const HUGE: &str = "diskReserve=100000T\ndiskWait=0";

#[test]
fn a_reserve_stays_free_on_the_disk() {
    let mut stage = one();
    stage.set(HUGE);
    let finished = stage.backup().expect_code(6);
    for words in [
        "no space for the next file",
        "100.0 PB left free (diskReserve)",
        "hint: free space",
    ] {
        assert!(finished.stderr.contains(words), "{}", finished.stderr);
    }
    assert_eq!(stage.media_files(), [""; 0]);
    assert_eq!(stage.object_requests(), 0, "nothing was begun");
    assert_eq!(stage.states("one"), ["announced"]);
    // The ledger is kept all the same, and the next run goes on.
    stage.set("diskReserve=0");
    stage.backup().expect_code(0);
    assert_eq!(stage.states("one"), ["verified"]);
}

#[test]
fn what_does_not_fit_is_told_before_it_is_fetched() {
    let mut stage = one();
    stage.set(HUGE);
    let planned = stage.plan(&[]);
    let space = &planned["space"];
    assert_eq!(space["reserve_bytes"], 100_000_000_000_000_000_u64);
    assert!(space["missing_bytes"].as_u64() > Some(0), "{planned}");
    let text = stage.program(&["plan"]).run().expect_code(0).stdout;
    assert!(text.contains("the target is too small: about"), "{text}");

    let (finished, lines) = stage.backup_json();
    finished.expect_code(6);
    let told = events(&lines, "too_small");
    assert_eq!(told.len(), 1, "{lines:?}");
    assert_eq!(told[0]["missing_bytes"], space["missing_bytes"]);
    let finished = stage.backup().expect_code(6);
    let warning = "warning: the target is too small";
    assert!(finished.stderr.contains(warning), "{}", finished.stderr);

    // With something stored, what waits is as long as that.
    stage.set("diskReserve=0");
    stage.backup().expect_code(0);
    stage.server.cloud().change(|cloud| {
        *cloud = std::mem::replace(cloud, crate::stage::cloud())
            .recording("two")
            .audio()
            .build();
    });
    stage.set("diskReserve=100000T");
    stage.backup().expect_code(6);
    let status = stage.status();
    assert_eq!(status["announced"], 1, "{status}");
    assert_eq!(
        status["space"]["expected_bytes"], status["verified_bytes"],
        "{status}"
    );
    let text = stage.program(&["status"]).run().expect_code(3).stdout;
    assert!(text.contains("the target is too small: about"), "{text}");
    stage.set("diskReserve=0");
    let text = stage.program(&["status"]).run().expect_code(3).stdout;
    assert!(!text.contains("too small"), "{text}");
}

/// B3.
#[test]
fn a_full_disk_is_waited_for_and_then_ends_the_run() {
    // It is full at the first write, and takes what comes after a second.
    let finish = |wait: &str, when: &str| {
        let mut stage = one();
        stage.set(&format!("diskReserve=0\ndiskWait={wait}"));
        stage.program(&["plan"]).run().expect_code(0);
        let inject = format!("inject=write,writev:error=ENOSPC:when={when}");
        let staging = stage.target().join(".rcbs/staging");
        let staged = rcbs_core::store::stage_name(
            &rcbs_core::recording::RecordingId::new("one").unwrap(),
            None,
        );
        let path = staging.join(staged.as_str());
        let calls = ["-e", "trace=write,writev", "-e", &inject];
        let options = [&["-P", path.to_str().unwrap()], &calls[..]].concat();
        let program = stage.program(&["backup", "--json"]);
        let finished = program.traced(&options).run();
        let left = std::fs::read_dir(staging).unwrap().count();
        assert_eq!(left, 0, "something was left half-written");
        (finished, stage)
    };
    let (finished, stage) = finish("15", "1");
    let finished = finished.expect_code(0);
    for words in ["no space left at", "\"no_space\"", "\"space_again\""] {
        assert!(finished.stdout.contains(words), "{}", finished.stdout);
    }
    assert_eq!(stage.states("one"), ["verified"]);

    let (finished, stage) = finish("0", "1+");
    let finished = finished.expect_code(6);
    assert!(
        finished.stderr.contains("hint: free space"),
        "{}",
        finished.stderr
    );
    stage.backup().expect_code(0);
    assert_eq!(stage.states("one"), ["verified"]);
}
