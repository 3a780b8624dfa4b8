//! The one question that retry, ledger, exit code and report ask of any error: of which class is it?

use std::time::Duration;

/// What kind of failure this is; nothing else of an error is ever looked at to decide what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Cut, timeout, 5xx: the same request may work in a moment.
    Transient,
    /// 429 or `SlowDown`: everybody slows down; `after` is what the server asked for.
    Throttled {
        /// How long the server wants to be left alone, where it said so; at most 15 minutes.
        after: Option<Duration>,
    },
    /// The login or key was refused.
    Denied,
    /// Announced, but the cloud no longer has it.
    Lost,
    /// Length, digest or envelope is wrong.
    Corrupt,
    /// This machine or the target cannot go on: disk full, no permission, share gone.
    Local,
    /// The server broke its own format, or asked for something we do not do (foreign host, path as id).
    Unexpected,
    /// The cloud holds the file unencrypted and the configuration does not say how to keep it.
    Unencrypted,
    /// One of our own invariants broke.
    Bug,
}

impl FailureClass {
    /// The stable name used in the ledger, in JSON output and as a metric label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Throttled { .. } => "throttled",
            Self::Denied => "denied",
            Self::Lost => "lost",
            Self::Corrupt => "corrupt",
            Self::Local => "local",
            Self::Unexpected => "unexpected",
            Self::Unencrypted => "unencrypted",
            Self::Bug => "bug",
        }
    }

    /// The class with this stable name; [`Self::Bug`] for a name that no version wrote.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "transient" => Self::Transient,
            "throttled" => Self::Throttled { after: None },
            "denied" => Self::Denied,
            "lost" => Self::Lost,
            "corrupt" => Self::Corrupt,
            "local" => Self::Local,
            "unexpected" => Self::Unexpected,
            "unencrypted" => Self::Unencrypted,
            _ => Self::Bug,
        }
    }
}
