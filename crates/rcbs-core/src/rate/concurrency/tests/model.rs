//! A model of a store and of the line to it, without a clock and always the same: what is found, and what it costs.

use std::time::Duration;

use super::Concurrency;
use crate::retry::Jitter;

const TICK: Duration = Duration::from_millis(5);

/// A store and a line.
#[derive(Clone, Copy)]
struct Model {
    /// To the first byte of an object.
    latency_ms: u64,
    /// Bytes a second of the line, for all together.
    line: f64,
    /// Bytes a second of one connection.
    each: f64,
    /// Mean length of an object; half of them are shorter than 0.7 of it.
    mean_bytes: f64,
    /// More at once are refused.
    bears: usize,
}

struct Transfer {
    wait: Duration,
    left: f64,
}

/// What came of a time.
#[derive(Debug)]
struct Got {
    bytes_per_s: f64,
    objects_per_s: f64,
    mean_running: f64,
}

/// Runs so long with as much to do as is let through; the line may become another at some time.
fn run(
    rate: &mut Concurrency,
    model: impl Fn(Duration) -> Model,
    from_s: u64,
    until_s: u64,
    seed: u64,
) -> Got {
    let mut random = Jitter::new(seed);
    let mut running: Vec<Transfer> = Vec::new();
    let (mut bytes, mut objects, mut sum_running) = (0.0, 0_u64, 0_usize);
    let mut now = Duration::from_secs(from_s);
    let mut ticks = 0_usize;
    while now < Duration::from_secs(until_s) {
        let model = model(now);
        while running.len() < rate.limit() {
            if running.len() >= model.bears {
                rate.on_throttle(now);
                break;
            }
            running.push(Transfer {
                wait: Duration::from_millis(model.latency_ms),
                // Exponential, as lengths of calls nearly are.
                left: 1_000.0 - model.mean_bytes * (1.0 - random.draw()).ln(),
            });
        }
        let active = running.iter().filter(|one| one.wait.is_zero()).count();
        let share = (model.line / active.max(1) as f64).min(model.each) * TICK.as_secs_f64();
        let count = running.len();
        for one in &mut running {
            if one.wait.is_zero() {
                let got = share.min(one.left);
                one.left -= got;
                bytes += got;
                rate.on_bytes(got as u64, count, now);
            } else {
                one.wait = one.wait.saturating_sub(TICK);
            }
        }
        let before = running.len();
        running.retain(|one| one.left > 0.0);
        for _ in running.len()..before {
            objects += 1;
            rate.on_success(count, now);
        }
        sum_running += running.len();
        ticks += 1;
        now += TICK;
    }
    let took_s = (until_s - from_s) as f64;
    Got {
        bytes_per_s: bytes / took_s,
        objects_per_s: objects as f64 / took_s,
        mean_running: sum_running as f64 / ticks as f64,
    }
}

/// A branch office: 10 Mbit/s.
const SLOW_LINE: Model = Model {
    latency_ms: 60,
    line: 1.25e6,
    each: 5e6,
    mean_bytes: 400e3,
    bears: usize::MAX,
};

/// A data centre: the store gives each connection 2 MB/s.
const FAST_LINE: Model = Model {
    latency_ms: 60,
    line: 1e9,
    each: 2e6,
    mean_bytes: 400e3,
    bears: usize::MAX,
};

/// The same with metadata-sized objects.
const SMALL_OBJECTS: Model = Model {
    mean_bytes: 1e3,
    ..FAST_LINE
};

/// 200 Mbit/s: about 20 connections fill it.
const MIDDLE_LINE: Model = Model {
    line: 25e6,
    ..FAST_LINE
};

/// Screen recordings on a slow line.
const LARGE_OBJECTS: Model = Model {
    mean_bytes: 30e6,
    ..SLOW_LINE
};

#[test]
fn a_full_line_is_kept_full_by_few_transfers() {
    for (model, most) in [(SLOW_LINE, 8), (LARGE_OBJECTS, 8), (MIDDLE_LINE, 30)] {
        let mut rate = Concurrency::new(64);
        run(&mut rate, |_| model, 0, 600, 1);
        let got = run(&mut rate, |_| model, 600, 1_200, 2);
        assert!(got.bytes_per_s > 0.97 * model.line, "{got:?}");
        assert!(got.mean_running < f64::from(most), "{got:?}");
    }
}

#[test]
fn what_each_connection_brings_is_not_given_away() {
    for model in [FAST_LINE, SMALL_OBJECTS] {
        for seed in 1..=5 {
            let mut rate = Concurrency::new(64);
            let got = run(&mut rate, |_| model, 0, 600, seed);
            assert!(got.mean_running > 57.0, "{got:?}");
            assert!(rate.limit() >= 48, "{}", rate.limit());
        }
    }
}

#[test]
fn a_short_run_is_as_fast_as_without_measuring() {
    let mut rate = Concurrency::new(64);
    run(&mut rate, |_| FAST_LINE, 0, 4, 1);
    assert_eq!(rate.limit(), 64);
}

#[test]
fn a_line_that_becomes_free_is_used_and_one_that_fills_is_left_to_others() {
    let line = |now: Duration| match now.as_secs() {
        ..600 => SLOW_LINE,
        600..1_800 => FAST_LINE,
        _ => SLOW_LINE,
    };
    let mut rate = Concurrency::new(64);
    run(&mut rate, line, 0, 600, 1);
    assert!(rate.limit() <= 8, "{}", rate.limit());
    run(&mut rate, line, 600, 900, 2);
    let free = run(&mut rate, line, 900, 1_800, 3);
    assert!(free.objects_per_s > 200.0, "{free:?}");
    run(&mut rate, line, 1_800, 2_400, 4);
    let full = run(&mut rate, line, 2_400, 3_000, 5);
    assert!(full.mean_running < 10.0, "{full:?}");
    assert!(full.bytes_per_s > 0.97 * SLOW_LINE.line, "{full:?}");
}

#[test]
fn when_the_store_says_slow_down_that_counts_and_nothing_is_measured() {
    let model = Model {
        bears: 40,
        ..FAST_LINE
    };
    let mut rate = Concurrency::new(64);
    let got = run(&mut rate, |_| model, 0, 600, 1);
    assert!((25.0..40.0).contains(&got.mean_running), "{got:?}");
}
