//! Stories of backups that were not finished: what they leave is told as what it is, and nothing of it is passed over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use rcbs_core::event::{Event, Listener};
use rcbs_core::plan::Instance;
use rcbs_core::run::{Outcome, VerifyPorts, outcome, run, verify};
use rcbs_sim::Cloud;
use rcbs_sim::quirks::Quirks;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::support::looking::{Said, every_byte};
use super::{AtEvent, World, day_of, live_until, options, whole_run};

/// Pages of recordings with media files and, between them, some without any.
fn some_without_media() -> Cloud {
    (0..12).fold(Cloud::new(3), |cloud, number| {
        let recording = cloud.recording(&format!("r{number}"));
        let recording = recording.at(&format!("2018-02-12T{:02}:00:00Z", 2 * number));
        match number / 2 % 3 {
            0 => recording.build(),
            _ => recording.audio().build(),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn what_an_unfinished_backup_has_not_reached_waits_and_is_no_damage() {
    // One page after the other, so that there are moments at which nothing but metadata are under way.
    let quirks = Quirks {
        page_cap: 2,
        ..Quirks::default()
    };
    let world = World::with(
        some_without_media(),
        &quirks,
        &["list always: delay ms=20000"],
    );
    let mut unfinished = 0;
    for moment in 1..40 {
        let folder = TempDir::new().unwrap();
        let death = CancellationToken::new();
        let listener = AtEvent::nth(moment, death.clone());
        let ports = world.ports(folder.path());
        let never = CancellationToken::new();
        let life = run(ports, options(Instance::all()), listener, never);
        live_until(death, life);
        let ports = world.ports(folder.path());
        let ports = VerifyPorts {
            target: ports.target,
            ledger: ports.ledger,
            clock: ports.clock,
        };
        let said = Arc::new(Said::default());
        let witness = Arc::clone(&said) as Arc<_>;
        let end = verify(ports, every_byte(), witness, CancellationToken::new()).await;
        assert_eq!(end.summary.damaged, 0, "{moment}: {:?}", said.0);
        let waits = end.summary.waiting + end.summary.without_metadata > 0;
        let wanted = if waits {
            Outcome::Waiting
        } else {
            Outcome::Complete
        };
        assert_eq!(end.outcome(), wanted, "{moment}: {:?}", end.summary);
        unfinished += u64::from(end.summary.waiting == 0 && waits);
    }
    assert!(unfinished > 0, "no moment had metadata alone missing");
}

/// Keeps what is stored, and asks at each checkpoint whether it passes anything that is not.
struct Passing {
    starts: Vec<(String, Timestamp)>,
    seen: Mutex<(BTreeSet<String>, Vec<Timestamp>)>,
}

impl Listener for Passing {
    fn on(&self, event: &Event) {
        let mut seen = self.seen.lock().unwrap();
        match event {
            Event::MetadataStored { recording, .. } => {
                seen.0.insert(recording.as_str().to_owned());
            }
            Event::Checkpoint { at } => {
                seen.1.push(*at);
                for (id, start) in &self.starts {
                    assert!(start >= at || seen.0.contains(id), "{id} is passed by {at}");
                }
            }
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_checkpoint_passes_a_recording_that_is_still_under_way() {
    // Pages of two, so that recordings of one slice come one after the other, and objects that come late.
    let quirks = Quirks {
        page_cap: 2,
        ..Quirks::default()
    };
    let faults = [
        "object every-3: delay ms=90000",
        "list every-2: delay ms=20000",
    ];
    let world = World::with(day_of(40), &quirks, &faults);
    let starts = world.cloud.read(|cloud| {
        let recordings = cloud.recordings().iter();
        recordings.map(|one| (one.id.clone(), one.start)).collect()
    });
    let passing = Arc::new(Passing {
        starts,
        seen: Mutex::default(),
    });
    let folder = TempDir::new().unwrap();
    let ports = world.ports(folder.path());
    let listener = Arc::clone(&passing) as Arc<_>;
    let never = CancellationToken::new();
    let end = run(ports, options(Instance::all()), listener, never).await;
    assert_eq!(outcome(&end), Outcome::Complete, "{:?}", end.stopped);
    assert!(
        passing.seen.lock().unwrap().1.len() > 1,
        "it moved on the way"
    );
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_has_staged_and_nobody_publishes_is_swept() {
    let world = World::new(day_of(3), &[]);
    let folder = TempDir::new().unwrap();
    whole_run(&world, folder.path(), Instance::all()).await;
    let staging = folder.path().join(".rcbs/staging");
    std::fs::write(staging.join("left-over.part"), "half of a file").unwrap();
    whole_run(&world, folder.path(), Instance::all()).await;
    assert_eq!(std::fs::read_dir(&staging).unwrap().count(), 0);
}
