//! Reads the headers of an object: its length, the part that is sent, its version and checksum.

use http::HeaderMap;
use http::header::{CONTENT_RANGE, ETAG};
use rcbs_core::ports::{Checksum, ETag, GetRequest, Object, StoreError};
use rcbs_core::text::printable;

use super::{body, checksum};
use crate::http::{Timed, content_coding};

/// What the headers of a 200 or 206 say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Facts {
    total_bytes: u64,
    from: u64,
    etag: Option<ETag>,
    checksum: Option<Checksum>,
}

impl Facts {
    pub(super) fn has_checksum(&self) -> bool {
        self.checksum.is_some()
    }

    pub(super) fn object(self, body: Timed) -> Object {
        let announced = self.total_bytes - self.from;
        Object {
            total_bytes: self.total_bytes,
            from: self.from,
            etag: self.etag,
            checksum: self.checksum,
            body: body::exactly(body, announced),
        }
    }
}

/// The version that an answer is of.
pub(super) fn version(headers: &HeaderMap) -> Option<ETag> {
    let etag = headers.get(ETAG).and_then(|etag| etag.to_str().ok());
    etag.map(|etag| ETag(etag.trim().to_owned()))
}

/// The length of the whole object, where an answer about its first byte tells it.
pub(super) fn total_of_first_byte(headers: &HeaderMap) -> Option<u64> {
    match content_range(range_told(headers)) {
        Some((0, 0, total @ 1..)) => Some(total),
        _ => None,
    }
}

/// Checks the headers of an answer against what was asked for. `length` is that of the body, `None` where the store
/// does not tell it: a part says it in its range then, and whether a whole is whole could not be said.
///
/// # Errors
/// [`StoreError::Changed`] for another version; [`StoreError::Unexpected`] for anything that does not fit.
pub(super) fn facts(
    request: &GetRequest,
    status: u16,
    headers: &HeaderMap,
    length: Option<u64>,
) -> Result<Facts, StoreError> {
    let etag = version(headers);
    if request.if_match.is_some() && etag != request.if_match {
        // A store that ignores `If-Match`.
        return Err(StoreError::Changed);
    }
    let (from, total_bytes) = match status {
        200 => (0, length.ok_or_else(|| unexpected("no length"))?),
        _ if request.from == 0 => return Err(unexpected("a part where the whole was asked for")),
        _ => part(request.from, headers, length)?,
    };
    let checksum = checksum::strongest(headers, etag.as_ref(), status != 200);
    if let Some(coding) = content_coding(headers)
        && !coding.eq_ignore_ascii_case("aws-chunked")
        && checksum.is_none()
    {
        // The store repeats what the uploader wrote here, and that is harmless. A proxy that encodes on the way is
        // not, and without a checksum nothing would show the difference.
        return Err(unexpected(&format!(
            "the body is encoded ({coding}) and has no checksum"
        )));
    }
    Ok(Facts {
        total_bytes,
        from,
        etag,
        checksum,
    })
}

/// The part that a 206 announces, which has to be the one asked for and to reach the end.
fn part(asked: u64, headers: &HeaderMap, length: Option<u64>) -> Result<(u64, u64), StoreError> {
    let told = range_told(headers);
    match content_range(told) {
        Some((from, last, total))
            if from == asked
                && last.checked_add(1) == Some(total)
                && from < total
                && length.is_none_or(|length| total - from == length) =>
        {
            Ok((from, total))
        }
        _ => Err(unexpected(&format!(
            "the range \"{}\" with {} bytes where all from {asked} was asked for",
            printable(told),
            length.map_or_else(|| "so many".to_owned(), |length| length.to_string())
        ))),
    }
}

fn range_told(headers: &HeaderMap) -> &str {
    let told = headers.get(CONTENT_RANGE);
    told.and_then(|range| range.to_str().ok())
        .unwrap_or_default()
}

/// `bytes 5-9/10` as 5, 9 and 10 (RFC 9110, 14.4).
fn content_range(told: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = told.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?, total.parse().ok()?))
}

fn unexpected(reason: &str) -> StoreError {
    StoreError::Unexpected {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use rcbs_core::recording::Location;

    use super::*;

    fn request(from: u64, if_match: Option<&str>) -> GetRequest {
        GetRequest {
            location: Location {
                bucket: "bucket".to_owned(),
                key: "key".to_owned(),
            },
            from,
            if_match: if_match.map(|etag| ETag(etag.to_owned())),
        }
    }

    fn headers(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn parts_have_to_be_the_ones_asked_for() {
        for (from, status, range, length, found) in [
            (0, 200, "", Some(10), Some((0, 10))),
            (0, 200, "", Some(0), Some((0, 0))),
            // The store ignores ranges.
            (5, 200, "", Some(10), Some((0, 10))),
            (5, 206, "bytes 5-9/10", Some(5), Some((5, 10))),
            (0, 206, "bytes 0-9/10", Some(10), None),
            (5, 206, "bytes 4-9/10", Some(6), None),
            (5, 206, "bytes 5-8/10", Some(4), None),
            (5, 206, "bytes 5-9/10", Some(4), None),
            (5, 206, "bytes 5-9/*", Some(5), None),
            (5, 206, "bytes 5-18446744073709551615/0", Some(5), None),
            (5, 206, "", Some(5), None),
            (0, 200, "", None, None),
            // Chunks: the range tells the length.
            (5, 206, "bytes 5-9/10", None, Some((5, 10))),
            (5, 206, "bytes 5-9/*", None, None),
            (5, 206, "bytes 5-4/5", None, None),
            (5, 206, "", None, None),
        ] {
            let headers = match range {
                "" => HeaderMap::new(),
                range => headers(&[("content-range", range)]),
            };
            let facts = facts(&request(from, None), status, &headers, length);
            let facts = facts.ok().map(|facts| (facts.from, facts.total_bytes));
            assert_eq!(facts, found, "{from} {status} {range} {length:?}");
        }
    }

    #[test]
    fn another_version_is_never_given() {
        for (asked, served, same) in [
            ("\"a\"", Some("\"a\""), true),
            ("\"a\"", Some("\"b\""), false),
            ("\"a\"", None, false),
        ] {
            let headers =
                HeaderMap::from_iter(served.map(|etag| (ETAG, HeaderValue::from_static(etag))));
            let facts = facts(&request(0, Some(asked)), 200, &headers, Some(1));
            match same {
                true => assert!(facts.is_ok()),
                false => assert!(matches!(facts, Err(StoreError::Changed))),
            }
        }
    }

    #[test]
    fn an_encoded_body_needs_a_checksum() {
        for (coding, etag, fine) in [
            ("gzip", "\"a-2\"", false),
            ("gzip", "\"0123456789abcdef0123456789abcdef\"", true),
            ("aws-chunked", "\"a-2\"", true),
            ("identity", "\"a-2\"", true),
        ] {
            let headers = headers(&[("content-encoding", coding), ("etag", etag)]);
            assert_eq!(
                facts(&request(0, None), 200, &headers, Some(1)).is_ok(),
                fine,
                "{coding}"
            );
        }
    }
}
