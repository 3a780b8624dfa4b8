//! Verifies an archive against its ledger: fast by names, lengths and heads, or byte by byte; on request it repairs.
//!
//! | file | holds |
//! | --- | --- |
//! | `pass` | goes through the ledger, many recordings at once, and remembers how far it has come |
//! | `look` | gathers the facts of one recording |
//! | `manifests` | the same by the manifests, without the ledger |
//! | `strangers` | files in folders that the ledger does not know |
//! | `repair` | fetches again what is harmed |

mod look;
mod manifests;
mod pass;
mod repair;
mod strangers;

pub use manifests::{ManifestsOptions, verify_manifests};
pub use repair::repair;

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::RunError;
use super::outcome::{Outcome, RunEnd, outcome};
use crate::ports::{Clock, HeldRecording, Ledger, Target};
use crate::verify::{Finding, ReadData, VerifyEvent, VerifySummary, Witness};
use pass::Pass;

/// What is verified, and against what.
#[derive(Debug, Clone)]
pub struct VerifyPorts {
    /// The archive.
    pub target: Arc<dyn Target>,
    /// What we know of it.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// How it is verified.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Which files are read byte by byte.
    pub read_data: ReadData,
    /// Begin anew instead of going on where an interrupted run stopped.
    pub restart: bool,
    /// Whether the ledger takes a note of how far it has come.
    pub remembers: bool,
    /// Most bytes a second that are read.
    pub limit_bytes_per_s: Option<u64>,
    /// Recordings that are looked at at the same time, at least 1.
    pub parallel: usize,
    /// Makes random choices another one in each run.
    pub seed: u64,
}

pub(crate) use look::unreadable;

/// A verification that is over.
#[derive(Debug, Clone)]
pub struct VerifyEnd {
    /// Everything counted.
    pub summary: VerifySummary,
    /// Why it stopped before its end; `None` when it came to its end.
    pub stopped: Option<RunError>,
}

impl VerifyEnd {
    /// How it ended. A stop counts more than what was found before it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match &self.stopped {
            Some(error) => outcome(&RunEnd {
                summary: crate::event::Summary::default(),
                stopped: Some(error.clone()),
                not_listed: None,
                everything_was_refused: false,
            }),
            None if self.summary.damaged > self.summary.mended => Outcome::Damaged,
            None if self.summary.waiting + self.summary.without_metadata > 0 => Outcome::Waiting,
            None => Outcome::Complete,
        }
    }
}

/// Takes harmed recordings as they are found.
#[async_trait]
trait Harmed: Send + Sync {
    /// Everything that was found in one recording.
    async fn take(&self, held: &HeldRecording, findings: &[Finding]) -> Result<(), RunError>;
}

/// Looks and changes nothing, also beside a backup at work: what looks harmed is looked at again for as long as the
/// ledger changes under the look.
pub async fn verify(
    ports: VerifyPorts,
    options: VerifyOptions,
    witness: Arc<dyn Witness>,
    interrupt: CancellationToken,
) -> VerifyEnd {
    let pass = Pass::new(ports, options, witness, interrupt);
    let done = async {
        pass.go(&OnlyTold).await?;
        pass.count_absent().await
    };
    let done = done.await;
    VerifyEnd {
        summary: pass.summary(),
        stopped: done.err(),
    }
}

/// Harm is told by the pass itself, and nothing else is done about it.
struct OnlyTold;

#[async_trait]
impl Harmed for OnlyTold {
    async fn take(&self, _held: &HeldRecording, _findings: &[Finding]) -> Result<(), RunError> {
        Ok(())
    }
}

/// The words of an event for whoever listens, and the same in the counts.
fn count(summary: &mut VerifySummary, event: &VerifyEvent) {
    match event {
        VerifyEvent::Found(_) | VerifyEvent::FoundInManifests(_) => summary.damaged += 1,
        VerifyEvent::Unknown { .. } => summary.unknown += 1,
        VerifyEvent::Changed { .. } => summary.changed += 1,
        VerifyEvent::Mended(_) => summary.mended += 1,
        VerifyEvent::SignaturesNotChecked
        | VerifyEvent::Begun { .. }
        | VerifyEvent::Progress(_)
        | VerifyEvent::NotMended { .. } => {}
    }
}
