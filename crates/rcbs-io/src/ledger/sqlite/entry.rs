//! Reads entries: rows into the types of the port.

use jiff::Timestamp;
use rcbs_core::failure::FailureClass;
use rcbs_core::ledger::state::StateName;
use rcbs_core::ports::{
    EntryState, HeldRecording, MediaEntry, Queue, RecordingEntry, UnsettledHour,
};
use rcbs_core::recording::{MediaId, RecordingId};
use rusqlite::types::FromSql;
use rusqlite::{Connection, Row};

use super::damage;
use super::error::Trouble;
use super::schema::{HISTORY_AND_DAMAGE, has_migration};
use super::worker::Database;

/// A recording as it stands in the file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) row: i64,
    pub(super) announced_sha256: [u8; 32],
    pub(super) entry: RecordingEntry,
}

macro_rules! select_recording {
    ($rest:literal) => {
        concat!(
            "SELECT recording_id, id, start_ms, folder, announced_sha256, stored_sha256, first_seen_ms, ",
            "last_seen_ms, last_changed_ms, ",
            "(SELECT prefix FROM place WHERE place.place_id = recording.place_id) FROM recording ",
            $rest
        )
    };
}

/// The recording with this id.
pub(super) fn find(db: &Database, id: &RecordingId) -> Result<Option<Found>, Trouble> {
    find_in(&db.connection, id)
}

/// The recording with this id, within a transaction.
pub(super) fn find_in(connection: &Connection, id: &RecordingId) -> Result<Option<Found>, Trouble> {
    let mut found = select(
        connection,
        select_recording!("WHERE id = ?1"),
        [id.as_str()],
    )?;
    Ok(found.pop())
}

/// The recording in this row.
pub(super) fn find_row(
    connection: &Connection,
    row: i64,
) -> Result<Option<RecordingEntry>, Trouble> {
    let mut found = select(
        connection,
        select_recording!("WHERE recording_id = ?1"),
        [row],
    )?;
    Ok(found.pop().map(|found| found.entry))
}

/// Recordings with media files that are announced or waiting.
pub(super) fn unsettled(
    db: &Database,
    after: Option<&RecordingId>,
    limit: usize,
) -> Result<Vec<RecordingEntry>, Trouble> {
    // A recording whose open files are all being published is open, too, but not unsettled.
    let sql = select_recording!(
        "WHERE open > 0 AND id > ?1 AND EXISTS (
            SELECT 1 FROM media WHERE media.recording_id = recording.recording_id AND state IN (0, 2))
         ORDER BY id LIMIT ?2"
    );
    let after = after.map_or("", RecordingId::as_str);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(entries(select(&db.connection, sql, (after, limit))?))
}

/// The same, the oldest first. What has no start comes first of all, as it holds the checkpoint before all.
pub(super) fn unsettled_by_age(
    db: &Database,
    after: Option<&RecordingEntry>,
    limit: usize,
) -> Result<Vec<RecordingEntry>, Trouble> {
    let undated = select_recording!(
        "WHERE open > 0 AND start_ms IS NULL AND id > ?1 AND EXISTS (
            SELECT 1 FROM media WHERE media.recording_id = recording.recording_id AND state IN (0, 2))
         ORDER BY id LIMIT ?2"
    );
    // The first comparison is for the index, the second for those that began at the same moment.
    let dated = select_recording!(
        "WHERE open > 0 AND start_ms >= ?1 AND (start_ms > ?1 OR id > ?2) AND EXISTS (
            SELECT 1 FROM media WHERE media.recording_id = recording.recording_id AND state IN (0, 2))
         ORDER BY start_ms, id LIMIT ?3"
    );
    let id = after.map_or("", |entry| entry.id.as_str());
    let start_ms = after
        .and_then(|entry| entry.start)
        .map(|at| at.as_millisecond());
    let rows = |limit: usize| i64::try_from(limit).unwrap_or(i64::MAX);
    let Some(start_ms) = start_ms else {
        let mut found = select(&db.connection, undated, (id, rows(limit)))?;
        let rest = rows(limit.saturating_sub(found.len()));
        found.extend(select(&db.connection, dated, (i64::MIN, "", rest))?);
        return Ok(entries(found));
    };
    let found = select(&db.connection, dated, (start_ms, id, rows(limit)))?;
    Ok(entries(found))
}

/// How many recordings are open, by the hour of their start.
pub(super) fn unsettled_by_hour(db: &Database) -> Result<Vec<UnsettledHour>, Trouble> {
    let mut select = db.connection.prepare_cached(
        "SELECT min(start_ms), count(*) FROM recording WHERE open > 0 AND start_ms IS NOT NULL
         GROUP BY start_ms / 3600000 ORDER BY 1",
    )?;
    let mut rows = select.query([])?;
    let mut hours = Vec::new();
    while let Some(row) = rows.next()? {
        let recordings: i64 = row.get(1)?;
        hours.push(UnsettledHour {
            first: moment(row.get(0)?)?,
            recordings: u64::try_from(recordings).unwrap_or_default(),
        });
    }
    Ok(hours)
}

/// Recordings with media files that are lost, in the order of `unsettled_by_age`.
pub(super) fn lost(
    db: &Database,
    after: Option<&RecordingEntry>,
    limit: usize,
) -> Result<Vec<RecordingEntry>, Trouble> {
    let sql = select_recording!(
        "WHERE (coalesce(start_ms, -9223372036854775807), id) > (?1, ?2) AND EXISTS (
            SELECT 1 FROM media WHERE media.recording_id = recording.recording_id AND state = 5)
         ORDER BY coalesce(start_ms, -9223372036854775807), id LIMIT ?3"
    );
    let id = after.map_or("", |entry| entry.id.as_str());
    let start_ms = after
        .and_then(|entry| entry.start)
        .map_or(-i64::MAX, |at| at.as_millisecond());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(entries(select(&db.connection, sql, (start_ms, id, limit))?))
}

/// What of the queue has its next attempt after this moment.
pub(super) fn queue(db: &Database, now: Timestamp) -> Result<Queue, Trouble> {
    let mut select = db.connection.prepare_cached(
        "SELECT count(*), min(at_ms), max(at_ms) FROM recording JOIN media USING (recording_id)
         WHERE open > 0 AND state = 2 AND at_ms > ?1",
    )?;
    let (files, first, last): (i64, Option<i64>, Option<i64>) =
        select.query_row([now.as_millisecond()], |row| row.try_into())?;
    Ok(Queue {
        not_due: u64::try_from(files).unwrap_or_default(),
        next_attempt: first.map(moment).transpose()?,
        last_attempt: last.map(moment).transpose()?,
    })
}

/// All recordings, with the recipients of their media files.
pub(super) fn recordings(
    db: &Database,
    after: Option<&RecordingId>,
    limit: usize,
) -> Result<Vec<HeldRecording>, Trouble> {
    let sql = select_recording!("WHERE id > ?1 ORDER BY id LIMIT ?2");
    let after = after.map_or("", RecordingId::as_str);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = select(&db.connection, sql, (after, limit))?;
    found.into_iter().map(|found| held(db, found)).collect()
}

/// A recording with the recipients of its media files.
pub(super) fn held(db: &Database, found: Found) -> Result<HeldRecording, Trouble> {
    Ok(HeldRecording {
        recipients: recipients(&db.connection, found.row)?,
        announced_metadata_sha256: found.announced_sha256,
        damaged: match has_migration(&db.connection, HISTORY_AND_DAMAGE)? {
            true => damage::of_recording(&db.connection, found.row)?,
            false => Vec::new(),
        },
        entry: found.entry,
    })
}

/// Who can open the media files of a recording, in the order of their ids.
fn recipients(connection: &Connection, recording: i64) -> Result<Vec<Vec<String>>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT words FROM recipients WHERE recipients.recipients_id = media.recipients_id)
         FROM media WHERE recording_id = ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([recording])?;
    let mut recipients = Vec::new();
    while let Some(row) = rows.next()? {
        let words = row.get_ref(0)?.as_str_or_null().map_err(conversion)?;
        recipients.push(words.map(words_of).transpose()?.unwrap_or_default());
    }
    Ok(recipients)
}

/// A set of recipients as it stands in the file.
pub(super) fn words_of(json: &str) -> Result<Vec<String>, Trouble> {
    serde_json::from_str(json).map_err(|error| Trouble::Row(error.to_string()))
}

/// Recordings with media files whose publication was begun but not confirmed.
pub(super) fn unconfirmed(db: &Database) -> Result<Vec<RecordingEntry>, Trouble> {
    let sql = select_recording!(
        "WHERE recording_id IN (SELECT recording_id FROM media WHERE state = 1) ORDER BY id"
    );
    Ok(entries(select(&db.connection, sql, [])?))
}

/// The number that stands for a state in the file.
pub(super) fn state_number(state: StateName) -> i64 {
    match state {
        StateName::Announced => 0,
        StateName::Publishing => 1,
        StateName::Waiting => 2,
        StateName::Verified => 3,
        StateName::Skipped => 4,
        StateName::Lost => 5,
    }
}

/// The state behind a number.
pub(super) fn state_name(number: i64) -> Result<StateName, Trouble> {
    StateName::ALL
        .into_iter()
        .find(|state| state_number(*state) == number)
        .ok_or_else(|| Trouble::Row(format!("there is no state {number}")))
}

/// A moment as it stands in the file.
pub(super) fn moment(ms: i64) -> Result<Timestamp, Trouble> {
    Timestamp::from_millisecond(ms)
        .map_err(|_| Trouble::Row(format!("{ms} ms is outside the calendar")))
}

fn entries(found: Vec<Found>) -> Vec<RecordingEntry> {
    found.into_iter().map(|found| found.entry).collect()
}

fn select(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<Found>, Trouble> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut one = recording(row)?;
        one.entry.media = media(connection, one.row)?;
        found.push(one);
    }
    Ok(found)
}

fn recording(row: &Row<'_>) -> Result<Found, Trouble> {
    let id = row.get_ref(1)?.as_str().map_err(conversion)?;
    let start: Option<i64> = row.get(2)?;
    Ok(Found {
        row: row.get(0)?,
        announced_sha256: row.get(4)?,
        entry: RecordingEntry {
            id: RecordingId::new(id).map_err(|error| Trouble::Row(error.to_string()))?,
            start: start.map(moment).transpose()?,
            folder: joined(row, 9, id)?
                .or(row.get(3)?)
                .ok_or_else(|| Trouble::Row("a recording has no folder".to_owned()))?,
            stored_metadata_sha256: row.get(5)?,
            first_seen: moment(row.get(6)?)?,
            last_seen: moment(row.get(7)?)?,
            last_changed: moment(row.get(8)?)?,
            media: Vec::new(),
        },
    })
}

/// The media files of a recording, in the order of their ids.
fn media(connection: &Connection, recording: i64) -> Result<Vec<(MediaId, MediaEntry)>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT id, state, attempts, location, len_bytes, sha256, etag, checked, at_ms, class, reason,
                (SELECT prefix FROM place WHERE place.place_id = media.place_id)
         FROM media WHERE recording_id = ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([recording])?;
    let mut media = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get_ref(0)?.as_str().map_err(conversion)?;
        let id = MediaId::new(id).map_err(|error| Trouble::Row(error.to_string()))?;
        let location = match joined(row, 11, id.as_str())? {
            None => row.get(3)?,
            location => location,
        };
        let entry = MediaEntry {
            state: state(row)?,
            attempts: row.get(2)?,
            location,
        };
        media.push((id, entry));
    }
    Ok(media)
}

/// A place and the id behind it; `None` where there is no place.
fn joined(row: &Row<'_>, column: usize, id: &str) -> Result<Option<String>, Trouble> {
    let prefix = row.get_ref(column)?.as_str_or_null().map_err(conversion)?;
    Ok(prefix.map(|prefix| [prefix, id].concat()))
}

fn state(row: &Row<'_>) -> Result<EntryState, Trouble> {
    Ok(match state_name(row.get(1)?)? {
        StateName::Announced => EntryState::Announced,
        StateName::Publishing => EntryState::Publishing {
            len_bytes: len(row)?,
            sha256: present(row, 5)?,
            etag: row.get(6)?,
            check: present(row, 7)?,
        },
        StateName::Verified => EntryState::Verified {
            len_bytes: len(row)?,
            sha256: present(row, 5)?,
            etag: row.get(6)?,
            check: present(row, 7)?,
            at: moment(present(row, 8)?)?,
        },
        StateName::Skipped => EntryState::Skipped {
            rule: present(row, 10)?,
        },
        StateName::Waiting => EntryState::Waiting {
            class: FailureClass::from_name(&present::<String>(row, 9)?),
            reason: present(row, 10)?,
            next_attempt: moment(present(row, 8)?)?,
        },
        StateName::Lost => EntryState::Lost {
            reason: present(row, 10)?,
            at: moment(present(row, 8)?)?,
        },
    })
}

fn len(row: &Row<'_>) -> Result<u64, Trouble> {
    let len: i64 = present(row, 4)?;
    u64::try_from(len).map_err(|_| Trouble::Row(format!("a length of {len} bytes")))
}

/// A column that the state of the row demands; the file refuses rows without it.
fn present<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T, Trouble> {
    let value: Option<T> = row.get(column)?;
    value.ok_or_else(|| Trouble::Row("a media file lacks what its state demands".to_owned()))
}

fn conversion(error: rusqlite::types::FromSqlError) -> Trouble {
    Trouble::Row(error.to_string())
}
