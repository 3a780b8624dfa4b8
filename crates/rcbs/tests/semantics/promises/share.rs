//! Promises about a share: a real network file system, as far as the kernel can tell (FUSE, by `bindfs`).

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcbs_sim::Content;

use crate::stage::{Stage, cloud, events};

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The target of a stage as a share whose files lie in a folder beside it.
struct Share {
    server: Child,
    at: PathBuf,
}

impl Share {
    /// Mounts it. Without `bindfs` or the right to mount this fails. A kernel without FUSE has no share to offer, and
    /// proves nothing of it.
    fn mount(stage: &Stage) -> Option<Self> {
        if !Path::new("/dev/fuse").exists() {
            return None;
        }
        let (at, behind) = (stage.target(), behind(stage));
        for folder in [&at, &behind] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let server = Command::new("bindfs")
            .args(["-f", "--no-allow-other"])
            .args([&behind, &at])
            .stdin(Stdio::null())
            .spawn()
            .expect("bindfs is needed: scripts/install.sh test");
        let share = Self { server, at };
        wait_until("the share is mounted", || is_mounted(&share.at));
        Some(share)
    }

    /// The server is gone; its mount stays, and answers nothing.
    fn lose(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let unmounted = Command::new("fusermount3")
            .args(["-u", "-z"])
            .arg(&self.at)
            .status();
        drop(unmounted);
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// Where the files of the share really lie.
fn behind(stage: &Stage) -> PathBuf {
    stage.folder().join("behind")
}

fn is_mounted(at: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    mounts.contains(&format!(" {} fuse", at.display()))
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A screen that is larger than what is gathered before it is written, and comes slowly the first time.
fn slow_screen() -> Stage {
    let cloud = cloud()
        .recording("one")
        .screen_of(Content::pattern(3_000_000, 1))
        .media_id("screen")
        .build();
    Stage::with_faults(cloud, &["object 1: slow rate=1000000"])
}

/// The file that is being written, when some of it is there.
fn half_written(stage: &Stage) -> PathBuf {
    let staging = behind(stage).join(".rcbs/staging");
    let large = || {
        let entries = std::fs::read_dir(&staging).ok()?;
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| std::fs::metadata(path).is_ok_and(|found| found.len() > 1_000_000))
            .last()
    };
    wait_until("a part of the file is written", || large().is_some());
    large().unwrap()
}

/// C8, with a file system behind a program (FUSE) in place of a share.
#[test]
fn a_network_file_system_is_recognised() {
    let stage = Stage::new(cloud().recording("one").audio().build());
    let Some(_share) = Share::mount(&stage) else {
        return;
    };
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    let warnings = events(&lines, "warning");
    let remarks = warnings.iter().filter(|line| {
        let text = line["text"].as_str().unwrap();
        text.contains("network file system") && text.contains("read again")
    });
    assert_eq!(remarks.count(), 1, "{lines:?}");
    // Bytes 18 and 19 of the file say how SQLite journals: 1 is without WAL, which needs shared memory.
    let ledger = std::fs::read(behind(&stage).join(".rcbs/ledger.db")).unwrap();
    assert_eq!(ledger[18..20], [1, 1]);
    stage.object_requests();
    stage.backup().expect_code(0);
    assert_eq!(stage.object_requests(), 0);
    stage
        .program(&["verify", "--read-data"])
        .run()
        .expect_code(0);
}

/// C3, with a file system behind a program (FUSE) in place of a share.
#[test]
fn what_a_share_did_not_keep_is_never_called_stored() {
    for (read_back, code) in [("auto", 3), ("never", 0)] {
        let mut stage = slow_screen();
        stage.set(&format!("readBack={read_back}"));
        let Some(_share) = Share::mount(&stage) else {
            return;
        };
        let run = stage.program(&["backup", "--json"]).start();
        let staged = half_written(&stage);
        // Behind the back of this machine, which holds the right byte in its memory.
        let mut bytes = std::fs::read(&staged).unwrap();
        bytes[500_000] ^= 1;
        write_at(&staged, 500_000, bytes[500_000]);
        let finished = run.wait().expect_code(code);
        if read_back == "never" {
            continue;
        }
        assert!(
            finished.stdout.contains("\"class\":\"corrupt\""),
            "{}",
            finished.stdout
        );
        assert_eq!(stage.media_files(), [""; 0]);
        assert_eq!(stage.states("one"), ["waiting"]);
        stage.backup().expect_code(0);
        assert_eq!(stage.states("one"), ["verified"]);
        stage
            .program(&["verify", "--read-data"])
            .run()
            .expect_code(0);
    }
}

/// The kernel would answer from its own memory else, and nothing would be proven.
#[test]
fn what_this_machine_holds_in_memory_is_dropped_before_reading_back() {
    for (read_back, drops) in [("always", true), ("auto", false)] {
        let mut stage = Stage::new(cloud().recording("one").audio().build());
        stage.set(&format!("readBack={read_back}"));
        let calls = stage.folder().join("calls");
        let wrapper = [
            "strace",
            "-f",
            "-y",
            "-o",
            calls.to_str().unwrap(),
            "-e",
            "fadvise64",
        ];
        let program = stage.program(&["backup"]).under(wrapper);
        program.run().expect_code(0);
        let calls = std::fs::read_to_string(calls).unwrap();
        let dropped = calls.lines().filter(|line| {
            line.contains("/.rcbs/staging/") && line.contains("POSIX_FADV_DONTNEED")
        });
        // Media file, metadata and manifest.
        assert_eq!(dropped.count(), if drops { 3 } else { 0 }, "{calls}");
    }
}

fn write_at(path: &Path, at: u64, byte: u8) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[byte], at).unwrap();
}

/// C1, with a file system behind a program (FUSE) in place of a share.
#[test]
fn a_share_that_is_lost_ends_the_run() {
    let stage = slow_screen();
    let Some(mut share) = Share::mount(&stage) else {
        return;
    };
    let run = stage.program(&["backup", "--json"]).start();
    half_written(&stage);
    share.lose();
    let finished = run.wait().expect_code(6);
    assert!(finished.stderr.contains("is lost"), "{}", finished.stderr);
    assert!(
        finished
            .stderr
            .contains("hint: connect the disk or share again"),
        "{}",
        finished.stderr
    );
    // As long as it is away nothing is begun, and nothing is called damaged.
    for command in ["backup", "plan", "verify", "adopt"] {
        let finished = stage.program(&[command]).run().expect_code(6);
        assert!(
            finished.stderr.contains("is lost"),
            "{command}: {}",
            finished.stderr
        );
    }
    drop(share);
    // The mount point without the share is another folder; with it the next run completes the work.
    let Some(_share) = Share::mount(&stage) else {
        return;
    };
    stage.backup().expect_code(0);
    assert_eq!(stage.states("one"), ["verified"]);
}
