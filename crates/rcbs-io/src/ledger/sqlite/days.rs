//! What is known by days: the periods that were listed to their end, and counts of what was announced in them.

use jiff::Timestamp;
use rcbs_core::ledger::state::StateName;
use rcbs_core::ports::{DayCount, Period};
use rusqlite::{Connection, OptionalExtension, Row};

use super::entry::{moment, state_name};
use super::error::Trouble;
use super::schema::{HISTORY_AND_DAMAGE, LISTED_AND_VERSIONS, has_migration};
use super::worker::Database;

/// The beginning of the day of `start_ms`, also before 1970.
const DAY: &str = "start_ms - ((start_ms % 86400000) + 86400000) % 86400000";

/// Makes one period of this one and those that it overlaps or touches.
pub(super) fn note_listed(db: &mut Database, period: Period) -> Result<(), Trouble> {
    let (since, until) = (period.since.as_millisecond(), period.until.as_millisecond());
    // A run that lists again what was listed before writes nothing.
    let mut holds = db
        .connection
        .prepare_cached("SELECT 1 FROM listed WHERE since_ms <= ?1 AND until_ms >= ?2")?;
    let is_known = holds.query_row((since, until), |_| Ok(())).optional()?;
    drop(holds);
    if since >= until || is_known.is_some() {
        return Ok(());
    }
    db.write(|connection| {
        let mut around = connection.prepare_cached(
            "SELECT min(since_ms), max(until_ms) FROM listed WHERE since_ms <= ?2 AND until_ms >= ?1",
        )?;
        let (first, last): (Option<i64>, Option<i64>) =
            around.query_row((since, until), |row| row.try_into())?;
        let mut delete = connection
            .prepare_cached("DELETE FROM listed WHERE since_ms <= ?2 AND until_ms >= ?1")?;
        delete.execute((since, until))?;
        let mut insert = connection
            .prepare_cached("INSERT INTO listed (since_ms, until_ms) VALUES (?1, ?2)")?;
        let (since, until) = (
            first.map_or(since, |first| first.min(since)),
            last.map_or(until, |last| last.max(until)),
        );
        insert.execute((since, until))?;
        Ok(())
    })
}

/// Cuts off what lies behind this moment; writes only if something does.
pub(super) fn forget_listed_from(db: &mut Database, at: Timestamp) -> Result<(), Trouble> {
    let at = at.as_millisecond();
    let mut behind = db
        .connection
        .prepare_cached("SELECT 1 FROM listed WHERE until_ms > ?1")?;
    let is_claimed = behind.query_row([at], |_| Ok(())).optional()?;
    drop(behind);
    if is_claimed.is_none() {
        return Ok(());
    }
    db.write(|connection| {
        connection.execute("DELETE FROM listed WHERE since_ms >= ?1", [at])?;
        let cut = "UPDATE listed SET until_ms = ?1 WHERE until_ms > ?1";
        connection.execute(cut, [at])?;
        Ok(())
    })
}

/// All of them; none where an older program wrote the ledger and nothing newer has.
pub(super) fn listed(db: &Database) -> Result<Vec<Period>, Trouble> {
    let connection = &db.connection;
    if !has_migration(connection, LISTED_AND_VERSIONS)? {
        return Ok(Vec::new());
    }
    let mut select =
        connection.prepare_cached("SELECT since_ms, until_ms FROM listed ORDER BY since_ms")?;
    let mut rows = select.query([])?;
    let mut periods = Vec::new();
    while let Some(row) = rows.next()? {
        periods.push(Period {
            since: moment(row.get(0)?)?,
            until: moment(row.get(1)?)?,
        });
    }
    Ok(periods)
}

/// Counts recordings and media files by day. Memory: one entry for each day.
pub(super) fn days(db: &Database, within: Option<Period>) -> Result<Vec<DayCount>, Trouble> {
    let edges = within.map_or((None, None), |period| {
        let (since, until) = (period.since, period.until);
        (Some(since.as_millisecond()), Some(until.as_millisecond()))
    });
    // As of one moment: a run at work may enter the first recording of a day in between.
    let snapshot = db.connection.unchecked_transaction()?;
    let mut days = recordings(&snapshot, within.is_some(), edges)?;
    media(&snapshot, within.is_some(), edges, &mut days)?;
    if has_migration(&snapshot, HISTORY_AND_DAMAGE)? {
        damaged(&snapshot, within.is_some(), edges, &mut days)?;
    }
    Ok(days)
}

type Edges = (Option<i64>, Option<i64>);

/// What narrows a query to the period; without one the parameters are named all the same.
fn condition(narrow: bool) -> &'static str {
    if narrow {
        "WHERE start_ms >= ?1 AND start_ms < ?2"
    } else {
        "WHERE ?1 IS NULL AND ?2 IS NULL"
    }
}

fn recordings(
    connection: &Connection,
    narrow: bool,
    edges: Edges,
) -> Result<Vec<DayCount>, Trouble> {
    let sql = format!(
        "SELECT {DAY} AS day, count(*), sum(stored_sha256 IS NULL) FROM recording {}
         GROUP BY day ORDER BY day",
        condition(narrow)
    );
    let mut select = connection.prepare(&sql)?;
    let mut rows = select.query(edges)?;
    let mut days = Vec::new();
    while let Some(row) = rows.next()? {
        days.push(DayCount {
            day: day(row)?,
            recordings: count(row, 1)?,
            without_metadata: count(row, 2)?,
            ..DayCount::default()
        });
    }
    Ok(days)
}

fn media(
    connection: &Connection,
    narrow: bool,
    edges: Edges,
    days: &mut [DayCount],
) -> Result<(), Trouble> {
    // Why a file is lost is a text of its own for each; only rules and classes are few.
    let sql = format!(
        "SELECT {DAY} AS day, state, CASE state WHEN 2 THEN class WHEN 4 THEN reason END AS why,
                count(*), sum(CASE state WHEN 3 THEN len_bytes ELSE 0 END)
         FROM recording JOIN media USING (recording_id) {}
         GROUP BY day, state, why ORDER BY day",
        condition(narrow)
    );
    let mut select = connection.prepare(&sql)?;
    let mut rows = select.query(edges)?;
    while let Some(row) = rows.next()? {
        let found = day_of(days, row)?;
        let why: Option<String> = row.get(2)?;
        let files = count(row, 3)?;
        let why = || why.unwrap_or_default();
        match state_name(row.get(1)?)? {
            StateName::Announced | StateName::Publishing => found.open += files,
            StateName::Verified => {
                found.verified += files;
                found.verified_bytes += count(row, 4)?;
            }
            StateName::Skipped => found.skipped.push((why(), files)),
            StateName::Waiting => found.waiting.push((why(), files)),
            StateName::Lost => found.lost += files,
        }
    }
    Ok(())
}

/// Files that were found damaged.
fn damaged(
    connection: &Connection,
    narrow: bool,
    edges: Edges,
    days: &mut [DayCount],
) -> Result<(), Trouble> {
    let sql = format!(
        "SELECT {DAY} AS day, count(*) FROM damage CROSS JOIN recording USING (recording_id) {} GROUP BY day",
        condition(narrow)
    );
    let mut select = connection.prepare(&sql)?;
    let mut rows = select.query(edges)?;
    while let Some(row) = rows.next()? {
        day_of(days, row)?.damaged = count(row, 1)?;
    }
    Ok(())
}

/// The day that the first column names; none where a recording has no start.
fn day(row: &Row<'_>) -> Result<Option<Timestamp>, Trouble> {
    let day: Option<i64> = row.get(0)?;
    day.map(moment).transpose()
}

/// The counts of the day that the first column names.
fn day_of<'a>(days: &'a mut [DayCount], row: &Row<'_>) -> Result<&'a mut DayCount, Trouble> {
    let day = day(row)?;
    let place = days.binary_search_by_key(&day, |known| known.day);
    let found = place.ok().and_then(|place| days.get_mut(place));
    found.ok_or_else(|| Trouble::Row("a file has no recording".to_owned()))
}

fn count(row: &Row<'_>, column: usize) -> Result<u64, Trouble> {
    let count: i64 = row.get(column)?;
    Ok(u64::try_from(count).unwrap_or_default())
}
