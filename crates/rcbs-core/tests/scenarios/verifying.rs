//! Stories of what a process that ended in between leaves, and of verifying while another is at work.

use std::sync::Arc;

use rcbs_core::plan::Instance;
use rcbs_core::ports::Target;
use rcbs_core::run::{Outcome, Ports, VerifyPorts, outcome, run, verify};
use rcbs_core::verify::VerifySummary;
use rcbs_sim::{Cloud, Form};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::meddled::Meddled;
use super::support::looking::{Said, every_byte};
use super::{AtEvent, World, archive, day_of, live_until, options, whole_run};

/// Files have their final names, and nobody heard of it.
async fn run_that_dies_after_publishing(world: &World, folder: &TempDir) {
    let ports = world.ports(folder.path());
    let ports = Ports {
        target: Arc::new(Meddled::dies_after_publishing(ports.target)),
        ..ports
    };
    let token = CancellationToken::new();
    let end = run(ports, options(Instance::all()), AtEvent::never(), token).await;
    assert_eq!(outcome(&end), Outcome::Target);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_damaged_before_the_ledger_knew_it_is_found_out() {
    let world = World::new(day_of(3), &[]);
    let folder = TempDir::new().unwrap();
    run_that_dies_after_publishing(&world, &folder).await;
    let published = archive(folder.path());
    let media: Vec<&String> = published
        .keys()
        .filter(|name| name.ends_with(".bin"))
        .collect();
    assert!(!media.is_empty());
    // The power went with the last name, and took a bit of each file with it: the structure holds, the content does not.
    for name in &media {
        let mut bytes = published[*name].clone();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let end = whole_run(&world, folder.path(), Instance::all()).await;
    assert_eq!(outcome(&end), Outcome::Complete);
    let repaired = archive(folder.path());
    for name in media {
        assert!(repaired[name] == published[name], "{name}");
    }
}

async fn verified(ports: Ports, target: Arc<dyn Target>) -> (VerifySummary, Vec<String>) {
    let ports = VerifyPorts {
        target,
        ledger: ports.ledger,
        clock: ports.clock,
    };
    let said = Arc::new(Said::default());
    let witness = Arc::clone(&said) as Arc<_>;
    let end = verify(ports, every_byte(), witness, CancellationToken::new()).await;
    assert!(end.stopped.is_none(), "{:?}", end.stopped);
    let said = said.0.lock().unwrap().clone();
    (end.summary, said)
}

/// Every recording has another caller now.
fn change_all(world: &World, caller: &str) {
    change_but(world, caller, "");
}

/// The same, with one left as it was.
fn change_but(world: &World, caller: &str, left_out: &str) {
    world.cloud.change(|cloud| {
        let ids: Vec<String> = cloud.recordings().iter().map(|it| it.id.clone()).collect();
        for id in ids.into_iter().filter(|id| id != left_out) {
            cloud.change(&id, |recording| caller.clone_into(&mut recording.caller));
        }
    });
}

#[tokio::test(start_paused = true)]
async fn changed_metadata_of_a_run_that_ended_before_it_could_say_so_are_no_damage() {
    let world = World::new(day_of(5), &[]);
    let folder = TempDir::new().unwrap();
    whole_run(&world, folder.path(), Instance::all()).await;
    change_all(&world, "+15550001");
    run_that_dies_after_publishing(&world, &folder).await;

    let ports = world.ports(folder.path());
    let target = Arc::clone(&ports.target);
    let (summary, said) = verified(ports, target).await;
    assert_eq!(said, <[&str; 0]>::default());
    assert_eq!(summary.metadata, 5);
    let end = whole_run(&world, folder.path(), Instance::all()).await;
    assert_eq!(outcome(&end), Outcome::Complete);
}

#[tokio::test(start_paused = true)]
async fn what_changes_between_ledger_and_file_is_looked_at_again() {
    let world = Arc::new(World::new(day_of(5), &[]));
    let folder = Arc::new(TempDir::new().unwrap());
    whole_run(&world, folder.path(), Instance::all()).await;
    let ports = world.ports(folder.path());
    let meanwhile = {
        let (world, folder) = (Arc::clone(&world), Arc::clone(&folder));
        async move {
            // Twice: what is read then is neither what was stored nor what was announced when the ledger was asked.
            for caller in ["+15550001", "+15550002"] {
                change_all(&world, caller);
                whole_run(&world, folder.path(), Instance::all()).await;
            }
        }
    };
    let target = Meddled::before_reading(Arc::clone(&ports.target), meanwhile);
    let (summary, said) = verified(ports, Arc::new(target)).await;
    assert_eq!(said, <[&str; 0]>::default());
    assert_eq!((summary.metadata, summary.damaged), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn damage_is_told_also_while_a_run_is_at_work() {
    let world = Arc::new(World::new(day_of(5), &[]));
    let folder = Arc::new(TempDir::new().unwrap());
    whole_run(&world, folder.path(), Instance::all()).await;
    let files = archive(folder.path());
    let media = files.keys().find(|name| name.ends_with(".bin")).unwrap();
    let recording = media.split('/').nth(4).unwrap().to_owned();
    let mut bytes = files[media].clone();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(folder.path().join(media), bytes).unwrap();
    let ports = world.ports(folder.path());
    let meanwhile = {
        let (world, folder) = (Arc::clone(&world), Arc::clone(&folder));
        async move {
            change_but(&world, "+15550001", &recording);
            whole_run(&world, folder.path(), Instance::all()).await;
        }
    };
    let target = Meddled::before_reading(Arc::clone(&ports.target), meanwhile);
    let (summary, said) = verified(ports, Arc::new(target)).await;
    assert_eq!(summary.damaged, 1, "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_verified_stays_so_while_changed_metadata_are_taken_in() {
    // With envelopes in their metadata: when those change, files are compared with them.
    let cloud = (0..30).fold(Cloud::new(3), |cloud, number| {
        let recording = cloud.recording(&format!("r{number}"));
        let recording = recording.at("2018-02-12T12:00:00Z").audio();
        recording.kept_as(Form::Detached).build()
    });
    let world = World::new(cloud, &[]);
    let folder = TempDir::new().unwrap();
    whole_run(&world, folder.path(), Instance::all()).await;
    let before = world.ports(folder.path()).ledger.tally().await.unwrap();
    for events in 1..=24 {
        change_all(&world, &format!("+1555{events:04}"));
        let death = CancellationToken::new();
        let never = CancellationToken::new();
        let listener = AtEvent::nth(events, death.clone());
        let ports = world.ports(folder.path());
        live_until(death, run(ports, options(Instance::all()), listener, never));
        let tally = world.ports(folder.path()).ledger.tally().await.unwrap();
        assert_eq!(tally, before, "after {events} events");
    }
}
