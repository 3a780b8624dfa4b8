//! The port to the web API that announces recordings.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use crate::failure::FailureClass;
use crate::recording::RecordingId;

/// Lists recordings page by page and reads single ones.
///
/// Promises of an implementation:
/// - Every call is one logical request, safe to repeat. It does not retry by itself.
/// - `list` gives what the server answered, in the server's order, without filtering and without completing it.
///   Spelling (names of parameters, form of times) is the implementation's affair: it may send a request again in
///   another spelling when the server refuses one with 400, and remembers what the server takes.
/// - An answer that is not the API's (HTML, cut JSON, a `statusCode` other than 0) is an error, never an empty page. One
///   that reports success and nothing else is a page with [`Page::is_silent`].
/// - One entry that cannot be read is [`Entry::Fault`]; its neighbours are still given.
/// - Neither a link nor a redirect to another origin is followed; the login never leaves the configured origin.
/// - At most 32 MiB of one answer are held.
#[async_trait]
pub trait RecordingApi: fmt::Debug + Send + Sync {
    /// One page of recordings.
    async fn list(&self, request: &ListRequest) -> Result<Page, ApiError>;

    /// One recording's JSON object, byte for byte. [`ApiError::NotFound`] when the server does not have it.
    async fn recording(&self, id: &RecordingId) -> Result<Bytes, ApiError>;

    /// What the server's settings group for the backup holds; `None` when the server has none for us (403, 404).
    async fn settings(&self) -> Result<Option<RemoteSettings>, ApiError>;

    /// How far the server's clock is ahead of this machine's, negative when behind, to about a second; `None` until an
    /// answer has told, and where answers do not tell.
    fn clock_ahead(&self) -> Option<SignedDuration> {
        None
    }
}

/// What is asked of [`RecordingApi::list`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// Lower time bound handed to the server. The server's reading of it is unknown; callers filter by themselves.
    pub since: Timestamp,
    /// Upper time bound handed to the server, with the same reserve.
    pub until: Timestamp,
    /// Only callers whose number matches this pattern (`*` stands for any text): a way to divide what time cannot.
    pub caller_pattern: Option<String>,
    /// Which page of that.
    pub cursor: Cursor,
    /// How many recordings a page should have at most, 1 to 100.
    pub limit: u16,
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cursor {
    /// The first page.
    First,
    /// The page that begins after so many recordings.
    Offset(u64),
    /// The page behind a link that the server gave.
    Link(NextLink),
}

/// A link to the next page, already known to stay on the API's own origin. Opaque to everyone but its maker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NextLink(String);

impl NextLink {
    /// Wraps a link; only an implementation of the port makes one.
    #[must_use]
    pub fn new(link: String) -> Self {
        Self(link)
    }

    /// The link as its maker wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One answer of the server.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// What is announced, in the server's order.
    pub entries: Vec<Entry>,
    /// The link to the next page, where the server gave one that stays on its own origin.
    pub next: Option<NextLink>,
    /// A link that was given but is not followed, with the reason, for the report.
    pub refused_link: Option<String>,
    /// How many recordings the server says the whole list has.
    pub total: Option<u64>,
    /// The answer reported success and had neither a list nor a count in it. Some servers show an empty list like that;
    /// whether it is one, the caller has to decide.
    pub is_silent: bool,
}

/// One line of a list.
#[derive(Debug, Clone)]
pub enum Entry {
    /// The recording itself, as JSON, byte for byte.
    Whole(Bytes),
    /// Only its id; the recording has to be asked for by itself.
    Id(RecordingId),
    /// Something that is neither, described for the report.
    Fault(String),
}

/// What `gwsSettingsUri` answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteSettings {
    /// PEM certificates found among the settings, in the order served.
    pub certificates: Vec<String>,
    /// Names of all settings, for the report; the values stay out of it.
    pub names: Vec<String>,
}

/// Why the web API gave no usable answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// No connection.
    #[error("the recording API cannot be reached: {reason}")]
    Unreachable {
        /// The root cause in words, without secrets.
        reason: String,
    },
    /// There was a connection, and it broke.
    #[error("the recording API cannot be reached: {reason}")]
    Cut {
        /// The root cause in words, without secrets.
        reason: String,
    },
    /// No answer in time.
    #[error("the recording API did not answer in time ({reason})")]
    Timeout {
        /// Which limit was passed.
        reason: String,
    },
    /// The server said that it failed: 5xx, or `statusCode` 4 inside a 200.
    #[error("the recording API reported a failure of its own (HTTP {status}): {message}")]
    Server {
        /// HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// 429, or 503 with `Retry-After`.
    #[error("the recording API asks for fewer requests")]
    Throttled {
        /// What it asked for, capped at 15 minutes.
        after: Option<Duration>,
    },
    /// The login was refused: 401, 403, `statusCode` 5 or 20.
    #[error("the recording API refused the login (HTTP {status}): {message}")]
    Denied {
        /// HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// 404, or `statusCode` 6.
    #[error("the recording API does not have what was asked for")]
    NotFound,
    /// The server takes no `offset`, or none that large.
    #[error("the recording API refuses to page that deep: {message}")]
    OffsetRefused {
        /// The server's words.
        message: String,
    },
    /// 400 in every spelling that is known.
    #[error("the recording API refuses the request (HTTP {status}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// The answer is larger than we hold.
    #[error("the answer of the recording API is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit that was passed.
        limit_bytes: u64,
    },
    /// The answer is not the API's format: HTML, cut JSON, no recordings in it.
    #[error("the recording API answered something that is not its format: {reason}")]
    Malformed {
        /// What was found instead.
        reason: String,
    },
    /// A redirect that leaves the origin of the API, or does not end.
    #[error("the recording API redirects to {to}, which is not followed")]
    Redirect {
        /// Scheme, host and port only.
        to: String,
    },
}

impl ApiError {
    /// The class that decides what happens next.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Unreachable { .. }
            | Self::Cut { .. }
            | Self::Timeout { .. }
            | Self::Server { .. } => FailureClass::Transient,
            Self::Throttled { after } => FailureClass::Throttled { after: *after },
            Self::Denied { .. } => FailureClass::Denied,
            Self::NotFound => FailureClass::Lost,
            Self::OffsetRefused { .. }
            | Self::Refused { .. }
            | Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::Redirect { .. } => FailureClass::Unexpected,
        }
    }
}
