//! Media files that earlier runs left announced or waiting, tried again wherever their recording lies.

use bytes::Bytes;

use super::RunError;
use super::adopt::METADATA_BYTES;
use super::commit::path_text;
use super::context::Context;
use super::intake::{Intake, is_unsettled, lose_unseen, put_off_unseen, tell_faults};
use crate::digest::sha256;
use crate::ports::{ApiError, MediaKey, RecordingEntry, Settlement};
use crate::store::{Folder, metadata_file_name};

/// Recordings read from the ledger at a time.
const PAGE: usize = 100;

/// What is left over, page by page, the oldest first. Whoever fetches little goes on a little, so that the oldest, which
/// the cloud deletes first, must not wait for the others.
#[derive(Debug, Default)]
pub(crate) struct ByAge {
    last: Option<RecordingEntry>,
}

impl ByAge {
    /// Recordings of our share that this run has not taken in yet: those it has were announced since it began. `None`
    /// at the end.
    pub(crate) async fn next(
        &mut self,
        context: &Context,
    ) -> Result<Option<Vec<RecordingEntry>>, RunError> {
        let ledger = &context.ports.ledger;
        let page = ledger.unsettled_by_age(self.last.as_ref(), PAGE).await;
        let mut page = page.map_err(RunError::Ledger)?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        self.last = Some(last.clone());
        let (instance, now) = (context.options.instance, context.now());
        // What was seen in the future was seen by an earlier run, whose clock was ahead.
        let is_of_this_run = |seen| context.began <= seen && seen <= now;
        page.retain(|entry| instance.owns(&entry.id) && !is_of_this_run(entry.last_seen));
        Ok(Some(page))
    }
}

/// Takes in every recording with an unsettled media file that this run has not brought yet.
pub(crate) async fn revisit(context: &Context, intake: &Intake) -> Result<(), RunError> {
    if !context.options.wanted.media {
        // Nothing would be tried, and what waits outside the window would be skipped for good.
        return Ok(());
    }
    let mut by_age = ByAge::default();
    while let Some(page) = by_age.next(context).await? {
        for entry in page {
            if context.halt.is_stopped() {
                return Ok(());
            }
            revisit_one(context, intake, &entry).await?;
        }
    }
    Ok(())
}

/// Asks for one recording, and decides. Returns what the API answered if it was a failure.
pub(crate) async fn revisit_one(
    context: &Context,
    intake: &Intake,
    entry: &RecordingEntry,
) -> Result<Option<ApiError>, RunError> {
    match context.api.recording(&entry.id).await {
        Ok(json) => take_again(context, intake, entry, &json).await?,
        // The metadata is gone; the objects may outlive it, and where they lie stands in what was stored of it.
        Err(ApiError::NotFound) => match stored_metadata(context, entry).await? {
            Some(json) => take_again(context, intake, entry, &json).await?,
            None => lost(context, entry).await?,
        },
        // 401 is the login; 403 may be this recording alone.
        Err(error @ ApiError::Denied { status: 401, .. }) => return Err(RunError::Api(error)),
        Err(error) => {
            put_off(context, entry, &error).await?;
            return Ok(Some(error));
        }
    }
    Ok(None)
}

pub(crate) async fn take_again(
    context: &Context,
    intake: &Intake,
    entry: &RecordingEntry,
    json: &Bytes,
) -> Result<(), RunError> {
    match context.read(json) {
        Ok(fresh) if fresh.id == entry.id => {
            tell_faults(context, Some(&fresh.id), &fresh.faults).await?;
            intake.take_in(context, vec![fresh], None).await
        }
        Ok(_) => fault(context, entry, "the server answered with another recording").await,
        Err(error) => fault(context, entry, &error.to_string()).await,
    }
}

/// The recording's metadata as it lies in the archive; `None` also when that is not what was stored: it would be stored
/// once more, and be whole from then on.
pub(crate) async fn stored_metadata(
    context: &Context,
    entry: &RecordingEntry,
) -> Result<Option<Bytes>, RunError> {
    let Some(folder) = Folder::from_text(&entry.folder) else {
        return Ok(None);
    };
    let name = metadata_file_name(&entry.id);
    let read = context
        .ports
        .target
        .read(&folder, &name, 0, METADATA_BYTES)
        .await;
    let Some(json) = read.map_err(RunError::Target)? else {
        return Ok(None);
    };
    let path = path_text(&folder, &name);
    let stored = match entry.stored_metadata_sha256 {
        Some(stored) => Some(stored),
        None => context.noted(&path).await?,
    };
    if stored.is_some_and(|stored| stored != sha256(&json)) {
        context.events.warn(format!(
            "{path} is damaged: its content is not what was stored"
        ));
        return Ok(None);
    }
    Ok(Some(json))
}

/// The recording is gone from the cloud, and with it what was never fetched.
pub(crate) async fn lost(context: &Context, entry: &RecordingEntry) -> Result<(), RunError> {
    let settlements: Vec<Settlement> = keys(entry)
        .map(|(key, _)| lose_unseen(context, key, "the cloud no longer has the recording"))
        .collect();
    context.settle(&settlements).await
}

async fn fault(context: &Context, entry: &RecordingEntry, reason: &str) -> Result<(), RunError> {
    tell_faults(context, Some(&entry.id), &[reason.to_owned()]).await
}

/// The API could not be asked: everything of this recording goes on waiting.
pub(crate) async fn put_off(
    context: &Context,
    entry: &RecordingEntry,
    error: &ApiError,
) -> Result<(), RunError> {
    let put_off =
        |(key, attempts)| put_off_unseen(context, key, error.class(), error.to_string(), attempts);
    let settlements: Vec<Settlement> = keys(entry).map(put_off).collect();
    context.settle(&settlements).await
}

fn keys(entry: &RecordingEntry) -> impl Iterator<Item = (MediaKey, u32)> {
    let unsettled = entry
        .media
        .iter()
        .filter(|(_, known)| is_unsettled(&known.state));
    unsettled.map(|(id, known)| {
        (
            MediaKey {
                recording: entry.id.clone(),
                media: id.clone(),
            },
            known.attempts,
        )
    })
}
