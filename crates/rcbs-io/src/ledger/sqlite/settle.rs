//! Writes new states; the only code that moves a media file from one to another.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use rcbs_core::ledger::state::{StateName, is_legal};
use rcbs_core::ports::{EntryState, Happening, LedgerError, MediaKey, Settlement};
use rcbs_core::recording::RecordingId;
use rusqlite::{Connection, OptionalExtension};

use super::entry::{state_name, state_number};
use super::error::Trouble;
use super::facts::{Tallied, note_alive};
use super::manifest::note_stored;
use super::past::{self, Before};
use super::versions::{self, Replaced};
use super::worker::Database;
use super::{damage, history, noted};

/// Writes a batch, or nothing of it.
pub(super) fn settle(
    db: &mut Database,
    at: Timestamp,
    batch: &[Settlement],
) -> Result<(), Trouble> {
    db.write(|connection| {
        let mut changes = Changes {
            has_damage: damage::is_any(connection)?,
            ..Changes::default()
        };
        let mut sets = RecipientSets::default();
        // Mostly empty: looked at once instead of for each file.
        let mut has_noted = noted::are_there(connection)?;
        for settlement in batch {
            match settlement {
                Settlement::Media {
                    key,
                    state,
                    recipients,
                } => {
                    let to = To {
                        state,
                        recipients_id: sets.id(connection, recipients)?,
                        at,
                    };
                    settle_media(connection, &mut changes, key, &to)?;
                }
                Settlement::Metadata {
                    recording,
                    sha256,
                    at,
                    replaced,
                } => {
                    let to = Metadata {
                        sha256,
                        at: *at,
                        replaced: replaced.as_deref(),
                    };
                    settle_metadata(connection, &mut changes, recording, &to)?;
                }
                Settlement::Noted { sha256: None, .. } if !has_noted => {}
                Settlement::Noted { path, sha256 } => {
                    has_noted = true;
                    noted::note(connection, path, sha256.as_ref())?;
                }
                Settlement::MovedAside { key, path } => {
                    note_moved_aside(connection, key, at, path)?;
                }
            }
        }
        changes.write(connection)?;
        note_alive(connection, at)
    })
}

/// What a batch does to recordings as a whole: written once for each, however many of its files have moved.
#[derive(Debug, Default)]
struct Changes {
    tallied: Tallied,
    /// Rows of recordings with more or less to do.
    moved: BTreeSet<i64>,
    /// Rows of recordings of which something was stored.
    stored: BTreeSet<i64>,
    /// Whether any file is known to be damaged; mostly none is.
    has_damage: bool,
}

impl Changes {
    fn write(&self, connection: &Connection) -> Result<(), Trouble> {
        for recording in &self.moved {
            recount_open(connection, *recording)?;
        }
        for recording in &self.stored {
            note_stored(connection, *recording)?;
        }
        self.tallied.write(connection)
    }
}

/// Counts the media files of a recording that are left to do. Counted, not added up: the work list must be right even
/// after a fault somewhere else.
pub(super) fn recount_open(connection: &Connection, recording: i64) -> Result<(), Trouble> {
    let mut update = connection.prepare_cached(
        "UPDATE recording
         SET open = (SELECT count(*) FROM media WHERE media.recording_id = ?1 AND state <= 2)
         WHERE recording_id = ?1",
    )?;
    update.execute([recording])?;
    Ok(())
}

/// The columns of a media file that say what is known in its state.
#[derive(Debug, Default)]
struct Columns<'a> {
    len_bytes: Option<i64>,
    sha256: Option<&'a [u8; 32]>,
    etag: Option<&'a str>,
    checked: Option<&'a str>,
    at_ms: Option<i64>,
    class: Option<&'a str>,
    reason: Option<&'a str>,
}

/// Metadata that were stored, when, and what they replaced.
struct Metadata<'a> {
    sha256: &'a [u8; 32],
    at: Timestamp,
    replaced: Option<&'a [u8]>,
}

/// Notes that metadata are stored, and, unless they are those that were stored before, that a manifest is to say so.
fn settle_metadata(
    connection: &Connection,
    changes: &mut Changes,
    recording: &RecordingId,
    Metadata {
        sha256,
        at,
        replaced,
    }: &Metadata<'_>,
) -> Result<(), Trouble> {
    let mut select = connection.prepare_cached(
        "SELECT recording_id, stored_sha256, stored_ms FROM recording WHERE id = ?1",
    )?;
    let known: Option<(i64, Option<[u8; 32]>, Option<i64>)> = select
        .query_row([recording.as_str()], |row| row.try_into())
        .optional()?;
    let Some((row, before, stored_ms)) = known else {
        return Err(never_announced(recording));
    };
    if let (Some(before), Some(json)) = (&before, replaced)
        && before != *sha256
        && digest(&SHA256, json).as_ref() == before
    {
        let version = Replaced {
            recording: row,
            sha256: before,
            stored_ms,
            at: *at,
            json,
        };
        versions::keep(connection, &version)?;
    }
    let mut update = connection.prepare_cached(
        "UPDATE recording SET stored_sha256 = ?2, stored_ms = ?3 WHERE recording_id = ?1",
    )?;
    update.execute((row, sha256, at.as_millisecond()))?;
    if changes.has_damage {
        damage::forget(connection, row, "")?;
    }
    if before.as_ref() != Some(*sha256) {
        changes.stored.insert(row);
    }
    Ok(())
}

/// What a file moves to, and when.
struct To<'a> {
    state: &'a EntryState,
    recipients_id: Option<i64>,
    at: Timestamp,
}

/// Moves one file.
fn settle_media(
    connection: &Connection,
    changes: &mut Changes,
    key: &MediaKey,
    To {
        state,
        recipients_id,
        at,
    }: &To<'_>,
) -> Result<(), Trouble> {
    let known = find(connection, key)?;
    let to = StateName::from(*state);
    let refused = |from: &'static str| {
        Trouble::Refused(LedgerError::IllegalMove {
            recording: key.recording.clone(),
            media: key.media.clone(),
            from,
            to: to.as_str(),
        })
    };
    let Some((recording, before)) = known else {
        return Err(refused("unknown"));
    };
    let from = before.name;
    if !is_legal(from, to) {
        return Err(refused(from.as_str()));
    }
    let columns = columns(state);
    let mut update = connection.prepare_cached(
        "UPDATE media SET state = ?3, len_bytes = ?4, sha256 = ?5, etag = ?6, checked = ?7, at_ms = ?8, class = ?9,
                reason = ?10, recipients_id = coalesce(?11, recipients_id),
                attempts = CASE ?3 WHEN 2 THEN attempts + 1 WHEN 3 THEN 0 ELSE attempts END
         WHERE recording_id = ?1 AND id = ?2",
    )?;
    update.execute((
        recording,
        key.media.as_str(),
        state_number(to),
        columns.len_bytes,
        columns.sha256,
        columns.etag,
        columns.checked,
        columns.at_ms,
        columns.class,
        columns.reason,
        *recipients_id,
    ))?;
    let same = from == StateName::Verified && before.sha256.as_ref() == columns.sha256;
    if to == StateName::Verified && !same {
        changes.stored.insert(recording);
    }
    past::note_move(
        connection,
        recording,
        key.media.as_str(),
        &before,
        state,
        *at,
    )?;
    changes.tallied.leave(from, before.len_bytes);
    let len_bytes = columns.len_bytes.unwrap_or_default();
    changes.tallied.arrive(to, len_bytes);
    if from.is_settled() != to.is_settled() {
        changes.moved.insert(recording);
    }
    Ok(())
}

/// A media file as it stands, and the row of its recording.
fn find(connection: &Connection, key: &MediaKey) -> Result<Option<(i64, Before)>, Trouble> {
    let mut select = connection.prepare_cached(
        "SELECT recording_id, state, coalesce(len_bytes, 0), sha256, at_ms, etag IS NOT NULL, checked, reason
         FROM media WHERE recording_id = (SELECT recording_id FROM recording WHERE id = ?1) AND id = ?2",
    )?;
    let mut rows = select.query((key.recording.as_str(), key.media.as_str()))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let before = Before {
        name: state_name(row.get(1)?)?,
        len_bytes: row.get(2)?,
        sha256: row.get(3)?,
        at_ms: row.get(4)?,
        is_fetched: row.get(5)?,
        check: row.get(6)?,
        reason: row.get(7)?,
    };
    Ok(Some((row.get(0)?, before)))
}

fn note_moved_aside(
    connection: &Connection,
    key: &MediaKey,
    at: Timestamp,
    path: &str,
) -> Result<(), Trouble> {
    let Some((recording, _)) = find(connection, key)? else {
        return Err(never_announced(&key.recording));
    };
    let path = path.to_owned();
    let what = Happening::MovedAside { path };
    history::add(
        connection,
        recording,
        key.media.as_str(),
        history::ms(at),
        &what,
    )
}

fn columns(state: &EntryState) -> Columns<'_> {
    // More than 8 EiB in one file is no length; the largest that can be written stands for it.
    let len = |len_bytes: &u64| Some(i64::try_from(*len_bytes).unwrap_or(i64::MAX));
    let none = Columns::default();
    match state {
        EntryState::Announced => none,
        EntryState::Publishing {
            len_bytes,
            sha256,
            etag,
            check,
        } => Columns {
            len_bytes: len(len_bytes),
            sha256: Some(sha256),
            etag: etag.as_deref(),
            checked: Some(check),
            ..none
        },
        EntryState::Verified {
            len_bytes,
            sha256,
            etag,
            check,
            at,
        } => Columns {
            len_bytes: len(len_bytes),
            sha256: Some(sha256),
            etag: etag.as_deref(),
            checked: Some(check),
            at_ms: Some(at.as_millisecond()),
            ..none
        },
        EntryState::Skipped { rule } => Columns {
            reason: Some(rule),
            ..none
        },
        EntryState::Waiting {
            class,
            reason,
            next_attempt,
        } => Columns {
            at_ms: Some(next_attempt.as_millisecond()),
            class: Some(class.name()),
            reason: Some(reason),
            ..none
        },
        EntryState::Lost { reason, at } => Columns {
            at_ms: Some(at.as_millisecond()),
            reason: Some(reason),
            ..none
        },
    }
}

/// The numbers of the sets of recipients that a batch names; mostly one.
#[derive(Debug, Default)]
struct RecipientSets<'a>(Vec<(&'a [String], Option<i64>)>);

impl<'a> RecipientSets<'a> {
    fn id(
        &mut self,
        connection: &Connection,
        recipients: &'a [String],
    ) -> Result<Option<i64>, Trouble> {
        if let Some((_, id)) = self.0.iter().find(|(known, _)| *known == recipients) {
            return Ok(*id);
        }
        let id = recipients_id(connection, recipients)?;
        self.0.push((recipients, id));
        Ok(id)
    }
}

/// The number of a set of recipients; `None` when they are not known.
fn recipients_id(connection: &Connection, recipients: &[String]) -> Result<Option<i64>, Trouble> {
    if recipients.is_empty() {
        return Ok(None);
    }
    let set: BTreeSet<&str> = recipients.iter().map(String::as_str).collect();
    let words = serde_json::json!(set).to_string();
    let mut select =
        connection.prepare_cached("SELECT recipients_id FROM recipients WHERE words = ?1")?;
    if let Some(known) = select.query_row([&words], |row| row.get(0)).optional()? {
        return Ok(Some(known));
    }
    let mut insert = connection.prepare_cached("INSERT INTO recipients (words) VALUES (?1)")?;
    Ok(Some(insert.insert([&words])?))
}

fn never_announced(recording: &RecordingId) -> Trouble {
    Trouble::Unknown(format!("recording {recording} was never announced"))
}
