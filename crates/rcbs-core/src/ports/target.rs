//! The port to the folder we fill.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::failure::FailureClass;
use crate::store::{Folder, SafeName};

/// The archive on disk.
///
/// Promises of an implementation:
/// - A name given to `publish` with [`PublishMode::New`] appears whole or not at all, never replaces an existing
///   file, and survives a power cut once `publish` has returned `Ok` for it. Publications of one call become durable
///   together: one barrier for many files, never one flush for each small file.
/// - With [`PublishMode::Replace`] a reader sees the old bytes or the new ones, never a mixture.
/// - Publications are made in the order given, so what makes a recording findable is given last.
/// - After a failed flush nothing of that call is published and the staged bytes are dropped: a second flush would
///   report success for bytes that are gone.
/// - A target that reads back what it has written ([`TargetError::Altered`]) gives no name to other bytes than were
///   staged, and drops them.
/// - Nothing is ever created outside the target, and links inside it are not followed.
/// - Files are private to the account that runs us (0600, folders 0700, where the system knows such modes).
#[async_trait]
pub trait Target: fmt::Debug + Send + Sync {
    /// The files of each folder with their lengths, in no order; empty for a folder that does not exist.
    async fn list(&self, folders: &[Folder]) -> Result<Vec<Vec<FileFact>>, TargetError>;

    /// The folders directly inside a folder, in no order; empty when it does not exist. The state folder of the
    /// program is never among them.
    async fn folders(&self, folder: &Folder) -> Result<Vec<String>, TargetError>;

    /// Up to `limit_bytes` of a file from byte `from`; shorter at the end of the file, `None` when there is no file.
    async fn read(
        &self,
        folder: &Folder,
        name: &SafeName,
        from: u64,
        limit_bytes: usize,
    ) -> Result<Option<Bytes>, TargetError>;

    /// Opens a temporary file to write to. It begins empty, whatever was staged under its name before and not
    /// published. Waits while the name is being written.
    async fn stage(&self, name: &StageName) -> Result<Box<dyn StagedFile>, TargetError>;

    /// Makes staged files durable and gives them their final names, as one batch; one result for each, in order.
    async fn publish(&self, batch: Vec<Publication>) -> Vec<Result<(), TargetError>>;

    /// Moves a published file out of the way, under a name of its own in the program's state folder, so that evidence
    /// of damage is kept and the name is free again.
    async fn quarantine(&self, folder: &Folder, name: &SafeName) -> Result<(), TargetError>;

    /// Removes every staged file; called once at start, when nobody is writing.
    async fn sweep(&self) -> Result<(), TargetError>;

    /// Writes a small text file at the top of the target, atomically and durably.
    async fn write_note(&self, name: &SafeName, text: &str) -> Result<(), TargetError>;

    /// Reads a small text file at the top of the target; `None` when there is none.
    async fn read_note(&self, name: &SafeName) -> Result<Option<String>, TargetError>;

    /// The space of the volume; an error also where the file system does not tell.
    async fn disk_space(&self) -> Result<DiskSpace, TargetError>;

    /// What an operator should know of this target at the start of a run, in one sentence.
    fn remark(&self) -> Option<String> {
        None
    }
}

/// A volume, as its file system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that this account may still write.
    pub free_bytes: u64,
    /// Bytes of the whole volume.
    pub total_bytes: u64,
}

/// One file of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFact {
    /// Its name, as found.
    pub name: String,
    /// Its length.
    pub len_bytes: u64,
}

/// The name of a temporary file: the same for the same media file in every run, never seen under a final name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StageName(pub(crate) String);

impl StageName {
    /// The name as text: letters, digits and dashes only, at most 64 of them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A temporary file that is being written.
#[async_trait]
pub trait StagedFile: fmt::Debug + Send {
    /// Bytes in it so far.
    fn len(&self) -> u64;

    /// Whether nothing is in it yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends. Implementations gather small pieces and write them in one hop.
    async fn write(&mut self, bytes: Bytes) -> Result<(), TargetError>;

    /// Forgets all that was written and begins anew.
    async fn restart(&mut self) -> Result<(), TargetError>;

    /// Ends writing. The bytes are complete now, but not yet durable; that is `publish`'s work.
    async fn finish(self: Box<Self>) -> Result<Staged, TargetError>;

    /// Removes it.
    async fn discard(self: Box<Self>) -> Result<(), TargetError>;
}

/// A temporary file with all its bytes, ready to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Its temporary name.
    pub name: StageName,
    /// Its length.
    pub len_bytes: u64,
}

/// One staged file and the final name it shall have.
#[derive(Debug, Clone)]
pub struct Publication {
    /// What is published.
    pub staged: Staged,
    /// Where.
    pub folder: Folder,
    /// Under which name.
    pub name: SafeName,
    /// What happens to a file of that name.
    pub mode: PublishMode,
    /// SHA-256 of its bytes, where that is known: a target that reads back compares it.
    pub sha256: Option<[u8; 32]>,
}

/// What publishing does to a file that already has the final name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishMode {
    /// It stays; publishing fails with [`TargetError::Exists`].
    New,
    /// It is replaced atomically.
    Replace,
}

/// Why the target cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TargetError {
    /// No space or quota left.
    #[error("no space left at {path}")]
    Full {
        /// The file or folder that was written.
        path: String,
    },
    /// Not permitted, or read-only.
    #[error("no permission for {path}: {reason}")]
    Denied {
        /// The file or folder.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// The target folder is gone, or another one now stands at its place.
    #[error("the target folder {path} is no longer the one this run began with")]
    Gone {
        /// The folder.
        path: String,
    },
    /// The disk or share of the target does not answer any more.
    #[error("the disk or share of {path} is lost: {reason}")]
    Disconnected {
        /// The folder or file that showed it.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// What was written, made durable and read again is something else.
    #[error("{path} is not what was written to it: {reason}")]
    Altered {
        /// The temporary file.
        path: String,
        /// What is different.
        reason: String,
    },
    /// A file already has that name.
    #[error("{path} exists already with other content")]
    Exists {
        /// The file.
        path: String,
    },
    /// A link or a file stands where a folder of the archive should be.
    #[error("{path} is not a plain folder or file")]
    NotPlain {
        /// The place.
        path: String,
    },
    /// Any other error of the system.
    #[error("{action} {path}: {reason}")]
    Io {
        /// What was being done, as a verb: "write", "rename", "flush".
        action: &'static str,
        /// The file or folder.
        path: String,
        /// The system's words.
        reason: String,
    },
}

impl TargetError {
    /// The class that decides what happens next.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Full { .. }
            | Self::Denied { .. }
            | Self::Gone { .. }
            | Self::Disconnected { .. }
            | Self::NotPlain { .. }
            | Self::Io { .. } => FailureClass::Local,
            Self::Altered { .. } => FailureClass::Corrupt,
            Self::Exists { .. } => FailureClass::Unexpected,
        }
    }
}
