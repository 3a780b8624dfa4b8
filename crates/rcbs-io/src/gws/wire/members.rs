//! Picks the members we know out of a JSON object of any size, without building a tree.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::entries::{EntriesSeed, Found};
use super::{NotAnEnvelope, Received};

/// The members that are kept as they are. Links come last, in the order of preference.
const KEPT: [&str; 13] = [
    "statusCode",
    "statusMessage",
    "total",
    "totalCount",
    "count",
    "recording",
    "id",
    "next",
    "nextUri",
    "nextPage",
    "links",
    "_links",
    "paging",
];

/// Where the links begin in [`KEPT`].
const FIRST_LINK: usize = 7;

/// The known members of an object, as JSON text. Of a member that occurs twice the last counts; lists are joined.
#[derive(Debug)]
pub(super) struct Members<'a> {
    kept: [Option<&'a str>; KEPT.len()],
    pub(super) recordings: Found,
    pub(super) uris: Found,
    /// There are members that are none of those.
    pub(super) has_others: bool,
}

impl<'a> Members<'a> {
    pub(super) fn take(&mut self, name: &str) -> Option<&'a str> {
        let index = KEPT.iter().position(|kept| *kept == name)?;
        self.kept[index].take()
    }

    /// Whether nothing is left, once status, lists and totals are taken, but a message.
    pub(super) fn has_only_a_status(&self) -> bool {
        let is_message = |index: usize| KEPT[index] == "statusMessage";
        let others = (0..KEPT.len()).filter(|index| !is_message(*index));
        !self.has_others && others.into_iter().all(|index| self.kept[index].is_none())
    }

    pub(super) fn links(&self) -> Vec<(&'static str, &'a str)> {
        (FIRST_LINK..KEPT.len())
            .filter_map(|index| Some((KEPT[index], self.kept[index]?)))
            .collect()
    }
}

/// Reads the known members of the object that an answer consists of.
pub(super) fn members(received: &Received) -> Result<Members<'_>, NotAnEnvelope> {
    let mut reader = serde_json::Deserializer::from_str(received.text());
    reader
        .deserialize_map(ObjectVisitor(received))
        .and_then(|members| reader.end().map(|()| members))
        // The parser's own words may repeat content; its position may not.
        .map_err(|error| {
            NotAnEnvelope(match error.classify() {
                serde_json::error::Category::Eof => "it ends in the middle".to_owned(),
                serde_json::error::Category::Data => {
                    "it is not a JSON object of recordings".to_owned()
                }
                _ => format!("no JSON at line {} column {}", error.line(), error.column()),
            })
        })
}

struct ObjectVisitor<'a>(&'a Received);

impl<'a> Visitor<'a> for ObjectVisitor<'a> {
    type Value = Members<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Members<'a>, A::Error> {
        let mut members = Members {
            kept: [None; KEPT.len()],
            recordings: Found::Nothing,
            uris: Found::Nothing,
            has_others: false,
        };
        while let Some(key) = map.next_key_seed(KeySeed)? {
            match key {
                Key::Kept(index) => {
                    members.kept[index] = Some(map.next_value::<&RawValue>()?.get());
                }
                Key::Recordings => {
                    let list = map.next_value_seed(EntriesSeed(self.0))?;
                    members.recordings.join(list).map_err(A::Error::custom)?;
                }
                Key::Uris => {
                    let list = map.next_value_seed(EntriesSeed(self.0))?;
                    members.uris.join(list).map_err(A::Error::custom)?;
                }
                Key::Unknown => {
                    members.has_others = true;
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(members)
    }
}

enum Key {
    Kept(usize),
    Recordings,
    Uris,
    Unknown,
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        Ok(match name {
            "recordings" => Key::Recordings,
            "uris" => Key::Uris,
            _ => KEPT
                .iter()
                .position(|kept| *kept == name)
                .map_or(Key::Unknown, Key::Kept),
        })
    }
}
