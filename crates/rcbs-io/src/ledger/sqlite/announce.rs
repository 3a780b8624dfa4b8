//! Enters recordings and their media files.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rcbs_core::ledger::state::{StateName, is_legal};
use rcbs_core::ports::{Announcement, EntryState, Happening, MediaEntry, RecordingEntry};
use rcbs_core::recording::MediaId;
use rusqlite::{Connection, OptionalExtension};

use super::entry::{Found, find_in, moment, state_number};
use super::error::Trouble;
use super::facts::Tallied;
use super::history;
use super::settle::recount_open;
use super::worker::Database;

/// Enters a batch; the entries as they stand after it, in order.
pub(super) fn announce(
    db: &mut Database,
    batch: &[Announcement],
) -> Result<Vec<RecordingEntry>, Trouble> {
    db.write(|connection| {
        let mut intake = Intake::default();
        let entries = batch
            .iter()
            .map(|announced| announce_one(connection, &mut intake, announced))
            .collect::<Result<_, _>>()?;
        intake.tallied.write(connection)?;
        Ok(entries)
    })
}

/// What is kept while a batch is entered.
#[derive(Debug, Default)]
struct Intake<'a> {
    tallied: Tallied,
    places: Places<'a>,
}

fn announce_one<'a>(
    connection: &Connection,
    intake: &mut Intake<'a>,
    announced: &'a Announcement,
) -> Result<RecordingEntry, Trouble> {
    let known = find_in(connection, &announced.id)?;
    let is_new = known.is_none();
    let mut found = match known {
        Some(found) => found,
        None => {
            intake.tallied.recordings += 1;
            enter(connection, &mut intake.places, announced)?
        }
    };
    let metadata_changed = found.announced_sha256 != announced.metadata_sha256;
    if metadata_changed {
        note_change(connection, &mut found, announced)?;
    }
    let media_changed = announce_media(connection, intake, &mut found, announced)?;
    if media_changed {
        if !is_new {
            recount_open(connection, found.row)?;
        }
        found.entry.media.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let mut states = found.entry.media.iter().map(|(_, media)| &media.state);
    let stored = found.entry.stored_metadata_sha256;
    let open = states.any(|state| !StateName::from(state).is_settled())
        || stored != Some(announced.metadata_sha256);
    if metadata_changed || media_changed || open {
        note_seen(connection, &mut found, announced.seen)?;
    }
    Ok(found.entry)
}

/// Enters media files that are new, and new places of known ones. Tells whether anything has changed.
fn announce_media<'a>(
    connection: &Connection,
    intake: &mut Intake<'a>,
    found: &mut Found,
    announced: &'a Announcement,
) -> Result<bool, Trouble> {
    let mut changed = false;
    for (id, location) in &announced.media {
        let (row, location) = (found.row, location.as_deref());
        let media = &mut found.entry.media;
        match media.iter_mut().find(|(known, _)| known == id) {
            Some((_, entry)) => {
                changed |= note_location(
                    connection,
                    intake,
                    row,
                    id,
                    entry,
                    (location, announced.seen),
                )?;
            }
            None => {
                let entry = enter_media(connection, &mut intake.places, row, id, location)?;
                intake.tallied.arrive(StateName::Announced, 0);
                media.push((id.clone(), entry));
                changed = true;
            }
        }
    }
    Ok(changed)
}

fn enter<'a>(
    connection: &Connection,
    places: &mut Places<'a>,
    announced: &'a Announcement,
) -> Result<Found, Trouble> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO recording (id, start_ms, stop_ms, place_id, folder, caller, dialed, agents, announced_sha256,
                                first_seen_ms, last_seen_ms, last_changed_ms, open)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?10, ?11)",
    )?;
    // All its files are entered as announced after it, each id once.
    let open: BTreeSet<&MediaId> = announced.media.iter().map(|(id, _)| id).collect();
    let (place, folder) =
        places.split(connection, announced.id.as_str(), Some(&announced.folder))?;
    let row = insert.insert((
        announced.id.as_str(),
        announced.start.map(|at| at.as_millisecond()),
        announced.stop.map(|at| at.as_millisecond()),
        place,
        folder,
        &announced.caller,
        &announced.dialed,
        agents(announced),
        announced.metadata_sha256,
        announced.seen.as_millisecond(),
        i64::try_from(open.len()).unwrap_or(i64::MAX),
    ))?;
    let seen = to_ms(announced.seen)?;
    Ok(Found {
        row,
        announced_sha256: announced.metadata_sha256,
        entry: RecordingEntry {
            id: announced.id.clone(),
            start: announced.start.map(to_ms).transpose()?,
            folder: announced.folder.clone(),
            stored_metadata_sha256: None,
            first_seen: seen,
            last_seen: seen,
            last_changed: seen,
            media: Vec::new(),
        },
    })
}

/// Takes over what the metadata says now. The folder stays: what is stored of the recording lies there. A start that
/// was known once is not forgotten, because the checkpoint is held back by it.
fn note_change(
    connection: &Connection,
    found: &mut Found,
    announced: &Announcement,
) -> Result<(), Trouble> {
    let mut update = connection.prepare_cached(
        "UPDATE recording SET start_ms = coalesce(?2, start_ms), stop_ms = coalesce(?3, stop_ms), caller = ?4,
                dialed = ?5, agents = ?6, announced_sha256 = ?7, last_changed_ms = ?8
         WHERE recording_id = ?1",
    )?;
    update.execute((
        found.row,
        announced.start.map(|at| at.as_millisecond()),
        announced.stop.map(|at| at.as_millisecond()),
        &announced.caller,
        &announced.dialed,
        agents(announced),
        announced.metadata_sha256,
        announced.seen.as_millisecond(),
    ))?;
    if let Some(start) = announced.start {
        found.entry.start = Some(to_ms(start)?);
    }
    found.entry.last_changed = to_ms(announced.seen)?;
    Ok(())
}

fn note_seen(connection: &Connection, found: &mut Found, seen: Timestamp) -> Result<(), Trouble> {
    let seen = to_ms(seen)?;
    if found.entry.last_seen != seen {
        connection
            .prepare_cached("UPDATE recording SET last_seen_ms = ?2 WHERE recording_id = ?1")?
            .execute((found.row, seen.as_millisecond()))?;
        found.entry.last_seen = seen;
    }
    Ok(())
}

fn enter_media<'a>(
    connection: &Connection,
    places: &mut Places<'a>,
    recording: i64,
    id: &MediaId,
    location: Option<&'a str>,
) -> Result<MediaEntry, Trouble> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO media (recording_id, id, state, attempts, place_id, location) VALUES (?1, ?2, 0, 0, ?3, ?4)",
    )?;
    let (place, text) = places.split(connection, id.as_str(), location)?;
    insert.execute((recording, id.as_str(), place, text))?;
    Ok(MediaEntry {
        state: EntryState::Announced,
        attempts: 0,
        location: location.map(ToOwned::to_owned),
    })
}

/// Takes over a location that has changed. What failed at the old place says nothing about the new one, so a file that
/// waits or is lost is announced again; an announcement that names no place takes nothing back. Tells whether anything
/// has changed.
fn note_location<'a>(
    connection: &Connection,
    intake: &mut Intake<'a>,
    recording: i64,
    id: &MediaId,
    entry: &mut MediaEntry,
    (location, seen): (Option<&'a str>, Timestamp),
) -> Result<bool, Trouble> {
    if location.is_none() || entry.location.as_deref() == location {
        return Ok(false);
    }
    let (place, text) = intake.places.split(connection, id.as_str(), location)?;
    entry.location = location.map(ToOwned::to_owned);
    let from = StateName::from(&entry.state);
    let again = matches!(from, StateName::Waiting | StateName::Lost)
        && is_legal(from, StateName::Announced);
    if again {
        let mut update = connection.prepare_cached(
            "UPDATE media SET place_id = ?3, location = ?4, state = ?5, attempts = 0, at_ms = NULL, class = NULL,
                    reason = NULL
             WHERE recording_id = ?1 AND id = ?2",
        )?;
        let announced = state_number(StateName::Announced);
        let before = entry.state.clone();
        update.execute((recording, id.as_str(), place, text, announced))?;
        note_again(connection, recording, id, &before, seen)?;
        intake.tallied.leave(from, 0);
        intake.tallied.arrive(StateName::Announced, 0);
        entry.state = EntryState::Announced;
        entry.attempts = 0;
    } else {
        let mut update = connection.prepare_cached(
            "UPDATE media SET place_id = ?3, location = ?4 WHERE recording_id = ?1 AND id = ?2",
        )?;
        update.execute((recording, id.as_str(), place, text))?;
    }
    Ok(true)
}

/// What an entry told, before it is announced at another place.
fn note_again(
    connection: &Connection,
    recording: i64,
    id: &MediaId,
    before: &EntryState,
    seen: Timestamp,
) -> Result<(), Trouble> {
    if let EntryState::Lost { reason, at } = before {
        let reason = reason.clone();
        let lost = Happening::Lost { reason };
        history::add(connection, recording, id.as_str(), history::ms(*at), &lost)?;
    }
    let from = StateName::from(before).as_str().to_owned();
    let again = Happening::AnnouncedAgain { from };
    history::add(
        connection,
        recording,
        id.as_str(),
        history::ms(seen),
        &again,
    )
}

/// The numbers of what stands before the ids in a batch; mostly one folder and one bucket.
#[derive(Debug, Default)]
struct Places<'a>(Vec<(&'a str, i64)>);

impl<'a> Places<'a> {
    /// So many are remembered; whoever has more is asked for the others.
    const MOST: usize = 16;

    /// The two columns of a folder or location: most end in the id, and what stands before it is the same for many.
    fn split(
        &mut self,
        connection: &Connection,
        id: &str,
        text: Option<&'a str>,
    ) -> Result<(Option<i64>, Option<&'a str>), Trouble> {
        let prefix = text
            .and_then(|text| text.strip_suffix(id))
            .filter(|prefix| prefix.ends_with('/'));
        match prefix {
            Some(prefix) => Ok((Some(self.number(connection, prefix)?), None)),
            None => Ok((None, text)),
        }
    }

    fn number(&mut self, connection: &Connection, prefix: &'a str) -> Result<i64, Trouble> {
        if let Some((_, number)) = self.0.iter().find(|(known, _)| *known == prefix) {
            return Ok(*number);
        }
        let number = place(connection, prefix)?;
        if self.0.len() < Self::MOST {
            self.0.push((prefix, number));
        }
        Ok(number)
    }
}

/// The number of a prefix, which is entered where it is new.
fn place(connection: &Connection, prefix: &str) -> Result<i64, Trouble> {
    let mut select = connection.prepare_cached("SELECT place_id FROM place WHERE prefix = ?1")?;
    if let Some(known) = select.query_row([prefix], |row| row.get(0)).optional()? {
        return Ok(known);
    }
    let mut insert = connection.prepare_cached("INSERT INTO place (prefix) VALUES (?1)")?;
    Ok(insert.insert([prefix])?)
}

/// A moment as it will be read back.
fn to_ms(at: Timestamp) -> Result<Timestamp, Trouble> {
    moment(at.as_millisecond())
}

fn agents(announced: &Announcement) -> Option<String> {
    (!announced.agents.is_empty()).then(|| serde_json::json!(announced.agents).to_string())
}
