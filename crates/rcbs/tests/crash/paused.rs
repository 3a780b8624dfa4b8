//! A run that is stopped and goes on, is asked to end twice, or loses its own program file.

use std::time::{Duration, Instant};

use rcbs_sim::{Cloud, Content};
use rusqlite::Connection;

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud};
use crate::support::rcbs::Rcbs;
use crate::support::wire::Wire;

/// A run that could end by the first signal alone would have ended by then.
const NOT_ENOUGH: Duration = Duration::from_secs(5);
/// Far less than what it would have waited on.
const AT_ONCE: Duration = Duration::from_secs(5);

fn day() -> Cloud {
    (0..6).fold(cloud(), |cloud, number| {
        let recording = cloud.recording(&format!("RECORDING{number}"));
        recording
            .at(&format!("2018-02-12T{number:02}:30:00Z"))
            .audio_of(Content::pattern(200_000, number))
            .build()
    })
}

/// A stage whose objects take a while, behind a wire to the store.
fn stage() -> (Stage, Wire) {
    let mut stage = Stage::with_faults(day(), &["object always: slow rate=300000"]);
    stage.set(&hourly());
    let wire = Wire::start(stage.server.s3_port());
    stage.set("maxConnections=2");
    stage.set(&format!("awsEndpoint=http://127.0.0.1:{}", wire.port()));
    (stage, wire)
}

/// A10.
#[test]
fn a_run_that_was_stopped_goes_on_with_new_connections() {
    let reference = Reference::of(day(), &hourly());
    let (stage, wire) = stage();
    let mut run = stage.program(&["backup", "--json"]).start();
    run.expect_text("\"verified\"");
    run.send("STOP");
    run.wait_until_stopped();
    // What servers do with connections on which nothing happens for minutes.
    wire.cut_all();
    let before = wire.carried().len();
    run.send("CONT");
    let finished = run.wait().expect_code(0);
    assert!(wire.carried().len() > before, "nothing was asked after it");
    let after = reference.check_aftermath(&stage, &finished);
    reference.check_complete(&stage);
    reference.check_next_run(&stage, &after);
}

/// A6.
#[test]
fn a_second_signal_ends_a_run_at_once_like_a_kill() {
    let reference = Reference::of(day(), &hourly());
    let mut stage = Stage::with_faults(day(), &["object from-3: stall after=1000"]);
    stage.set(&hourly());
    let mut run = stage.program(&["backup", "--json"]).start();
    run.expect_text("\"verified\"");
    // Whoever holds the ledger is waited for, half a minute at every write, also by a run that is asked to end.
    let ledger = Connection::open(stage.state_folder().join("ledger.db")).unwrap();
    ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
    run.send("INT");
    run.expect_goes_on(NOT_ENOUGH);
    let asked = Instant::now();
    let finished = run.signal("INT").expect_code(130);
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    assert!(!finished.stdout.contains("\"summary\""), "{finished:?}");
    ledger.execute_batch("ROLLBACK").unwrap();
    drop(ledger);
    let after = reference.check_aftermath(&stage, &finished);
    stage.server.faults().clear();
    reference.check_next_run(&stage, &after);
}

/// A12.
#[test]
fn a_run_whose_program_is_replaced_and_deleted_comes_to_its_end() {
    let reference = Reference::of(day(), &hourly());
    let (stage, _wire) = stage();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("rcbs");
    std::fs::copy(env!("CARGO_BIN_EXE_rcbs"), &program).unwrap();
    stage.write_configuration();
    let run = Rcbs::program(&program).args(["backup", "--json"]);
    let run = stage
        .environment()
        .fold(run, |run, (name, value)| run.env(name, value));
    let mut started = run.current_dir(stage.folder()).start();
    started.expect_text("\"verified\"");
    let other = folder.path().join("other");
    std::fs::write(&other, "another version").unwrap();
    std::fs::rename(&other, &program).unwrap();
    std::fs::remove_file(&program).unwrap();
    let finished = started.wait().expect_code(0);
    let after = reference.check_aftermath(&stage, &finished);
    reference.check_next_run(&stage, &after);
}
