//! A system that refuses single calls: memory, quotas, read-only and failing disks, flushes that fail or are unknown.

use std::path::Path;

use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_core::store::stage_name;
use rcbs_sim::{Cloud, Content};

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud};
use crate::support::rcbs::Finished;

/// A file of this recording is large enough to be written while it comes.
const LARGE: &str = "RECORDING1";

fn day() -> Cloud {
    (0..3).fold(cloud(), |cloud, number| {
        cloud
            .recording(&format!("RECORDING{number}"))
            .at(&format!("2018-02-12T{number:02}:30:00Z"))
            .audio_of(Content::pattern(1_500_000, number))
            .media_id("audio")
            .build()
    })
}

fn stage() -> Stage {
    let mut stage = Stage::new(day());
    stage.set(&hourly());
    stage.set("diskWait=0");
    stage
}

/// Where the large file lies until it is complete.
fn staged(stage: &Stage) -> String {
    let recording = RecordingId::new(LARGE).unwrap();
    let media = MediaId::new("audio").unwrap();
    let name = stage_name(&recording, Some(&media));
    let path = stage.target().join(".rcbs/staging").join(name.as_str());
    path.to_str().unwrap().to_owned()
}

/// Runs under `strace` with these options.
fn run_with(stage: &Stage, options: &[&str]) -> Finished {
    let program = stage.program(&["backup", "--json"]);
    program.traced(options).run()
}

/// Whatever it came to, the checker finds nothing wrong, and the next run completes the work.
fn check(stage: &Stage, finished: &Finished) {
    let reference = Reference::of(day(), &hourly());
    let after = reference.check_aftermath(stage, finished);
    reference.check_next_run(stage, &after);
}

/// B5.
#[test]
fn quotas_and_write_protection_end_the_run_and_say_why() {
    for (error, words) in [
        ("EDQUOT", "no space left"),
        ("EROFS", "Read-only file system"),
        ("EACCES", "Permission denied"),
    ] {
        let stage = stage();
        let path = staged(&stage);
        let inject = format!("inject=openat,write,writev,pwrite64:error={error}");
        let finished = run_with(&stage, &["-P", &path, "-e", &inject]).expect_code(6);
        let told = finished.stderr.to_lowercase();
        assert!(told.contains(&words.to_lowercase()), "{error}: {told}");
        assert!(told.contains("hint: "), "{error}: {told}");
        check(&stage, &finished);
    }
}

/// B6.
#[test]
fn a_disk_that_fails_while_it_is_written_ends_the_run() {
    for number in ["1", "1+"] {
        let stage = stage();
        let path = staged(&stage);
        let inject = format!("inject=write,writev,pwrite64:error=EIO:when={number}");
        let finished = run_with(&stage, &["-P", &path, "-e", &inject]);
        let code = finished.code.unwrap();
        assert!([3, 6].contains(&code), "{number}: {finished:?}");
        check(&stage, &finished);
    }
}

/// B7: the system forgets what it could not write, so a second flush that succeeds would prove nothing.
#[test]
fn a_flush_that_failed_is_never_tried_again() {
    for call in ["syncfs", "fsync"] {
        let stage = stage();
        let inject = format!("inject={call}:error=EIO:when=1");
        let (finished, calls) = flushes(&stage, &inject);
        let finished = finished.expect_code(6);
        let failed = calls.lines().position(|line| line.contains("(INJECTED)"));
        let failed = failed.unwrap_or_else(|| panic!("no {call} failed: {calls}"));
        let lines: Vec<&str> = calls.lines().collect();
        let file = flushed(lines[failed]);
        let later = lines[failed + 1..]
            .iter()
            .filter(|line| flushed(line) == file);
        assert_eq!(later.count(), 0, "{calls}");
        check(&stage, &finished);
    }
}

/// What a line of `strace -y` flushes: `fsync(9</folder/file>) = 0`.
fn flushed(line: &str) -> &Path {
    let after = line.split_once('<').map_or("", |(_, after)| after);
    Path::new(after.split('>').next().unwrap())
}

/// B9.
#[test]
fn a_system_that_cannot_flush_the_volume_flushes_each_file() {
    for error in ["ENOSYS", "EOPNOTSUPP"] {
        let stage = stage();
        let inject = format!("inject=syncfs:error={error}");
        let (finished, calls) = flushes(&stage, &inject);
        let finished = finished.expect_code(0);
        // All of a batch counts, and the last batches of a run may be too small for the other way.
        let is_alone = |line: &&str| line.contains("/.rcbs/staging/");
        let alone = calls.lines().filter(is_alone).count();
        assert!(!calls.contains("syncfs(") || alone >= 6, "{calls}");
        check(&stage, &finished);
    }
}

/// Runs with this fault, and gives what was flushed.
fn flushes(stage: &Stage, inject: &str) -> (Finished, String) {
    let trace = stage.folder().join("calls");
    let out = trace.to_str().unwrap();
    let fixed = ["strace", "-f", "-y", "-o", out];
    let flushes = ["-e", "trace=fsync,fdatasync,syncfs", "-e", inject];
    let wrapper = fixed.iter().chain(&flushes);
    let run = stage.program(&["backup", "--json"]).under(wrapper).run();
    let calls = std::fs::read_to_string(&trace).unwrap();
    std::fs::remove_file(trace).unwrap();
    (run, calls)
}

/// B10; short writes come in `full`, from disks that have room for a part.
#[test]
fn calls_that_are_interrupted_are_made_again() {
    let stage = stage();
    let calls = "write,writev,pwrite64,read,pread64";
    let inject = format!("inject={calls}:error=EINTR:when=3+5");
    let target = stage.target();
    let path = staged(&stage);
    let journal = target.join(".rcbs/ledger.db-wal");
    let options = ["-P", &path, "-P", journal.to_str().unwrap(), "-e", &inject];
    let finished = run_with(&stage, &options).expect_code(0);
    check(&stage, &finished);
}

/// A8.
#[test]
fn too_little_memory_ends_a_run_and_harms_nothing() {
    let mut ended = 0;
    for mib in [40, 60, 80, 100, 130, 160, 200, 300, 2_000] {
        let stage = stage();
        let limit = format!("ulimit -c 0; ulimit -v {}; exec \"$@\"", mib << 10);
        let run = stage.program(&["backup", "--json"]);
        let finished = run.under(["/bin/sh", "-c", &limit, "sh"]).run();
        ended += u32::from(finished.code != Some(0));
        check(&stage, &finished);
    }
    assert!(ended > 0, "no limit was too small");
    assert!(ended < 9, "no limit was large enough");
}
