//! SIGKILL before every call that gives a name, makes a folder or makes something durable.

use std::path::PathBuf;

use rcbs_core::recording::RecordingId;
use rcbs_core::store::stage_name;
use rcbs_sim::{Cloud, Content, Form};

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud};

/// Three recordings with five files, one after the other, so that the n-th call means the same in every run.
fn small() -> Cloud {
    cloud()
        .recording("FIRST")
        .at("2018-02-12T01:00:00Z")
        .audio()
        .screen()
        .recording("SECOND")
        .at("2018-02-12T02:00:00Z")
        .audio()
        .kept_as(Form::Complete)
        .screen_of(Content::pattern(1_500_000, 1))
        .recording("THIRD")
        .at("2018-02-12T03:00:00Z")
        .audio()
        .build()
}

fn lines() -> String {
    format!("{}downloadMode=single\nmaxConnections=1\n", hourly())
}

/// Kills a run before the first, second, third … of these calls on this path, until a run gets through; gives the
/// number of kills. Calls are counted for each thread by itself, so a path that only one call is ever about is what makes this exhaustive.
fn kill_before_every(calls: &str, path: impl Fn(&Stage) -> PathBuf, reference: &Reference) -> u32 {
    for number in 1.. {
        let mut stage = Stage::new(small());
        stage.set(&lines());
        let path = path(&stage);
        let (trace, inject) = (
            format!("trace={calls}"),
            format!("inject={calls}:signal=KILL:when={number}"),
        );
        let path = path.to_str().unwrap();
        let program = stage.program(&["backup", "--json"]);
        let program = program.traced(&["-P", path, "-e", &trace, "-e", &inject]);
        let finished = program.run();
        if finished.code == Some(0) {
            reference.check_complete(&stage);
            return number - 1;
        }
        assert_eq!(
            finished.signal,
            Some(9),
            "{calls} {number}: {}",
            finished.stderr
        );
        let after = reference.check_aftermath(&stage, &finished);
        reference.check_next_run(&stage, &after);
    }
    unreachable!("a run has an end")
}

/// Names and paths in the small run, with the calls that each of them meets.
fn kill_at_each(calls: &str, paths: &[&str]) -> Vec<u32> {
    let reference = Reference::of(small(), &lines());
    let kills = |path: &&str| kill_before_every(calls, |_| PathBuf::from(path), &reference);
    paths.iter().map(kills).collect()
}

/// A2, A3.
#[test]
fn killed_before_any_name_is_given() {
    let reference = Reference::of(small(), &lines());
    let names = reference.names();
    assert_eq!(names.len(), 5 + 3 + 1);
    for name in names {
        // The call has the name alone: it is relative to the folder.
        let kills = kill_before_every("renameat2,renameat", |_| PathBuf::from(&name), &reference);
        assert!(kills > 0, "{name}");
    }
}

/// A2, A3.
#[test]
fn killed_before_any_folder_is_made() {
    let kills = kill_at_each("mkdirat", &["2018", "02", "12", "01", "FIRST", "THIRD"]);
    assert!(kills.iter().all(|kills| *kills > 0), "{kills:?}");
}

/// A2, A3.
#[test]
fn killed_before_anything_is_flushed() {
    let reference = Reference::of(small(), &lines());
    let mut paths = vec![String::new(), ".rcbs".to_owned(), "2018/02/12".to_owned()];
    for id in ["FIRST", "SECOND", "THIRD"] {
        let recording = RecordingId::new(id).unwrap();
        let staged = stage_name(&recording, None);
        paths.push(format!(".rcbs/staging/{}", staged.as_str()));
        paths.push(reference.folder(id));
    }
    let kills: Vec<u32> = paths
        .iter()
        .map(|path| {
            let place = |stage: &Stage| stage.target().join(path).components().collect();
            kill_before_every("fsync,fdatasync,syncfs", place, &reference)
        })
        .collect();
    // Volume and ledger always; whether a batch is flushed as one or file by file depends on how many came
    // together.
    assert!(kills[..2].iter().all(|kills| *kills > 0), "{kills:?}");
}

/// A2, A3.
#[test]
fn killed_before_any_commit_of_the_ledger_is_durable() {
    let reference = Reference::of(small(), &lines());
    let journal = |stage: &Stage| stage.target().join(".rcbs/ledger.db-wal");
    let kills = kill_before_every("fdatasync,fsync", journal, &reference);
    assert!(kills > 5, "{kills}");
}
