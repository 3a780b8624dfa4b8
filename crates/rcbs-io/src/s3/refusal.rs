//! What an answer of the store means that is not an object (S3 API reference, "Error responses").

mod xml;

use http::HeaderMap;
use http::header::LOCATION;
use jiff::Timestamp;
use rcbs_core::ports::{GetRequest, StoreError};
use rcbs_core::text::printable;
use url::Url;

use super::address::{is_region, region_of_host};
use crate::http::{foreign_origin_text, retry_after, server_date};

/// What was asked, and what was already tried.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) request: &'a GetRequest,
    /// The region it was signed for.
    pub(super) region: &'a str,
    /// The region was already corrected.
    pub(super) hopped: bool,
    /// The clock was already corrected.
    pub(super) mended: bool,
    /// Where it was asked.
    pub(super) url: &'a Url,
    /// A redirect was already followed.
    pub(super) followed: bool,
}

/// What to do now.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Ask again in this region.
    Region(String),
    /// Ask again by the store's clock.
    Clock {
        server: Timestamp,
        /// This machine's clock minus the store's.
        skew_s: i64,
    },
    /// Ask again here, at the same origin.
    Redirect(Url),
    Error(StoreError),
}

/// Judges an answer by its status and the code in its XML. `now` is this machine's clock, not corrected.
pub(super) fn judge(
    asked: &Asked<'_>,
    status: u16,
    headers: &HeaderMap,
    explanation: &[u8],
    now: Timestamp,
) -> Verdict {
    let told = xml::read(explanation);
    let code = told.code.as_deref().unwrap_or("without a code");
    if let Some(region) = other_region(asked, status, headers, &told) {
        return Verdict::Region(region);
    }
    if let Some(to) = same_origin(asked, status, headers) {
        return Verdict::Redirect(to);
    }
    if code == "RequestTimeTooSkewed"
        && let Some(server) = server_date(headers)
    {
        let skew_s = now.duration_since(server).as_secs();
        return if asked.mended {
            Verdict::Error(StoreError::ClockSkew { skew_s })
        } else {
            Verdict::Clock { server, skew_s }
        };
    }
    Verdict::Error(error(asked.request, status, code, headers, now))
}

/// The bucket's region, where the store tells one that was not asked: by itself, or in the host name it would have us
/// ask. Only the region is believed: the host is always built from it, never taken from `Location`.
fn other_region(
    asked: &Asked<'_>,
    status: u16,
    headers: &HeaderMap,
    told: &xml::Told,
) -> Option<String> {
    if asked.hopped || !matches!(status, 301 | 302 | 307 | 308 | 400) {
        return None;
    }
    let in_header = headers
        .get("x-amz-bucket-region")
        .and_then(|region| region.to_str().ok());
    let location = location(headers).and_then(|to| asked.url.join(to).ok());
    in_header
        .or(told.region.as_deref())
        .or_else(|| region_of_host(told.endpoint.as_deref()?))
        .or_else(|| region_of_host(location.as_ref()?.host_str()?))
        .filter(|region| is_region(region) && *region != asked.region)
        .map(str::to_owned)
}

/// Where a redirect leads, when that is the origin that was asked: gateways move a request to another path. Any other
/// origin would be handed the signature.
fn same_origin(asked: &Asked<'_>, status: u16, headers: &HeaderMap) -> Option<Url> {
    if asked.followed || !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let to = asked.url.join(location(headers)?).ok()?;
    let is_same = to.origin() == asked.url.origin() && to.username().is_empty();
    (is_same && to.password().is_none()).then_some(to)
}

fn location(headers: &HeaderMap) -> Option<&str> {
    let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
    to.filter(|to| !to.trim().is_empty())
}

fn error(
    request: &GetRequest,
    status: u16,
    code: &str,
    headers: &HeaderMap,
    now: Timestamp,
) -> StoreError {
    let unexpected = |reason: String| StoreError::Unexpected { reason };
    let bucket = || printable(&request.location.bucket);
    let owned = || code.to_owned();
    match (status, code) {
        (429 | 503, _)
        | (_, "SlowDown" | "Throttling" | "ThrottlingException" | "RequestLimitExceeded") => {
            StoreError::Throttled {
                after: retry_after(headers, now),
            }
        }
        (408, _) | (_, "RequestTimeout") => StoreError::Timeout {
            reason: format!("the store gave up waiting (HTTP {status} {code})"),
        },
        // Archived: no key would help, somebody has to restore it first.
        (_, "InvalidObjectState") => {
            unexpected("the object is archived (InvalidObjectState)".to_owned())
        }
        (_, "NoSuchKey" | "NoSuchVersion") => StoreError::NotFound,
        (_, "NoSuchBucket") => StoreError::NoBucket { bucket: bucket() },
        (401 | 403, _) | (400, "ExpiredToken" | "InvalidToken" | "InvalidAccessKeyId") => {
            StoreError::Denied {
                bucket: bucket(),
                status,
                code: owned(),
            }
        }
        (412, _) if request.if_match.is_some() => StoreError::Changed,
        // The object has become shorter than what we have of it.
        (416, _) if request.from > 0 => StoreError::Changed,
        // A 404 that does not name the key is a proxy's or a wrong address: nothing is lost on its word.
        (404, _) => unexpected(format!("HTTP 404 {code}: not the word of an S3 store")),
        (301 | 302 | 303 | 307 | 308, _) => unexpected(format!(
            "HTTP {status} {code}: a redirect to {}, which is not followed",
            destination(headers)
        )),
        (500.., _) => StoreError::Server {
            status,
            code: owned(),
        },
        _ => unexpected(format!("HTTP {status} {code}")),
    }
}

fn destination(headers: &HeaderMap) -> String {
    location(headers)
        .and_then(|to| Url::parse(to).ok())
        .map_or_else(|| "nowhere".to_owned(), |to| foreign_origin_text(&to))
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
