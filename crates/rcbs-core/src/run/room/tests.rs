//! Who may write when, as one asks after the other.
#![expect(
    clippy::disallowed_methods,
    reason = "this clock is tokio's own, and stands still"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::time::Instant;

use super::*;
use crate::event::{Event, Listener};
use crate::ports::{FileFact, Publication, StageName, StagedFile};
use crate::space::Reserve;
use crate::store::{Folder, SafeName};

/// Nothing but a disk with so many free bytes.
#[derive(Debug)]
struct Free(AtomicU64);

#[async_trait]
impl Target for Free {
    async fn list(&self, _: &[Folder]) -> Result<Vec<Vec<FileFact>>, TargetError> {
        unreachable!()
    }
    async fn folders(&self, _: &Folder) -> Result<Vec<String>, TargetError> {
        unreachable!()
    }
    async fn read(
        &self,
        _: &Folder,
        _: &SafeName,
        _: u64,
        _: usize,
    ) -> Result<Option<Bytes>, TargetError> {
        unreachable!()
    }
    async fn stage(&self, _: &StageName) -> Result<Box<dyn StagedFile>, TargetError> {
        unreachable!()
    }
    async fn publish(&self, _: Vec<Publication>) -> Vec<Result<(), TargetError>> {
        unreachable!()
    }
    async fn quarantine(&self, _: &Folder, _: &SafeName) -> Result<(), TargetError> {
        unreachable!()
    }
    async fn sweep(&self) -> Result<(), TargetError> {
        unreachable!()
    }
    async fn write_note(&self, _: &SafeName, _: &str) -> Result<(), TargetError> {
        unreachable!()
    }
    async fn read_note(&self, _: &SafeName) -> Result<Option<String>, TargetError> {
        unreachable!()
    }
    async fn disk_space(&self) -> Result<DiskSpace, TargetError> {
        Ok(DiskSpace {
            free_bytes: self.0.load(Ordering::Relaxed),
            total_bytes: 1 << 40,
        })
    }
}

/// Tokio's own time, which the tests stop.
#[derive(Debug)]
struct Paused(Instant);

#[async_trait]
impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
    async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }
}

struct Silent;

impl Listener for Silent {
    fn on(&self, _: &Event) {}
}

const QUARTER_HOUR: Duration = Duration::from_mins(15);

fn room(free_bytes: u64) -> (Room, Arc<Free>) {
    let free = Arc::new(Free(AtomicU64::new(free_bytes)));
    let rules = SpaceRules {
        reserve: Reserve::Bytes(0),
        wait: QUARTER_HOUR,
    };
    let room = Room::new(
        rules,
        Arc::clone(&free) as Arc<_>,
        Arc::new(Paused(Instant::now())),
        Arc::new(Events::new(Arc::new(Silent))),
        Arc::default(),
    );
    (room, free)
}

/// A pass, if there is one now.
fn asked(room: &Room, bytes: u64) -> Option<Pass<'_>> {
    room.enter(Some(bytes)).now_or_never().flatten()
}

#[tokio::test(start_paused = true)]
async fn something_smaller_waits_for_what_did_not_fit() {
    let (room, free) = room(100_000);
    assert!(asked(&room, 200_000).is_none());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(asked(&room, 1_000).is_none(), "it would fit");
    free.0.store(300_000, Ordering::Relaxed);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(asked(&room, 1_000).is_some());
}

#[tokio::test(start_paused = true)]
async fn one_file_at_a_time_tries_whether_there_is_space() {
    let (room, _) = room(1 << 30);
    let full = TargetError::Full {
        path: "target".to_owned(),
    };
    asked(&room, 1_000).unwrap().met_full(&full);
    assert!(asked(&room, 1_000).is_none(), "nobody looks yet");
    tokio::time::advance(Duration::from_secs(2)).await;
    let trying = asked(&room, 1_000).unwrap();
    assert!(asked(&room, 1_000).is_none(), "one tries already");
    trying.written();
    let (one, other) = (asked(&room, 1_000), asked(&room, 1_000));
    assert!(one.is_some() && other.is_some(), "there is space");
}
