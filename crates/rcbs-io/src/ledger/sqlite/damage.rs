//! Damage that a verification found, for as long as nothing has mended it.

use jiff::Timestamp;
use rcbs_core::ports::{Damage, DamageNote, EntryState, Happening};
use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_core::verify::clears;
use rusqlite::{Connection, OptionalExtension};

use super::entry::moment;
use super::error::Trouble;
use super::history;
use super::schema::{HISTORY_AND_DAMAGE, has_migration};
use super::worker::Database;

/// Writes what was found, or nothing of it.
pub(super) fn note(db: &mut Database, at: Timestamp, batch: &[DamageNote]) -> Result<(), Trouble> {
    db.write(|connection| {
        for note in batch {
            note_one(connection, at, note)?;
        }
        Ok(())
    })
}

/// Whether any file is known to be damaged.
pub(super) fn is_any(connection: &Connection) -> Result<bool, Trouble> {
    let mut select = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM damage)")?;
    Ok(select.query_row([], |row| row.get(0))?)
}

/// The file is mended, or nothing is claimed of it any more. `media` is empty for the metadata.
pub(super) fn forget(
    connection: &Connection,
    recording: i64,
    media: &str,
) -> Result<bool, Trouble> {
    let mut delete = connection
        .prepare_cached("DELETE FROM damage WHERE recording_id = ?1 AND media_id = ?2")?;
    Ok(delete.execute((recording, media))? > 0)
}

/// The harm of the files of a recording, in the order of their ids, the metadata first.
pub(super) fn of_recording(
    connection: &Connection,
    recording: i64,
) -> Result<Vec<(Option<MediaId>, String)>, Trouble> {
    let mut select = connection.prepare_cached(
        "SELECT media_id, harm FROM damage WHERE recording_id = ?1 ORDER BY media_id",
    )?;
    let mut rows = select.query([recording])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let media: String = row.get(0)?;
        found.push((history::media_id(&media)?, row.get(1)?));
    }
    Ok(found)
}

/// All of it, in pages: after the last one of the page before, at most `limit`.
pub(super) fn all(
    db: &Database,
    after: Option<&Damage>,
    limit: usize,
) -> Result<Vec<Damage>, Trouble> {
    if !has_migration(&db.connection, HISTORY_AND_DAMAGE)? {
        return Ok(Vec::new());
    }
    let mut select = db.connection.prepare_cached(
        "SELECT id, start_ms, media_id, harm, reason, found_ms FROM damage JOIN recording USING (recording_id)
         WHERE id > ?1 OR (id = ?1 AND media_id > ?2) ORDER BY id, media_id LIMIT ?3",
    )?;
    let recording = after.map_or("", |damage| damage.recording.as_str());
    let media = after.and_then(|damage| damage.media.as_ref());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = select.query((recording, media.map_or("", MediaId::as_str), limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, start, media): (String, Option<i64>, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        found.push(Damage {
            recording: RecordingId::new(&id).map_err(|error| Trouble::Row(error.to_string()))?,
            start: start.map(moment).transpose()?,
            media: history::media_id(&media)?,
            harm: row.get(3)?,
            reason: row.get(4)?,
            found: moment(row.get(5)?)?,
        });
    }
    Ok(found)
}

fn note_one(connection: &Connection, at: Timestamp, note: &DamageNote) -> Result<(), Trouble> {
    let mut select =
        connection.prepare_cached("SELECT recording_id FROM recording WHERE id = ?1")?;
    let row: Option<i64> = select
        .query_row([note.recording.as_str()], |row| row.get(0))
        .optional()?;
    let Some(row) = row else {
        return Ok(());
    };
    let media = note.media.as_ref().map_or("", MediaId::as_str);
    let at = history::ms(at);
    let Some((harm, reason)) = &note.found else {
        if forget(connection, row, media)? {
            history::add(connection, row, media, at, &Happening::FoundWhole)?;
        }
        return Ok(());
    };
    if !is_as_it_was(connection, row, media, note.state.as_ref())? {
        return Ok(());
    }
    let mut known = connection
        .prepare_cached("SELECT harm FROM damage WHERE recording_id = ?1 AND media_id = ?2")?;
    let known: Option<String> = known.query_row((row, media), |row| row.get(0)).optional()?;
    if known.as_ref() == Some(harm) {
        return Ok(());
    }
    // What only reading shows is still there when the file is out of reach, and must not be cleared by a look.
    let is_hidden = known.is_some_and(|known| !clears(&known, false)) && clears(harm, false);
    if is_hidden {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO damage (recording_id, media_id, harm, reason, found_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET harm = excluded.harm, reason = excluded.reason",
    )?;
    insert.execute((row, media, harm, reason, at))?;
    let (harm, reason) = (harm.clone(), reason.clone());
    history::add(
        connection,
        row,
        media,
        at,
        &Happening::Damaged { harm, reason },
    )
}

/// Whether the entry still says what it said when the file was looked at.
fn is_as_it_was(
    connection: &Connection,
    recording: i64,
    media: &str,
    state: Option<&EntryState>,
) -> Result<bool, Trouble> {
    let Some(EntryState::Verified { sha256, at, .. }) = state else {
        return Ok(media.is_empty());
    };
    let mut select = connection.prepare_cached(
        "SELECT 1 FROM media WHERE recording_id = ?1 AND id = ?2 AND state = 3 AND sha256 = ?3 AND at_ms = ?4",
    )?;
    let found = select.query_row((recording, media, sha256, history::ms(*at)), |_| Ok(()));
    Ok(found.optional()?.is_some())
}
