//! Concurrency by itself, and against a model of a store.

mod model;

use super::*;

fn after_successes(rate: &mut Concurrency, count: usize) -> usize {
    for _ in 0..count {
        rate.on_success(0, Duration::ZERO);
    }
    rate.limit()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn it_begins_at_sixteen_or_below() {
    for (max, first, start) in [(0, 1, 1), (1, 1, 1), (5, 4, 5), (16, 4, 16), (64, 4, 16)] {
        let mut rate = Concurrency::new(max);
        assert_eq!(rate.limit(), first, "nothing came yet");
        rate.on_bytes(1, 1, Duration::ZERO);
        assert_eq!(rate.limit(), start);
    }
}

/// The limits that a start goes through when so many objects end in a second with so many transfers.
fn limits_of_a_start(max: usize, per_s: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut rate = Concurrency::new(max);
    let mut now = Duration::ZERO;
    let mut limits = vec![rate.limit.min(max)];
    while now < Duration::from_secs(3) && !rate.start.is_over(now) {
        rate.on_success(rate.limit(), now);
        if limits.last() != Some(&rate.limit()) {
            limits.push(rate.limit());
        }
        now += Duration::from_secs_f64(1.0 / per_s(rate.limit()));
    }
    limits
}

#[test]
fn it_doubles_round_by_round_for_as_long_as_that_brings_more() {
    for (max, most_per_s, limits) in [
        (64, f64::INFINITY, vec![16, 32, 64]),
        (200, f64::INFINITY, vec![16, 32, 64, 128, 200]),
        (8, f64::INFINITY, vec![8]),
        // Sixteen fill the line: twice as many are tried, and given up.
        (64, 160.0, vec![16, 32, 64, 32]),
        (256, 640.0, vec![16, 32, 64, 128, 64]),
        // So fast that a round takes no time: it is watched all the same.
        (64, 1e5, vec![16, 32, 64, 32]),
    ] {
        let each_per_s = if most_per_s == 1e5 { 1e5 } else { 10.0 };
        let per_s = |running: usize| most_per_s.min(running as f64 * each_per_s);
        assert_eq!(limits_of_a_start(max, per_s), limits, "{max} {most_per_s}");
    }
}

#[test]
fn a_throttle_halves_it_once_a_second() {
    let mut rate = Concurrency::new(64);
    (rate.limit, rate.proven) = (64, true);
    for (at, limit) in [
        (5_000, 32),
        (5_001, 32),
        (5_999, 32),
        (6_000, 16),
        (6_500, 16),
        (7_000, 8),
    ] {
        rate.on_throttle(ms(at));
        assert_eq!(rate.limit(), limit, "at {at} ms");
    }
}

#[test]
fn a_throttle_in_the_first_moment_counts() {
    let mut rate = Concurrency::new(64);
    rate.on_throttle(Duration::ZERO);
    rate.on_bytes(1, 1, Duration::ZERO);
    assert_eq!(rate.limit(), 8);
}

#[test]
fn after_a_throttle_it_grows_by_one_with_each_round() {
    let mut rate = Concurrency::new(64);
    rate.on_throttle(ms(0));
    assert_eq!(after_successes(&mut rate, 7), 8);
    assert_eq!(after_successes(&mut rate, 1), 9);
    assert_eq!(after_successes(&mut rate, 9), 10);
    assert_eq!(after_successes(&mut rate, 100_000), 64);
}

#[test]
fn calm_minutes_after_a_throttle_it_is_measured_again() {
    let limit_after = |calm_s: u64| {
        let mut rate = Concurrency::new(64);
        rate.on_throttle(ms(0));
        // Rounds in which more transfers bring more: measuring finds that, counting successes adds one each round.
        for step in 0..400 {
            let now = Duration::from_secs(calm_s) + ms(step * 100);
            let running = rate.limit();
            rate.on_bytes(running as u64 * 1_000_000, running, now);
            if step % 10 == 0 {
                rate.on_success(running, now);
            }
        }
        rate.limit()
    };
    assert!(limit_after(60) <= 8 + 5, "{}", limit_after(60));
    assert!(limit_after(121) > 20, "{}", limit_after(121));
}

#[test]
fn one_request_is_always_allowed() {
    let mut rate = Concurrency::new(2);
    for second in 0..100 {
        rate.on_throttle(Duration::from_secs(second));
    }
    assert_eq!(rate.limit(), 1);
    assert_eq!(after_successes(&mut rate, 1), 2);
}
