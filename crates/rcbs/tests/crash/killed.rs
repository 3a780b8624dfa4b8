//! SIGKILL at random moments, and before every call that gives a name or makes something durable.

use std::path::PathBuf;
use std::time::Duration;

use rcbs_core::recording::RecordingId;
use rcbs_core::store::stage_name;
use rcbs_sim::{Cloud, Content, Form, Seed};

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud};
use crate::support::rcbs::Finished;

/// Kills of each kind in a usual test run; a long one sets `RCBS_TEST_KILLS`.
const KILLS: u64 = 10;

/// What a usual run of these tests takes, undisturbed.
const RUN_MS: u64 = 900;

fn kills() -> u64 {
    let wanted = std::env::var("RCBS_TEST_KILLS");
    wanted.map_or(KILLS, |count| count.parse().unwrap())
}

/// Ten recordings over ten hours, in all forms, small and large beside each other.
fn day() -> Cloud {
    let mut cloud = cloud();
    for number in 0..10_u64 {
        let recording = cloud
            .recording(&format!("RECORDING{number}"))
            .at(&format!("2018-02-12T{number:02}:30:00Z"))
            .audio_of(Content::pattern(10_000 + 1_000 * number, number))
            .screen_of(Content::pattern(30_000 + number * 60_000, 10 + number));
        let form = [Form::Detached, Form::Complete, Form::Streamed][number as usize % 3];
        cloud = recording.kept_as(form).build();
    }
    cloud
}

/// A stage whose objects trickle, so that there is a run to kill.
fn trickling() -> Stage {
    let mut stage = Stage::with_faults(day(), &["object always: slow rate=1000000"]);
    stage.set(&hourly());
    stage.set("maxConnections=6");
    stage
}

/// Kills one run after another, as the seed wants; every third time the run that recovers is killed as well.
fn kill_often(label: &str, kill: impl Fn(&Stage, Seed) -> Finished) {
    let reference = Reference::of(day(), &hourly());
    let mut killed = 0;
    for number in 0..kills() {
        let seed = Seed::new(number);
        let stage = trickling();
        let finished = kill(&stage, seed);
        killed += u64::from(finished.signal == Some(9));
        let mut after = reference.check_aftermath(&stage, &finished);
        if number % 3 == 0 {
            let again = kill(&stage, Seed::new(1_000 + number));
            after = reference.check_aftermath(&stage, &again);
        }
        stage.server.faults().clear();
        reference.check_next_run(&stage, &after);
    }
    assert!(
        killed * 2 > kills(),
        "{label}: only {killed} runs were killed before their end"
    );
}

#[test]
fn a_run_killed_at_any_byte_is_completed_by_the_next() {
    let total = sealed_bytes();
    kill_often("bytes", |stage, seed| {
        let so_far = || stage.server.requests().counts().object_bytes;
        let limit = so_far() + seed.below("kill at byte", total);
        let started = stage.program(&["backup", "--json"]).start();
        started.kill_when(|| so_far() > limit)
    });
}

#[test]
fn a_run_killed_at_any_time_is_completed_by_the_next() {
    kill_often("time", |stage, seed| {
        let wait = Duration::from_millis(seed.below("kill after", RUN_MS));
        stage
            .program(&["backup", "--json"])
            .start()
            .kill_after(wait)
    });
}

fn sealed_bytes() -> u64 {
    let cloud = day();
    let recordings = cloud.recordings().iter();
    recordings
        .flat_map(|recording| &recording.media)
        .map(|media| cloud.sealed(media).object.len_bytes())
        .sum()
}

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
        let wrapper = [
            "strace",
            "-f",
            "-o",
            "/dev/null",
            "-P",
            path.to_str().unwrap(),
            "-e",
            &trace,
            "-e",
            &inject,
        ];
        let finished = stage.program(&["backup", "--json"]).under(wrapper).run();
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

#[test]
fn killed_before_any_folder_is_made() {
    let kills = kill_at_each("mkdirat", &["2018", "02", "12", "01", "FIRST", "THIRD"]);
    assert!(kills.iter().all(|kills| *kills > 0), "{kills:?}");
}

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
    // Whether a batch is flushed as one or file by file depends on how many came together.
    assert!(kills.iter().sum::<u32>() > 6, "{paths:?}: {kills:?}");
}

#[test]
fn killed_before_any_commit_of_the_ledger_is_durable() {
    let reference = Reference::of(small(), &lines());
    let journal = |stage: &Stage| stage.target().join(".rcbs/ledger.db-wal");
    let kills = kill_before_every("fdatasync,fsync", journal, &reference);
    assert!(kills > 5, "{kills}");
}
