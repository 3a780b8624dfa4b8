//! What became of files: their past, of which the entries tell the present only.

use jiff::Timestamp;
use rcbs_core::failure::FailureClass;
use rcbs_core::ports::{Happened, Happening, History};
use rcbs_core::recording::{MediaId, RecordingId};
use rusqlite::{Connection, OptionalExtension, Row};

use super::entry::moment;
use super::error::Trouble;
use super::schema::{HISTORY_AND_DAMAGE, has_migration};
use super::worker::Database;

/// Of each file so many entries are kept from the beginning…
const FIRST_KEPT: i64 = 4;
/// …and so many up to the end.
const LAST_KEPT: i64 = 12;
/// Longer reasons are cut.
const WORDS_CHARS: usize = 400;

/// How an entry stands in the file.
#[derive(Debug, PartialEq, Eq)]
struct Columns<'a> {
    what: i64,
    class: Option<&'a str>,
    words: Option<&'a str>,
    len_bytes: Option<i64>,
}

/// Adds to the history of a file; `media` is empty for the metadata. The same thing again is counted, not kept twice.
pub(super) fn add(
    connection: &Connection,
    recording: i64,
    media: &str,
    at_ms: i64,
    what: &Happening,
) -> Result<(), Trouble> {
    let columns = columns(what);
    let words = columns.words.map(cut);
    let mut last = connection.prepare_cached(
        "SELECT number, what = ?3 AND class IS ?4 AND words IS ?5 AND len_bytes IS ?6 FROM happened
         WHERE recording_id = ?1 AND media_id = ?2 ORDER BY number DESC LIMIT 1",
    )?;
    let same = (columns.what, columns.class, words, columns.len_bytes);
    let last: Option<(i64, bool)> = last
        .query_row((recording, media, same.0, same.1, same.2, same.3), |row| {
            row.try_into()
        })
        .optional()?;
    if let Some((number, true)) = last {
        let mut update = connection.prepare_cached(
            "UPDATE happened SET times = times + 1, last_ms = ?4
             WHERE recording_id = ?1 AND media_id = ?2 AND number = ?3",
        )?;
        update.execute((recording, media, number, at_ms))?;
        return Ok(());
    }
    let number = last.map_or(1, |(number, _)| number + 1);
    let mut insert = connection.prepare_cached(
        "INSERT INTO happened (recording_id, media_id, number, what, at_ms, times, class, words, len_bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8)",
    )?;
    insert.execute((
        recording, media, number, same.0, at_ms, same.1, same.2, same.3,
    ))?;
    let mut leave_out = connection.prepare_cached(
        "DELETE FROM happened WHERE recording_id = ?1 AND media_id = ?2 AND number > ?3 AND number <= ?4",
    )?;
    leave_out.execute((recording, media, FIRST_KEPT, number - LAST_KEPT))?;
    Ok(())
}

/// Whether it is known that the file was stored once.
pub(super) fn was_stored(
    connection: &Connection,
    recording: i64,
    media: &str,
) -> Result<bool, Trouble> {
    let mut select = connection.prepare_cached(
        "SELECT 1 FROM happened WHERE recording_id = ?1 AND media_id = ?2 AND what IN (1, 2)",
    )?;
    Ok(select
        .query_row((recording, media), |_| Ok(()))
        .optional()?
        .is_some())
}

/// The history of a recording; none where an older program wrote the ledger and nothing newer has.
pub(super) fn of(db: &Database, id: &RecordingId) -> Result<History, Trouble> {
    let connection = &db.connection;
    let mut history = History::default();
    if !has_migration(connection, HISTORY_AND_DAMAGE)? {
        return Ok(history);
    }
    let mut select = connection.prepare_cached(
        "SELECT media_id, number, what, at_ms, coalesce(last_ms, at_ms), times, class, words, len_bytes
         FROM happened JOIN recording USING (recording_id) WHERE id = ?1 ORDER BY media_id, number",
    )?;
    let mut rows = select.query([id.as_str()])?;
    let mut before = (String::new(), 0);
    while let Some(row) = rows.next()? {
        let (media, number): (String, i64) = (row.get(0)?, row.get(1)?);
        let expected = if before.0 == media { before.1 + 1 } else { 1 };
        history.left_out += u64::try_from(number - expected).unwrap_or_default();
        history.happened.push(Happened {
            media: media_id(&media)?,
            at: moment(row.get(3)?)?,
            last: moment(row.get(4)?)?,
            times: row.get(5)?,
            what: happening(row)?,
        });
        before = (media, number);
    }
    Ok(history)
}

/// The media file with this id; `None` for the metadata.
pub(super) fn media_id(text: &str) -> Result<Option<MediaId>, Trouble> {
    let id = (!text.is_empty()).then(|| MediaId::new(text)).transpose();
    id.map_err(|error| Trouble::Row(error.to_string()))
}

fn columns(what: &Happening) -> Columns<'_> {
    let (number, class, words, len_bytes) = match what {
        Happening::Failed { class, reason } => (0, Some(class.name()), Some(reason), None),
        Happening::Stored {
            len_bytes,
            check,
            fetched,
        } => {
            let number = if *fetched { 1 } else { 2 };
            (number, None, Some(check), i64::try_from(*len_bytes).ok())
        }
        Happening::Damaged { harm, reason } => (3, Some(harm.as_str()), Some(reason), None),
        Happening::FoundWhole => (4, None, None, None),
        Happening::MovedAside { path } => (5, None, Some(path), None),
        Happening::Lost { reason } => (6, None, Some(reason), None),
        Happening::AnnouncedAgain { from } => (7, Some(from.as_str()), None, None),
    };
    Columns {
        what: number,
        class,
        words: words.map(String::as_str),
        len_bytes,
    }
}

fn happening(row: &Row<'_>) -> Result<Happening, Trouble> {
    let class = || Ok::<_, Trouble>(row.get::<_, Option<String>>(6)?.unwrap_or_default());
    let words = || Ok::<_, Trouble>(row.get::<_, Option<String>>(7)?.unwrap_or_default());
    let number: i64 = row.get(2)?;
    Ok(match number {
        0 => Happening::Failed {
            class: FailureClass::from_name(&class()?),
            reason: words()?,
        },
        1 | 2 => Happening::Stored {
            len_bytes: u64::try_from(row.get::<_, Option<i64>>(8)?.unwrap_or_default())
                .unwrap_or_default(),
            check: words()?,
            fetched: number == 1,
        },
        3 => Happening::Damaged {
            harm: class()?,
            reason: words()?,
        },
        4 => Happening::FoundWhole,
        5 => Happening::MovedAside { path: words()? },
        6 => Happening::Lost { reason: words()? },
        7 => Happening::AnnouncedAgain { from: class()? },
        other => return Err(Trouble::Row(format!("nothing is told by {other}"))),
    })
}

fn cut(words: &str) -> &str {
    let end = words.char_indices().nth(WORDS_CHARS);
    end.map_or(words, |(end, _)| &words[..end])
}

/// A moment as it stands in the file.
pub(super) fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}
