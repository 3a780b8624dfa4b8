//! From options, checkpoints and the clocks to the plan of this run.

use jiff::Timestamp;

use super::RunError;
use super::context::Context;
use super::listing::recall_learned;
use super::slices;
use crate::discover;
use crate::ledger::checkpoint::{self, Frontier};
use crate::plan::{Clocks, Plan, SinceEdge};

/// A plan and what follows from it for the checkpoint.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    /// Where the checkpoint will move from.
    pub(crate) frontier: Frontier,
    /// An end time that somebody else wrote and that this plan begins at: the run takes it over.
    pub(crate) foreign_endtime: Option<Timestamp>,
}

/// Makes the plan: reads both checkpoints, then computes; writes nothing.
pub(crate) async fn plan(context: &Context) -> Result<Planned, RunError> {
    let now = context.now();
    let (clocks, clock_note) = Clocks::compare(now, context.api.clock_ahead());
    if let Some(note) = clock_note {
        context.events.warn(note.to_string());
    }
    let options = &context.options;
    let known = context
        .ports
        .ledger
        .checkpoint()
        .await
        .map_err(RunError::Ledger)?;
    let exported = match slices::foreign_endtime(context).await? {
        Some(Err(error)) => {
            context
                .events
                .warn(format!("last_recording_endtime.txt is not used: {error}"));
            None
        }
        Some(Ok(at)) => Some(at),
        None => None,
    };
    let (chosen, remark) = checkpoint::choose_checkpoint(known, exported, clocks.latest);
    // A fixed range does not begin at a checkpoint, so a strange one does not matter to it.
    let follows_checkpoint = !options.window.ignore_checkpoint
        && matches!(options.window.since, SinceEdge::Any | SinceEdge::Ago(_));
    if let Some(remark) = remark.filter(|_| follows_checkpoint) {
        context.events.warn(remark.to_string());
    }
    let window = clocks.window(&options.window, chosen);
    let window = window.map_err(RunError::Window)?;
    let learned = recall_learned(context).await?;
    let since = match window.since {
        Some(since) => Some(since),
        None => discover::beginning(context.api.as_ref(), &learned, window.until)
            .await
            .map_err(RunError::Api)?,
    };
    // The older of the two counts here too: what lies between them is covered only when this run has listed it.
    let believed = chosen
        .filter(|_| follows_checkpoint)
        .or(known.filter(|at| *at <= clocks.latest));
    let frontier = Frontier::new(believed, since.unwrap_or(window.until));
    let frontier = frontier.not_beyond(clocks.settled_until);
    let plan = Plan {
        now,
        window,
        since,
        slice_length: options.window.slice_length,
        instance: options.instance,
    };
    Ok(Planned {
        plan,
        frontier,
        foreign_endtime: exported.filter(|at| follows_checkpoint && Some(*at) == believed),
    })
}
