//! What a move takes from an entry and leaves to the history of its file.

use jiff::Timestamp;
use rcbs_core::ledger::state::StateName;
use rcbs_core::ports::{EntryState, Happening};
use rusqlite::Connection;

use super::error::Trouble;
use super::{damage, history};

/// A media file before it moves.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) name: StateName,
    pub(super) len_bytes: i64,
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) at_ms: Option<i64>,
    pub(super) is_fetched: bool,
    pub(super) check: Option<String>,
    pub(super) reason: Option<String>,
}

/// Notes what the entry will no longer tell. A file that is stored at the first attempt leaves nothing.
pub(super) fn note_move(
    connection: &Connection,
    recording: i64,
    media: &str,
    before: &Before,
    to: &EntryState,
    at: Timestamp,
) -> Result<(), Trouble> {
    let at_ms = history::ms(at);
    let add = |at_ms, what: &Happening| history::add(connection, recording, media, at_ms, what);
    if before.name == StateName::Verified {
        damage::forget(connection, recording, media)?;
    }
    if let (Some(since), Some(what)) = (before.at_ms, left_behind(before))
        && (before.name != StateName::Verified
            || is_to_be_told(connection, recording, media, before, to)?)
    {
        add(since, &what)?;
    }
    match to {
        EntryState::Announced => {
            let from = before.name.as_str().to_owned();
            add(at_ms, &Happening::AnnouncedAgain { from })
        }
        EntryState::Waiting { class, reason, .. } => {
            let (class, reason) = (*class, reason.clone());
            add(at_ms, &Happening::Failed { class, reason })
        }
        EntryState::Publishing { .. }
        | EntryState::Verified { .. }
        | EntryState::Skipped { .. }
        | EntryState::Lost { .. } => Ok(()),
    }
}

/// What the entry says of the past.
fn left_behind(before: &Before) -> Option<Happening> {
    match before.name {
        StateName::Verified => Some(Happening::Stored {
            len_bytes: u64::try_from(before.len_bytes).unwrap_or_default(),
            check: before.check.clone().unwrap_or_default(),
            fetched: before.is_fetched,
        }),
        StateName::Lost => Some(Happening::Lost {
            reason: before.reason.clone().unwrap_or_default(),
        }),
        StateName::Announced | StateName::Publishing | StateName::Waiting | StateName::Skipped => {
            None
        }
    }
}

/// A file that is looked at again and again is told of once, as it was stored first.
fn is_to_be_told(
    connection: &Connection,
    recording: i64,
    media: &str,
    before: &Before,
    to: &EntryState,
) -> Result<bool, Trouble> {
    match to {
        EntryState::Verified { sha256, .. } if before.sha256.as_ref() == Some(sha256) => {
            Ok(!history::was_stored(connection, recording, media)?)
        }
        _ => Ok(true),
    }
}
