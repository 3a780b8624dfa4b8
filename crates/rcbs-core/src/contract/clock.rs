//! The promises of [`crate::ports::Clock`] as tests for every implementation.

use std::time::Duration;

use crate::ports::Clock;

/// Every promise. With a real clock this takes some milliseconds of real time.
///
/// # Panics
/// Where a promise is broken.
pub async fn all(clock: &dyn Clock) {
    the_wall_clock_is_set(clock);
    elapsed_time_never_runs_backwards(clock);
    a_sleep_is_not_shorter_than_asked(clock).await;
    a_dropped_sleep_leaves_the_clock_alone(clock).await;
}

/// A clock that was never set stands in 1970.
///
/// # Panics
/// Where the promise is broken.
pub fn the_wall_clock_is_set(clock: &dyn Clock) {
    let now = clock.now();
    assert!(now.as_second() > 365 * 86_400, "{now}");
}

/// Any two readings are in order.
///
/// # Panics
/// Where the promise is broken.
pub fn elapsed_time_never_runs_backwards(clock: &dyn Clock) {
    let mut before = clock.elapsed();
    for _ in 0..10_000 {
        let after = clock.elapsed();
        assert!(after >= before);
        before = after;
    }
}

/// Both the elapsed time and the timer agree that the time has passed.
///
/// # Panics
/// Where the promise is broken.
pub async fn a_sleep_is_not_shorter_than_asked(clock: &dyn Clock) {
    for wait in [0, 1, 1_500, 20_000].map(Duration::from_micros) {
        let before = clock.elapsed();
        clock.sleep(wait).await;
        assert!(clock.elapsed() - before >= wait, "{wait:?}");
    }
}

/// A sleep may be polled and given up; the next one is as long as it should be.
///
/// # Panics
/// Where the promise is broken.
pub async fn a_dropped_sleep_leaves_the_clock_alone(clock: &dyn Clock) {
    let wait = Duration::from_millis(5);
    let before = clock.elapsed();
    let given_up = tokio::select! {
        biased;
        () = clock.sleep(Duration::from_secs(1_000_000)) => false,
        () = clock.sleep(wait) => true,
    };
    assert!(given_up);
    let passed = clock.elapsed() - before;
    assert!(passed >= wait && passed < Duration::from_secs(1_000_000));
}
