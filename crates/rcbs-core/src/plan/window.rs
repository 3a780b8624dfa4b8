//! The window of a run: from ages, dates and the checkpoint to `[since, until)`.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// What the operator asked for, already freed of the old program's reversed names.
#[derive(Debug, Clone)]
pub struct WindowOptions {
    /// The oldest edge (`maxAge`, `maxDate`).
    pub since: SinceEdge,
    /// The newest edge (`minAge`, `minDate`).
    pub until: UntilEdge,
    /// How far runs after the first look back again before the oldest edge (`overlap`).
    pub overlap: Span,
    /// Length of a slice (`shardBy`).
    pub slice_length: Span,
    /// `skipLastRecordingCheck`: the checkpoint does not widen the window; that there is one still brings the overlap.
    pub ignore_checkpoint: bool,
}

/// The oldest edge of the window.
#[derive(Debug, Clone)]
pub enum SinceEdge {
    /// Any age (`maxAge=0`): from the first recording the cloud has.
    Any,
    /// So long before now, by the calendar, in UTC.
    Ago(Span),
    /// A moment; the checkpoint does not change it.
    At(Timestamp),
}

/// The newest edge of the window.
#[derive(Debug, Clone)]
pub enum UntilEdge {
    /// So long before now, by the calendar, in UTC.
    Ago(Span),
    /// A moment.
    At(Timestamp),
}

/// A half-open range of time, `[since, until)`, with the reason for its oldest edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// `None`: from the first recording the cloud has.
    pub since: Option<Timestamp>,
    /// Not included.
    pub until: Timestamp,
    /// Why it begins there.
    pub because: SinceReason,
}

/// Why a window begins where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinceReason {
    /// As configured.
    Configured,
    /// The last run ended before the configured edge, so the gap is filled.
    Checkpoint,
    /// As configured, moved back by the overlap.
    Overlap,
    /// The last run ended before the configured edge; moved back by the overlap too.
    CheckpointAndOverlap,
}

/// Why no window can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The newest edge is not newer than the oldest.
    #[error("the window is empty: its newest edge {until} is not after its oldest edge {since}")]
    Empty {
        /// The oldest edge.
        since: Timestamp,
        /// The newest edge.
        until: Timestamp,
    },
    /// An age, an overlap or a slice length is negative or reaches outside the calendar, or a slice has no length.
    #[error("the length of time {age} is negative, empty or reaches outside the calendar")]
    OutOfRange {
        /// The age as an ISO 8601 duration.
        age: String,
    },
}

impl WindowError {
    pub(super) fn out_of_range(length: Span) -> Self {
        Self::OutOfRange {
            age: length.to_string(),
        }
    }
}

/// The window of this run.
///
/// `checkpoint` is the moment before which everything is already in the ledger; `None` on a first run.
///
/// - The newest edge never lies after `now`: a settled slice of the future would carry the checkpoint past recordings
///   that are still to be made.
/// - A moment ([`SinceEdge::At`]) and any age ([`SinceEdge::Any`]) stand as they are.
/// - An age ([`SinceEdge::Ago`]) is widened, never narrowed: back to a checkpoint that is older (an outage loses
///   nothing), and from there by the overlap when there was a run before (late media are seen again). A checkpoint
///   after `now` cannot be true and widens nothing.
/// - With [`WindowOptions::ignore_checkpoint`] the age takes effect whatever the checkpoint is; the overlap before it
///   is for late media and not for outages, so it stays.
/// - Whether the window is empty is asked of the edges as configured, so that a configuration that makes no sense
///   fails in every run and not only while the checkpoint is young.
///
/// Source: manual, "Configuring download period".
///
/// # Errors
/// [`WindowError`] when the edges leave nothing between them or an age reaches outside the calendar.
pub fn window(
    options: &WindowOptions,
    checkpoint: Option<Timestamp>,
    now: Timestamp,
) -> Result<Window, WindowError> {
    let until = match options.until {
        UntilEdge::At(moment) => moment.min(now),
        UntilEdge::Ago(age) => before(now, age)?,
    };
    let edge = match options.since {
        SinceEdge::Any => None,
        SinceEdge::At(moment) => Some(moment),
        SinceEdge::Ago(age) => Some(before(now, age)?),
    };
    if let Some(since) = edge
        && since >= until
    {
        return Err(WindowError::Empty { since, until });
    }
    let (since, because) = match (edge, &options.since, checkpoint) {
        (Some(edge), SinceEdge::Ago(_), Some(checkpoint)) => {
            let base = if options.ignore_checkpoint {
                edge
            } else {
                checkpoint
            };
            let (since, because) = widen(edge, base, options.overlap)?;
            (Some(since), because)
        }
        _ => (edge, SinceReason::Configured),
    };
    Ok(Window {
        since,
        until,
        because,
    })
}

/// The oldest edge of a run after the first.
fn widen(
    edge: Timestamp,
    checkpoint: Timestamp,
    overlap: Span,
) -> Result<(Timestamp, SinceReason), WindowError> {
    let resumed = checkpoint < edge;
    let base = edge.min(checkpoint);
    let since = before(base, overlap)?;
    let because = match (resumed, since < base) {
        (false, false) => SinceReason::Configured,
        (true, false) => SinceReason::Checkpoint,
        (false, true) => SinceReason::Overlap,
        (true, true) => SinceReason::CheckpointAndOverlap,
    };
    Ok((since, because))
}

/// The moment so long before another, years and months by the calendar in UTC.
fn before(moment: Timestamp, age: Span) -> Result<Timestamp, WindowError> {
    // A negative overlap or age would leave out recordings that were asked for.
    if age.is_negative() {
        return Err(WindowError::out_of_range(age));
    }
    match moment.to_zoned(TimeZone::UTC).checked_sub(age) {
        Ok(earlier) => Ok(earlier.timestamp()),
        Err(_) => Err(WindowError::out_of_range(age)),
    }
}

#[cfg(test)]
mod tests;
