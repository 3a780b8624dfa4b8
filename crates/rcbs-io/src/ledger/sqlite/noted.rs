//! What files were when they were stored, where no entry says so.

use rusqlite::{Connection, OptionalExtension};

use super::error::Trouble;
use super::schema::{LISTED_AND_VERSIONS, has_migration};
use super::worker::Database;

/// Notes a digest for a path, or forgets it.
pub(super) fn note(
    connection: &Connection,
    path: &str,
    sha256: Option<&[u8; 32]>,
) -> Result<(), Trouble> {
    match sha256 {
        Some(sha256) => connection
            .prepare_cached("INSERT OR REPLACE INTO noted (path, sha256) VALUES (?1, ?2)")?
            .execute((path, sha256))?,
        None => connection
            .prepare_cached("DELETE FROM noted WHERE path = ?1")?
            .execute([path])?,
    };
    Ok(())
}

/// Whether anything is noted.
pub(super) fn are_there(connection: &Connection) -> Result<bool, Trouble> {
    let mut select = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM noted)")?;
    Ok(select.query_row([], |row| row.get(0))?)
}

/// What was noted last; nothing where an older program wrote the ledger and nothing newer has.
pub(super) fn of(db: &Database, path: &str) -> Result<Option<[u8; 32]>, Trouble> {
    let connection = &db.connection;
    if !has_migration(connection, LISTED_AND_VERSIONS)? {
        return Ok(None);
    }
    let mut select = connection.prepare_cached("SELECT sha256 FROM noted WHERE path = ?1")?;
    Ok(select.query_row([path], |row| row.get(0)).optional()?)
}
