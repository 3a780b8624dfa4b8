//! The port to the ledger: what we know of every recording and media file.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::history::DamageNote;
use crate::failure::FailureClass;
use crate::recording::{MediaId, RecordingId};

/// Remembers, durably.
///
/// Promises of an implementation:
/// - What a method returned `Ok` for survives a power cut.
/// - Each call is one transaction: all of its batch or nothing.
/// - `announce` never changes the state of a media file it already knows, whatever is announced again; except that one
///   which waits or is lost is announced again when it is announced at another place.
/// - The folder of a recording and its media files never change or vanish once they are announced.
/// - `settle` makes the legal moves of [`crate::ledger::state`] only; an illegal one fails the batch.
/// - No secret is ever given to it.
#[async_trait]
pub trait Ledger: fmt::Debug + Send + Sync {
    /// Enters recordings and their media files, new ones as announced. Returns, for each recording in order, the
    /// entries of all its media files (also of those that this announcement no longer names) as they now stand.
    async fn announce(&self, batch: &[Announcement]) -> Result<Vec<RecordingEntry>, LedgerError>;

    /// Writes new states, at this moment; what an entry no longer tells goes into the history of its file.
    async fn settle(&self, at: Timestamp, batch: &[Settlement]) -> Result<(), LedgerError>;

    /// Notes what a verification found out at this moment: damage, until the entry of the file changes or the file is
    /// found whole. Damage of an entry that says something else by now is not noted.
    async fn note_damage(&self, at: Timestamp, batch: &[DamageNote]) -> Result<(), LedgerError>;

    /// Recordings with media files that are announced or waiting, in the order of their ids, after the given one; at
    /// most `limit`.
    async fn unsettled(
        &self,
        after: Option<&RecordingId>,
        limit: usize,
    ) -> Result<Vec<RecordingEntry>, LedgerError>;

    /// The same, the oldest recording first: those without a start, then by start, then by id. `after` is the last one
    /// of the page before, as it was then.
    async fn unsettled_by_age(
        &self,
        after: Option<&RecordingEntry>,
        limit: usize,
    ) -> Result<Vec<RecordingEntry>, LedgerError>;

    /// How many recordings with a known start have media files that are neither verified, skipped nor lost, by the hour
    /// of their start, the oldest first.
    async fn unsettled_by_hour(&self) -> Result<Vec<UnsettledHour>, LedgerError>;

    /// All recordings, in the order of their ids, after the given one; at most `limit`.
    async fn recordings(
        &self,
        after: Option<&RecordingId>,
        limit: usize,
    ) -> Result<Vec<HeldRecording>, LedgerError>;

    /// For whom the verified media files are sealed: an entry for each set of recipients, in no order. Reads the whole
    /// ledger.
    async fn sealed_for(&self) -> Result<Vec<SealedFor>, LedgerError>;

    /// Recordings with media files whose publication was begun but not confirmed: the run ended in between.
    async fn unconfirmed(&self) -> Result<Vec<RecordingEntry>, LedgerError>;

    /// What is known of one recording; `None` when it was never announced.
    async fn recording(&self, id: &RecordingId) -> Result<Option<RecordingEntry>, LedgerError>;

    /// The same with everything that its files can be compared with.
    async fn held(&self, id: &RecordingId) -> Result<Option<HeldRecording>, LedgerError>;

    /// Keeps evidence of a server fault that belongs to no recording (an entry without an id, a page that is not one).
    async fn note_fault(&self, at: Timestamp, what: &str) -> Result<(), LedgerError>;

    /// The moment before which every announced recording is in the ledger; `None` before the first settled slice.
    async fn checkpoint(&self) -> Result<Option<Timestamp>, LedgerError>;

    /// Sets the checkpoint.
    async fn set_checkpoint(&self, at: Timestamp) -> Result<(), LedgerError>;

    /// The start of the oldest recording with a media file that is neither verified, skipped nor lost. A recording
    /// whose start is unknown counts as older than all others, as of 1970.
    async fn oldest_unsettled(&self) -> Result<Option<Timestamp>, LedgerError>;

    /// How many media files are in which state, and their bytes.
    async fn tally(&self) -> Result<LedgerTally, LedgerError>;

    /// Remembers a small fact (such as the server's reading of the time bounds) for later runs; `None` forgets it.
    async fn remember(&self, name: &str, value: Option<&str>) -> Result<(), LedgerError>;

    /// A fact remembered earlier.
    async fn recall(&self, name: &str) -> Result<Option<String>, LedgerError>;

    /// How many recordings stand in the open manifest, and how many in none as they are. A recording comes into the
    /// backlog whenever a file of it is settled as verified (metadata: as stored) with another digest than it had.
    async fn manifest_backlog(&self) -> Result<ManifestBacklog, LedgerError>;

    /// Recordings of the backlog, of those with a higher number than `after`, at most `limit`; those that stand in the
    /// open manifest as they are only `with_written`. What it costs depends on the backlog, not on the ledger.
    async fn manifest_page(
        &self,
        with_written: bool,
        after: i64,
        limit: usize,
    ) -> Result<ManifestPage, LedgerError>;

    /// Recordings up to this number stand in the open manifest; remembers the fact `name` with it.
    async fn manifest_written(&self, upto: i64, name: &str, state: &str)
    -> Result<(), LedgerError>;

    /// The open manifest is closed: what stands in it is no longer part of the backlog.
    async fn manifest_closed(&self) -> Result<(), LedgerError>;

    /// The SHA-256 that was noted for the file at this path (see [`Settlement::Noted`]). A ledger that an older program
    /// wrote may know none.
    async fn noted(&self, path: &str) -> Result<Option<[u8; 32]>, LedgerError>;

    /// Notes that a period was listed to its end, and that all it announced is entered.
    async fn note_listed(&self, period: Period) -> Result<(), LedgerError>;

    /// Forgets that anything from this moment on was listed: a clock that was ahead has claimed it.
    async fn forget_listed_from(&self, at: Timestamp) -> Result<(), LedgerError>;

    /// The periods that were listed, oldest first; they neither overlap nor touch. A ledger that an older program wrote
    /// may know none.
    async fn listed(&self) -> Result<Vec<Period>, LedgerError>;

    /// Counts by the day on which recordings began, in UTC, oldest first; those of unknown start come first of all. Only
    /// recordings that began within the period, and with `None` all.
    async fn days(&self, within: Option<Period>) -> Result<Vec<DayCount>, LedgerError>;

    /// The metadata of a recording that were replaced, oldest first.
    async fn metadata_versions(
        &self,
        id: &RecordingId,
    ) -> Result<Vec<MetadataVersion>, LedgerError>;

    /// Notes that a run has begun, in place of any other.
    async fn begin_run(&self, command: &str, at: Timestamp) -> Result<(), LedgerError>;

    /// Notes that the run which has begun came to its end, whether or not there is a record of it.
    async fn end_run(&self) -> Result<(), LedgerError>;

    /// Writes the record of a run that has ended.
    async fn record_run(&self, run: &RunRecord) -> Result<(), LedgerError>;

    /// The record of the last run that ended; `None` before the first.
    async fn last_run(&self) -> Result<Option<RunRecord>, LedgerError>;
}

/// A range of time, `[since, until)`, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    /// Included.
    pub since: Timestamp,
    /// Not included.
    pub until: Timestamp,
}

impl Period {
    /// What of it lies before a moment; `None` when nothing does.
    #[must_use]
    pub fn before(self, at: Timestamp) -> Option<Self> {
        let until = self.until.min(at);
        (self.since < until).then_some(Self { until, ..self })
    }
}

/// What the ledger knows of the recordings that began on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayCount {
    /// Midnight in UTC at which the day begins; `None` for recordings whose start is not known.
    pub day: Option<Timestamp>,
    /// Recordings.
    pub recordings: u64,
    /// Of these, whose metadata are not stored.
    pub without_metadata: u64,
    /// Their media files that no run has come to yet.
    pub open: u64,
    /// In the archive.
    pub verified: u64,
    /// Bytes of those.
    pub verified_bytes: u64,
    /// Not wanted, by the rule.
    pub skipped: Vec<(String, u64)>,
    /// To be tried again, by the class of the failure they wait for.
    pub waiting: Vec<(String, u64)>,
    /// Gone from the cloud.
    pub lost: u64,
    /// Files, metadata included, that a verification found damaged and that are not mended; the media files among them
    /// also count as in the archive.
    pub damaged: u64,
}

/// Metadata that were stored once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataVersion {
    /// SHA-256 of it.
    pub sha256: [u8; 32],
    /// When it was stored, where that is known.
    pub stored: Option<Timestamp>,
    /// When it was replaced.
    pub replaced: Timestamp,
    /// The JSON as it was stored.
    pub json: Bytes,
}

/// A media file in the whole archive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaKey {
    /// Its recording.
    pub recording: RecordingId,
    /// The file within the recording.
    pub media: MediaId,
}

/// A recording as the API announced it.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// The recording.
    pub id: RecordingId,
    /// Its start, where known.
    pub start: Option<Timestamp>,
    /// Its end, where known.
    pub stop: Option<Timestamp>,
    /// The folder it is stored in, with `/` between the parts.
    pub folder: String,
    /// SHA-256 of the served JSON.
    pub metadata_sha256: [u8; 32],
    /// When it was seen.
    pub seen: Timestamp,
    /// Caller, dialed number and agents as served, for searching.
    pub caller: Option<String>,
    /// See `caller`.
    pub dialed: Option<String>,
    /// See `caller`.
    pub agents: Vec<String>,
    /// Its media files, with the location in words (`s3://bucket/key`) where there is one.
    pub media: Vec<(MediaId, Option<String>)>,
}

/// What the ledger knows of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingEntry {
    /// The recording.
    pub id: RecordingId,
    /// Its start, where known.
    pub start: Option<Timestamp>,
    /// The folder it is stored in, with `/` between the parts.
    pub folder: String,
    /// SHA-256 of the JSON that is stored in the archive; `None` until it is published.
    pub stored_metadata_sha256: Option<[u8; 32]>,
    /// When it was announced first.
    pub first_seen: Timestamp,
    /// When it was announced last; brought up to date only while it changes, has unsettled media or metadata that are
    /// not stored, so that a run with nothing to do writes nothing.
    pub last_seen: Timestamp,
    /// When its metadata was last seen to change.
    pub last_changed: Timestamp,
    /// Its media files.
    pub media: Vec<(MediaId, MediaEntry)>,
}

/// A recording with everything that its files can be compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRecording {
    /// What is known of it.
    pub entry: RecordingEntry,
    /// Who can open each of its media files, in the order of these and in words; empty where unknown.
    pub recipients: Vec<Vec<String>>,
    /// SHA-256 of the JSON as it was announced last: what a run is about to store, or has just stored.
    pub announced_metadata_sha256: [u8; 32],
    /// Files that a verification found damaged, `None` for the metadata, with the stable name of the harm.
    pub damaged: Vec<(Option<MediaId>, String)>,
}

/// Recordings that began in the same hour and are not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsettledHour {
    /// When the first of them began.
    pub first: Timestamp,
    /// How many.
    pub recordings: u64,
}

/// Recordings with stored files that are in no closed manifest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ManifestBacklog {
    /// They stand in the manifest that is still open, as they are or as they were.
    pub written: u64,
    /// Something of them stands in none as it is.
    pub new: u64,
}

/// A part of the backlog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestPage {
    /// By which the backlog is in order; none at its end.
    pub numbers: Vec<i64>,
    /// The recordings with these numbers.
    pub recordings: Vec<RecordingEntry>,
}

/// Verified media files that the same recipients can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFor {
    /// The recipients in words; empty where they are not known.
    pub recipients: Vec<String>,
    /// How many media files.
    pub files: u64,
    /// The earliest start of their recordings; `None` when none of them has one.
    pub first: Option<Timestamp>,
    /// The latest.
    pub last: Option<Timestamp>,
    /// The shortest of the files, to try a key on.
    pub sample: MediaKey,
    /// Of the others the one with the earliest and the one with the latest start, where the shortest leaves a doubt.
    pub others: Vec<MediaKey>,
}

/// What the ledger knows of a media file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaEntry {
    /// Its state.
    pub state: EntryState,
    /// Failed attempts since it was announced or last verified.
    pub attempts: u32,
    /// Where it was announced to lie (`s3://bucket/key`).
    pub location: Option<String>,
}

impl MediaEntry {
    /// A media file that was just announced.
    #[must_use]
    pub fn announced() -> Self {
        Self {
            state: EntryState::Announced,
            attempts: 0,
            location: None,
        }
    }
}

/// The state of a media file in the ledger. The legal moves are in [`crate::ledger::state`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryState {
    /// Announced by the API, nothing done yet.
    Announced,
    /// Staged and checked; about to get its final name. Seen at start only after a crash.
    Publishing {
        /// Length of the stored file.
        len_bytes: u64,
        /// SHA-256 of the stored file.
        sha256: [u8; 32],
        /// Version of the object it came from.
        etag: Option<String>,
        /// How it was checked.
        check: String,
    },
    /// In the archive, durable and checked.
    Verified {
        /// Length of the stored file.
        len_bytes: u64,
        /// SHA-256 of the stored file.
        sha256: [u8; 32],
        /// Version of the object it came from; `None` when it was adopted from the disk.
        etag: Option<String>,
        /// How it was checked: `envelope`, or the store's checksum such as `crc64nvme`, `md5`.
        check: String,
        /// When.
        at: Timestamp,
    },
    /// Not wanted; the rule says why.
    Skipped {
        /// The rule, such as `mediaTypePattern`.
        rule: String,
    },
    /// Failed for now.
    Waiting {
        /// Class of the last failure.
        class: FailureClass,
        /// The last failure in words.
        reason: String,
        /// Not before.
        next_attempt: Timestamp,
    },
    /// Announced, and gone from the cloud.
    Lost {
        /// What was asked and what came back.
        reason: String,
        /// When.
        at: Timestamp,
    },
}

/// A new state for a media file, or the proof that a recording's metadata is stored.
#[derive(Debug, Clone)]
pub enum Settlement {
    /// A media file moves.
    Media {
        /// Which one.
        key: MediaKey,
        /// Its new state.
        state: EntryState,
        /// Recipients (issuer and serial, or key id) found in its envelope, in words; empty where unknown.
        recipients: Vec<String>,
    },
    /// A recording's JSON is in the archive.
    Metadata {
        /// The recording.
        recording: RecordingId,
        /// SHA-256 of the stored JSON.
        sha256: [u8; 32],
        /// When.
        at: Timestamp,
        /// The JSON that was stored before, if it is another one. Kept only when it is the one that the ledger knows.
        replaced: Option<Bytes>,
    },
    /// What a file was when it was stored, for as long as no entry says so: a manifest of a ledger that is lost names
    /// it, or it was *verified* until its entry was opened again. A file that is found there is whole only if it is that.
    Noted {
        /// Where it lies, relative to the target, with `/`.
        path: String,
        /// SHA-256 of it; the last one counts. `None` when its entry speaks for it from now on.
        sha256: Option<[u8; 32]>,
    },
    /// A damaged file was moved aside: for the history alone.
    MovedAside {
        /// Which one.
        key: MediaKey,
        /// Where it lay, relative to the target, with `/`.
        path: String,
    },
}

/// How many media files are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerTally {
    /// All recordings.
    pub recordings: u64,
    /// Media files announced and not yet settled.
    pub announced: u64,
    /// In the archive.
    pub verified: u64,
    /// Bytes of those.
    pub verified_bytes: u64,
    /// Not wanted.
    pub skipped: u64,
    /// To be tried again.
    pub waiting: u64,
    /// Gone.
    pub lost: u64,
}

/// One run, as remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Its exit code.
    pub exit_code: u8,
    /// Its summary as JSON, in the stable form of the `summary` event.
    pub summary_json: String,
}

/// Why the ledger cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The file is damaged.
    #[error("the ledger {path} is damaged: {reason}")]
    Damaged {
        /// Where it is.
        path: String,
        /// What was found.
        reason: String,
    },
    /// A newer version of the program wrote it.
    #[error("the ledger {path} has version {found}, this program reads up to version {known}")]
    Newer {
        /// Where it is.
        path: String,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Somebody else holds it.
    #[error("the ledger {path} is in use")]
    Busy {
        /// Where it is.
        path: String,
    },
    /// No space left to write it.
    #[error("no space left for the ledger {path}")]
    Full {
        /// Where it is.
        path: String,
    },
    /// A move that is not legal.
    #[error("media {media} of recording {recording} cannot go from {from} to {to}")]
    IllegalMove {
        /// The recording.
        recording: RecordingId,
        /// The media file.
        media: MediaId,
        /// The state it is in.
        from: &'static str,
        /// The state asked for.
        to: &'static str,
    },
    /// Any other error of the database.
    #[error("the ledger {path} could not {action}: {reason}")]
    Failed {
        /// Where it is.
        path: String,
        /// What was being done.
        action: &'static str,
        /// The database's words.
        reason: String,
    },
}

impl LedgerError {
    /// The class that decides what happens next.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::IllegalMove { .. } => FailureClass::Bug,
            Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::Busy { .. }
            | Self::Full { .. }
            | Self::Failed { .. } => FailureClass::Local,
        }
    }
}
