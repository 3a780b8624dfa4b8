//! SIGKILL at random moments of a run, and of the runs that recover from it.

use std::time::Duration;

use rcbs_sim::{Cloud, Content, Form, Seed};

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud};
use crate::support::rcbs::{Finished, Started};
use crate::support::rounds::Rounds;

/// What is counted.
const WHAT: &str = "kills";
/// Every so many rounds it is also looked whether a third run finds nothing to do.
const THIRD_RUN_EVERY: u64 = 10;
/// Every so many rounds it is also looked whether `rcbs verify` tells what waits from damage. It opens the ledger, so that the
/// others show that a run recovers by itself.
const LOOKED_AT_EVERY: u64 = 5;
/// Calls that change what is on disk or known to somebody else.
const CALLS: &str = "write,writev,pwrite64,sendto,fsync,fdatasync,syncfs,ftruncate,fallocate,mkdir,mkdirat,openat,\
    rename,renameat,renameat2,link,linkat,unlink,unlinkat";

/// Six recordings over six hours, in all forms, small and large beside each other.
fn day() -> Cloud {
    let mut cloud = cloud();
    for number in 0..6_u64 {
        let recording = cloud
            .recording(&format!("RECORDING{number}"))
            .at(&format!("2018-02-12T{number:02}:30:00Z"))
            .audio_of(Content::pattern(10_000 + 1_000 * number, number))
            .screen_of(Content::pattern(30_000 + number * 20_000, 10 + number));
        let form = [Form::Detached, Form::Complete, Form::Streamed][number as usize % 3];
        cloud = recording.kept_as(form).build();
    }
    cloud
}

/// A stage whose objects trickle, so that there is a run to kill.
fn trickling() -> Stage {
    let mut stage = Stage::with_faults(day(), &["object always: slow rate=600000"]);
    stage.set(&hourly());
    stage.set("maxConnections=6");
    stage
}

fn start(stage: &Stage) -> Started {
    stage.program(&["backup", "--json"]).start()
}

/// Kills one run after another, as the seed wants, so many times in each round; the run after that completes the work.
fn kill_often(rounds: Rounds, times: u64, kill: impl Fn(&Stage, Seed) -> Finished) {
    let reference = Reference::of(day(), &hourly());
    let (mut killed, mut tried) = (0, 0);
    rounds.each(|number| {
        let stage = trickling();
        let mut after = None;
        for time in 0..times {
            let finished = kill(&stage, Seed::new(number * times + time));
            (killed, tried) = (killed + u64::from(finished.signal == Some(9)), tried + 1);
            after = Some(reference.check_aftermath(&stage, &finished));
        }
        stage.server.faults().clear();
        let after = after.unwrap();
        if number % LOOKED_AT_EVERY == 0 {
            reference.check_nothing_is_called_damaged(&stage, &after);
        }
        reference.check_next_run(&stage, &after);
        if number % THIRD_RUN_EVERY == 0 {
            reference.check_nothing_is_left_to_do(&stage);
        }
    });
    assert!(killed * 2 > tried, "only {killed} of {tried} were killed");
    rounds.done(&format!(
        "{killed} of {tried} runs were killed before their end"
    ));
}

/// Kills a run after a random number of the bytes of all objects.
fn kill_at_a_byte(stage: &Stage, seed: Seed) -> Finished {
    let so_far = || stage.server.requests().counts().object_bytes;
    let limit = so_far() + seed.below("kill at byte", sealed_bytes());
    start(stage).kill_when(|| so_far() > limit)
}

/// A1, E2.
#[test]
fn a_run_killed_at_any_byte_is_completed_by_the_next() {
    kill_often(Rounds::of(WHAT, 80, 2_500), 1, kill_at_a_byte);
}

/// A1.
#[test]
fn a_run_killed_at_any_time_is_completed_by_the_next() {
    let whole = start(&trickling()).wait().expect_code(0).wall;
    kill_often(Rounds::of(WHAT, 80, 2_500), 1, |stage, seed| {
        start(stage).kill_after(whole.mul_f64(seed.unit("kill after")))
    });
}

/// A1.
#[test]
fn a_run_killed_at_any_line_it_tells_is_completed_by_the_next() {
    let whole = start(&trickling()).wait().expect_code(0).stdout;
    let lines = whole.lines().count() as u64;
    kill_often(Rounds::of(WHAT, 80, 2_500), 1, |stage, seed| {
        let line = 1 + seed.below("kill at line", lines - 1);
        start(stage).kill_at_line(line)
    });
}

/// A1, A3.
#[test]
fn a_run_killed_before_any_call_is_completed_by_the_next() {
    kill_often(Rounds::of(WHAT, 80, 2_500), 1, |stage, seed| {
        // Calls are counted for each thread by itself, and few threads make more.
        let number = 1 + seed.below("kill at call", 40);
        let trace = format!("trace={CALLS}");
        let inject = format!("inject={CALLS}:signal=KILL:when={number}");
        let strace = [
            "strace",
            "-f",
            "-o",
            "/dev/null",
            "-e",
            &trace,
            "-e",
            &inject,
        ];
        let run = stage.program(&["backup", "--json"]).under(strace).run();
        if run.signal.is_none() {
            run.clone().expect_code(0);
        }
        run
    });
}

/// A4.
#[test]
fn a_recovery_killed_five_times_in_a_row_is_completed_by_the_sixth() {
    let moments = Duration::from_millis(150);
    kill_often(Rounds::of(WHAT, 16, 400), 5, |stage, seed| {
        // Recovery comes first in a run; the first run has something to recover from.
        if seed.number("byte or moment").is_multiple_of(2) {
            kill_at_a_byte(stage, seed)
        } else {
            start(stage).kill_after(moments.mul_f64(seed.unit("kill after")))
        }
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
