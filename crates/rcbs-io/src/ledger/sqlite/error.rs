//! From the database's errors to the closed set of the port.

use rcbs_core::ports::LedgerError;
use rusqlite::{ErrorCode, ffi};

/// What can go wrong inside a transaction, before it is known which file it was.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The database said so.
    Sql(rusqlite::Error),
    /// A row that no version of the program writes.
    Row(String),
    /// An error of the port that does not need the path.
    Refused(LedgerError),
    /// A call that makes no sense for what is in the ledger.
    Unknown(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Trouble {
    /// The error of the port; `action` is the verb, as in "could not settle".
    pub(super) fn told(self, path: &str, action: &'static str) -> LedgerError {
        let path = path.to_owned();
        let failed = |path, reason| LedgerError::Failed {
            path,
            action,
            reason,
        };
        match self {
            Self::Refused(error) => error,
            Self::Row(reason) => LedgerError::Damaged { path, reason },
            Self::Unknown(reason) => failed(path, reason),
            Self::Sql(error) => {
                let reason = error.to_string();
                match &error {
                    // A column of the wrong type: STRICT tables do not let us write one.
                    rusqlite::Error::FromSqlConversionFailure(..)
                    | rusqlite::Error::IntegralValueOutOfRange(..)
                    | rusqlite::Error::InvalidColumnType(..)
                    | rusqlite::Error::Utf8Error(..)
                    // Our statements fit the tables and our rows their rules, so it is the tables that have changed.
                    | rusqlite::Error::SqlInputError { .. } => {
                        LedgerError::Damaged { path, reason }
                    }
                    rusqlite::Error::SqliteFailure(failure, _)
                        if failure.extended_code == ffi::SQLITE_ERROR =>
                    {
                        LedgerError::Damaged { path, reason }
                    }
                    // The index of the journal is made longer byte by byte, and says nothing of why it could not.
                    rusqlite::Error::SqliteFailure(failure, _)
                        if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE =>
                    {
                        LedgerError::Full { path }
                    }
                    _ => match error.sqlite_error_code() {
                        Some(ErrorCode::DiskFull) => LedgerError::Full { path },
                        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                            LedgerError::Busy { path }
                        }
                        Some(
                            ErrorCode::DatabaseCorrupt
                            | ErrorCode::NotADatabase
                            | ErrorCode::ConstraintViolation,
                        ) => LedgerError::Damaged { path, reason },
                        _ => failed(path, reason),
                    },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_of_the_database_becomes_the_one_an_operator_can_act_on() {
        for (code, wanted) in [
            (ffi::SQLITE_FULL, "no space left for the ledger l.db"),
            (
                ffi::SQLITE_IOERR_SHMSIZE,
                "no space left for the ledger l.db",
            ),
            (ffi::SQLITE_BUSY, "the ledger l.db is in use"),
            (ffi::SQLITE_BUSY_SNAPSHOT, "the ledger l.db is in use"),
            (ffi::SQLITE_LOCKED, "the ledger l.db is in use"),
            (ffi::SQLITE_CORRUPT, "the ledger l.db is damaged: words"),
            (ffi::SQLITE_NOTADB, "the ledger l.db is damaged: words"),
            (ffi::SQLITE_ERROR, "the ledger l.db is damaged: words"),
            (
                ffi::SQLITE_CONSTRAINT_CHECK,
                "the ledger l.db is damaged: words",
            ),
            (
                ffi::SQLITE_READONLY,
                "the ledger l.db could not settle: words",
            ),
            (
                ffi::SQLITE_IOERR_FSYNC,
                "the ledger l.db could not settle: words",
            ),
        ] {
            let failure = ffi::Error::new(code);
            let error = rusqlite::Error::SqliteFailure(failure, Some("words".to_owned()));
            let told = Trouble::from(error).told("l.db", "settle");
            assert_eq!(told.to_string(), wanted);
        }
    }
}
