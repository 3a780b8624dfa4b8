//! Recordings with stored files that have yet to be written into a manifest.

use rcbs_core::ports::{ManifestBacklog, ManifestPage};
use rusqlite::Connection;

use super::entry::find_row;
use super::error::Trouble;
use super::worker::Database;

/// A file of this recording was stored: what a manifest says of the recording is no longer all.
pub(super) fn note_stored(connection: &Connection, recording: i64) -> Result<(), Trouble> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO manifest_backlog (recording_id, state) VALUES (?1, 0)
         ON CONFLICT DO UPDATE SET state = 2 WHERE state = 1",
    )?;
    insert.execute([recording])?;
    Ok(())
}

pub(super) fn backlog(db: &Database) -> Result<ManifestBacklog, Trouble> {
    let mut select = db.connection.prepare_cached(
        "SELECT count(*) FILTER (WHERE state > 0), count(*) FILTER (WHERE state <> 1) FROM manifest_backlog",
    )?;
    let (written, new): (i64, i64) = select.query_row([], |row| row.try_into())?;
    let count = |count| u64::try_from(count).unwrap_or_default();
    Ok(ManifestBacklog {
        written: count(written),
        new: count(new),
    })
}

pub(super) fn page(
    db: &Database,
    with_written: bool,
    after: i64,
    limit: usize,
) -> Result<ManifestPage, Trouble> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut select = db.connection.prepare_cached(
        "SELECT recording_id FROM manifest_backlog WHERE recording_id > ?1 AND (state <> 1 OR ?2)
         ORDER BY recording_id LIMIT ?3",
    )?;
    let rows: Vec<i64> = select
        .query_map((after, with_written, limit), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut recordings = Vec::with_capacity(rows.len());
    for row in &rows {
        recordings.extend(find_row(&db.connection, *row)?);
    }
    Ok(ManifestPage {
        numbers: rows,
        recordings,
    })
}

/// Everything up to this recording stands in a manifest, and this is what is known of the chain now.
pub(super) fn written(
    db: &mut Database,
    upto: i64,
    name: &str,
    state: &str,
) -> Result<(), Trouble> {
    db.write(|connection| {
        connection
            .prepare_cached(
                "UPDATE manifest_backlog SET state = 1 WHERE recording_id <= ?1 AND state <> 1",
            )?
            .execute([upto])?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO fact (name, value) VALUES (?1, ?2)")?
            .execute([name, state])?;
        Ok(())
    })
}

/// What stands in the open manifest will not be written again.
pub(super) fn close(db: &mut Database) -> Result<(), Trouble> {
    db.write(|connection| {
        connection
            .prepare_cached("DELETE FROM manifest_backlog WHERE state = 1")?
            .execute([])?;
        connection
            .prepare_cached("UPDATE manifest_backlog SET state = 0 WHERE state = 2")?
            .execute([])?;
        Ok(())
    })
}
