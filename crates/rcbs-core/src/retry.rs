//! Whether a failed request is made again, and after how long: the class of the failure decides, nothing else.
//!
//! There is one layer of retry. Who makes requests asks [`Attempts`] after each failure, and the [`RetryBudget`] of the
//! server before each new try; a file that is given up on waits in the ledger until [`next_attempt`].

mod budget;
mod jitter;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub use budget::RetryBudget;
pub use jitter::Jitter;

use crate::failure::FailureClass;

/// The longest wait a server may ask for.
const LONGEST_AFTER: Duration = Duration::from_secs(15 * 60);

/// A transfer slower than this is not worth its connection; it bounds how long a large file may take.
const SLOWEST_BYTES_PER_SEC: u64 = 32 * 1024;

/// What happens after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The request is made again.
    Again {
        /// But not before this has passed.
        wait: Duration,
    },
    /// It is not made again in this run.
    GiveUp,
}

/// How patient we are with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in all, the first included, while failures may pass by themselves.
    pub tries: u32,
    /// Tries in all while what came is damaged.
    pub corrupt_tries: u32,
    /// Tries in all while the server breaks its own format.
    pub unexpected_tries: u32,
    /// No try is begun this long after the first.
    pub patience: Duration,
    /// While the first try is no older than this, being throttled does not count as a try.
    pub throttle_grace: Duration,
    /// Upper bound of the first wait; doubled for each further one.
    pub base: Duration,
    /// The same when throttled.
    pub throttle_base: Duration,
    /// Upper bound of any wait that no server asked for.
    pub cap: Duration,
}

impl RetryPolicy {
    /// For one request to the recording API. A login page or an error page in place of JSON is often gone with the
    /// next request, so it gets three tries.
    pub const API: Self = Self {
        tries: 6,
        corrupt_tries: 2,
        unexpected_tries: 3,
        patience: Duration::from_secs(10 * 60),
        throttle_grace: Duration::from_secs(5 * 60),
        base: Duration::from_millis(500),
        throttle_base: Duration::from_secs(2),
        cap: Duration::from_secs(30),
    };

    /// For a page behind a link that the server answers with a failure: it may be the link, and there are other ways.
    pub const LINK: Self = Self {
        tries: 3,
        unexpected_tries: 2,
        ..Self::API
    };

    /// For one media file of so many bytes: as patient as the slowest transfer that is still worth it would need.
    #[must_use]
    pub fn media(len_bytes: u64) -> Self {
        let slowest = Duration::from_secs(len_bytes / SLOWEST_BYTES_PER_SEC);
        Self {
            unexpected_tries: 1,
            patience: Self::API.patience.max(slowest),
            ..Self::API
        }
    }
}

/// The failures of one request so far, counted apart: a file that came damaged once gets its second chance even after
/// three cut connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Tries that count against [`RetryPolicy::tries`].
    counted: u32,
    throttled: u32,
    corrupt: u32,
    unexpected: u32,
}

impl Attempts {
    /// Decides what follows on a failure. `elapsed` is the time since the first try began, `random` a number in
    /// `0..1` that spreads the waits of many clients.
    ///
    /// - *Transient*: full jitter, from nothing up to the bound, so that clients cut at the same moment come back apart.
    /// - *Throttled*: equal jitter, at least half of the bound, because waits near nothing would use up the tries while
    ///   the server still recovers; what the server asked for replaces that half when it is longer.
    /// - *Corrupt*, *unexpected*: as transient, with fewer tries.
    /// - Anything else does not get better by itself within a run.
    pub fn failed(
        &mut self,
        policy: &RetryPolicy,
        class: FailureClass,
        elapsed: Duration,
        random: f64,
    ) -> Decision {
        let random = if random.is_finite() {
            random.clamp(0.0, 1.0)
        } else {
            1.0
        };
        let (spent, wait) = match class {
            FailureClass::Transient => {
                self.counted = self.counted.saturating_add(1);
                let bound = doubled(policy.base, self.counted, policy.cap);
                (self.counted >= policy.tries, bound.mul_f64(random))
            }
            FailureClass::Throttled { after } => {
                self.throttled = self.throttled.saturating_add(1);
                if elapsed > policy.throttle_grace {
                    self.counted = self.counted.saturating_add(1);
                }
                let half = doubled(policy.throttle_base, self.throttled, policy.cap) / 2;
                let asked = after.unwrap_or_default().min(LONGEST_AFTER);
                let wait = asked.max(half) + half.mul_f64(random);
                (self.counted >= policy.tries, wait)
            }
            FailureClass::Corrupt => {
                self.corrupt = self.corrupt.saturating_add(1);
                let bound = doubled(policy.base, self.corrupt, policy.cap);
                (self.corrupt >= policy.corrupt_tries, bound.mul_f64(random))
            }
            FailureClass::Unexpected => {
                self.unexpected = self.unexpected.saturating_add(1);
                let bound = doubled(policy.base, self.unexpected, policy.cap);
                (
                    self.unexpected >= policy.unexpected_tries,
                    bound.mul_f64(random),
                )
            }
            FailureClass::Denied
            | FailureClass::Lost
            | FailureClass::Local
            | FailureClass::Unencrypted
            | FailureClass::Bug => return Decision::GiveUp,
        };
        if spent || elapsed >= policy.patience {
            Decision::GiveUp
        } else {
            Decision::Again { wait }
        }
    }

    /// Whether it was throttled once, and not more often.
    #[must_use]
    pub fn is_first_throttle(&self) -> bool {
        self.throttled == 1
    }

    /// Notes that the last try brought bytes that are kept. A large file over a poor line is cut many times and still
    /// arrives; only cuts without progress between them count together. The patience bounds it all.
    pub fn progressed(&mut self) {
        self.counted = 0;
    }
}

/// `base * 2^(number - 1)`, at most `cap`.
fn doubled(base: Duration, number: u32, cap: Duration) -> Duration {
    let factor = 1_u32
        .checked_shl(number.saturating_sub(1))
        .unwrap_or(u32::MAX);
    base.saturating_mul(factor).min(cap)
}

/// When a waiting file is tried again, after so many failed attempts (the last one included).
///
/// The waits are 5 min, 20 min, 1 h, 3 h and then always 5 h. They matter to a service that runs every few minutes. The
/// last is shorter than the six hours between the four daily runs of the manual, less an hour in which the attempt may
/// have been made: every such run tries again.
///
/// What a person has to mend (a login, the disk, the configuration) is due at once: the run that follows the mending
/// must not find that it is too early.
#[must_use]
pub fn next_attempt(class: FailureClass, attempts: u32, now: Timestamp) -> Timestamp {
    let minutes = match (class, attempts) {
        (FailureClass::Denied | FailureClass::Local | FailureClass::Unencrypted, _) => 0,
        (_, 0 | 1) => 5,
        (_, 2) => 20,
        (_, 3) => 60,
        (_, 4) => 3 * 60,
        (_, 5..) => 5 * 60,
    };
    let ladder = SignedDuration::from_mins(minutes);
    let asked = match class {
        FailureClass::Throttled { after: Some(after) } => after.min(LONGEST_AFTER),
        _ => Duration::ZERO,
    };
    let asked = SignedDuration::try_from(asked).unwrap_or(SignedDuration::ZERO);
    now.checked_add(ladder.max(asked)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
