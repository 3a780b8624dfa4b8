//! Which slices are settled, and how far the checkpoint has come.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::commit::Commit;
use super::context::Context;
use super::{Ports, RunError};
use crate::event::Event;
use crate::ledger::checkpoint::{self, EndtimeError, Frontier};
use crate::plan::Slice;
use crate::ports::Period;
use crate::store::endtime_file_name;

/// The slices under way, and the frontier that those that are through move.
#[derive(Debug)]
pub(crate) struct SliceBook {
    frontier: Frontier,
    under_way: BTreeMap<usize, Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    done: u64,
    listed: Option<Listed>,
}

#[derive(Debug)]
struct Listed {
    slice: Slice,
    recordings: u64,
    complete: bool,
}

impl SliceBook {
    pub(crate) fn new(frontier: Frontier) -> Self {
        Self {
            frontier,
            under_way: BTreeMap::new(),
        }
    }

    /// Takes the marks of a batch that is committed.
    pub(crate) async fn note(
        &mut self,
        context: &Context,
        marks: Vec<Commit>,
    ) -> Result<(), RunError> {
        // Known by now where the first answer that told it came late.
        let clocks = context.clocks(context.now());
        self.frontier.lower_to(clocks.settled_until);
        let mut moved = None;
        for mark in marks {
            let number = match mark {
                Commit::RecordingDone { slice: None, .. } => continue,
                Commit::RecordingDone {
                    slice: Some(slice), ..
                } => {
                    self.under_way.entry(slice).or_default().done += 1;
                    slice
                }
                Commit::SliceListed {
                    number,
                    slice,
                    recordings,
                    complete,
                    clean,
                } => {
                    // Of a period with announcements that cannot be used nobody can say that nothing is missing.
                    if complete && clean {
                        note_listed(context, slice).await?;
                    }
                    self.under_way.entry(number).or_default().listed = Some(Listed {
                        slice,
                        recordings,
                        complete,
                    });
                    number
                }
                Commit::Media(_) | Commit::Metadata(_) | Commit::Settled { .. } => continue,
            };
            if let Some(slice) = self.settled(number) {
                context.events.emit(&Event::SliceSettled { slice });
                moved = self.frontier.settle(slice).or(moved);
            }
        }
        match moved {
            Some(at) => {
                context
                    .ports
                    .ledger
                    .set_checkpoint(at)
                    .await
                    .map_err(RunError::Ledger)?;
                context.events.emit(&Event::Checkpoint { at });
                export_checkpoint(context).await
            }
            None => Ok(()),
        }
    }

    /// The slice of this number when everything of it is through. One that was not listed completely never is.
    fn settled(&mut self, number: usize) -> Option<Slice> {
        let progress = self.under_way.get(&number)?;
        let listed = progress.listed.as_ref()?;
        if progress.done < listed.recordings || !listed.complete {
            return None;
        }
        let slice = listed.slice;
        self.under_way.remove(&number);
        Some(slice)
    }
}

/// Everything that the slice announced is in the ledger by now: only what is entered is handed on.
async fn note_listed(context: &Context, slice: Slice) -> Result<(), RunError> {
    let period = Period {
        since: slice.since,
        until: slice.until,
    };
    let noted = context.ports.ledger.note_listed(period).await;
    noted.map_err(RunError::Ledger)
}

/// The fact under which the ledger remembers the last two texts of ours for `last_recording_endtime.txt`, a line each:
/// the new one before it is written, so that a run that ends in between leaves one of the two there.
const EXPORTED: &str = "exported_endtime";

/// Writes `last_recording_endtime.txt`: never later than the oldest recording that is not settled, so that losing
/// the ledger loses nothing.
pub(crate) async fn export_checkpoint(context: &Context) -> Result<(), RunError> {
    let Ports { ledger, target, .. } = &context.ports;
    let current = ledger.checkpoint().await.map_err(RunError::Ledger)?;
    let oldest = ledger.oldest_unsettled().await.map_err(RunError::Ledger)?;
    let Some(at) = checkpoint::exported(current, oldest) else {
        return Ok(());
    };
    // An older one that somebody else wrote stands until a run has begun there.
    if let Some(Ok(foreign)) = foreign_endtime(context).await?
        && foreign < at
    {
        return Ok(());
    }
    let text = checkpoint::format_endtime(at);
    let written = target
        .read_note(&endtime_file_name())
        .await
        .map_err(RunError::Target)?;
    if written.as_ref() == Some(&text) {
        return Ok(());
    }
    let ours = recall_exported(context).await?;
    let before = written.filter(|text| is_ours(&ours, text));
    let both = before.unwrap_or_default() + &text;
    ledger
        .remember(EXPORTED, Some(&both))
        .await
        .map_err(RunError::Ledger)?;
    target
        .write_note(&endtime_file_name(), &text)
        .await
        .map_err(RunError::Target)
}

/// Makes an end time that somebody else wrote the checkpoint of this ledger: the run begins there.
pub(crate) async fn take_over_endtime(context: &Context, at: Timestamp) -> Result<(), RunError> {
    let Ports { ledger, target, .. } = &context.ports;
    ledger.set_checkpoint(at).await.map_err(RunError::Ledger)?;
    let written = target
        .read_note(&endtime_file_name())
        .await
        .map_err(RunError::Target)?;
    ledger
        .remember(EXPORTED, written.as_deref())
        .await
        .map_err(RunError::Ledger)
}

/// The time in `last_recording_endtime.txt` if somebody else than this ledger's own runs wrote it: the old program,
/// an operator, or runs whose ledger is lost. What we wrote ourselves may be older than the checkpoint only because
/// something waits, and that is looked up by itself.
pub(crate) async fn foreign_endtime(
    context: &Context,
) -> Result<Option<Result<Timestamp, EndtimeError>>, RunError> {
    let target = &context.ports.target;
    let written = target
        .read_note(&endtime_file_name())
        .await
        .map_err(RunError::Target)?;
    let ours = recall_exported(context).await?;
    if written.as_ref().is_some_and(|text| is_ours(&ours, text)) {
        return Ok(None);
    }
    let found = written.or_else(|| context.options.old_checkpoint.clone());
    Ok(found.as_deref().map(checkpoint::parse_endtime))
}

async fn recall_exported(context: &Context) -> Result<String, RunError> {
    let ledger = &context.ports.ledger;
    let ours = ledger.recall(EXPORTED).await.map_err(RunError::Ledger)?;
    Ok(ours.unwrap_or_default())
}

fn is_ours(exported: &str, text: &str) -> bool {
    exported.lines().any(|line| line == text.trim())
}
