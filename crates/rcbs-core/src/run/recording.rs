//! One recording from its selection to its end in this run: media files at once, metadata last.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::RunError;
use super::adopt::METADATA_BYTES;
use super::commit::{Commit, MetadataCommit, path_text};
use super::context::Context;
use super::media::{MediaWork, finish_media};
use super::under_way::Claim;
use crate::digest::sha256;
use crate::failure::FailureClass;
use crate::ports::{MediaKey, Staged, TargetError};
use crate::recording::RecordingId;
use crate::select::Choice;
use crate::store::{Folder, SafeName, metadata_file_name, stage_name};

/// A recording and what is to be done with it.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) id: RecordingId,
    pub(crate) folder: Folder,
    pub(crate) media: Vec<MediaWork>,
    pub(crate) metadata: Option<MetadataWork>,
    /// The slice it was listed in; `None` when an earlier run left it over.
    pub(crate) slice: Option<usize>,
    /// Nobody else works on it.
    pub(crate) claim: Claim,
    /// Its share of the memory that listed metadata may take; given back when the work is done.
    #[expect(dead_code, reason = "held for as long as the work lives")]
    pub(crate) memory: OwnedSemaphorePermit,
}

impl Work {
    /// Whether everything is in place: what is left is to say so.
    pub(crate) fn is_done(&self) -> bool {
        let is_kept = |one: &MediaWork| matches!(one.choice, Choice::Keep);
        self.metadata.is_none() && self.media.iter().all(is_kept)
    }
}

/// Metadata that has to be stored.
#[derive(Debug)]
pub(crate) struct MetadataWork {
    pub(crate) json: Bytes,
    pub(crate) sha256: [u8; 32],
    /// Whether a file has its name already.
    pub(crate) on_disk: bool,
    /// SHA-256 of what the ledger calls stored.
    pub(crate) known: Option<[u8; 32]>,
}

/// Does the work and hands every result to the committer, metadata after all media files.
pub(crate) async fn finish_recording(context: &Context, work: Work, outbox: &mpsc::Sender<Commit>) {
    let mut media: FuturesUnordered<_> = work
        .media
        .iter()
        .map(|one| guarded(context, &work, one))
        .collect();
    let mut is_stored = work.media.iter().any(MediaWork::is_to_fetch);
    while let Some(commit) = media.next().await {
        if let Some(commit) = commit {
            is_stored &= !commit.is_failure();
            send(outbox, commit).await;
        }
    }
    drop(media);
    if context.halt.is_stopped() {
        // Not done: the slice stays open, and the next run takes this recording up again.
        return;
    }
    if let Some(metadata) = &work.metadata {
        match stage_metadata(context, &work, metadata).await {
            Ok(Some(commit)) => send(outbox, commit).await,
            // The run is stopping.
            Ok(None) => return,
            Err(error) => return context.halt.stop(error),
        }
    }
    if is_stored {
        context.guard.stored(context.ports.clock.elapsed());
    }
    let Work { slice, claim, .. } = work;
    send(outbox, Commit::RecordingDone { slice, claim }).await;
}

/// One media file; a panic is that file's failure, not the run's.
async fn guarded(context: &Context, work: &Work, one: &MediaWork) -> Option<Commit> {
    // Nothing that is shared is left half-changed by a panic: every lock guards whole updates.
    AssertUnwindSafe(finish_media(context, work, one))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            let key = MediaKey {
                recording: work.id.clone(),
                media: one.media.id.clone(),
            };
            let reason = "internal fault; please report it with the log".to_owned();
            let (state, event) =
                context.waiting(&key, FailureClass::Bug, reason, one.entry.attempts);
            Some(Commit::Settled {
                key,
                state,
                recipients: Vec::new(),
                event,
            })
        })
}

async fn stage_metadata(
    context: &Context,
    work: &Work,
    metadata: &MetadataWork,
) -> Result<Option<Commit>, RunError> {
    let name = metadata_file_name(&work.id);
    let replaced = match metadata.on_disk {
        true => stored_metadata(context, work, &name).await?,
        false => None,
    };
    let Some(staged) = write_metadata(context, &work.id, &metadata.json).await? else {
        return Ok(None);
    };
    if let Some(json) = &replaced {
        keep_damaged(context, work, metadata, &name, json).await?;
    }
    Ok(Some(Commit::Metadata(Box::new(MetadataCommit {
        recording: work.id.clone(),
        staged,
        folder: work.folder.clone(),
        name,
        sha256: metadata.sha256,
        changed: metadata.on_disk && metadata.known != Some(metadata.sha256),
        replaced,
    }))))
}

/// Stages metadata when there is space for them; `None` when the run stops in between.
async fn write_metadata(
    context: &Context,
    id: &RecordingId,
    json: &Bytes,
) -> Result<Option<Staged>, RunError> {
    let write = async || {
        let mut staged = context.ports.target.stage(&stage_name(id, None)).await?;
        staged.write(json.clone()).await?;
        staged.finish().await
    };
    let work = async {
        loop {
            let Some(room) = context.room.enter(Some(json.len() as u64)).await else {
                return Ok(None);
            };
            match write().await {
                Err(error @ TargetError::Full { .. }) => room.met_full(&error),
                Err(error) => return Err(RunError::Target(error)),
                Ok(staged) => {
                    room.written();
                    return Ok(Some(staged));
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = context.halt.stopped() => Ok(None),
        staged = work => staged,
    }
}

/// Moves metadata aside that are neither what was stored nor what is stored now.
async fn keep_damaged(
    context: &Context,
    work: &Work,
    metadata: &MetadataWork,
    name: &SafeName,
    json: &Bytes,
) -> Result<(), RunError> {
    if json.len() >= METADATA_BYTES {
        // No more than that was read.
        return Ok(());
    }
    let (found, path) = (sha256(json), path_text(&work.folder, name));
    let stored = match metadata.known {
        Some(known) => Some(known),
        None => context.noted(&path).await?,
    };
    if found == metadata.sha256 || stored.is_none_or(|stored| stored == found) {
        return Ok(());
    }
    let moved = context.ports.target.quarantine(&work.folder, name).await;
    moved.map_err(RunError::Target)?;
    context.events.warn(format!(
        "{path} is damaged (its content is not what was stored); it was moved to .rcbs/quarantine and is fetched again"
    ));
    Ok(())
}

/// The version that is about to be replaced; one that cannot be read is no reason not to store the new one.
async fn stored_metadata(
    context: &Context,
    work: &Work,
    name: &SafeName,
) -> Result<Option<Bytes>, RunError> {
    let target = &context.ports.target;
    match target.read(&work.folder, name, 0, METADATA_BYTES).await {
        Ok(json) => Ok(json),
        Err(TargetError::NotPlain { .. } | TargetError::Io { .. } | TargetError::Denied { .. }) => {
            Ok(None)
        }
        Err(error) => Err(RunError::Target(error)),
    }
}

/// The committer reads its inbox to the end, so sending fails only when it has panicked, which ends the run anyway.
async fn send(outbox: &mpsc::Sender<Commit>, commit: Commit) {
    if outbox.send(commit).await.is_err() {
        tracing::error!("the committer is gone");
    }
}
