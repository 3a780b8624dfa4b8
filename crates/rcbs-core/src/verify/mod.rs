//! What is wrong with the files of an archive: facts in (ledger entry, what lies on disk, what was read), verdicts out.
//!
//! Nothing here touches anything; [`crate::run::verify()`] gathers the facts.

mod event;
mod manifests;
mod progress;
mod sample;
mod verdict;

pub use event::{VerifyEvent, VerifySummary, Witness};
pub(crate) use manifests::Chain;
pub use manifests::{ManifestFinding, ManifestHarm};
pub(crate) use progress::Progress;
pub use sample::{ReadData, ReadDataError, Sample};
pub use verdict::{Content, Finding, Harm, clears, judge_media, judge_metadata};
