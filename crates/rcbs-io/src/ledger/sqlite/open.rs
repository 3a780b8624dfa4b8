//! Opens and closes the file: refuses what cannot be trusted, and knows whether the last program stopped cleanly.

use std::path::Path;
use std::time::Duration;

use rcbs_core::ports::LedgerError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::error::Trouble;
use super::schema::{self, MIGRATIONS, has_migration};
use super::worker::Database;
use crate::target::volume::{Volume, volume_of};

/// The first SQLite without the fault that could damage a file in WAL mode when two connections wrote and
/// checkpointed at the same moment (all of 3.7.0 to 3.51.2 have it).
const OLDEST_LIBRARY: i32 = 3_051_003;
/// How long another connection may hold the file before we give up.
const BUSY_WAIT: Duration = Duration::from_secs(30);
/// A journal that grew during a large run is cut to this when it is next emptied.
const JOURNAL_LIMIT_BYTES: i64 = 64 << 20;
/// All statements of the ledger, with room to spare.
const STATEMENTS: usize = 64;

/// What is opened, and what for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Access<'a> {
    Write(&'a Path),
    Read(&'a Path),
    /// Another program may be writing: facts are remembered, and nothing is said about how it stopped.
    Beside(&'a Path),
    Memory,
}

/// Opens, checks and upgrades.
pub(super) fn open(access: Access<'_>) -> Result<Database, LedgerError> {
    let (path, shown) = match access {
        Access::Write(path) | Access::Read(path) | Access::Beside(path) => {
            (Some(path), path.display().to_string())
        }
        Access::Memory => (None, "in memory".to_owned()),
    };
    try_open(access, path)
        .map(|connection| Database {
            connection,
            path: shown.clone(),
            writes: !matches!(access, Access::Read(_) | Access::Beside(_)),
        })
        .map_err(|trouble| trouble.told(&shown, "open"))
}

/// Says that this was a clean stop, and closes. The last connection to close also empties the journal into the file.
pub(super) fn close(database: Database) -> Result<(), LedgerError> {
    let Database {
        connection,
        path,
        writes,
    } = database;
    let closed = || -> Result<(), Trouble> {
        if writes {
            mark_clean(&connection, true)?;
        }
        connection.close().map_err(|(_, error)| Trouble::Sql(error))
    };
    closed().map_err(|trouble| trouble.told(&path, "close"))
}

/// Makes an empty file that only this account may read. SQLite gives its journals the rights of the file.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn try_open(access: Access<'_>, path: Option<&Path>) -> Result<Connection, Trouble> {
    check_library(rusqlite::version_number()).map_err(Trouble::Unknown)?;
    let mut connection = connect(access)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // Without it every statement that could use a partial index is compiled anew whenever its values change.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    set(&connection, "trusted_schema", "OFF")?;
    set(&connection, "cell_size_check", "ON")?;
    set(&connection, "mmap_size", "0")?;
    set(&connection, "foreign_keys", "ON")?;
    if let Access::Read(_) = access {
        set(&connection, "query_only", "ON")?;
        let found = schema::version(&connection, path, MIGRATIONS.len())?;
        if found == 0 {
            // A program was killed before its first transaction. An empty file is an empty ledger.
            drop(connection);
            let connection = try_open(Access::Memory, None)?;
            set(&connection, "query_only", "ON")?;
            return Ok(connection);
        }
        // An older one is read as it is: what it lacks is what only a run needs.
        return Ok(connection);
    }
    if let Access::Beside(path) = access {
        return beside(connection, path);
    }
    let volume = path.map(volume_of).transpose();
    let volume = volume.map_err(|error| Trouble::Unknown(error.to_string()))?;
    if volume == Some(Volume::Remote) {
        // Before anything is read, so that no shared memory is ever made.
        set(&connection, "locking_mode", "EXCLUSIVE")?;
    }
    // Before anything is written: the file may belong to somebody else.
    schema::version(&connection, path, MIGRATIONS.len())?;
    if let Some(volume) = volume {
        choose_journal(&connection, volume)?;
    }
    check_after_unclean_stop(&connection)?;
    schema::upgrade(&mut connection, path, MIGRATIONS)?;
    mark_clean(&connection, false)?;
    Ok(connection)
}

/// Refuses what would have to be changed before it could be shared.
fn beside(connection: Connection, path: &Path) -> Result<Connection, Trouble> {
    let found = schema::version(&connection, Some(path), MIGRATIONS.len())?;
    let volume = volume_of(path).map_err(|error| Trouble::Unknown(error.to_string()))?;
    // A file that may only be read is opened all the same, and the first note would end what is under way.
    let is_read_only = connection.is_readonly("main")?;
    if found != MIGRATIONS.len() || volume == Volume::Remote || is_read_only {
        return Err(Trouble::Unknown(
            "it cannot be shared with a run as it is".to_owned(),
        ));
    }
    set(&connection, "synchronous", "FULL")?;
    Ok(connection)
}

fn connect(access: Access<'_>) -> Result<Connection, Trouble> {
    refuse_link(access)?;
    // The worker's thread is the only user, so the library needs no locks of its own.
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(match access {
        Access::Memory => Connection::open_in_memory()?,
        Access::Read(path) => Connection::open_with_flags(path, flags | reader_flags(path))?,
        Access::Beside(path) => {
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?
        }
        Access::Write(path) => {
            make_private(path).map_err(|error| Trouble::Unknown(error.to_string()))?;
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?
        }
    })
}

/// Every reader makes the journals where they are missing. One that may write also takes them away at its end, when it
/// is the last; where there is a journal already, a reader that may write would empty it into the file instead.
fn reader_flags(path: &Path) -> OpenFlags {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-wal");
    if Path::new(&journal).exists() {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    }
}

/// A link in place of the file would let us write to wherever it leads. Links on the way to it are the operator's.
fn refuse_link(access: Access<'_>) -> Result<(), Trouble> {
    let (Access::Write(path) | Access::Read(path) | Access::Beside(path)) = access else {
        return Ok(());
    };
    if path.is_symlink() {
        return Err(Trouble::Unknown(
            "it is a link, and no link is followed there".to_owned(),
        ));
    }
    Ok(())
}

/// A journal beside the file where memory can be shared between processes; elsewhere the old way, with one more flush
/// that makes the end of each transaction durable.
fn choose_journal(connection: &Connection, volume: Volume) -> Result<(), Trouble> {
    if volume == Volume::Remote {
        set(connection, "journal_mode", "DELETE")?;
        set(connection, "synchronous", "EXTRA")?;
    } else {
        set(connection, "journal_mode", "WAL")?;
        set(connection, "synchronous", "FULL")?;
    }
    set(
        connection,
        "journal_size_limit",
        &JOURNAL_LIMIT_BYTES.to_string(),
    )
}

fn check_after_unclean_stop(connection: &Connection) -> Result<(), Trouble> {
    let clean = if has_migration(connection, 1)? {
        connection
            .query_row(
                "SELECT value FROM meta WHERE name = 'clean_stop'",
                [],
                |row| row.get::<_, i64>(0),
            )
            .optional()?
    } else {
        Some(1)
    };
    if clean == Some(1) {
        return Ok(());
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(Trouble::Row(found))
    }
}

fn mark_clean(connection: &Connection, clean: bool) -> Result<(), Trouble> {
    connection.execute(
        "INSERT INTO meta (name, value) VALUES ('clean_stop', ?1)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
        [clean],
    )?;
    Ok(())
}

/// Sets a pragma; some answer with a row, which does not matter.
fn set(connection: &Connection, name: &str, value: &str) -> Result<(), Trouble> {
    Ok(connection
        .pragma_update_and_check(None, name, value, |_| Ok(()))
        .optional()
        .map(drop)?)
}

fn check_library(version: i32) -> Result<(), String> {
    if version >= OLDEST_LIBRARY {
        return Ok(());
    }
    let shown = |version: i32| {
        format!(
            "{}.{}.{}",
            version / 1_000_000,
            version / 1_000 % 1_000,
            version % 1_000
        )
    };
    Err(format!(
        "the linked SQLite is {}, and before {} a journal could damage the file",
        shown(version),
        shown(OLDEST_LIBRARY)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G6.
    #[test]
    fn a_library_that_can_damage_the_file_is_refused() {
        for (version, accepted) in [
            (3_040_001, false),
            (3_051_002, false),
            (3_051_003, true),
            (3_052_000, true),
            (3_054_001, true),
        ] {
            assert_eq!(check_library(version).is_ok(), accepted, "{version}");
        }
        let told = check_library(3_040_001).unwrap_err();
        assert!(told.contains("3.40.1") && told.contains("3.51.3"), "{told}");
        check_library(rusqlite::version_number()).unwrap();
    }

    #[test]
    fn a_share_gets_no_shared_memory() {
        for (volume, journal, files) in [
            (Volume::FlushesAsOne, "wal", 3),
            (Volume::FlushesEach, "wal", 3),
            (Volume::Remote, "delete", 1),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("ledger.db");
            let connection = Connection::open(&path).unwrap();
            choose_journal(&connection, volume).unwrap();
            connection.execute_batch("CREATE TABLE t (x)").unwrap();
            let found: String = connection
                .pragma_query_value(None, "journal_mode", |row| row.get(0))
                .unwrap();
            assert_eq!(found, journal);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), files);
        }
    }
}
