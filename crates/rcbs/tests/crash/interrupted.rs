//! Ctrl-C and SIGTERM: the run ends soon and cleanly, and what it had stored stays stored.

use std::time::{Duration, Instant};

use rcbs_sim::{Cloud, Content};

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud};

/// A service manager waits so long before it kills.
const SOON: Duration = Duration::from_secs(10);

fn day() -> Cloud {
    (0..6).fold(cloud(), |cloud, number| {
        let recording = cloud.recording(&format!("RECORDING{number}"));
        let recording = recording
            .at(&format!("2018-02-12T{number:02}:30:00Z"))
            .audio();
        let large = recording.audio_of(Content::pattern(2_000_000, number));
        large.stored_as("large", &number.to_string()).build()
    })
}

/// Interrupts a run in which the large files stopped coming, and runs again.
fn interrupt(signal: &str, code: i32) {
    let reference = Reference::of(day(), &hourly());
    let mut stage = Stage::with_faults(day(), &["object~sim-large always: stall after=1500000"]);
    stage.set(&hourly());
    let mut started = stage.program(&["backup", "--json"]).start();
    started.expect_text("\"verified\"");
    let asked = Instant::now();
    let finished = started.signal(signal).expect_code(code);
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert!(
        finished.stdout.contains("\"event\":\"summary\""),
        "{}",
        finished.stdout
    );
    assert!(finished.stdout.contains(&format!("\"exit_code\":{code}")));
    assert!(
        !finished.stdout.contains("\"percent\":100"),
        "{}",
        finished.stdout
    );
    let after = reference.check_aftermath(&stage, &finished);
    stage.server.faults().clear();
    reference.check_next_run(&stage, &after);
}

/// A5.
#[test]
fn sigterm_ends_a_run_soon_and_cleanly() {
    interrupt("TERM", 143);
}

/// A5.
#[test]
fn ctrl_c_ends_a_run_soon_and_cleanly() {
    interrupt("INT", 130);
}

/// A5.
#[test]
fn a_run_that_waits_for_its_retry_is_interrupted_as_well() {
    let mut stage = Stage::with_faults(day(), &["list always: 503 retry-after=600"]);
    stage.set(&hourly());
    let mut started = stage.program(&["backup", "--json"]).start();
    started.expect_text("\"retrying\"");
    let asked = Instant::now();
    started.signal("TERM").expect_code(143);
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
}

/// A5.
#[test]
fn an_api_that_does_not_answer_delays_no_end() {
    for (command, fault) in [
        ("backup", "settings always: hang"),
        ("backup", "list always: hang"),
        ("backup", "recording always: hang"),
        ("plan", "list always: hang"),
    ] {
        // A cloud for each: what one run was still asking for must not count for the next.
        let mut stage = Stage::with_faults(day(), &["object always: html"]);
        stage.set(&hourly());
        stage.backup().expect_code(3);
        // Outside the window now, so that every recording is asked for by its id.
        stage.set("maxDate=2018-02-14\nminDate=2018-02-15");
        stage.server.faults().clear();
        stage.server.faults().add(fault.parse().unwrap());
        stage.server.requests().clear();
        let started = stage.program(&[command]).start();
        let hangs = || {
            let counts = stage.server.requests().counts();
            match fault.split(' ').next().unwrap() {
                "settings" => counts.settings,
                "list" => counts.lists,
                _ => counts.recordings,
            }
        };
        let begun = Instant::now();
        while hangs() == 0 {
            assert!(begun.elapsed() < SOON, "{command} never met {fault}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let asked = Instant::now();
        started.signal("TERM").expect_code(143);
        assert!(
            asked.elapsed() < SOON,
            "{command}, {fault}: {:?}",
            asked.elapsed()
        );
    }
}
