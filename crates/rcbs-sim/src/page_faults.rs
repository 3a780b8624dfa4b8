//! Pages that only a broken or hostile server gives: endless ones, huge ones, nested ones.

use bytes::Bytes;
use jiff::SignedDuration;
use serde_json::json;

use crate::clock::saturating_add;
use crate::faults::Effect;
use crate::search::Search;
use crate::seed::Seed;

/// What is really searched: a page that repeats itself for ever is the first one each time.
pub(crate) fn search(effects: &[Effect], wanted: &Search) -> Search {
    let repeats = effects.contains(&Effect::EndlessPages { fresh: false });
    Search {
        offset: if repeats { 0 } else { wanted.offset },
        ..wanted.clone()
    }
}

/// A full page of recordings that never were, within the bounds asked for and never twice the same.
pub(crate) fn invented(effects: &[Effect], seed: Seed, wanted: &Search) -> Option<Vec<Vec<u8>>> {
    if !effects.contains(&Effect::EndlessPages { fresh: true }) {
        return None;
    }
    let begin = wanted.since.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let page = (0..wanted.limit.clamp(1, 100)).map(|number| {
        let label = format!("invented {} {number}", wanted.request);
        let start = saturating_add(begin, SignedDuration::from_millis(number.cast_signed()));
        let time = start.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string();
        json!({"id": seed.letters(&label, 32), "startTime": time, "stopTime": time, "mediaFiles": []})
            .to_string()
            .into_bytes()
    });
    Some(page.collect())
}

/// A recording of about so many bytes, in pieces.
pub(crate) fn huge_recording(len_bytes: u64) -> impl Iterator<Item = Bytes> + Send + Sync {
    static FILLER: [u8; 65_536] = [b'x'; 65_536];
    let filler =
        crate::body::zeros(len_bytes).map(|zeros| Bytes::from_static(&FILLER[..zeros.len()]));
    std::iter::once(Bytes::from_static(
        b"{\"id\":\"HUGE\",\"startTime\":\"2018-02-12T00:00:00.000+0000\",\"filler\":\"",
    ))
    .chain(filler)
    .chain(std::iter::once(Bytes::from_static(b"\"}")))
}

/// So many brackets inside each other.
pub(crate) fn nested(depth: u64) -> Vec<u8> {
    let depth = usize::try_from(depth).unwrap_or(usize::MAX);
    let mut text = vec![b'['; depth];
    text.resize(depth * 2, b']');
    text
}
