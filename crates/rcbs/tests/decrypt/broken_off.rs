//! Interrupted, or out of space: told truthfully, and nothing half written is left behind.

use std::time::{Duration, Instant};

use crate::large::{FILES, Large, outcome, summary};

/// Whoever asked does not wait longer.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn an_interruption_ends_soon_and_leaves_what_is_whole() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let large = Large::new();
        let slowly = ["-e", "trace=read", "-e", "inject=read:delay_exit=50000"];
        let program = large.program("out").args(["--jobs", "2"]);
        let program = program.under(Large::strace(&slowly));
        let mut started = program.start();
        started.expect_text("\"opened\"");
        let asked = Instant::now();
        let finished = started.signal(signal).expect_code(code);
        assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
        let there = large.check_whole("out");
        assert!(there > 0 && there < FILES, "{there}");
        let summary = summary(&finished);
        assert_eq!(summary["exit_code"], code);
        assert_eq!(outcome(&finished, "opened"), there);
        let interrupted = outcome(&finished, "interrupted");
        assert!(interrupted > 0, "{summary}");
        assert_eq!(summary["files"], there + interrupted);
        assert_eq!(large.clear_bytes("out"), summary["clear_bytes"]);
        large.check_next_run("out", there);
    }
}

/// The disk is full at the n-th call of the thread that writes.
fn full(call: &str, number: usize) -> (Large, crate::support::rcbs::Finished) {
    let large = Large::new();
    let (trace, inject) = (
        format!("trace={call}"),
        format!("inject={call}:error=ENOSPC:when={number}"),
    );
    let program = large.program("out").args(["--jobs", "1"]);
    let options = ["-e", &trace, "-e", &inject];
    let finished = program.under(Large::strace(&options)).run();
    (large, finished)
}

/// I4.
#[test]
fn a_full_disk_ends_the_work_and_the_next_run_goes_on() {
    // A file is written in pieces of 256 KiB. Bytes that the system took may be refused when they are flushed.
    for (call, number, there) in [("write", 3, 0), ("fdatasync", 1, 0), ("fdatasync", 2, 1)] {
        let (large, finished) = full(call, number);
        let finished = finished.expect_code(6);
        assert_eq!(large.check_whole("out"), there, "{call} {number}");
        let summary = summary(&finished);
        assert_eq!(summary["exit_code"], 6);
        // What follows would fail too, and is not begun.
        assert_eq!(summary["files"], there + 1);
        assert_eq!(outcome(&finished, "failed"), 1);
        assert_eq!(outcome(&finished, "opened"), there);
        assert!(
            finished.stdout.contains("no space left at out/"),
            "{}",
            finished.stdout
        );
        large.check_next_run("out", there);
    }
}

#[test]
fn a_full_disk_is_told_in_words_with_what_to_do() {
    let large = Large::new();
    let options = [
        "-e",
        "trace=fdatasync",
        "-e",
        "inject=fdatasync:error=ENOSPC:when=1",
    ];
    let words = "--key one.pem --cert one.cert --out out --jobs 1 in";
    let finished = large
        .place()
        .program(words)
        .under(Large::strace(&options))
        .run();
    let finished = finished.expect_code(6);
    assert!(
        finished.stderr.contains("no space left at out/"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains("hint: free space"),
        "{}",
        finished.stderr
    );
}
