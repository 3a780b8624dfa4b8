//! How far the checkpoint, and the one exported to `last_recording_endtime.txt`, may move.

mod endtime;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

pub use endtime::{EndtimeError, format_endtime, parse_endtime};

use crate::plan::Slice;

/// The checkpoint after a slice: its end when it is settled and begins no later than the checkpoint, else unchanged.
/// It never moves back.
///
/// Without a checkpoint the slice is taken for the first of the window: the caller must not ask with a later one while
/// an earlier one is unsettled. [`Frontier`] sees to that for slices that are settled in any order.
#[must_use]
pub fn advance(current: Option<Timestamp>, slice: Slice, settled: bool) -> Option<Timestamp> {
    match current {
        _ if !settled => current,
        None => Some(slice.until),
        Some(checkpoint) if slice.since <= checkpoint => Some(checkpoint.max(slice.until)),
        Some(_) => current,
    }
}

/// The checkpoint that may be exported: not after the start of the oldest recording that is not settled, so that a
/// run without the ledger finds that recording again.
#[must_use]
pub fn exported(
    checkpoint: Option<Timestamp>,
    oldest_unsettled: Option<Timestamp>,
) -> Option<Timestamp> {
    let checkpoint = checkpoint?;
    Some(oldest_unsettled.map_or(checkpoint, |oldest| oldest.min(checkpoint)))
}

/// Follows the slices of one run, settled in any order, and says how far the checkpoint may move.
#[derive(Debug, Clone)]
pub struct Frontier {
    checkpoint: Option<Timestamp>,
    /// Where the window begins, and up to where all of it is settled.
    since: Timestamp,
    covered: Timestamp,
    /// Slices settled beyond that: beginning to end. At most as many as slices are worked on at the same time.
    ahead: BTreeMap<Timestamp, Timestamp>,
    /// Where the checkpoint ends at the latest.
    most: Timestamp,
}

impl Frontier {
    /// Before the first slice of a window that begins at `since`.
    #[must_use]
    pub fn new(checkpoint: Option<Timestamp>, since: Timestamp) -> Self {
        Self {
            checkpoint,
            since,
            covered: since,
            ahead: BTreeMap::new(),
            most: Timestamp::MAX,
        }
    }

    /// Whatever is settled from now on, the checkpoint does not move past `most`, nor past what was named before.
    pub fn lower_to(&mut self, most: Timestamp) {
        self.most = self.most.min(most);
    }

    /// Notes that everything announced in a slice is settled. Returns the new checkpoint if that moves it.
    ///
    /// It does not move past a slice that is not settled, nor across a gap between the old checkpoint and the window.
    pub fn settle(&mut self, slice: Slice) -> Option<Timestamp> {
        let end = self.ahead.entry(slice.since).or_insert(slice.until);
        *end = slice.until.max(*end);
        while let Some(next) = self.ahead.first_entry() {
            if *next.key() > self.covered {
                break;
            }
            self.covered = self.covered.max(next.remove());
        }
        let before = self.checkpoint;
        let covered = Slice {
            since: self.since,
            until: self.covered.min(self.most),
        };
        self.checkpoint = advance(before, covered, covered.until > covered.since);
        self.checkpoint.filter(|_| self.checkpoint != before)
    }

    /// The checkpoint as it stands.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Timestamp> {
        self.checkpoint
    }
}

/// Something about the two checkpoints that the operator should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointNote {
    /// The ledger's lies in the future and was left out.
    LedgerAhead(Timestamp),
    /// The one in `last_recording_endtime.txt` lies in the future and was left out.
    ExportedAhead(Timestamp),
    /// Both lie in the future and were left out.
    BothAhead {
        /// The ledger's.
        ledger: Timestamp,
        /// The one in the file.
        exported: Timestamp,
    },
}

impl fmt::Display for CheckpointNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LedgerAhead(ledger) => write!(
                f,
                "the checkpoint {ledger} in the ledger lies in the future and is not used"
            ),
            Self::ExportedAhead(exported) => write!(
                f,
                "the time {exported} in last_recording_endtime.txt lies in the future and is not used"
            ),
            Self::BothAhead { ledger, exported } => write!(
                f,
                "the checkpoint {ledger} in the ledger and the time {exported} in last_recording_endtime.txt lie in \
                 the future and are not used"
            ),
        }
    }
}

/// The checkpoint a run begins with: the older of the ledger's and the exported one, because listing too much is
/// always safe. One that lies in the future was written by a wrong clock and is left out.
#[must_use]
pub fn choose_checkpoint(
    ledger: Option<Timestamp>,
    exported: Option<Timestamp>,
    now: Timestamp,
) -> (Option<Timestamp>, Option<CheckpointNote>) {
    let ahead = |moment: &Timestamp| *moment > now;
    let note = match (ledger.filter(ahead), exported.filter(ahead)) {
        (None, None) => None,
        (Some(ledger), None) => Some(CheckpointNote::LedgerAhead(ledger)),
        (None, Some(exported)) => Some(CheckpointNote::ExportedAhead(exported)),
        (Some(ledger), Some(exported)) => Some(CheckpointNote::BothAhead { ledger, exported }),
    };
    let believable = [ledger, exported]
        .into_iter()
        .flatten()
        .filter(|at| *at <= now);
    (believable.min(), note)
}

#[cfg(test)]
mod tests;
