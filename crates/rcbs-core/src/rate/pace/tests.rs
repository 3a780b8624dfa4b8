//! Paces with a clock that stands still unless somebody sleeps.
#![expect(
    clippy::disallowed_methods,
    reason = "the clock of these tests is made of tokio's paused time"
)]

use async_trait::async_trait;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::*;
use crate::rate::Timetable;

/// A clock that shows this time at its beginning.
#[derive(Debug)]
struct TestClock {
    begun: Instant,
    wall: Timestamp,
}

fn clock(wall: &str) -> Arc<dyn Clock> {
    Arc::new(TestClock {
        begun: Instant::now(),
        wall: wall.parse().unwrap(),
    })
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.wall + SignedDuration::try_from(self.elapsed()).unwrap()
    }

    fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }
}

fn pace(bandwidth: Bandwidth) -> Arc<Pace> {
    Arc::new(Pace::new(clock("2018-02-12T00:00:00Z"), bandwidth))
}

fn by_hour(text: &str) -> Bandwidth {
    Bandwidth::by_hour(Timetable::parse(text).unwrap(), TimeZone::UTC)
}

/// Seconds until so many tasks have moved so many pieces each.
async fn seconds_for(pace: &Arc<Pace>, tasks: usize, pieces: usize, bytes: usize) -> f64 {
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        let pace = Arc::clone(pace);
        running.spawn(async move {
            for _ in 0..pieces {
                pace.wait(bytes).await;
            }
        });
    }
    running.join_all().await;
    began.elapsed().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn all_together_are_as_fast_as_the_limit_and_no_faster() {
    for (tasks, pieces, bytes) in [(1, 1_000, 16_384), (64, 16, 16_384), (7, 100, 1_000)] {
        let rate = 1_000_000.0;
        let pace = pace(Bandwidth::always(Some(1_000_000)));
        let took = seconds_for(&pace, tasks, pieces, bytes).await;
        // The first piece is free, and the last one is not waited for.
        let due = ((tasks * pieces - 1) * bytes) as f64 / rate;
        assert!(
            (due * 0.9 - SAVED.as_secs_f64()..due * 1.02 + 0.01).contains(&took),
            "{tasks} tasks: {took} s instead of {due} s"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_nobody_waits() {
    let pace = pace(Bandwidth::UNLIMITED);
    assert_eq!(seconds_for(&pace, 8, 100, 1 << 20).await, 0.0);
    assert_eq!(pace.most_transfers(), usize::MAX);
}

#[tokio::test(start_paused = true)]
async fn pieces_far_smaller_than_a_tick_of_the_timer_reach_the_limit_all_the_same() {
    // 16 KiB at 100 MB/s are 0.16 ms; the timer of tokio counts whole milliseconds.
    let pace = pace(Bandwidth::always(Some(100_000_000)));
    let took = seconds_for(&pace, 4, 10_000, 16_384).await;
    let due = 4.0 * 10_000.0 * 16_384.0 / 100_000_000.0;
    assert!((due * 0.95..due * 1.02).contains(&took), "{took} s, {due}");
}

#[tokio::test(start_paused = true)]
async fn time_that_nobody_used_is_not_saved_up() {
    let pace = pace(Bandwidth::always(Some(1_000)));
    pace.wait(1_000).await;
    pace.clock.sleep(Duration::from_hours(1)).await;
    // A tenth of a second is.
    let took = seconds_for(&pace, 1, 11, 1_000).await;
    assert!((9.8..10.1).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_leaves_its_turn_to_the_next() {
    let pace = pace(Bandwidth::always(Some(1_000)));
    pace.wait(10_000).await;
    let impatient = Arc::clone(&pace);
    let task = tokio::spawn(async move { impatient.wait(1_000_000).await });
    pace.clock.sleep(Duration::from_secs(1)).await;
    task.abort();
    let took = seconds_for(&pace, 1, 1, 1).await;
    assert!((8.9..9.1).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn the_limit_changes_at_the_edges_of_the_timetable_also_for_who_waits_already() {
    // Nothing but a trickle until one o'clock, then 1 MB/s until two, then no limit.
    let pace = pace(by_hour("0-1 1B/s; 1-2 1MB/s; off"));
    let began = Instant::now();
    let passed_s = || began.elapsed().as_secs();
    pace.wait(256 << 10).await;
    assert_eq!(passed_s(), 0);
    pace.wait(1).await;
    assert_eq!(
        passed_s(),
        3600,
        "not the three days that the first piece costs by night"
    );
    let took = seconds_for(&pace, 8, 100, 1_000_000).await;
    assert!((799.0..801.0).contains(&took), "{took}");
    // The rest of the second hour is more than is left to do after it.
    let took = seconds_for(&pace, 8, 1_000, 1_000_000).await;
    assert!((2_799.0..2_802.0).contains(&took), "{took}");
    assert_eq!(seconds_for(&pace, 8, 1_000, 1_000_000).await, 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_small_limit_is_shared_among_few() {
    for (limit, most) in [
        (1, 1),
        (65_535, 1),
        (65_536, 2),
        (512_000, 15),
        (20_000_000, 610),
    ] {
        assert_eq!(pace(Bandwidth::always(Some(limit))).most_transfers(), most);
    }
}
