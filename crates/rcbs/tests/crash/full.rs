//! Disks of every size that is too small: the run ends with exit code 6, and the next one goes on where it stopped.

use std::path::PathBuf;

use rcbs_sim::{Cloud, Content};

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud};
use crate::support::small_disk::{SmallDisk, where_disks_can_be_mounted};

/// Enough for everything.
const ENOUGH_KIB: u64 = 16 << 10;

fn day() -> Cloud {
    (0..4).fold(cloud(), |cloud, number| {
        let recording = cloud.recording(&format!("RECORDING{number}"));
        let recording = recording.at(&format!("2018-02-12T{number:02}:30:00Z"));
        let audio = recording.audio_of(Content::pattern(5_000, number));
        audio
            .screen_of(Content::pattern(90_000, 10 + number))
            .build()
    })
}

/// Runs on disks of more and more KiB in this place, until one is large enough; each is made larger, and the next run
/// completes the work.
fn fill(lines: &str, place: impl Fn(&Stage) -> PathBuf, step_kib: usize) {
    let lines = format!("{}maxConnections=2\ndiskWait=0\n{lines}", hourly());
    let reference = Reference::of(day(), &lines);
    for (full, kib) in (16..ENOUGH_KIB).step_by(step_kib).enumerate() {
        let mut stage = Stage::new(day());
        stage.set(&lines);
        let disk = SmallDisk::mount(&place(&stage), kib);
        let finished = stage.program(&["backup", "--json"]).run();
        disk.resize(ENOUGH_KIB);
        if finished.code == Some(0) {
            reference.check_complete(&stage);
            assert!(full > 5, "only {full} disks were too small");
            return;
        }
        assert_eq!(finished.code, Some(6), "{kib} KiB: {}", finished.stderr);
        assert!(
            finished.stderr.contains("hint: free space"),
            "{kib} KiB: {}",
            finished.stderr
        );
        let after = reference.check_aftermath(&stage, &finished);
        reference.check_next_run(&stage, &after);
    }
    panic!("{ENOUGH_KIB} KiB are not enough");
}

/// B3, B4.
#[test]
fn a_disk_that_holds_archive_and_ledger_may_be_full_at_any_point() {
    where_disks_can_be_mounted(
        "full::a_disk_that_holds_archive_and_ledger_may_be_full_at_any_point",
        || fill("", Stage::target, 20),
    );
}

/// B3, B10.
#[test]
fn a_disk_that_holds_the_archive_may_be_full_at_any_point() {
    where_disks_can_be_mounted(
        "full::a_disk_that_holds_the_archive_may_be_full_at_any_point",
        || fill("stateDir=state\n", Stage::target, 16),
    );
}

/// B4.
#[test]
fn a_disk_that_holds_the_ledger_may_be_full_at_any_point() {
    where_disks_can_be_mounted(
        "full::a_disk_that_holds_the_ledger_may_be_full_at_any_point",
        || fill("stateDir=state\n", Stage::state_folder, 8),
    );
}
