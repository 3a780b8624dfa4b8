//! Which bytes of an object answer a request, after the faults have had their say.

use bytes::Bytes;

use crate::body::{first_bytes, zeros};
use crate::cloud::StoredObject;
use crate::faults::Effect;

/// The part of an object that is sent.
pub(crate) struct Reading {
    /// Length of the whole object, as it is announced.
    pub(crate) total_bytes: u64,
    /// The first byte sent.
    pub(crate) from: u64,
    /// How many are announced.
    pub(crate) len_bytes: u64,
    /// The bytes.
    pub(crate) pieces: Box<dyn Iterator<Item = Bytes> + Send + Sync>,
}

/// The bytes from `first` to `last`, both included; `None` when the range begins behind the end (RFC 9110, 14.1.2).
pub(crate) fn read(
    stored: &StoredObject,
    effects: &[Effect],
    first: u64,
    last: Option<u64>,
) -> Option<Reading> {
    let mut total_bytes = stored.len_bytes();
    let (mut first, mut last) = (first, last);
    for effect in effects {
        match effect {
            Effect::Longer { by_bytes } => total_bytes += by_bytes,
            Effect::Shorter { by_bytes } => total_bytes = total_bytes.saturating_sub(*by_bytes),
            Effect::IgnoreRange => (first, last) = (0, None),
            Effect::WrongRange { shift_bytes } => first += shift_bytes,
            _ => {}
        }
    }
    if first > 0 && first >= total_bytes {
        return None;
    }
    let end = last.map_or(total_bytes, |last| last.saturating_add(1).min(total_bytes));
    let len_bytes = end.saturating_sub(first);
    let pieces = first_bytes(stored.pieces(first).chain(zeros(total_bytes)), len_bytes);
    Some(Reading {
        total_bytes,
        from: first,
        len_bytes,
        pieces: Box::new(pieces),
    })
}
