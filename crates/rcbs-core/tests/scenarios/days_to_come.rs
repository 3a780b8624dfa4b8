//! Nobody can prove what has not happened yet.

use jiff::{SignedDuration, Timestamp};
use rcbs_core::plan::{Instance, UntilEdge};
use rcbs_core::ports::Period;
use rcbs_core::run::{Outcome, RunOptions, outcome, run};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{AtEvent, World, day_of, options, whole_run};

/// The last moment that the ledger calls listed, after a run over a window that ends in March.
async fn listed_until(world: &World, folder: &TempDir) -> Timestamp {
    let mut options: RunOptions = options(Instance::all());
    options.window.until = UntilEdge::At("2018-03-05T00:00:00Z".parse().unwrap());
    let never = CancellationToken::new();
    let ports = world.ports(folder.path());
    let end = run(ports, options, AtEvent::never(), never).await;
    assert_eq!(outcome(&end), Outcome::Complete, "{end:?}");
    last_listed(world, folder).await
}

async fn last_listed(world: &World, folder: &TempDir) -> Timestamp {
    let listed: Vec<Period> = world.ports(folder.path()).ledger.listed().await.unwrap();
    listed.last().unwrap().until
}

fn march(day: i8) -> Timestamp {
    format!("2018-03-{day:02}T00:00:00Z").parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn days_to_come_are_not_proven_by_a_window_that_holds_them() {
    let world = World::new(day_of(3), &[]);
    let folder = TempDir::new().unwrap();
    assert_eq!(listed_until(&world, &folder).await, march(1), "that is now");
}

#[tokio::test(start_paused = true)]
async fn what_a_clock_that_was_ahead_has_proven_is_taken_back() {
    let world = World::new(day_of(3), &[]);
    let folder = TempDir::new().unwrap();
    world.clock.turn_by(SignedDuration::from_hours(10 * 24));
    assert_eq!(listed_until(&world, &folder).await, march(5));
    world.clock.turn_by(SignedDuration::from_hours(-10 * 24));
    whole_run(&world, folder.path(), Instance::all()).await;
    // Some time of the first run has passed on the clock as well.
    let last = last_listed(&world, &folder).await;
    assert!(last < march(2), "{last}");
}
