//! The rig itself: what is started ends, what is measured is true, what fails says why.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::server::{Recipe, free_ports, start};
use crate::support::openssl::Recipient;
use crate::support::process::{Process, run};
use crate::support::rcbs::Rcbs;

const SOON: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Rcbs {
    Rcbs::program("/bin/sh").args(["-c", script]).limit(SOON)
}

#[test]
fn a_run_has_no_variable_but_its_own_home() {
    let run = shell("env -0 | tr '\\0' '\\n' | cut -d= -f1 | sort; pwd; cd; pwd")
        .env("GWS_USERNAME", "me");
    let finished = run.run().expect_code(0);
    let home = run.home().to_str().unwrap();
    let words: Vec<&str> = finished.stdout.lines().collect();
    // The shell adds PWD and `_` of its own.
    assert!(
        words.contains(&"GWS_USERNAME") && words.contains(&"HOME"),
        "{words:?}"
    );
    assert!(
        !words.contains(&"PATH") && !words.contains(&"USER"),
        "{words:?}"
    );
    assert_eq!(&words[words.len() - 2..], [home, home]);
}

#[test]
fn code_streams_and_signals_are_told_apart() {
    let finished = shell("echo out; echo err >&2; exit 3").run();
    assert_eq!((finished.code, finished.signal), (Some(3), None));
    assert_eq!(
        (finished.stdout.as_str(), finished.stderr.as_str()),
        ("out\n", "err\n")
    );
    let killed = shell("kill -s TERM $$").run();
    assert_eq!((killed.code, killed.signal), (None, Some(15)));
}

#[test]
fn a_run_can_be_killed_at_its_words_or_after_a_time() {
    let at_text = shell("echo begun; sleep 100; echo over")
        .start()
        .kill_at_text("begun");
    assert_eq!(
        (at_text.signal, at_text.stdout.as_str()),
        (Some(9), "begun\n")
    );
    let after = shell("sleep 100")
        .start()
        .kill_after(Duration::from_millis(50));
    assert_eq!(after.signal, Some(9));
    assert!(after.wall < SOON);
    let trapped = shell("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done");
    let mut started = trapped.start();
    started.expect_text("ready");
    let finished = started.signal("TERM");
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(7), "ready\nbye\n")
    );
}

#[test]
#[should_panic(expected = "did not end within")]
fn a_run_that_hangs_fails_its_test() {
    shell("sleep 100").limit(Duration::from_millis(100)).run();
}

#[test]
fn what_a_dropped_process_started_is_killed_with_it() {
    let mut process =
        Process::start(Command::new("/bin/sh").args(["-c", "sleep 100 & echo $!; wait"]));
    assert!(process.wait_for_text("\n", SOON));
    let grandchild = process.stdout().trim().to_owned();
    let alive = |pid: &str| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // A zombie that nobody has collected yet is dead, too.
        !state.is_empty() && !state.contains(") Z")
    };
    assert!(alive(&grandchild));
    drop(process);
    // The signal is sent; the kernel may take a moment to act on it.
    let until = Instant::now() + SOON;
    while alive(&grandchild) {
        assert!(Instant::now() < until, "{grandchild} still runs");
        std::thread::yield_now();
    }
}

#[test]
fn peak_memory_is_that_of_the_program() {
    let small = shell("sleep 0.1").run().expect_code(0).peak_rss_bytes;
    assert!((100_000..50_000_000).contains(&small), "{small}");
    // dd holds one block of 100 MB.
    let large = Rcbs::program("/bin/dd")
        .args(["if=/dev/zero", "of=/dev/null", "bs=100M", "count=20"])
        .limit(SOON);
    let large = large.run().expect_code(0).peak_rss_bytes;
    assert!((100_000_000..150_000_000).contains(&large), "{large}");
}

#[test]
fn system_calls_can_be_counted() {
    let dir = tempfile::TempDir::new().unwrap();
    let counts = dir.path().join("counts");
    shell("echo x")
        .under(["strace", "-f", "-c", "-o", counts.to_str().unwrap()])
        .run()
        .expect_code(0);
    let counts = std::fs::read_to_string(counts).unwrap();
    assert!(counts.contains("write"), "{counts}");
}

#[test]
#[should_panic(expected = "cannot bind")]
fn a_server_that_cannot_start_shows_its_log() {
    start(&Recipe::<1> {
        logs: &[],
        command: &|_, _| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", "echo cannot bind >&2; exit 1"]);
            command
        },
        ready: &|_| true,
    });
}

#[test]
fn free_ports_are_all_different() {
    let mut ports = free_ports::<50>();
    ports.sort_unstable();
    assert!(ports.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn both_commands_of_the_manual_open_what_was_encrypted_for_a_key() {
    let dir = tempfile::TempDir::new().unwrap();
    let (right, wrong) = (
        Recipient::make(dir.path(), "right"),
        Recipient::make(dir.path(), "wrong"),
    );
    let (clear, bin) = (dir.path().join("clear"), dir.path().join("clear.bin"));
    std::fs::write(&clear, "line\nline\r\n\0").unwrap();
    for cipher in ["-aes128", "-aes256"] {
        right.encrypt(&clear, cipher, &bin);
        assert_eq!(right.decrypt_cms(&bin).unwrap(), b"line\nline\r\n\0");
        assert_eq!(right.decrypt_smime(&bin).unwrap(), b"line\nline\r\n\0");
        // One time in 256 a wrong key yields garbage instead of an error, never the clear text.
        assert_ne!(
            wrong.decrypt_cms(&bin).ok().as_deref(),
            Some(&b"line\nline\r\n\0"[..])
        );
    }
}

#[test]
#[should_panic(expected = "cannot be started")]
fn a_missing_tool_is_named() {
    run(&mut Command::new("no-such-tool"), SOON);
}
