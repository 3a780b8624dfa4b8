//! Stories of repairs on disks that are too small.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use rcbs_core::run::{Outcome, RunError, RunOptions, VerifyEnd, outcome, repair};
use rcbs_core::space::{Reserve, SpaceRules};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::disk::{Disk, HUGE};
use super::{Heard, NEVER, backup, rules, support, world};

/// The media files of the archive, by their paths.
#[expect(
    clippy::disallowed_methods,
    reason = "the archive is looked at from outside"
)]
fn media_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut to_visit = vec![folder.join("2018")];
    while let Some(inner) = to_visit.pop() {
        for entry in std::fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                to_visit.push(path);
            } else if path.extension().is_some_and(|ending| ending == "bin") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every second media file has other bytes at its end.
#[expect(clippy::disallowed_methods, reason = "the damage comes from outside")]
fn damage_every_second(folder: &Path) -> u64 {
    let harmed = media_files(folder).into_iter().step_by(2);
    let mut count = 0;
    for path in harmed {
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        count += 1;
    }
    count
}

#[expect(
    clippy::disallowed_methods,
    reason = "quarantine is in no list of the port"
)]
fn moved_aside(folder: &Path) -> usize {
    std::fs::read_dir(folder.join(".rcbs/quarantine")).map_or(0, Iterator::count)
}

/// A repair some days after the backup, on a disk with so much space; `has_quota` is a disk that lies about it.
async fn repaired(folder: &Path, day: i64, size_bytes: u64, has_quota: bool) -> VerifyEnd {
    let (ports, clock, _) = world(folder, |clock| Disk {
        clock,
        size_bytes,
        grows_at: NEVER,
        has_quota,
        book: Mutex::default(),
    });
    clock.turn_by(SignedDuration::from_hours(24 * day));
    let options = RunOptions {
        space: SpaceRules {
            reserve: Reserve::Bytes(0),
            wait: Duration::ZERO,
        },
        ..support::options()
    };
    let how = support::looking::every_byte();
    let heard = Arc::new(Heard::default()) as Arc<_>;
    let said = Arc::new(support::looking::Said::default()) as Arc<_>;
    let never = CancellationToken::new();
    repair(ports, options, how, heard, said, never).await
}

/// B3.
#[tokio::test(start_paused = true)]
async fn a_repair_moves_nothing_aside_for_which_there_is_no_space() {
    let folder = TempDir::new().unwrap();
    backup(folder.path(), HUGE, NEVER, rules(0)).await;
    let harmed = damage_every_second(folder.path());
    let there = media_files(folder.path());
    let stopped = repaired(folder.path(), 1, 20_000, false).await;
    assert_eq!(stopped.outcome(), Outcome::Target, "{stopped:?}");
    assert!(
        matches!(stopped.stopped, Some(RunError::NoRoom { .. })),
        "{stopped:?}"
    );
    assert_eq!(media_files(folder.path()), there, "all are still there");
    // Everything that was moved aside came back, and the rest is found again.
    let aside = moved_aside(folder.path()) as u64;
    assert!(aside < harmed, "{aside} of {harmed}");
    let end = repaired(folder.path(), 2, HUGE, false).await;
    assert_eq!(end.outcome(), Outcome::Complete, "{end:?}");
    assert_eq!(
        (end.summary.damaged, end.summary.mended),
        (harmed - aside, harmed - aside)
    );
}

/// B3: what is moved aside when the disk says that there is space, and there is none, is not forgotten.
#[tokio::test(start_paused = true)]
async fn what_a_repair_could_not_fetch_is_fetched_by_the_next_repair_or_backup() {
    for is_repaired in [true, false] {
        let folder = TempDir::new().unwrap();
        backup(folder.path(), HUGE, NEVER, rules(0)).await;
        let there = media_files(folder.path());
        let harmed = damage_every_second(folder.path());
        let stopped = repaired(folder.path(), 1, 20_000, true).await;
        assert_eq!(stopped.outcome(), Outcome::Target, "{stopped:?}");
        let gone = there.len() - media_files(folder.path()).len();
        assert!(gone > 0, "nothing was left to fetch");
        if is_repaired {
            let end = repaired(folder.path(), 2, HUGE, false).await;
            assert_eq!(end.outcome(), Outcome::Complete, "{end:?}");
            let summary = end.summary;
            assert_eq!(summary.damaged, summary.mended, "{summary:?}");
            assert!(summary.mended >= gone as u64, "{summary:?}");
            assert!(summary.mended <= harmed, "{summary:?}");
        } else {
            // What is damaged and was not moved yet is no business of a backup.
            let ended = backup(folder.path(), HUGE, NEVER, rules(0)).await;
            assert_eq!(outcome(&ended.end), Outcome::Complete, "{ended:?}");
            assert!(ended.end.summary.fetched >= gone as u64, "{ended:?}");
        }
        assert_eq!(media_files(folder.path()), there);
    }
}
