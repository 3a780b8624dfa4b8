//! Tries what waits at once, and asks for nothing else: what is not due yet too, and what is lost where it is named.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::intake::Intake;
use super::slices::SliceBook;
use super::{
    Ports, RunEnd, RunError, RunOptions, guard, noted, queue, recover, remote_settings, revisit,
    unless_stopped, until_end, work_through,
};
use crate::event::Listener;
use crate::ledger::checkpoint::Frontier;
use crate::ports::{ApiError, EntryState, MediaKey, RecordingEntry, Settlement};
use crate::recording::RecordingId;

/// After so many recordings in a row for which no connection came about, with all patience, the API is out of reach.
const STREAK: u32 = 3;

/// Runs once over what waits: all of it, or that of the recordings with these ids, which the ledger knows. Nothing is
/// listed and the checkpoint stays. A run that wants no media tries nothing.
pub async fn retry(
    ports: Ports,
    options: RunOptions,
    ids: Vec<RecordingId>,
    listener: Arc<dyn Listener>,
    interrupt: CancellationToken,
) -> RunEnd {
    let context = Arc::new(Context::new(ports, options, listener));
    let work = guard::beside(&context, drive(&context, ids));
    until_end(&context, interrupt, work).await
}

async fn drive(context: &Arc<Context>, ids: Vec<RecordingId>) -> Result<(), RunError> {
    if !context.options.wanted.media {
        return Ok(());
    }
    recover::recover(context).await?;
    noted::note(context).await?;
    unless_stopped(context, async {
        remote_settings::ask(context).await;
        Ok(())
    })
    .await?;
    let nothing_listed = SliceBook::new(Frontier::new(None, Timestamp::UNIX_EPOCH));
    let queue = ids.is_empty();
    work_through(context, nothing_listed, queue, async |intake| {
        unless_stopped(context, async {
            if queue {
                queue::take_first(context, &intake).await?;
                all(context, &intake).await
            } else {
                named(context, &intake, &ids).await
            }
        })
        .await
    })
    .await
}

/// What the queue could not try: here it is decided.
async fn all(context: &Context, intake: &Intake) -> Result<(), RunError> {
    let mut reach = Reach::default();
    let mut by_age = revisit::ByAge::default();
    while let Some(page) = by_age.next(context).await? {
        for entry in page {
            let answer = revisit::revisit_one(context, intake, &entry).await?;
            if context.halt.is_stopped() || reach.is_out(context, answer) {
                return Ok(());
            }
        }
    }
    reach.end(context);
    Ok(())
}

async fn named(context: &Context, intake: &Intake, ids: &[RecordingId]) -> Result<(), RunError> {
    let mut entries = Vec::with_capacity(ids.len());
    for id in ids {
        let entry = context.ports.ledger.recording(id).await;
        entries.extend(entry.map_err(RunError::Ledger)?);
    }
    entries.sort_by_key(|entry| entry.start);
    entries.dedup_by(|a, b| a.id == b.id);
    let mut reach = Reach::default();
    for mut entry in entries {
        if reopen_lost(context, &mut entry).await? {
            let answer = revisit::revisit_one(context, intake, &entry).await?;
            if context.halt.is_stopped() || reach.is_out(context, answer) {
                return Ok(());
            }
        } else {
            let id = &entry.id;
            context.events.warn(format!(
                "recording {id} has nothing to try again: nothing of it waits or is lost"
            ));
        }
    }
    reach.end(context);
    Ok(())
}

/// Announces what is lost anew, so that it is tried, and goes on waiting when nobody answers. Whether there is anything
/// to try.
async fn reopen_lost(context: &Context, entry: &mut RecordingEntry) -> Result<bool, RunError> {
    let mut settlements = Vec::new();
    let mut waits = false;
    for (id, known) in &mut entry.media {
        if matches!(known.state, EntryState::Lost { .. }) {
            known.state = EntryState::Announced;
            settlements.push(Settlement::Media {
                key: MediaKey {
                    recording: entry.id.clone(),
                    media: id.clone(),
                },
                state: EntryState::Announced,
                recipients: Vec::new(),
            });
        }
        waits |= matches!(
            known.state,
            EntryState::Announced | EntryState::Waiting { .. }
        );
    }
    context.settle(&settlements).await?;
    Ok(waits)
}

/// Whether the API can be reached: no list has shown it.
#[derive(Debug, Default)]
struct Reach {
    is_proven: bool,
    unreached: u32,
    last: Option<ApiError>,
}

impl Reach {
    /// Notes an answer; true when there is no use in going on, which the run then says.
    fn is_out(&mut self, context: &Context, answer: Option<ApiError>) -> bool {
        match answer {
            Some(
                error @ (ApiError::Unreachable { .. }
                | ApiError::Cut { .. }
                | ApiError::Timeout { .. }),
            ) => {
                self.unreached += 1;
                self.last = Some(error);
                let is_out = !self.is_proven && self.unreached >= STREAK;
                if is_out {
                    self.end(context);
                }
                is_out
            }
            Some(_) | None => {
                self.is_proven = true;
                false
            }
        }
    }

    /// Nothing more is asked: says so where no answer ever came, also when only one thing was asked for.
    fn end(&self, context: &Context) {
        if let (false, Some(error)) = (self.is_proven, &self.last) {
            context.halt.fall_short(RunError::Api(error.clone()));
        }
    }
}
