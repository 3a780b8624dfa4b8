//! Why a slice could not be listed completely.

use jiff::Timestamp;

use crate::failure::FailureClass;
use crate::ports::ApiError;
use crate::recording::RecordingId;

/// Why a slice could not be listed completely. What was seen of it was handed on all the same.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DiscoverError {
    /// The API gave no usable answer.
    #[error("the recordings cannot be listed")]
    Api(#[source] ApiError),
    /// More recordings at one moment than one answer holds, and neither pages, nor finer bounds, nor the callers'
    /// numbers divide them so that all are sure to be seen.
    #[error(
        "the server shows only {seen} recordings around {at} and has no way to ask for the others"
    )]
    Burst {
        /// The second or millisecond that cannot be divided.
        at: Timestamp,
        /// Different recordings seen there.
        seen: u64,
    },
    /// The server hides recordings that cross an upper bound, and its answers are too short to ask further.
    #[error(
        "recordings longer than {proven_s} s may be missing: the server compares its upper bound with their end and shows no further pages"
    )]
    Crossing {
        /// Recordings up to this length are complete.
        proven_s: u64,
    },
    /// No further pages, and no bounds to ask for less.
    #[error("the server shows neither further pages nor keeps to the time range it is asked for")]
    BoundsIgnored,
    /// A recording seen in a longer answer was missing in a shorter one that should hold it.
    #[error("the server does not keep to the time range it is asked for around {at}")]
    Inconsistent {
        /// Where.
        at: Timestamp,
    },
    /// Pages without end.
    #[error("the list does not end after {pages} pages")]
    Endless {
        /// Pages asked for.
        pages: u64,
    },
    /// A single recording that is larger than an answer may be, in a list that cannot be continued behind it.
    #[error("the answer for the recordings around {at} is too large, however few are asked for")]
    TooLarge {
        /// Where.
        at: Timestamp,
    },
    /// Recordings that are listed by their ids only could not be read.
    #[error("{count} listed recordings could not be read, first {first}")]
    Unread {
        /// How many.
        count: u64,
        /// One of them.
        first: RecordingId,
        /// Why that one could not.
        #[source]
        error: ApiError,
    },
    /// Whoever takes the recordings has gone.
    #[error("nobody takes the recordings any more")]
    ReceiverGone,
}

impl DiscoverError {
    /// The class that decides what happens next.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Api(error) | Self::Unread { error, .. } => error.class(),
            Self::Burst { .. }
            | Self::Crossing { .. }
            | Self::BoundsIgnored
            | Self::Inconsistent { .. }
            | Self::Endless { .. }
            | Self::TooLarge { .. } => FailureClass::Unexpected,
            Self::ReceiverGone => FailureClass::Local,
        }
    }
}
