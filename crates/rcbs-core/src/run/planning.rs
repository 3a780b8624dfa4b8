//! From options, checkpoints and the clocks to the plan of this run.

use std::sync::Arc;

use jiff::Timestamp;

use super::context::Context;
use super::listing::recall_learned;
use super::{Ports, RunError, RunOptions, slices};
use crate::discover;
use crate::event::{Event, Listener};
use crate::ledger::checkpoint::{self, Frontier};
use crate::plan::{Clocks, Plan, SinceEdge, Window};

/// A plan and what follows from it for the checkpoint.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    /// Where the checkpoint will move from.
    pub(crate) frontier: Frontier,
    /// An end time that somebody else wrote and that this plan begins at: the run takes it over.
    pub(crate) foreign_endtime: Option<Timestamp>,
}

/// The window that a run would have if it began now; its oldest edge is `None` where the cloud has to be asked for the
/// first recording. Asks no server and writes nothing.
///
/// # Errors
/// Those of target and ledger, and a window that cannot be made.
pub async fn next_window(ports: Ports, options: RunOptions) -> Result<Window, RunError> {
    let context = Context::new(ports, options, Arc::new(Silent));
    Ok(edges(&context).await?.window)
}

/// Says nothing.
#[derive(Debug)]
struct Silent;

impl Listener for Silent {
    fn on(&self, _event: &Event) {}
}

/// The window and what it follows from.
struct Edges {
    now: Timestamp,
    clocks: Clocks,
    window: Window,
    /// The ledger's checkpoint, and the one in the file where somebody else wrote it.
    known: Option<Timestamp>,
    exported: Option<Timestamp>,
    chosen: Option<Timestamp>,
    follows_checkpoint: bool,
}

/// Makes the plan: reads both checkpoints, then computes; writes nothing.
pub(crate) async fn plan(context: &Context) -> Result<Planned, RunError> {
    let options = &context.options;
    let Edges {
        now,
        clocks,
        window,
        known,
        exported,
        chosen,
        follows_checkpoint,
    } = edges(context).await?;
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
    let mut frontier = Frontier::new(believed, since.unwrap_or(window.until));
    frontier.lower_to(clocks.settled_until);
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

async fn edges(context: &Context) -> Result<Edges, RunError> {
    let now = context.now();
    let clocks = context.clocks(now);
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
    Ok(Edges {
        clocks,
        now,
        window,
        known,
        exported,
        chosen,
        follows_checkpoint,
    })
}
