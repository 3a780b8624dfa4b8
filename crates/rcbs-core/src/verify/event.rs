//! What a verification says while it works, and what it counts.

use super::manifests::ManifestFinding;
use super::verdict::Finding;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum VerifyEvent {
    /// The verification begins.
    Begun {
        /// Recordings that the ledger knows.
        recordings: u64,
        /// Verified media files among theirs.
        media: u64,
        /// Bytes of these.
        bytes: u64,
        /// It goes on where an interrupted one stopped.
        resumed: bool,
    },
    /// A file is harmed.
    Found(Finding),
    /// A file is not what a manifest says, or a manifest not what it should be.
    FoundInManifests(ManifestFinding),
    /// A media file has another digest in a later manifest than in an earlier one. No damage by itself.
    Changed {
        /// Relative to the target.
        path: String,
        /// The manifest whose line no longer holds.
        before: String,
        /// The manifest with the line that counts.
        now: String,
    },
    /// There are signatures, and no key to check them with.
    SignaturesNotChecked,
    /// A file that the ledger does not know.
    Unknown {
        /// Relative to the target.
        path: String,
    },
    /// Another part is done; everything counted so far.
    Progress(VerifySummary),
    /// A harmed file is whole again.
    Mended(Finding),
    /// A harmed file could not be mended.
    NotMended {
        /// What was found.
        finding: Finding,
        /// Why, in words.
        reason: String,
    },
}

/// Everything counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifySummary {
    /// Recordings that were looked at.
    pub recordings: u64,
    /// Verified media files that were looked at.
    pub media: u64,
    /// Metadata files that were read.
    pub metadata: u64,
    /// Media files of which every byte was read.
    pub read_files: u64,
    /// Bytes of these.
    pub read_bytes: u64,
    /// Harmed files.
    pub damaged: u64,
    /// Of these mended.
    pub mended: u64,
    /// Files that the ledger does not know.
    pub unknown: u64,
    /// Manifests that were read.
    pub manifests: u64,
    /// Their lines about files of recordings.
    pub lines: u64,
    /// Signatures that were found good.
    pub signatures: u64,
    /// Media files that a later manifest has with another digest.
    pub changed: u64,
    /// Media files that are not in the archive yet, by the end; nothing is damaged by that.
    pub waiting: u64,
    /// Media files that are neither in the archive nor in the cloud.
    pub lost: u64,
    /// Recordings whose metadata an unfinished backup has not stored yet; nothing is damaged by that.
    pub without_metadata: u64,
}

/// Takes events as they come. Must return quickly: it is called from the middle of the work.
pub trait Witness: Send + Sync {
    /// One event.
    fn on(&self, event: &VerifyEvent);
}
