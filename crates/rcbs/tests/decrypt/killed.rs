//! Killed at any moment, a decrypt leaves whole files under their names and no other clear bytes, and the next one
//! completes the work.

use std::time::Duration;

use crate::large::{FILES, Large, outcome};

/// Lets every read take long, so that there is a run to kill.
const SLOWLY: [&str; 4] = ["-e", "trace=read", "-e", "inject=read:delay_exit=20000"];

#[test]
fn killed_at_any_time_it_is_completed_by_the_next() {
    const KILLS: u32 = 12;
    let large = Large::new();
    let program = |out: &str| {
        let program = large.program(out).args(["--jobs", "2"]);
        program.under(Large::strace(&SLOWLY))
    };
    let wall = program("slow").run().expect_code(0).wall;
    let (mut killed, mut amid) = (0, 0);
    for number in 1..=KILLS {
        let out = format!("out{number}");
        let finished = program(&out)
            .start()
            .kill_after(wall * number / (KILLS + 1));
        killed += u32::from(finished.signal == Some(9));
        let there = large.check_aftermath(&out);
        amid += u32::from(there > 0 && there < FILES);
        large.check_next_run(&out, there);
    }
    assert!(
        killed * 2 > KILLS && amid > 2,
        "{killed} killed, {amid} amid"
    );
}

/// One file after the other, so that the n-th call means the same in every run.
#[test]
fn killed_at_the_calls_that_write_and_name_it_is_completed_by_the_next() {
    let large = Large::new();
    let name = match large.knows_unnamed_files() {
        true => "linkat",
        false => "renameat2",
    };
    // Nine calls for each file write: its pieces, and the line that tells of it.
    for (call, step) in [("fdatasync", 1), (name, 1), ("write", 7)] {
        let mut kills = 0;
        for number in (1..).step_by(step) {
            let out = format!("{call}{number}");
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let trace = format!("trace={call}");
            let options = ["-e", &trace, "-e", &inject];
            let program = large.program(&out).args(["--jobs", "1"]);
            let finished = program.under(Large::strace(&options)).run();
            let there = large.check_aftermath(&out);
            if finished.code == Some(0) {
                break;
            }
            assert_eq!(finished.signal, Some(9), "{finished:?}");
            // The bytes are flushed before there is a name.
            assert_eq!(there, if step == 1 { kills } else { number / 9 });
            kills += 1;
            large.check_next_run(&out, there);
        }
        assert!(kills >= FILES, "{call}: {kills}");
    }
}

#[test]
fn a_file_under_way_has_no_name_where_the_system_can() {
    let large = Large::new();
    if !large.knows_unnamed_files() {
        return;
    }
    let half = large.half_sealed("in/half.bin");
    let started = large.program_for("out", &["in/half.bin"]).start();
    half.wait();
    assert_eq!(large.names("out"), [""; 0]);
    started.kill_after(Duration::ZERO);
    assert_eq!(large.names("out"), [""; 0]);
}

/// Makes the file system one that knows no files without names.
const NAMED: [&str; 6] = [
    "-P",
    ".",
    "-e",
    "trace=openat",
    "-e",
    "inject=openat:error=EOPNOTSUPP",
];

#[test]
fn a_part_file_is_swept_when_its_owner_is_dead_and_not_before() {
    use std::os::unix::fs::PermissionsExt;
    let large = Large::new();
    let half = large.half_sealed("in/half.bin");
    let living = large.program_for("out", &["in/half.bin"]);
    let living = living.under(Large::strace(&NAMED)).start();
    half.wait();
    let parts = large.parts("out");
    let [part] = &parts[..] else {
        panic!("{parts:?}");
    };
    let mode = std::fs::metadata(large.path("out").join(part)).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    // Another run into the same folder, which works without and with part files.
    large.program("out").run().expect_code(0);
    assert_eq!(large.parts("out"), parts, "its owner lives");
    let again = large.program_for("out", &["in/1.mp3.bin"]);
    std::fs::remove_file(large.path("out/1.mp3")).unwrap();
    again.under(Large::strace(&NAMED)).run().expect_code(0);
    assert_eq!(large.parts("out"), parts, "its owner lives");
    living.kill_after(Duration::ZERO);
    assert_eq!(large.parts("out"), parts, "nobody could remove it");
    // Nothing is left to write, and it is swept all the same.
    let finished = large.program("out").run().expect_code(0);
    assert_eq!(outcome(&finished, "identical"), FILES);
    assert_eq!(large.parts("out"), [""; 0]);
    assert_eq!(large.check_aftermath("out"), FILES);
}

#[test]
fn a_file_that_cannot_be_named_is_written_once_more_under_a_name() {
    let large = Large::new();
    let unnameable = "inject=linkat:error=EPERM";
    let options = ["-e", "trace=linkat", "-e", unnameable];
    let program = large.program("out").under(Large::strace(&options));
    program.run().expect_code(0);
    assert_eq!(large.check_aftermath("out"), FILES);
    // Killed while the part file is there, the next run sweeps it.
    let killing = "inject=renameat2:signal=KILL:when=1";
    let options = [
        "-e",
        "trace=linkat,renameat2",
        "-e",
        unnameable,
        "-e",
        killing,
    ];
    let program = large.program("killed").under(Large::strace(&options));
    assert_eq!(program.run().signal, Some(9));
    assert!(!large.parts("killed").is_empty());
    large.program("killed").run().expect_code(0);
    assert_eq!(large.check_aftermath("killed"), FILES);
}
