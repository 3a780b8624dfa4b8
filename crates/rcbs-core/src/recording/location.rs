//! Where a media file lies: which of the served places counts, and which places are refused.

use std::fmt;

use super::Endpoint;
use super::s3_uri::{self, Uri};
use crate::text::printable;

/// The longest key S3 has, in bytes of UTF-8.
const KEY_BYTES_MAX: usize = 1024;

/// An object of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    /// The bucket.
    pub bucket: String,
    /// The key as the store knows it, not encoded. It is data: a slash at the beginning, `..` and spaces are part of it.
    pub key: String,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// A location and the field it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Bucket and key.
    pub location: Location,
    /// The field.
    pub source: LocationSource,
}

/// The field of the metadata that gave the location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocationSource {
    /// `originalMediaDescriptor`.
    OriginalMediaDescriptor,
    /// `mediaDescriptor`.
    MediaDescriptor,
    /// `mediaUri` in an S3 form.
    MediaUri,
}

/// A media descriptor as served (`genesys.md` 3.2).
#[derive(Debug, Clone, Default)]
pub struct Descriptor {
    /// `storage`: `awsS3` or `webDAV`.
    pub storage: Option<String>,
    /// `path`: the key, or a URL.
    pub path: Option<String>,
    /// `data.bucket`.
    pub bucket: Option<String>,
}

/// Why a media file's place cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Nothing in the metadata says where it lies.
    #[error("the metadata does not say where the file lies")]
    Absent,
    /// It lies somewhere that is not S3.
    #[error("the file lies on {place}, which is not the media store")]
    Foreign {
        /// The storage or host, printable.
        place: String,
    },
    /// A descriptor without bucket or key, or with an impossible one.
    #[error("the location is unusable: {reason}")]
    Unusable {
        /// What is wrong.
        reason: String,
    },
}

/// Chooses the place of a media file: `originalMediaDescriptor`, else `mediaDescriptor`, else an S3 `mediaUri`.
///
/// The first of them that names an object wins. One that does not (another storage, no bucket) does not hide a later
/// one that does: the cloud moves files and may leave the old place standing. [`Located::source`] says which it was.
///
/// A URL of the configured store (`endpoint`) names an object as one of AWS does.
///
/// # Errors
/// [`LocationError`] when none of the three names an object of an S3 store: the fault of the first that says anything.
/// A `mediaUri` that only plays the file through the API is [`LocationError::Foreign`] with the API's host.
pub fn locate(
    original: Option<&Descriptor>,
    plain: Option<&Descriptor>,
    uri: Option<&str>,
    endpoint: Option<&Endpoint>,
) -> Result<Located, LocationError> {
    let places = [
        (
            LocationSource::OriginalMediaDescriptor,
            original.map(|place| from_descriptor(place, endpoint)),
        ),
        (
            LocationSource::MediaDescriptor,
            plain.map(|place| from_descriptor(place, endpoint)),
        ),
        (
            LocationSource::MediaUri,
            uri.map(|uri| from_uri(uri, endpoint)),
        ),
    ];
    let mut fault = LocationError::Absent;
    for (source, place) in places {
        match place.unwrap_or(Err(LocationError::Absent)) {
            Ok(location) => return Ok(Located { location, source }),
            Err(found) if fault == LocationError::Absent => fault = found,
            Err(_) => {}
        }
    }
    Err(fault)
}

fn from_descriptor(
    descriptor: &Descriptor,
    endpoint: Option<&Endpoint>,
) -> Result<Location, LocationError> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let storage = filled(&descriptor.storage);
    let bucket = filled(&descriptor.bucket);
    let path = filled(&descriptor.path);
    if storage.is_none() && bucket.is_none() && path.is_none() {
        return Err(LocationError::Absent);
    }
    match path.as_deref().map(|path| s3_uri::read(path, endpoint)) {
        Some(Uri::Object { bucket: named, .. }) if bucket.as_ref().is_some_and(|b| *b != named) => {
            Err(unusable(
                "the path names another bucket than the descriptor",
            ))
        }
        Some(Uri::Object { bucket, key }) => checked(bucket, key),
        Some(Uri::Elsewhere { host }) => Err(foreign(storage.as_deref(), Some(&host))),
        Some(Uri::Broken { reason }) => Err(unusable(reason)),
        // Without a storage, a bucket is enough to know that S3 is meant.
        Some(Uri::Plain) | None if is_s3(storage.as_deref().unwrap_or("s3")) => checked(
            bucket.ok_or_else(|| unusable("the descriptor names no bucket"))?,
            path.ok_or_else(|| unusable("the descriptor has no path"))?,
        ),
        Some(Uri::Plain) | None => Err(foreign(storage.as_deref(), None)),
    }
}

fn from_uri(uri: &str, endpoint: Option<&Endpoint>) -> Result<Location, LocationError> {
    match s3_uri::read(uri, endpoint) {
        Uri::Object { bucket, key } => checked(bucket, key),
        Uri::Elsewhere { host } => Err(foreign(None, Some(&host))),
        Uri::Broken { reason } => Err(unusable(reason)),
        // A path below an API prefix we are not told of: it names no place.
        Uri::Plain => Err(LocationError::Absent),
    }
}

/// `awsS3`, `s3`, `AWS_S3` and the like.
fn is_s3(storage: &str) -> bool {
    let letters: String = storage
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    matches!(letters.as_str(), "s3" | "awss3" | "amazons3")
}

fn checked(bucket: String, key: String) -> Result<Location, LocationError> {
    if !is_bucket(&bucket) {
        return Err(LocationError::Unusable {
            reason: format!("{} is no bucket name", printable(&format!("{bucket:?}"))),
        });
    }
    if key.is_empty() {
        return Err(unusable("the key is empty"));
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(LocationError::Unusable {
            reason: format!(
                "the key has {} bytes, more than the {KEY_BYTES_MAX} that S3 allows",
                key.len()
            ),
        });
    }
    Ok(Location { bucket, key })
}

/// Today's bucket names (3 to 63 of `a-z0-9.-`) and the old ones that still exist (also `A-Z` and `_`, up to 255).
/// Never an IP address and nothing that could step out of the path of a request.
fn is_bucket(name: &str) -> bool {
    let is_ip = name.split('.').count() == 4
        && name
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    (3..=255).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && !name.contains("..")
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !is_ip
}

fn unusable(reason: &str) -> LocationError {
    LocationError::Unusable {
        reason: reason.to_owned(),
    }
}

fn foreign(storage: Option<&str>, host: Option<&str>) -> LocationError {
    let storage = storage.map(|name| printable(name.trim()));
    let host = host.map(printable);
    let place = match (storage, host) {
        (Some(storage), Some(host)) => format!("{host} ({storage})"),
        (None, Some(place)) | (Some(place), None) => place,
        (None, None) => "an unnamed storage".to_owned(),
    };
    LocationError::Foreign { place }
}

#[cfg(test)]
mod tests;
