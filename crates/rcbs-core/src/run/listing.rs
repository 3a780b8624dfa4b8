//! Lists the window slice by slice and hands what is ours on.

use std::collections::HashSet;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::RunError;
use super::context::Context;
use crate::discover::{Batch, DiscoverError, Discovery, Learned, SliceReport};
use crate::event::Event;
use crate::failure::FailureClass;
use crate::plan::{Plan, Slice, slices};
use crate::ports::ApiError;
use crate::recording::{Recording, RecordingId};

/// Pages listed ahead of those that take them: while one is taken in, the next is on its way.
const PAGES_AHEAD: usize = 1;

/// Who takes what is listed.
#[async_trait]
pub(crate) trait Taker: Send + Sync {
    /// Recordings of the window and of our share, from the slice of this number.
    async fn take(
        &self,
        context: &Context,
        recordings: Vec<Recording>,
        slice: usize,
    ) -> Result<(), RunError>;

    /// Something the server announced that cannot be used. Who only looks says so.
    async fn faults(
        &self,
        context: &Context,
        id: Option<&RecordingId>,
        faults: &[String],
    ) -> Result<(), RunError> {
        for reason in faults {
            context.events.emit(&Event::ServerFault {
                recording: id.cloned(),
                reason: reason.clone(),
            });
        }
        Ok(())
    }

    /// The slice of this number is listed: so many recordings were handed on, and whether that is all there is.
    async fn listed(
        &self,
        context: &Context,
        number: usize,
        slice: Slice,
        recordings: u64,
        complete: bool,
    );
}

/// The fact under which the ledger remembers what listing has learned of the server.
const LEARNED: &str = "server";

/// What earlier runs have learned of the server; each fact only saves requests.
pub(crate) async fn recall_learned(context: &Context) -> Result<Learned, RunError> {
    let text = context
        .ports
        .ledger
        .recall(LEARNED)
        .await
        .map_err(RunError::Ledger)?;
    Ok(text.as_deref().map(Learned::from_text).unwrap_or_default())
}

/// Keeps what was learned for later runs.
pub(crate) async fn remember_learned(context: &Context, learned: Learned) -> Result<(), RunError> {
    if recall_learned(context).await? == learned {
        return Ok(());
    }
    let text = learned.to_text();
    context
        .ports
        .ledger
        .remember(LEARNED, Some(&text))
        .await
        .map_err(RunError::Ledger)
}

/// How the listing of a window ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListingEnd {
    /// False when the run stops or the API went out of reach, so that nothing more need be asked of it.
    pub(crate) in_reach: bool,
    /// What is known of the server now.
    pub(crate) learned: Learned,
}

/// Lists all slices, in order.
pub(crate) async fn list(
    context: &Context,
    plan: &Plan,
    taker: &dyn Taker,
) -> Result<ListingEnd, RunError> {
    let learned = recall_learned(context).await?;
    let window = match plan.since {
        Some(since) if since < plan.window.until => Slice {
            since,
            until: plan.window.until,
        },
        _ => {
            return Ok(ListingEnd {
                in_reach: true,
                learned,
            });
        }
    };
    let mut discovery = Discovery::new(window, plan.now, learned)
        .placing_at(context.options.endpoint.clone())
        .asking_at_once(context.options.max_connections);
    let mut ahead = Ahead::default();
    let mut failed_in_a_row = 0;
    let slices = slices(window.since, window.until, plan.slice_length).map_err(RunError::Window)?;
    for (number, slice) in slices.enumerate() {
        if context.halt.is_stopped() {
            return Ok(ListingEnd {
                in_reach: false,
                learned: discovery.learned(),
            });
        }
        context.events.emit(&Event::SliceBegun { slice });
        let listed = list_slice(
            context,
            plan,
            taker,
            (&mut discovery, &mut ahead),
            number,
            slice,
        )
        .await?;
        let recordings = listed.handed_on;
        let complete = matches!(listed.end, End::Complete(_));
        taker
            .listed(context, number, slice, recordings, complete)
            .await;
        let in_reach = match listed.end {
            End::Complete(report) => {
                tell_complete(context, slice, listed.found, report);
                failed_in_a_row = 0;
                true
            }
            End::Stopped => false,
            End::Failed(error) => match tell_failed(context, slice, error)? {
                After::GoOn => true,
                After::GoOnForNow => {
                    failed_in_a_row += 1;
                    failed_in_a_row < FAILED_IN_A_ROW
                }
                After::Stop => false,
            },
        };
        if !in_reach {
            return Ok(ListingEnd {
                in_reach,
                learned: discovery.learned(),
            });
        }
    }
    Ok(ListingEnd {
        in_reach: true,
        learned: discovery.learned(),
    })
}

fn tell_complete(context: &Context, slice: Slice, recordings: u64, report: SliceReport) {
    context.events.emit(&Event::SliceListed {
        slice,
        recordings,
        pages: report.pages,
    });
}

/// So many slices in a row that the server fails to list: it is not the slices. One or two may hold what it cannot
/// serve, for ever, and must not keep all that comes after them from being backed up in time.
const FAILED_IN_A_ROW: u32 = 3;

/// What follows from a slice that was not listed.
enum After {
    /// The next one may be another matter.
    GoOn,
    /// So may it here, but not many times.
    GoOnForNow,
    /// Nobody is there to be asked.
    Stop,
}

/// Tells of a slice that was not listed. A refused login ends the run.
fn tell_failed(context: &Context, slice: Slice, error: DiscoverError) -> Result<After, RunError> {
    let class = error.class();
    let reason = match &error {
        // That recordings cannot be listed is what the event says already.
        DiscoverError::Api(error) => with_causes(error),
        _ => with_causes(&error),
    };
    let out_of_reach = matches!(
        class,
        FailureClass::Transient | FailureClass::Throttled { .. }
    );
    let after = match &error {
        DiscoverError::Api(ApiError::Unreachable { .. } | ApiError::Throttled { .. }) => {
            After::Stop
        }
        DiscoverError::Unread {
            error: ApiError::Unreachable { .. } | ApiError::Throttled { .. },
            ..
        } => After::Stop,
        _ if out_of_reach => After::GoOnForNow,
        _ => After::GoOn,
    };
    match error {
        // A recording that may not be read is that recording's problem; a list that may not is the login's.
        DiscoverError::Api(error) if class == FailureClass::Denied => {
            return Err(RunError::Api(error));
        }
        DiscoverError::Api(error) | DiscoverError::Unread { error, .. } if out_of_reach => {
            // What is listed already is still brought to its end.
            context.halt.fall_short(RunError::Api(error));
        }
        // The next slice may fare better; what to do about this one is worth a word at the end.
        DiscoverError::Api(error) => context.halt.not_listed(error),
        _ => {}
    }
    context.events.emit(&Event::SliceFailed {
        slice,
        class,
        reason,
    });
    Ok(after)
}

/// Recordings that were taken in before their own slice was listed, by the digest of their metadata: the same one listed
/// again in its own slice is neither counted nor worked on twice.
#[derive(Debug, Default)]
struct Ahead(HashSet<[u8; 32]>);

impl Ahead {
    fn is_new(&mut self, recording: &Recording, slice: Slice) -> bool {
        let is_ahead = recording.start.is_some_and(|start| start >= slice.until);
        if is_ahead {
            return self.0.insert(recording.json_sha256);
        }
        self.0.is_empty() || !self.0.remove(&recording.json_sha256)
    }
}

/// An error and its causes on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What came of one slice.
struct Listed {
    /// Recordings of the window and of our share.
    found: u64,
    /// Those that had not had their turn before.
    handed_on: u64,
    end: End,
}

/// How the listing of a slice ended.
enum End {
    /// Everything in it was listed.
    Complete(SliceReport),
    /// The run stops: what was seen is not all there is.
    Stopped,
    /// Nothing proves that it was everything.
    Failed(DiscoverError),
}

async fn list_slice(
    context: &Context,
    plan: &Plan,
    taker: &dyn Taker,
    (discovery, ahead): (&mut Discovery, &mut Ahead),
    number: usize,
    slice: Slice,
) -> Result<Listed, RunError> {
    let (batches_in, batches_out) = mpsc::channel::<Batch>(PAGES_AHEAD);
    let (mut found, mut handed_on) = (0, 0);
    let take = async {
        // Owned here, so that discovery does not wait for a taker that has failed.
        let mut batches_out = batches_out;
        while let Some(batch) = batches_out.recv().await {
            for text in batch.warnings {
                context.events.warn(text);
            }
            taker.faults(context, None, &batch.faults).await?;
            let announced = batch.found.into_iter().map(|found| found.recording);
            let mut ours: Vec<Recording> = announced
                .filter(|one| is_ours(context, plan, one) && ahead.is_new(one, slice))
                .collect();
            found += ours.len() as u64;
            ours.retain(|one| !context.had_turn.includes(one));
            // The oldest is deleted first, whatever the order of the list.
            ours.sort_by_key(|one| one.start);
            for one in &ours {
                taker.faults(context, Some(&one.id), &one.faults).await?;
            }
            handed_on += ours.len() as u64;
            taker.take(context, ours, number).await?;
        }
        Ok::<(), RunError>(())
    };
    let discover = async {
        // Owned here, so that the batches end when listing does.
        let batches_in = batches_in;
        tokio::select! {
            biased;
            () = context.halt.stopped() => End::Stopped,
            listed = discovery.list_slice(context.api.as_ref(), slice, &batches_in) => match listed {
                Ok(report) => End::Complete(report),
                Err(error) => End::Failed(error),
            },
        }
    };
    let (taken, end) = tokio::join!(take, discover);
    taken?;
    Ok(Listed {
        found,
        handed_on,
        end,
    })
}

/// In the window by its start, and of our share. One without a readable time was asked for, so it is in.
fn is_ours(context: &Context, plan: &Plan, recording: &Recording) -> bool {
    let since = plan.since.unwrap_or(plan.window.until);
    let inside = recording
        .start
        .is_none_or(|start| start >= since && start < plan.window.until);
    inside && context.options.instance.owns(&recording.id)
}
