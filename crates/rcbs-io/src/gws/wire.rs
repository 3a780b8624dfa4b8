//! Reads the envelope of an answer: `statusCode`, lists, links, total (`genesys.md` 2.3, 2.4).
//!
//! An answer is parsed once; recordings stay slices of the buffer it was received in. Nesting is skipped without
//! recursion, so its depth cannot exhaust the stack.

mod entries;
mod members;

use bytes::Bytes;
use rcbs_core::ports::Entry;
use serde::Deserialize;
use serde_json::value::RawValue;

use entries::{Found, entry};
use members::{Members, members};

/// One answer, taken apart. Texts are JSON as served.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    /// `statusCode`; `None` where the answer has none.
    pub(super) code: Option<i64>,
    /// `statusMessage`, decoded.
    pub(super) message: Option<String>,
    /// `recordings` and `uris`; `None` where the answer has neither.
    pub(super) entries: Option<Vec<Entry>>,
    /// `recording`, where it is an object.
    pub(super) recording: Option<Bytes>,
    /// The whole answer, where it is itself an object with an `id`.
    pub(super) bare: Option<Bytes>,
    /// The link to the next page, not resolved.
    pub(super) next: Option<String>,
    /// How long the whole list is.
    pub(super) total: Option<u64>,
    /// `statusCode` 0 and nothing else.
    pub(super) is_silent: bool,
}

/// Why an answer is not one of the API's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotAnEnvelope(pub(super) String);

/// The received bytes, and the same length of text to parse: bytes that are not UTF-8 are replaced one by one, so
/// that an unreadable recording does not hide its neighbours.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    repaired: Option<String>,
}

impl Received {
    pub(super) fn new(mut bytes: Bytes) -> Self {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes = bytes.slice(3..);
        }
        let repaired = std::str::from_utf8(&bytes).is_err().then(|| {
            let mut text = String::with_capacity(bytes.len());
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                text.extend(chunk.invalid().iter().map(|_| '?'));
            }
            text
        });
        Self { bytes, repaired }
    }

    pub(super) fn text(&self) -> &str {
        match &self.repaired {
            Some(text) => text,
            // Checked in `new`; the check is cheap beside parsing and spares unsafe code.
            None => std::str::from_utf8(&self.bytes).unwrap_or_default(),
        }
    }

    /// The received bytes of a piece of [`Self::text`], shared, not copied.
    fn slice(&self, piece: &str) -> Bytes {
        // Not from `text`, which would look at the whole page again for each of its entries.
        let text = match &self.repaired {
            Some(text) => text.as_ptr(),
            None => self.bytes.as_ptr(),
        };
        let begin = piece.as_ptr() as usize - text as usize;
        self.bytes.slice(begin..begin + piece.len())
    }
}

/// Reads an answer.
///
/// # Errors
/// [`NotAnEnvelope`] when it is not a JSON object, ends early or has a `statusCode` that is no number.
pub(super) fn read(received: &Received) -> Result<Envelope, NotAnEnvelope> {
    let mut found = members(received)?;
    let code = match found.take("statusCode") {
        None | Some("null") => None,
        Some(raw) => Some(number(raw).ok_or_else(|| {
            NotAnEnvelope(format!(
                "its statusCode is {}",
                rcbs_core::text::printable(raw)
            ))
        })?),
    };
    let total = ["total", "totalCount"]
        .iter()
        .find_map(|name| length(found.take(name)?));
    let mut entries = lists(&mut found, received, total)?;
    if entries.is_none() && code == Some(0) && total == Some(0) {
        // An empty list that is left out, and counted.
        entries = Some(Vec::new());
    }
    let is_silent = code == Some(0) && found.has_only_a_status();
    let count = found.take("count").and_then(length);
    let on_page = entries.as_ref().map_or(0, |entries| entries.len() as u64);
    Ok(Envelope {
        code,
        message: found
            .take("statusMessage")
            .and_then(|raw| serde_json::from_str(raw).ok()),
        recording: found
            .take("recording")
            .filter(|raw| raw.starts_with('{'))
            .map(|raw| received.slice(raw)),
        bare: found
            .take("id")
            .map(|_| received.slice(received.text().trim())),
        next: super::link::in_body(&found.links()),
        // `count` may be that of this page; only a larger one can be that of the list.
        total: total.or(count.filter(|count| *count > on_page)),
        is_silent: is_silent && entries.is_none() && total.is_none(),
        entries,
    })
}

/// Brings `recordings` and `uris` together; either may hold either kind of entry.
fn lists(
    found: &mut Members<'_>,
    received: &Received,
    total: Option<u64>,
) -> Result<Option<Vec<Entry>>, NotAnEnvelope> {
    let mut all: Option<Vec<Entry>> = None;
    for (name, list) in [
        ("recordings", std::mem::take(&mut found.recordings)),
        ("uris", std::mem::take(&mut found.uris)),
    ] {
        let entries = match list {
            Found::Nothing => continue,
            Found::List(entries) => entries,
            // An empty list is served as null by some mappers; one that should have something in it is a fault.
            Found::Null if total.unwrap_or(0) == 0 => Vec::new(),
            Found::Null => {
                return Err(NotAnEnvelope(format!(
                    "{name} is null though the total is not 0"
                )));
            }
            // One recording where a list should be.
            Found::Object if name == "recordings" => vec![only_recording(received)?],
            Found::Object | Found::Other => {
                return Err(NotAnEnvelope(format!("{name} is not a list")));
            }
        };
        match &mut all {
            Some(all) if !all.is_empty() => {}
            _ => all = Some(entries),
        }
    }
    Ok(all)
}

/// The object that stands where the list of recordings should be.
fn only_recording(received: &Received) -> Result<Entry, NotAnEnvelope> {
    #[derive(Deserialize)]
    struct Only<'a> {
        #[serde(borrow)]
        recordings: &'a RawValue,
    }
    serde_json::from_str(received.text())
        .map(|only: Only<'_>| entry(only.recordings.get(), received))
        .map_err(|_| NotAnEnvelope("recordings occurs twice".to_owned()))
}

fn number(raw: &str) -> Option<i64> {
    raw.trim_matches('"').trim().parse().ok()
}

fn length(raw: &str) -> Option<u64> {
    number(raw)?.try_into().ok()
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
