//! What is known besides the entries: checkpoint, tally, facts about the server, faults, runs.

use jiff::Timestamp;
use rcbs_core::ledger::state::StateName;
use rcbs_core::ports::{BegunRun, KnownFault, LedgerTally, RunRecord};
use rusqlite::{Connection, OptionalExtension, Row};

use super::entry::moment;
use super::error::Trouble;
use super::schema::{HISTORY_AND_DAMAGE, has_migration};
use super::worker::Database;

/// So many different faults are kept, the newest; a server that breaks in ever new ways must not fill the disk.
const FAULTS_KEPT: i64 = 10_000;

/// What a transaction adds to the tally.
#[derive(Debug, Default)]
pub(super) struct Tallied {
    pub(super) recordings: i64,
    states: [(i64, i64); StateName::ALL.len()],
}

impl Tallied {
    pub(super) fn arrive(&mut self, state: StateName, len_bytes: i64) {
        self.add(state, 1, len_bytes);
    }

    pub(super) fn leave(&mut self, state: StateName, len_bytes: i64) {
        self.add(state, -1, -len_bytes);
    }

    pub(super) fn write(&self, connection: &Connection) -> Result<(), Trouble> {
        let states = StateName::ALL
            .iter()
            .zip(self.states)
            .map(|(state, added)| (state.as_str(), added));
        for (what, added) in states.chain([("recording", (self.recordings, 0))]) {
            if added != (0, 0) {
                let mut update = connection.prepare_cached(
                    "UPDATE tally SET files = files + ?2, bytes = bytes + ?3 WHERE what = ?1",
                )?;
                update.execute((what, added.0, added.1))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, state: StateName, files: i64, len_bytes: i64) {
        let counts = StateName::ALL.iter().zip(&mut self.states);
        for (_, (all_files, all_bytes)) in counts.filter(|(known, _)| **known == state) {
            *all_files += files;
            if state == StateName::Verified {
                *all_bytes += len_bytes;
            }
        }
    }
}

pub(super) fn tally(db: &Database) -> Result<LedgerTally, Trouble> {
    let mut select = db
        .connection
        .prepare_cached("SELECT what, files, bytes FROM tally")?;
    let mut rows = select.query([])?;
    let mut tally = LedgerTally::default();
    while let Some(row) = rows.next()? {
        let (what, files, bytes): (String, i64, i64) = row.try_into()?;
        let files = u64::try_from(files).unwrap_or_default();
        match StateName::parse(&what) {
            Some(StateName::Announced | StateName::Publishing) => tally.announced += files,
            Some(StateName::Verified) => {
                tally.verified = files;
                tally.verified_bytes = u64::try_from(bytes).unwrap_or_default();
            }
            Some(StateName::Skipped) => tally.skipped = files,
            Some(StateName::Waiting) => tally.waiting = files,
            Some(StateName::Lost) => tally.lost = files,
            None => tally.recordings = files,
        }
    }
    Ok(tally)
}

/// The start of the oldest recording that is not settled. One without a start counts as older than all: nothing shows
/// that it could be found again later than that.
pub(super) fn oldest_unsettled(db: &Database) -> Result<Option<Timestamp>, Trouble> {
    let mut select = db.connection.prepare_cached(
        "SELECT coalesce(start_ms, 0) FROM recording WHERE open > 0 ORDER BY start_ms LIMIT 1",
    )?;
    let oldest: Option<i64> = select.query_row([], |row| row.get(0)).optional()?;
    oldest.map(moment).transpose()
}

pub(super) fn checkpoint(db: &Database) -> Result<Option<Timestamp>, Trouble> {
    let mut select = db
        .connection
        .prepare_cached("SELECT value FROM meta WHERE name = 'checkpoint_ms'")?;
    let checkpoint: Option<i64> = select.query_row([], |row| row.get(0)).optional()?;
    checkpoint.map(moment).transpose()
}

pub(super) fn set_checkpoint(db: &mut Database, at: Timestamp) -> Result<(), Trouble> {
    db.write(|connection| {
        let mut insert = connection.prepare_cached(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('checkpoint_ms', ?1)",
        )?;
        insert.execute([at.as_millisecond()])?;
        Ok(())
    })
}

pub(super) fn remember(db: &mut Database, name: &str, value: Option<&str>) -> Result<(), Trouble> {
    db.write(|connection| {
        match value {
            Some(value) => connection
                .prepare_cached("INSERT OR REPLACE INTO fact (name, value) VALUES (?1, ?2)")?
                .execute([name, value])?,
            None => connection
                .prepare_cached("DELETE FROM fact WHERE name = ?1")?
                .execute([name])?,
        };
        Ok(())
    })
}

pub(super) fn recall(db: &Database, name: &str) -> Result<Option<String>, Trouble> {
    let mut select = db
        .connection
        .prepare_cached("SELECT value FROM fact WHERE name = ?1")?;
    Ok(select.query_row([name], |row| row.get(0)).optional()?)
}

/// A fault that was seen before is counted, not kept twice.
pub(super) fn note_fault(db: &mut Database, at: Timestamp, what: &str) -> Result<(), Trouble> {
    db.write(|connection| {
        connection
            .prepare_cached(
                "INSERT INTO fault (what, first_ms, last_ms, times) VALUES (?1, ?2, ?2, 1)
                 ON CONFLICT (what) DO UPDATE SET last_ms = excluded.last_ms, times = times + 1",
            )?
            .execute((what, at.as_millisecond()))?;
        connection
            .prepare_cached(
                "DELETE FROM fault WHERE fault_id <= (SELECT max(fault_id) FROM fault) - ?1",
            )?
            .execute([FAULTS_KEPT])?;
        Ok(())
    })
}

/// What the server announced that cannot be used, the newest first.
pub(super) fn faults(db: &Database) -> Result<Vec<KnownFault>, Trouble> {
    let mut select = db.connection.prepare_cached(
        "SELECT what, first_ms, last_ms, times FROM fault ORDER BY last_ms DESC, fault_id DESC",
    )?;
    let mut rows = select.query([])?;
    let mut faults = Vec::new();
    while let Some(row) = rows.next()? {
        faults.push(KnownFault {
            what: row.get(0)?,
            first: moment(row.get(1)?)?,
            last: moment(row.get(2)?)?,
            times: u64::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
        });
    }
    Ok(faults)
}

/// The run of this command has begun, in place of any other.
pub(super) fn begin_run(db: &mut Database, command: &str, at: Timestamp) -> Result<(), Trouble> {
    db.write(|connection| {
        connection.execute(
            "INSERT OR REPLACE INTO begun (one, command, started_ms, seen_ms) VALUES (1, ?1, ?2, ?2)",
            (command, at.as_millisecond()),
        )?;
        Ok(())
    })
}

pub(super) fn end_run(db: &mut Database) -> Result<(), Trouble> {
    db.write(|connection| {
        connection.execute("DELETE FROM begun", [])?;
        Ok(())
    })
}

/// A sign of life of the run that has begun.
pub(super) fn note_alive(connection: &Connection, at: Timestamp) -> Result<(), Trouble> {
    let mut update =
        connection.prepare_cached("UPDATE begun SET seen_ms = ?1 WHERE seen_ms < ?1")?;
    update.execute([at.as_millisecond()])?;
    Ok(())
}

/// The run that has begun and has not ended; none where an older program wrote the ledger and nothing newer has.
pub(super) fn begun(db: &Database) -> Result<Option<BegunRun>, Trouble> {
    if !has_migration(&db.connection, HISTORY_AND_DAMAGE)? {
        return Ok(None);
    }
    let mut select = db
        .connection
        .prepare_cached("SELECT command, started_ms, seen_ms FROM begun")?;
    let mut rows = select.query([])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(BegunRun {
        command: row.get(0)?,
        started: moment(row.get(1)?)?,
        seen: moment(row.get(2)?)?,
    }))
}

pub(super) fn record_run(db: &mut Database, run: &RunRecord) -> Result<(), Trouble> {
    db.write(|connection| {
        connection
            .prepare_cached(
                "INSERT INTO run (started_ms, ended_ms, exit_code, summary_json) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                run.started.as_millisecond(),
                run.ended.as_millisecond(),
                run.exit_code,
                &run.summary_json,
            ))?;
        connection.execute("DELETE FROM begun", [])?;
        Ok(())
    })
}

pub(super) fn last_run(db: &Database) -> Result<Option<RunRecord>, Trouble> {
    let mut select = db.connection.prepare_cached(
        "SELECT started_ms, ended_ms, exit_code, summary_json FROM run ORDER BY run_id DESC LIMIT 1",
    )?;
    select
        .query_row([], |row| Ok(run(row)))
        .optional()?
        .transpose()
}

/// The last runs that ended, the newest first.
pub(super) fn last_runs(db: &Database, limit: usize) -> Result<Vec<RunRecord>, Trouble> {
    let mut select = db.connection.prepare_cached(
        "SELECT started_ms, ended_ms, exit_code, summary_json FROM run ORDER BY run_id DESC LIMIT ?1",
    )?;
    let mut rows = select.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push(run(row)?);
    }
    Ok(runs)
}

/// Reads every page and every index.
pub(super) fn check(db: &mut Database) -> Result<(), Trouble> {
    let sound: String = db
        .connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(Trouble::Row(sound));
    }
    let orphan: Option<String> = db
        .connection
        .query_row("PRAGMA foreign_key_check", [], |row| row.get(0))
        .optional()?;
    match orphan {
        None => Ok(()),
        Some(table) => Err(Trouble::Row(format!("a row of {table} refers to nothing"))),
    }
}

fn run(row: &Row<'_>) -> Result<RunRecord, Trouble> {
    Ok(RunRecord {
        started: moment(row.get(0)?)?,
        ended: moment(row.get(1)?)?,
        exit_code: row.get(2)?,
        summary_json: row.get(3)?,
    })
}
