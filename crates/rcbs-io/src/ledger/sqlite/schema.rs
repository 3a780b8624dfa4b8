//! The versions of the file: one migration for each, in one transaction, after a copy of what was there.

use std::fs::File;
use std::path::{Path, PathBuf};

use rcbs_core::ports::LedgerError;
use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::error::Trouble;
use super::open::make_private;

/// The migrations in order; the first makes version 1. A released one is never changed.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_recordings_and_media.sql"),
    include_str!("../../migrations/sqlite/0002_manifests.sql"),
    include_str!("../../migrations/sqlite/0003_listed_and_versions.sql"),
    include_str!("../../migrations/sqlite/0004_history_and_damage.sql"),
];

/// The migration that added the tables `listed`, `metadata_version` and `noted`.
pub(super) const LISTED_AND_VERSIONS: usize = 3;
/// The migration that added the tables `happened`, `damage` and `begun`.
pub(super) const HISTORY_AND_DAMAGE: usize = 4;

/// "rcbs", in the header of the file.
const APPLICATION_ID: i64 = 0x7263_6273;

/// Brings the file to the newest version. `path` is where it lies, `None` in memory.
pub(super) fn upgrade(
    connection: &mut Connection,
    path: Option<&Path>,
    migrations: &[&str],
) -> Result<(), Trouble> {
    let found = version(connection, path, migrations.len())?;
    if found == migrations.len() {
        return Ok(());
    }
    if let (Some(path), true) = (path, found > 0) {
        copy_beside(connection, path, migrations.len())?;
    }
    if found == 0 {
        // All at once: a program that is killed in between leaves an empty file, and not one of an older version.
        let transaction = connection.transaction()?;
        for migration in migrations {
            transaction.execute_batch(migration)?;
        }
        let newest = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
        transaction.pragma_update(None, "user_version", newest)?;
        return Ok(transaction.commit()?);
    }
    for (version, migration) in (1_i64..).zip(migrations).skip(found) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The version of the file, 0 for an empty one.
pub(super) fn version(
    connection: &Connection,
    path: Option<&Path>,
    known: usize,
) -> Result<usize, Trouble> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let (version, application) = (number("user_version")?, number("application_id")?);
    if tables == 0 && version == 0 {
        return Ok(0);
    }
    match usize::try_from(version) {
        Ok(version) if version > 0 && application == APPLICATION_ID => {
            if version <= known {
                return Ok(version);
            }
            Err(Trouble::Refused(LedgerError::Newer {
                path: path.map_or_else(String::new, |path| path.display().to_string()),
                found: u32::try_from(version).unwrap_or(u32::MAX),
                known: u32::try_from(known).unwrap_or(u32::MAX),
            }))
        }
        _ => Err(Trouble::Row(
            "it is a database, but not a ledger of this program".to_owned(),
        )),
    }
}

/// Whether the file was brought through this migration: one of an older version that is only read stays as it is, and
/// lacks its tables. The tables are not looked for: one that a newer file lacks is damage.
pub(super) fn has_migration(connection: &Connection, number: usize) -> Result<bool, Trouble> {
    let mut select = connection.prepare_cached("PRAGMA user_version")?;
    let version: i64 = select.query_row([], |row| row.get(0))?;
    Ok(usize::try_from(version).is_ok_and(|version| version >= number))
}

/// Copies the file as it is, what is still in its journal included. The copy gets its name only when it is whole and
/// durable, so a name that is there is a copy that can be used.
fn copy_beside(connection: &Connection, path: &Path, version: usize) -> Result<(), Trouble> {
    let named = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let copy = named(&format!(".before-v{version}"));
    let partial = named(".copying");
    let durable = || -> std::io::Result<()> {
        File::options().write(true).open(&partial)?.sync_all()?;
        std::fs::rename(&partial, &copy)?;
        #[cfg(unix)]
        if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    let refused =
        |error: std::io::Error| Trouble::Unknown(format!("copy to {}: {error}", copy.display()));
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(refused(error)),
        _ => {}
    }
    make_private(&partial).map_err(refused)?;
    {
        let mut into = Connection::open(&partial)?;
        Backup::new(connection, &mut into)?.step(-1)?;
    }
    durable().map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &[&str] = &[MIGRATIONS[0]];
    const SECOND: &str = "CREATE TABLE second (x INTEGER) STRICT;";

    fn tables(path: &Path) -> String {
        let connection = Connection::open(path).unwrap();
        connection
            .query_row(
                "SELECT group_concat(name ORDER BY name) FROM sqlite_schema
                 WHERE name IN ('recording', 'second', 'third')",
                [],
                |row| row.get(0),
            )
            .unwrap()
    }

    /// A11.
    #[test]
    fn an_older_ledger_is_upgraded_and_a_copy_of_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let mut connection = Connection::open(&path).unwrap();
        upgrade(&mut connection, Some(&path), FIRST).unwrap();
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "a new one has no copy"
        );

        let migrations = [MIGRATIONS[0], SECOND];
        upgrade(&mut connection, Some(&path), &migrations).unwrap();
        assert_eq!(tables(&path), "recording,second");
        let copy = folder.path().join("ledger.db.before-v2");
        assert_eq!(tables(&copy), "recording");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }

        // The program of before refuses it; the one of after finds nothing left to do.
        let refused = upgrade(&mut connection, Some(&path), FIRST);
        assert!(matches!(
            refused,
            Err(Trouble::Refused(LedgerError::Newer {
                found: 2,
                known: 1,
                ..
            }))
        ));
        upgrade(&mut connection, Some(&path), &migrations).unwrap();
    }

    #[test]
    fn a_new_ledger_is_of_the_newest_version_or_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let mut connection = Connection::open(&path).unwrap();
        let broken = "INSERT INTO absent VALUES (1);";
        assert!(upgrade(&mut connection, Some(&path), &[MIGRATIONS[0], broken]).is_err());
        assert_eq!(version(&connection, Some(&path), 2).unwrap(), 0);
        upgrade(&mut connection, Some(&path), &[MIGRATIONS[0], SECOND]).unwrap();
        assert_eq!(version(&connection, Some(&path), 2).unwrap(), 2);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let mut connection = Connection::open(&path).unwrap();
        upgrade(&mut connection, Some(&path), FIRST).unwrap();
        let broken = "CREATE TABLE third (x INTEGER) STRICT; INSERT INTO absent VALUES (1);";
        let migrations = [MIGRATIONS[0], SECOND, broken];
        assert!(upgrade(&mut connection, Some(&path), &migrations).is_err());
        assert_eq!(tables(&path), "recording,second");
        // Begun anew it goes on where it stopped.
        let third = "CREATE TABLE third (x INTEGER) STRICT;";
        upgrade(
            &mut connection,
            Some(&path),
            &[MIGRATIONS[0], SECOND, third],
        )
        .unwrap();
        assert_eq!(tables(&path), "recording,second,third");
    }

    #[test]
    fn a_database_of_another_program_is_left_alone() {
        for sql in [
            "CREATE TABLE foreign_table (x);",
            "PRAGMA user_version = 1;",
            "PRAGMA user_version = 1; CREATE TABLE foreign_table (x);",
            "PRAGMA user_version = -3; PRAGMA application_id = 1919115891;",
        ] {
            let mut connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(sql).unwrap();
            let refused = upgrade(&mut connection, None, FIRST);
            assert!(matches!(refused, Err(Trouble::Row(_))), "{sql}");
        }
    }
}
