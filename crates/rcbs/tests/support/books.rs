//! What a ledger says, read from a copy so that looking leaves no trace, and whether it is sound.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;

use super::archive::Key;

/// The state of a media file in the ledger that means: it is in the archive.
const VERIFIED: i64 = 3;

/// All that a ledger says of recordings and media files.
#[derive(Debug, Default)]
pub struct Books {
    pub recordings: BTreeSet<String>,
    pub media: BTreeMap<Key, Entry>,
    pub checkpoint_ms: Option<i64>,
}

/// A media file in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub is_verified: bool,
    pub len_bytes: Option<i64>,
    /// In hexadecimal digits.
    pub sha256: Option<String>,
}

impl Books {
    /// Reads `ledger.db` and its journals in this folder. No file, or one that no run has finished making, says nothing.
    /// I12: an error when the database, one of its references or one of its counts is damaged.
    pub fn of(state_folder: &Path) -> Result<Self, String> {
        Self::read(state_folder).map_err(|error| format!("the ledger: {error}"))
    }

    fn read(state_folder: &Path) -> Result<Self, Trouble> {
        let copy = super::scratch();
        for name in ["ledger.db", "ledger.db-wal", "ledger.db-journal"] {
            // A ledger has no journals after a clean stop, and there is none before the first run.
            std::fs::copy(state_folder.join(name), copy.path().join(name)).ok();
        }
        let connection = Connection::open(copy.path().join("ledger.db"))?;
        check_sound(&connection)?;
        let tables = rows(&connection, "SELECT name FROM sqlite_schema", |row| {
            row.get::<_, String>(0)
        })?;
        if tables.is_empty() {
            return Ok(Self::default());
        }
        check_counted(&connection)?;
        let media = "SELECT recording.id, media.id, state, len_bytes, lower(hex(sha256)) FROM media JOIN recording USING (recording_id)";
        let media = rows(&connection, media, |row| {
            let entry = Entry {
                is_verified: row.get::<_, i64>(2)? == VERIFIED,
                len_bytes: row.get(3)?,
                sha256: row.get(4)?,
            };
            Ok(((row.get(0)?, row.get(1)?), entry))
        })?;
        let recordings = rows(&connection, "SELECT id FROM recording", |row| row.get(0))?;
        let checkpoint = "SELECT value FROM meta WHERE name = 'checkpoint_ms'";
        let checkpoint = rows(&connection, checkpoint, |row| row.get(0))?;
        Ok(Self {
            recordings: recordings.into_iter().collect(),
            media: media.into_iter().collect(),
            checkpoint_ms: checkpoint.first().copied(),
        })
    }

    /// The media files that are in the archive.
    pub fn verified(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.media.iter().filter(|(_, entry)| entry.is_verified)
    }
}

/// SQLite's words, or ours.
type Trouble = Box<dyn std::error::Error>;

/// The pages are whole, and every reference leads somewhere.
fn check_sound(connection: &Connection) -> Result<(), Trouble> {
    let found = rows(connection, "PRAGMA integrity_check", |row| {
        row.get::<_, String>(0)
    })?;
    if found != ["ok"] {
        return Err(format!("integrity: {found:?}").into());
    }
    let dangling = rows(connection, "PRAGMA foreign_key_check", |row| {
        row.get::<_, String>(0)
    })?;
    if !dangling.is_empty() {
        return Err(format!("references from {dangling:?} that lead nowhere").into());
    }
    Ok(())
}

/// What the ledger counts as it goes is what it holds.
fn check_counted(connection: &Connection) -> Result<(), Trouble> {
    let kept = "SELECT what, files FROM tally WHERE files > 0 ORDER BY what";
    let held = "SELECT CASE state WHEN 0 THEN 'announced' WHEN 1 THEN 'publishing' WHEN 2 THEN 'waiting'
            WHEN 3 THEN 'verified' WHEN 4 THEN 'skipped' ELSE 'lost' END AS what, count(*) FROM media GROUP BY what
        UNION ALL SELECT 'recording', count(*) FROM recording HAVING count(*) > 0 ORDER BY what";
    let read = |sql| {
        rows(connection, sql, |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })
    };
    let (kept, held) = (read(kept)?, read(held)?);
    if kept != held {
        return Err(format!("it counts {kept:?} and holds {held:?}").into());
    }
    Ok(())
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare(sql)?;
    let found = statement.query_map([], read)?;
    found.collect()
}
