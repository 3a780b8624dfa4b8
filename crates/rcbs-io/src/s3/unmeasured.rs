//! An object whose length its answer does not tell: asks for it, or counts the bytes, before a byte is handed on.
//!
//! The envelope around a ciphertext begins with the length of the whole, so the length has to be known first. Gateways and
//! proxies that open TLS often send in chunks what had a `Content-Length`.

use http::HeaderMap;
use http::header::TRANSFER_ENCODING;
use rcbs_core::ports::{GetRequest, Object, StoreError};

use super::answer::{self, facts};
use super::{Part, S3, broken};
use crate::http::Timed;

/// Nothing is counted beyond this: the longest recordings have a few gigabytes, and an answer without end must have one
/// here.
const COUNTED_BYTES_MAX: u64 = 16 << 30;

/// The object of an answer 200 without a length.
///
/// A request for the first byte alone tells the length in `Content-Range`; the answer at hand is then read to exactly that
/// length. A store that knows no ranges is read twice: once to count, once to hand on. The end of chunks is proven by their
/// framing. A body that only ends with its connection may have been cut at any byte, twice at the same one too, so it counts
/// only where a checksum of the whole object will show it.
pub(super) async fn measured(
    store: &S3,
    request: &GetRequest,
    answer: Timed,
) -> Result<Object, StoreError> {
    if let Some(total_bytes) = told_with_a_range(store, request, &answer).await? {
        let (_, headers) = answer.head();
        return Ok(facts(request, 200, headers, Some(total_bytes))?.object(answer));
    }
    proves_its_end(request, &answer)?;
    let total_bytes = count(answer).await?;
    let again = store.ask(request, Part::From(request.from)).await?;
    let (status, headers) = again.head();
    let status = status.as_u16();
    let length = match (status, again.announced()) {
        (200, None) => {
            proves_its_end(request, &again)?;
            Some(total_bytes)
        }
        (_, told) => told,
    };
    let facts = facts(request, status, headers, length)?;
    Ok(facts.object(again))
}

/// The length of the whole object, out of an answer about its first byte.
async fn told_with_a_range(
    store: &S3,
    request: &GetRequest,
    answer: &Timed,
) -> Result<Option<u64>, StoreError> {
    let first_byte = match store.ask(request, Part::FirstByte).await {
        Ok(first_byte) => first_byte,
        // An empty object has no first byte, and some gateways know no ranges at all.
        Err(StoreError::Unexpected { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let (status, headers) = first_byte.head();
    if status.as_u16() != 206 {
        return Ok(None);
    }
    let (_, of_whole) = answer.head();
    match (answer::version(of_whole), answer::version(headers)) {
        (Some(whole), Some(part)) if whole != part => Err(StoreError::Changed),
        _ => Ok(answer::total_of_first_byte(headers)),
    }
}

fn proves_its_end(request: &GetRequest, answer: &Timed) -> Result<(), StoreError> {
    let (_, headers) = answer.head();
    let is_checked = facts(request, 200, headers, Some(0))?.has_checksum();
    if is_chunked(headers) || is_checked {
        return Ok(());
    }
    Err(StoreError::Unexpected {
        reason: "no length, and neither chunks nor a checksum to tell the end of the object"
            .to_owned(),
    })
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(TRANSFER_ENCODING);
    let last = codings
        .iter()
        .next_back()
        .and_then(|last| last.to_str().ok());
    last.and_then(|last| last.rsplit(',').next())
        .is_some_and(|last| last.trim().eq_ignore_ascii_case("chunked"))
}

async fn count(mut body: Timed) -> Result<u64, StoreError> {
    let mut counted_bytes = 0_u64;
    while let Some(piece) = body.next().await.map_err(broken)? {
        counted_bytes += piece.len() as u64;
        if counted_bytes > COUNTED_BYTES_MAX {
            return Err(StoreError::Unexpected {
                reason: format!("no length, and more than {COUNTED_BYTES_MAX} bytes"),
            });
        }
    }
    Ok(counted_bytes)
}
