//! Reads the lines of a list: whole recordings as slices of the page, ids out of URIs, faults as sentences.

use std::fmt;

use percent_encoding::percent_decode_str;
use rcbs_core::ports::Entry;
use rcbs_core::recording::RecordingId;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Received;

/// More lines than this on one page are no page: we ask for 100.
const MOST_ENTRIES: usize = 100_000;

/// What stands where a list is expected.
#[derive(Debug, Default)]
pub(super) enum Found {
    /// The member is absent.
    #[default]
    Nothing,
    Null,
    List(Vec<Entry>),
    Object,
    Other,
}

impl Found {
    /// Adds what a second member of the same name holds. Nothing announced may be dropped: lists are joined.
    pub(super) fn join(&mut self, more: Self) -> Result<(), &'static str> {
        match (&mut *self, more) {
            (Self::List(entries), Self::List(more)) => entries.extend(more),
            (Self::Nothing | Self::Null, more) => *self = more,
            (_, Self::Null) => {}
            _ => return Err("the same list twice in different forms"),
        }
        Ok(())
    }
}

/// Reads the value of a list member.
pub(super) struct EntriesSeed<'a>(pub(super) &'a Received);

impl<'a> DeserializeSeed<'a> for EntriesSeed<'a> {
    type Value = Found;

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for EntriesSeed<'a> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Found, A::Error> {
        let mut entries = Vec::new();
        while let Some(raw) = list.next_element::<&'a RawValue>()? {
            if entries.len() == MOST_ENTRIES {
                return Err(A::Error::custom("more entries than a page can have"));
            }
            entries.push(entry(raw.get(), self.0));
        }
        Ok(Found::List(entries))
    }

    fn visit_unit<E: Error>(self) -> Result<Found, E> {
        Ok(Found::Null)
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Found, A::Error> {
        // Its own text is out of reach here; the rare caller that wants it reads it once more.
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Found::Object)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Found, E> {
        Ok(Found::Other)
    }
}

/// One line of a list.
pub(super) fn entry(raw: &str, received: &Received) -> Entry {
    let served = received.slice(raw);
    if std::str::from_utf8(&served).is_err() {
        return Entry::Fault(format!(
            "an entry of {} bytes that are not UTF-8",
            served.len()
        ));
    }
    match raw.as_bytes().first() {
        Some(b'{') => Entry::Whole(served),
        Some(b'"') => match serde_json::from_str::<String>(raw) {
            Ok(uri) => id_of(&uri),
            Err(_) => Entry::Fault("an entry that is no readable text".to_owned()),
        },
        Some(b'n') => Entry::Fault("an entry that is null".to_owned()),
        Some(b'[') => Entry::Fault("an entry that is a list".to_owned()),
        _ => Entry::Fault("an entry that is neither a recording nor text".to_owned()),
    }
}

/// The id at the end of a recording's URI. The host does not matter: it is never asked, only the id is used.
fn id_of(uri: &str) -> Entry {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let last = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let id = percent_decode_str(last).decode_utf8();
    match id
        .ok()
        .filter(|id| !matches!(&**id, "." | ".."))
        .map(|id| RecordingId::new(&id))
    {
        Some(Ok(id)) => Entry::Id(id),
        // Made printable by the caller, after it has taken secrets out.
        _ => Entry::Fault(format!(
            "a URI without an id: {}",
            uri.chars().take(1_000).collect::<String>()
        )),
    }
}
