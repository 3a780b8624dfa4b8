//! The ledger on a database: what is known of every recording and media file.

mod sqlite;

pub use sqlite::SqliteLedger;
