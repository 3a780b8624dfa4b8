//! A disk that fails or is full, a ledger that cannot be written, too few file handles: told truthfully, mended by the next run.

use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_core::store::stage_name;
use rcbs_sim::{Cloud, Content};

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud};
use crate::support::rcbs::Finished;

fn day() -> Cloud {
    (0..6).fold(cloud(), |cloud, number| {
        cloud
            .recording(&format!("RECORDING{number}"))
            .at(&format!("2018-02-12T{number:02}:30:00Z"))
            .audio()
            .screen_of(Content::pattern(1_500_000, number))
            .media_id("screen")
            .build()
    })
}

fn stage() -> Stage {
    let mut stage = Stage::new(day());
    stage.set(&hourly());
    stage.set("diskWait=0");
    stage
}

/// Runs with these faults of the system; the options are those of `strace`.
fn run_with(stage: &Stage, options: &[&str]) -> Finished {
    let program = stage.program(&["backup", "--json"]);
    program.traced(options).run()
}

/// Shows that a run with a broken system ends with this code and tells why, and that the next one mends all.
fn broken(options: &[&str], code: i32, words: &str) {
    let reference = Reference::of(day(), &hourly());
    broken_stage(&reference, &stage(), options, code, words);
}

fn broken_stage(reference: &Reference, stage: &Stage, options: &[&str], code: i32, words: &str) {
    let finished = run_with(stage, options).expect_code(code);
    assert!(finished.stderr.contains(words), "{}", finished.stderr);
    assert!(finished.stderr.contains("hint: "), "{}", finished.stderr);
    let is_complete = finished.stdout.contains("\"percent\":100");
    assert!(!is_complete, "{}", finished.stdout);
    let after = reference.check_aftermath(stage, &finished);
    reference.check_next_run(stage, &after);
}

/// B7.
#[test]
fn a_volume_that_cannot_be_flushed_publishes_nothing() {
    for number in 1..=2 {
        let inject = format!("inject=syncfs:error=EIO:when={number}");
        broken(&["-e", "trace=syncfs", "-e", &inject], 6, "flush");
    }
}

/// B8.
#[test]
fn a_folder_that_cannot_be_flushed_ends_the_run() {
    broken(
        &["-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=1"],
        6,
        "target",
    );
}

/// B3.
#[test]
fn a_full_disk_ends_the_run_and_the_next_goes_on() {
    for id in ["RECORDING0", "RECORDING5"] {
        let recording = RecordingId::new(id).unwrap();
        let media = MediaId::new("screen").unwrap();
        for staged in [
            stage_name(&recording, Some(&media)),
            stage_name(&recording, None),
        ] {
            let reference = Reference::of(day(), &hourly());
            let stage = stage();
            let path = stage.target().join(".rcbs/staging").join(staged.as_str());
            let path = path.to_str().unwrap();
            let inject = "inject=write,writev:error=ENOSPC";
            let finished = run_with(
                &stage,
                &["-P", path, "-e", "trace=write,writev", "-e", inject],
            );
            let finished = finished.expect_code(6);
            assert!(
                finished.stderr.contains("no space left"),
                "{}",
                finished.stderr
            );
            assert!(
                finished.stderr.contains("hint: free space"),
                "{}",
                finished.stderr
            );
            let after = reference.check_aftermath(&stage, &finished);
            reference.check_next_run(&stage, &after);
        }
    }
}

/// B4.
#[test]
fn a_ledger_on_a_full_disk_ends_the_run() {
    broken_ledger("pwrite64", [30, 45, 60], "ENOSPC", 6, "hint: free space");
}

/// B7.
#[test]
fn a_ledger_that_cannot_be_flushed_ends_the_run() {
    broken_ledger("fsync,fdatasync", 4..11, "EIO", 1, "ledger");
}

/// The journal of the ledger fails at each of these calls and all that follow.
fn broken_ledger(
    call: &str,
    numbers: impl IntoIterator<Item = u32>,
    error: &str,
    code: i32,
    words: &str,
) {
    let reference = Reference::of(day(), &hourly());
    let trace = format!("trace={call}");
    for number in numbers {
        let stage = stage();
        let journal = stage.target().join(".rcbs/ledger.db-wal");
        let inject = format!("inject={call}:error={error}:when={number}+");
        let options = ["-P", journal.to_str().unwrap(), "-e", &trace, "-e", &inject];
        broken_stage(&reference, &stage, &options, code, words);
    }
}

/// A9.
#[test]
fn few_file_handles_make_a_run_slower_and_not_wrong() {
    let reference = Reference::of(day(), &hourly());
    let stage = stage();
    let finished = stage
        .program(&["backup", "--json"])
        .under(["/bin/sh", "-c", "ulimit -n 32; exec \"$@\"", "sh"])
        .run();
    let code = finished.code.unwrap();
    assert!([0, 1, 3, 6].contains(&code), "{code}: {}", finished.stderr);
    let after = reference.check_aftermath(&stage, &finished);
    reference.check_next_run(&stage, &after);
}
