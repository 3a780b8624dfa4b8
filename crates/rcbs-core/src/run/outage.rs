//! Tells a store that is out of reach from an object that could not be had.

use crate::fetch::FetchError;
use crate::ports::StoreError;

/// So many media files in a row, each after its own retries, and not one answer: it is not the files.
const STREAK: u32 = 5;
/// The same when some of them failed in an earlier run already, or when the store says of each that it failed itself.
/// They come first in a run, and five objects that hang for ever must not keep all others from being tried, run after
/// run.
const STREAK_AGAIN: u32 = 50;

/// Whether the store has been heard of in this run.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    reached: bool,
    failures: u32,
    failures_again: u32,
    /// The store answered, and always that it failed.
    faults: u32,
    last: Option<StoreError>,
}

impl Outage {
    /// An object was given.
    pub(crate) fn given(&mut self) {
        self.reached = true;
    }

    /// A media file failed for good in this run; `any_bytes` when some of any object came, `again` when this one
    /// waited already. True when the store is out of reach, so that going on would only wait for one time limit after
    /// another.
    pub(crate) fn failed(&mut self, error: &FetchError, any_bytes: bool, again: bool) -> bool {
        match error {
            FetchError::Store(
                store @ (StoreError::Unreachable { .. }
                | StoreError::Cut { .. }
                | StoreError::Timeout { .. }),
            ) => {
                self.failures += u32::from(!again);
                self.failures_again += u32::from(again);
                self.last = Some(store.clone());
            }
            FetchError::Store(store @ StoreError::Server { .. }) => {
                self.faults += 1;
                if self.faults >= STREAK_AGAIN {
                    self.last = Some(store.clone());
                }
            }
            // Whatever else came was an answer.
            FetchError::Store(_) | FetchError::Broken(_) | FetchError::Misfit(_) => {
                self.reached = true;
            }
            FetchError::Checksum { .. } | FetchError::Empty | FetchError::ErrorPage => {
                self.reached = true;
            }
            FetchError::Unencrypted { .. }
            | FetchError::NotCiphertext { .. }
            | FetchError::NoEnvelope
            | FetchError::Unproven => {
                self.reached = true;
            }
            FetchError::Target(_)
            | FetchError::Envelope(_)
            | FetchError::Seal(_)
            | FetchError::Bug { .. } => {}
        }
        self.reached |= any_bytes;
        let all = self.failures + self.failures_again + self.faults;
        let is_streak = self.failures >= STREAK || all >= STREAK_AGAIN;
        !self.reached && is_streak
    }

    /// Why no answer ever came, when media files were asked for and none did.
    pub(crate) fn reason(&self) -> Option<StoreError> {
        self.last.clone().filter(|_| !self.reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreachable() -> FetchError {
        FetchError::Store(StoreError::Unreachable {
            reason: "connection refused".to_owned(),
        })
    }

    #[test]
    fn a_store_that_never_answers_is_out_of_reach() {
        let mut outage = Outage::default();
        assert!(outage.reason().is_none());
        let verdicts: Vec<bool> = (0..5)
            .map(|_| outage.failed(&unreachable(), false, false))
            .collect();
        assert_eq!(verdicts, [false, false, false, false, true]);
        assert!(outage.reason().is_some());
    }

    #[test]
    fn what_failed_before_keeps_no_other_from_being_tried_for_long() {
        let mut outage = Outage::default();
        let verdicts: Vec<bool> = (0..50)
            .map(|_| outage.failed(&unreachable(), false, true))
            .collect();
        assert_eq!(verdicts.iter().position(|stop| *stop), Some(49));
        let mut outage = Outage::default();
        assert!((0..40).all(|_| !outage.failed(&unreachable(), false, true)));
        assert!((0..4).all(|_| !outage.failed(&unreachable(), false, false)));
        assert!(outage.failed(&unreachable(), false, false));
    }

    #[test]
    fn a_store_that_only_ever_fails_is_out_of_reach_after_many_files() {
        let fault = FetchError::Store(StoreError::Server {
            status: 500,
            code: "InternalError".to_owned(),
        });
        let mut outage = Outage::default();
        assert!((0..49).all(|_| !outage.failed(&fault, false, false)));
        assert!(outage.reason().is_none(), "they wait, each for itself");
        assert!(outage.failed(&fault, false, false));
        assert!(matches!(
            outage.reason(),
            Some(StoreError::Server { status: 500, .. })
        ));
        let mut outage = Outage::default();
        outage.given();
        assert!((0..100).all(|_| !outage.failed(&fault, false, false)));
    }

    #[test]
    fn a_single_answer_shows_that_the_files_are_the_problem() {
        type Answer = fn(&mut Outage);
        let answers: [(&str, Answer); 3] = [
            ("an object", |outage| outage.given()),
            ("a refusal", |outage| {
                assert!(!outage.failed(&FetchError::Store(StoreError::NotFound), false, false));
            }),
            ("some bytes", |outage| {
                assert!(!outage.failed(&unreachable(), true, false));
            }),
        ];
        for (name, answer) in answers {
            let mut outage = Outage::default();
            assert!(!outage.failed(&unreachable(), false, false), "{name}");
            answer(&mut outage);
            assert!(
                (0..20).all(|_| !outage.failed(&unreachable(), false, false)),
                "{name}"
            );
            assert!(outage.reason().is_none(), "{name}");
        }
    }
}
