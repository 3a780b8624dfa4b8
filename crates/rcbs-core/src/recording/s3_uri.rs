//! Reads an object's bucket and key out of a URL, in every form in which S3 objects are named.
//!
//! Nothing is ever requested from such a URL: only bucket and key leave this file. A general URL parser would not do,
//! because it resolves `..` and so changes keys that contain it.

use super::Endpoint;

/// What a text that may be a URL names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Uri {
    /// An object of S3. Neither name is checked yet.
    Object {
        /// The bucket.
        bucket: String,
        /// The key, percent-decoded.
        key: String,
    },
    /// A URL of something else.
    Elsewhere {
        /// Host and port, or the scheme where there is no host; without login and query, not yet printable.
        host: String,
    },
    /// Meant as an S3 object, but not readable as one.
    Broken {
        /// What is wrong.
        reason: &'static str,
    },
    /// Plain text: no `scheme://` at its beginning.
    Plain,
}

/// Reads `s3://bucket/key`, `https://bucket.s3.amazonaws.com/key` and `https://s3.region.amazonaws.com/bucket/key`
/// with their regional, dual-stack, FIPS, accelerated and Chinese variants, and what lies below the `endpoint`. Query and
/// fragment are left out.
pub(super) fn read(text: &str, endpoint: Option<&Endpoint>) -> Uri {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once("://") else {
        return Uri::Plain;
    };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !is_scheme {
        return Uri::Plain;
    }
    // A backslash ends the authority too: browsers read it as a slash, so a host behind one is a disguise.
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "s3" => object(authority, path.strip_prefix('/').unwrap_or_default()),
        "https" | "http" => match service(authority) {
            Some("") => {
                let path = path.strip_prefix('/').unwrap_or_default();
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                object(bucket, key)
            }
            Some(bucket) => object(bucket, path.strip_prefix('/').unwrap_or_default()),
            None => match endpoint.and_then(|store| store.object(scheme, authority, path)) {
                Some((bucket, key)) => object(bucket, key),
                None => elsewhere(scheme, authority),
            },
        },
        _ => elsewhere(scheme, authority),
    }
}

fn object(bucket: &str, key: &str) -> Uri {
    match percent_decoded(key) {
        Some(key) => Uri::Object {
            bucket: bucket.to_owned(),
            key,
        },
        None => Uri::Broken {
            reason: "the key in the URL is not UTF-8",
        },
    }
}

fn elsewhere(scheme: &str, authority: &str) -> Uri {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = if host.is_empty() {
        format!("{scheme}://")
    } else {
        host.to_ascii_lowercase()
    };
    Uri::Elsewhere { host }
}

/// The bucket in a host name of S3, empty when the host is S3 itself; `None` for any other authority. Everything
/// but letters, digits, dots, dashes and underscores (a login, an escape, another script) makes it another one.
fn service(authority: &str) -> Option<&str> {
    let host = authority.strip_suffix(":443").unwrap_or(authority);
    let plain = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let name = strip_suffix_ignoring_case(host, ".amazonaws.com")
        .or_else(|| strip_suffix_ignoring_case(host, ".amazonaws.com.cn"))
        .filter(|name| plain && !name.split('.').any(str::is_empty))?;
    let lower = name.to_ascii_lowercase();
    let labels: Vec<&str> = lower.split('.').collect();
    let service_labels = match *labels.as_slice() {
        [.., "s3" | "s3-fips", "dualstack", region] if is_region(region) => 3,
        [.., "s3-accelerate", "dualstack"] => 2,
        [.., "s3" | "s3-fips", region] if is_region(region) => 2,
        [.., "s3" | "s3-accelerate" | "s3-external-1"] => 1,
        [.., last] if last.strip_prefix("s3-").is_some_and(is_region) => 1,
        _ => return None,
    };
    let service_bytes: usize = labels[labels.len() - service_labels..]
        .iter()
        .map(|label| label.len() + 1)
        .sum();
    // One byte too many when no bucket and so no dot stands before the service.
    Some(&name[..name.len().saturating_sub(service_bytes)])
}

fn strip_suffix_ignoring_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (front, back) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    back.eq_ignore_ascii_case(suffix).then_some(front)
}

/// `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`: words and a number.
fn is_region(label: &str) -> bool {
    let mut parts = label.split('-').rev();
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && words.len() >= 2
        && words
            .iter()
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
}

/// Replaces each `%` with two hexadecimal digits by its byte; any other `%` stands for itself, and so does `+`.
/// `None` when the bytes are not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |at: usize| tail.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).ok()?);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}
