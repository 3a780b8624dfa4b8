//! The outside world on one page: five ports, each a trait with its promises in prose and a closed error enum.
//!
//! Every implementation of a port passes the suite of the same name in [`crate::contract`].

mod clock;
mod history;
mod ledger;
mod media_store;
mod recording_api;
mod target;

pub use clock::Clock;
pub use history::{BegunRun, Damage, DamageNote, Happened, Happening, History, KnownFault, Queue};
pub use ledger::{
    Announcement, DayCount, EntryState, HeldRecording, Ledger, LedgerError, LedgerTally,
    ManifestBacklog, ManifestPage, MediaEntry, MediaKey, MetadataVersion, Period, RecordingEntry,
    RunRecord, SealedFor, Settlement, UnsettledHour,
};
pub use media_store::{
    Checksum, ChecksumKind, ETag, GetRequest, MediaStore, Object, ObjectBody, StoreError,
};
pub use recording_api::{
    ApiError, Cursor, Entry, ListRequest, NextLink, Page, RecordingApi, RemoteSettings,
};
pub use target::{
    DiskSpace, FileFact, Publication, PublishMode, StageName, Staged, StagedFile, Target,
    TargetError,
};
