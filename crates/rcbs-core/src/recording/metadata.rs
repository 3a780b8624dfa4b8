//! Reads the served JSON of one recording into strict types, tolerant of every known spelling.

use std::borrow::Cow;
use std::collections::BTreeSet;

use bytes::Bytes;
use jiff::Timestamp;

use super::json::Cursor;
use super::media::{self, MediaList};
use super::{Endpoint, Recording, RecordingId, parse_time};
use crate::digest::sha256;

/// Agents of one recording that are kept. A conference has a handful; the rest of a longer list stays in the JSON.
const AGENTS_MAX: usize = 64;

/// The longest name or number that is taken over for search, in bytes. A longer one stays in the JSON only.
const WORD_BYTES_MAX: usize = 1024;

/// Why a served recording cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not JSON, or not an object.
    #[error("the recording is not a JSON object: {reason}")]
    NotAnObject {
        /// What the parser said.
        reason: String,
    },
    /// No id, or an empty one.
    #[error("the recording has no id")]
    NoId,
}

/// Reads one recording. The bytes are kept as they are in [`Recording::json`].
///
/// A number may be written as a string and the other way round; a field that is absent, `null` or of another kind than
/// it should be counts as absent. Of a key that is there twice the last counts. Bytes that are not UTF-8 are read as
/// U+FFFD.
///
/// The start is the recording's `startTime`, else the earliest one of its media, else the earliest
/// `parameters.dateTime`, else its `stopTime`.
///
/// # Errors
/// [`MetadataError`] when it is no JSON object or has no id; everything else is tolerated and noted.
pub fn parse(json: &Bytes) -> Result<Recording, MetadataError> {
    parse_at(json, None)
}

/// [`parse`] with a store of one's own: URLs below its address name objects too.
///
/// # Errors
/// As [`parse`].
pub fn parse_at(json: &Bytes, endpoint: Option<&Endpoint>) -> Result<Recording, MetadataError> {
    let text = match std::str::from_utf8(json) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(json),
    };
    let served = Served::read(&text, endpoint)?;
    let id = served
        .id
        .and_then(|id| RecordingId::new(&id).ok())
        .ok_or(MetadataError::NoId)?;

    let mut agents = served.event_agents;
    let mut list = MediaList::new("mediaFiles", endpoint);
    // Nobody has seen two lists in one recording; if it happens, neither is left out.
    for (_, other) in served.media {
        list.append(other);
    }
    agents.append(&mut list.agents);
    Ok(Recording {
        id,
        start: served
            .start
            .or(list.earliest_start)
            .or(list.earliest_date)
            .or(served.stop),
        stop: served.stop,
        caller: served.caller.map(Cow::into_owned),
        dialed: served.dialed.map(Cow::into_owned),
        agents: agents
            .into_iter()
            .take(AGENTS_MAX)
            .map(Cow::into_owned)
            .collect(),
        has_media_list: list.is_present,
        media_list_is_null: list.is_null,
        media: list.media,
        faults: list.faults.into_sentences(),
        json: json.clone(),
        json_sha256: sha256(json),
    })
}

/// Lists of media files that are read of one recording; real ones have one.
const LISTS_MAX: usize = 4;

/// The fields of a recording that we read.
struct Served<'a> {
    id: Option<Cow<'a, str>>,
    start: Option<Timestamp>,
    stop: Option<Timestamp>,
    caller: Option<Cow<'a, str>>,
    dialed: Option<Cow<'a, str>>,
    /// The lists of media files, by the names of their fields; a handful at most.
    media: Vec<(String, MediaList<'a>)>,
    event_agents: BTreeSet<Cow<'a, str>>,
}

impl<'a> Served<'a> {
    fn read(text: &'a str, endpoint: Option<&'a Endpoint>) -> Result<Self, MetadataError> {
        let refused = |reason: String| MetadataError::NotAnObject { reason };
        let text = text.trim_start_matches('\u{feff}');
        let mut cursor = Cursor::new(text).map_err(|error| refused(error.to_string()))?;
        if !cursor.is_object() {
            return Err(refused("it does not begin with a brace".to_owned()));
        }
        let mut served = Self {
            id: None,
            start: None,
            stop: None,
            caller: None,
            dialed: None,
            media: Vec::new(),
            event_agents: BTreeSet::new(),
        };
        cursor.fields(|key, value| match key {
            "id" => served.id = value.filled_text(),
            "startTime" => served.start = time(value),
            "stopTime" => served.stop = time(value),
            "callerPhoneNumber" => served.caller = word(value),
            "dialedPhoneNumber" => served.dialed = word(value),
            "eventHistory" => served.event_agents = event_agents(value),
            _ => served.media_list(key, value, endpoint),
        });
        Ok(served)
    }

    /// Reads a field that may be a list of media files. Of one that comes twice the last counts, as everywhere.
    fn media_list(&mut self, key: &str, value: &mut Cursor<'a>, endpoint: Option<&'a Endpoint>) {
        let Some(name) = media::list_name(key) else {
            return;
        };
        // `media` is a common word: a text or number of that name is none of our business.
        let is_list = value.is_array() || value.is_object() || value.is_null();
        if name == "media" && !is_list {
            return;
        }
        self.media.retain(|(known, _)| known != key);
        if let Some((_, last)) = self.media.get_mut(LISTS_MAX - 1) {
            last.refuse(format!(
                "there are more than {LISTS_MAX} lists of media files"
            ));
            return;
        }
        self.media
            .push((key.to_owned(), MediaList::read(name, value, endpoint)));
    }
}

/// A time in any form [`parse_time`] reads, or the same as a JSON number.
pub(super) fn time(value: &mut Cursor<'_>) -> Option<Timestamp> {
    let text = value.text()?;
    parse_time(&text).or_else(|| {
        // `1.518462251E12`: how Java writes a large number that it holds as a double.
        let number: f64 = text.trim().parse().ok()?;
        (text.contains(['e', 'E']) && number.abs() < 1e15)
            .then(|| parse_time(&format!("{number:.0}")))?
    })
}

/// A name, number or type that goes into the ledger.
pub(super) fn word<'a>(value: &mut Cursor<'a>) -> Option<Cow<'a, str>> {
    value
        .filled_text()
        .filter(|word| word.len() <= WORD_BYTES_MAX)
}

fn event_agents<'a>(events: &mut Cursor<'a>) -> BTreeSet<Cow<'a, str>> {
    let mut agents = BTreeSet::new();
    events.entries(|event| {
        let mut name = None;
        event.fields(|key, value| {
            if key == "contact" {
                name = user_name(value);
            }
        });
        agents.extend(name);
    });
    agents
}

/// `userName` of a contact.
pub(super) fn user_name<'a>(contact: &mut Cursor<'a>) -> Option<Cow<'a, str>> {
    let mut name = None;
    contact.fields(|key, value| {
        if key == "userName" {
            name = word(value);
        }
    });
    name
}

#[cfg(test)]
mod tests;
