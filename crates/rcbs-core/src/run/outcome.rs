//! How a run ended, in one word: the exit code follows from it.

use super::RunError;
use crate::event::Summary;
use crate::failure::FailureClass;
use crate::ports::{ApiError, LedgerError};

/// A run that is over.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// Everything counted.
    pub summary: Summary,
    /// Why it stopped before its end; `None` when it came to its end.
    pub stopped: Option<RunError>,
    /// What the API answered where a part of the window could not be listed, though the run went on.
    pub not_listed: Option<ApiError>,
    /// Every object that was asked for was refused.
    pub everything_was_refused: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Everything announced is stored and verified, or deliberately skipped.
    Complete,
    /// Could not start, had to stop, or could not list everything.
    Failed,
    /// The configuration leaves no window.
    Usage,
    /// Finished; some media wait for retry, or the server announced something unusable.
    Waiting,
    /// Finished; the only gaps are media that are gone from the cloud.
    Lost,
    /// The API or the store refused the login.
    Denied,
    /// The target cannot be used.
    Target,
    /// Somebody else uses the ledger.
    InUse,
    /// The ledger is damaged, or written by a newer version.
    Ledger,
    /// The archive is damaged, and not mended.
    Damaged,
    /// Stopped on request.
    Interrupted,
}

/// Decides the outcome of a run. What is worse for the operator wins.
#[must_use]
pub fn outcome(end: &RunEnd) -> Outcome {
    let summary = &end.summary;
    match &end.stopped {
        Some(error) => stopped(error),
        None if summary.slices_failed > 0 => Outcome::Failed,
        None if end.everything_was_refused => Outcome::Denied,
        None if summary.waiting > 0 || summary.server_faults > 0 || summary.unsettled() > 0 => {
            Outcome::Waiting
        }
        None if summary.lost > 0 => Outcome::Lost,
        None => Outcome::Complete,
    }
}

fn stopped(error: &RunError) -> Outcome {
    match error {
        RunError::Window(_) => Outcome::Usage,
        RunError::Api(error) if error.class() == FailureClass::Denied => Outcome::Denied,
        RunError::Store(error) if error.class() == FailureClass::Denied => Outcome::Denied,
        RunError::Api(_) | RunError::Store(_) => Outcome::Failed,
        RunError::Target(_) | RunError::NoRoom { .. } => Outcome::Target,
        RunError::Ledger(error) => ledger_outcome(error),
        RunError::ForeignFolder { .. } => Outcome::Ledger,
        RunError::Interrupted => Outcome::Interrupted,
    }
}

/// What an unusable ledger means for the command that needs it.
#[must_use]
pub fn ledger_outcome(error: &LedgerError) -> Outcome {
    match error {
        LedgerError::Damaged { .. } | LedgerError::Newer { .. } => Outcome::Ledger,
        LedgerError::Busy { .. } => Outcome::InUse,
        LedgerError::Full { .. } => Outcome::Target,
        LedgerError::IllegalMove { .. } | LedgerError::Failed { .. } => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::TargetError;

    fn end(summary: Summary) -> RunEnd {
        RunEnd {
            summary,
            stopped: None,
            not_listed: None,
            everything_was_refused: false,
        }
    }

    #[test]
    fn the_outcome_follows_from_what_happened() {
        let all = Summary {
            announced: 3,
            fetched: 1,
            unchanged: 1,
            skipped: 1,
            ..Summary::default()
        };
        let cases = [
            ("nothing new", Summary::default(), Outcome::Complete),
            ("all stored or skipped", all.clone(), Outcome::Complete),
            (
                "one lost",
                Summary {
                    announced: 4,
                    lost: 1,
                    ..all.clone()
                },
                Outcome::Lost,
            ),
            (
                "one waits",
                Summary {
                    announced: 4,
                    waiting: 1,
                    ..all.clone()
                },
                Outcome::Waiting,
            ),
            (
                "one lost, one waits",
                Summary {
                    announced: 5,
                    waiting: 1,
                    lost: 1,
                    ..all.clone()
                },
                Outcome::Waiting,
            ),
            (
                "a recording without an id",
                Summary {
                    server_faults: 1,
                    ..all.clone()
                },
                Outcome::Waiting,
            ),
            (
                "one neither settled nor waiting",
                Summary {
                    announced: 4,
                    ..all.clone()
                },
                Outcome::Waiting,
            ),
            (
                "a slice not listed",
                Summary {
                    slices_failed: 1,
                    waiting: 1,
                    ..all
                },
                Outcome::Failed,
            ),
        ];
        for (name, summary, expected) in cases {
            assert_eq!(outcome(&end(summary)), expected, "{name}");
        }
    }

    #[test]
    fn a_stop_counts_more_than_what_was_counted_before_it() {
        let refused = ApiError::Denied {
            status: 401,
            message: String::new(),
        };
        let cases = [
            (RunError::Api(refused), Outcome::Denied),
            (RunError::Api(ApiError::NotFound), Outcome::Failed),
            (
                RunError::Target(TargetError::Full {
                    path: String::new(),
                }),
                Outcome::Target,
            ),
            (
                RunError::Ledger(LedgerError::Newer {
                    path: String::new(),
                    found: 9,
                    known: 1,
                }),
                Outcome::Ledger,
            ),
            (
                RunError::Ledger(LedgerError::Busy {
                    path: String::new(),
                }),
                Outcome::InUse,
            ),
            (RunError::Interrupted, Outcome::Interrupted),
        ];
        for (error, expected) in cases {
            let stopped = RunEnd {
                stopped: Some(error),
                ..end(Summary {
                    lost: 1,
                    ..Summary::default()
                })
            };
            assert_eq!(outcome(&stopped), expected);
        }
    }

    #[test]
    fn a_run_in_which_every_object_was_refused_is_a_login_problem() {
        let refused = RunEnd {
            everything_was_refused: true,
            ..end(Summary {
                announced: 1,
                waiting: 1,
                ..Summary::default()
            })
        };
        assert_eq!(outcome(&refused), Outcome::Denied);
    }
}
