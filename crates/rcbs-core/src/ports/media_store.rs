//! The port to the object store that holds the media files.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::failure::FailureClass;
use crate::recording::Location;

/// Reads objects.
///
/// Promises of an implementation:
/// - `get` is one logical request, safe to repeat, and does not retry by itself; it may send it again to learn the
///   bucket's region or to mend a skewed clock, once each.
/// - The body ends with an error unless exactly the bytes asked for arrived: never short, never long.
/// - With `if_match`, bytes of another version of the object are never given ([`StoreError::Changed`]).
/// - No credentials leave for any other host than the configured store's.
#[async_trait]
pub trait MediaStore: fmt::Debug + Send + Sync {
    /// Begins to read an object.
    async fn get(&self, request: &GetRequest) -> Result<Object, StoreError>;
}

/// What is asked of [`MediaStore::get`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetRequest {
    /// Bucket and key.
    pub location: Location,
    /// The first byte wanted; 0 for the whole object.
    pub from: u64,
    /// Only if the object is still this version.
    pub if_match: Option<ETag>,
}

/// An entity tag as the store sent it, quotes included (RFC 9110, 8.8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(pub String);

/// An object whose body is on its way.
#[derive(Debug)]
pub struct Object {
    /// Length of the whole object, whatever part of it was asked for.
    pub total_bytes: u64,
    /// Where the body begins: what was asked for, or 0 when the store ignores ranges.
    pub from: u64,
    /// The version.
    pub etag: Option<ETag>,
    /// The strongest checksum of the whole object that the store offers; `None` where it offers none that can be
    /// compared with the body (composite checksums, multipart ETags, ETags of objects encrypted with KMS).
    pub checksum: Option<Checksum>,
    /// The bytes from `from` to the end.
    pub body: ObjectBody,
}

/// The bytes of an object as they arrive.
pub struct ObjectBody(pub BoxStream<'static, Result<Bytes, StoreError>>);

impl fmt::Debug for ObjectBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectBody")
    }
}

/// A checksum of a whole object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// The algorithm.
    pub kind: ChecksumKind,
    /// The raw value, big-endian for the CRCs.
    pub value: Vec<u8>,
}

/// The checksum algorithms that S3 offers (API reference, "Checking object integrity").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the algorithms")]
pub enum ChecksumKind {
    Sha256,
    Sha1,
    Crc64Nvme,
    Crc32c,
    Crc32,
    /// An ETag that is the MD5 of the object.
    Md5,
}

/// Why the store gave no object, or stopped giving one.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// No connection.
    #[error("the media store cannot be reached: {reason}")]
    Unreachable {
        /// The root cause in words, without secrets.
        reason: String,
    },
    /// There was a connection, and it broke.
    #[error("the media store cannot be reached: {reason}")]
    Cut {
        /// The root cause in words, without secrets.
        reason: String,
    },
    /// Nothing arrived for too long.
    #[error("the media store did not answer in time ({reason})")]
    Timeout {
        /// Which limit was passed.
        reason: String,
    },
    /// The body ended early or went on too long.
    #[error("the media store sent {got_bytes} bytes where it had announced {announced_bytes}")]
    WrongLength {
        /// What the headers said.
        announced_bytes: u64,
        /// What came.
        got_bytes: u64,
    },
    /// 5xx.
    #[error("the media store reported a failure of its own (HTTP {status} {code})")]
    Server {
        /// HTTP status.
        status: u16,
        /// The store's code, such as `InternalError`.
        code: String,
    },
    /// 503 `SlowDown` or 429.
    #[error("the media store asks for fewer requests")]
    Throttled {
        /// What it asked for, capped at 15 minutes.
        after: Option<Duration>,
    },
    /// 401 or 403.
    #[error("the media store refused access to bucket {bucket} (HTTP {status} {code})")]
    Denied {
        /// The bucket.
        bucket: String,
        /// HTTP status.
        status: u16,
        /// The store's code, such as `AccessDenied` or `InvalidAccessKeyId`.
        code: String,
    },
    /// The clocks differ by more than the store accepts, and correcting by the store's clock did not help.
    #[error("the media store rejected the request time; this machine is {skew_s} s off")]
    ClockSkew {
        /// This machine's clock minus the store's, in seconds.
        skew_s: i64,
    },
    /// The object is not there.
    #[error("the media store does not have the object")]
    NotFound,
    /// The bucket is not there.
    #[error("the media store does not have the bucket {bucket}")]
    NoBucket {
        /// The bucket.
        bucket: String,
    },
    /// The object is no longer the version that was asked for.
    #[error("the object was replaced while it was read")]
    Changed,
    /// The answer breaks the protocol: no length, a wrong range, a redirect to another host, an encoded body.
    #[error("the media store answered something unexpected: {reason}")]
    Unexpected {
        /// What was found.
        reason: String,
    },
}

impl StoreError {
    /// The class that decides what happens next.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Unreachable { .. }
            | Self::Cut { .. }
            | Self::Timeout { .. }
            | Self::Server { .. }
            | Self::Changed => FailureClass::Transient,
            Self::WrongLength { .. } => FailureClass::Corrupt,
            Self::Throttled { after } => FailureClass::Throttled { after: *after },
            Self::Denied { .. } | Self::ClockSkew { .. } => FailureClass::Denied,
            Self::NotFound => FailureClass::Lost,
            // A wrong endpoint or a bucket that is not there for a moment must never settle a file as lost.
            Self::NoBucket { .. } | Self::Unexpected { .. } => FailureClass::Unexpected,
        }
    }
}
