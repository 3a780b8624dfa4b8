//! What the ledger remembers of the past: what became of files, damage that was found, a run that has begun.

use jiff::Timestamp;

use super::EntryState;
use crate::failure::FailureClass;
use crate::recording::{MediaId, RecordingId};

/// Something that became of a file and that its entry does not tell any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// An attempt failed.
    Failed {
        /// Class of the failure.
        class: FailureClass,
        /// In words.
        reason: String,
    },
    /// It was in the archive, until its entry was opened again or said something else.
    Stored {
        /// Length of the file.
        len_bytes: u64,
        /// How it was checked.
        check: String,
        /// Whether the version of the object that it was fetched from is known; not so when it was found on disk.
        fetched: bool,
    },
    /// A verification found it missing or damaged.
    Damaged {
        /// The stable name of what is wrong.
        harm: String,
        /// In words.
        reason: String,
    },
    /// A verification found it whole again.
    FoundWhole,
    /// It was damaged and moved aside.
    MovedAside {
        /// Where it lay, relative to the target.
        path: String,
    },
    /// The cloud did not have it any more.
    Lost {
        /// In words.
        reason: String,
    },
    /// It was to be fetched again.
    AnnouncedAgain {
        /// The stable name of the state that it was in.
        from: String,
    },
}

/// One entry of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// The media file; `None` for the metadata.
    pub media: Option<MediaId>,
    /// When; of several times the first.
    pub at: Timestamp,
    /// When for the last time.
    pub last: Timestamp,
    /// How often in a row, at least 1.
    pub times: u32,
    /// What.
    pub what: Happening,
}

/// What became of the files of one recording: of each file the first entries and the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// By file, each in the order in which it happened.
    pub happened: Vec<Happened>,
    /// Entries between the first and the last of a file that are no longer kept.
    pub left_out: u64,
}

/// What a verification has found out about one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamageNote {
    /// Its recording.
    pub recording: RecordingId,
    /// The media file; `None` for the metadata.
    pub media: Option<MediaId>,
    /// The harm by its stable name, and in words; `None` when the file is whole.
    pub found: Option<(String, String)>,
    /// What the entry of the media file was when the file was looked at: once it is another one, what was found says
    /// nothing any more. `None` for the metadata.
    pub state: Option<EntryState>,
}

/// A file that was found damaged, and not mended since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its recording.
    pub recording: RecordingId,
    /// When that began, where known.
    pub start: Option<Timestamp>,
    /// The media file; `None` for the metadata.
    pub media: Option<MediaId>,
    /// The stable name of what is wrong.
    pub harm: String,
    /// In words.
    pub reason: String,
    /// When it was found first.
    pub found: Timestamp,
}

/// A run that has begun, and has not said that it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunRun {
    /// Of which command.
    pub command: String,
    /// When it began.
    pub started: Timestamp,
    /// When it last wrote what became of a file.
    pub seen: Timestamp,
}

/// What waits to be tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queue {
    /// Media files whose next attempt is in the future.
    pub not_due: u64,
    /// The earliest of these attempts.
    pub next_attempt: Option<Timestamp>,
    /// The latest.
    pub last_attempt: Option<Timestamp>,
}

/// Something that the server announced and that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFault {
    /// In words, with the recording where it has an id.
    pub what: String,
    /// When it was seen first.
    pub first: Timestamp,
    /// When it was seen last.
    pub last: Timestamp,
    /// How often.
    pub times: u64,
}
