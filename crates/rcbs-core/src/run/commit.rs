//! Makes staged files durable and known, many at a time: intent into the ledger, final names, confirmation, events.
//!
//! The order is the promise: the ledger says *verified* only after bytes and names would survive a power cut, and it
//! knows digest and length of a file before that file can have its final name, so a crash in between is recognised.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::RunError;
use super::context::Context;
use super::outlook;
use super::slices::SliceBook;
use super::under_way::Claim;
use crate::event::Event;
use crate::failure::FailureClass;
use crate::fetch::Fetched;
use crate::plan::Slice;
use crate::ports::{
    EntryState, MediaKey, Publication, PublishMode, Settlement, Staged, TargetError,
};
use crate::recording::RecordingId;
use crate::store::{Folder, SafeName};

/// Most files of one batch. One barrier serves them all; more would only make a crash cost more.
const BATCH: usize = 256;

/// Something for the committer.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most commits are settled media files, and each is moved twice"
)]
pub(crate) enum Commit {
    /// A media file, staged and checked.
    Media(Box<MediaCommit>),
    /// A recording's metadata, staged.
    Metadata(Box<MetadataCommit>),
    /// A media file that ends this run without new bytes.
    Settled {
        key: MediaKey,
        state: EntryState,
        recipients: Vec<String>,
        event: Event,
    },
    /// Nothing more comes of one recording, listed in the slice with this number. Its claim ends when all that came
    /// before this is committed.
    RecordingDone {
        slice: Option<usize>,
        #[expect(dead_code, reason = "held until this is committed")]
        claim: Claim,
    },
    /// A slice is listed: so many recordings were handed on, and whether that is all there is.
    SliceListed {
        number: usize,
        slice: Slice,
        recordings: u64,
        complete: bool,
        /// Whether everything that was announced in it can be used.
        clean: bool,
    },
}

impl Commit {
    /// Whether it brings a media file no nearer to the archive.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Settled {
                state: EntryState::Waiting { .. } | EntryState::Lost { .. },
                ..
            }
        )
    }
}

/// See [`Commit::Media`].
#[derive(Debug)]
pub(crate) struct MediaCommit {
    pub(crate) key: MediaKey,
    pub(crate) fetched: Fetched,
    pub(crate) folder: Folder,
    pub(crate) name: SafeName,
    pub(crate) attempts: u32,
}

/// See [`Commit::Metadata`].
#[derive(Debug)]
pub(crate) struct MetadataCommit {
    pub(crate) recording: RecordingId,
    pub(crate) staged: Staged,
    pub(crate) folder: Folder,
    pub(crate) name: SafeName,
    pub(crate) sha256: [u8; 32],
    pub(crate) changed: bool,
    /// What is stored until now, where it is another version.
    pub(crate) replaced: Option<Bytes>,
}

/// Works until all senders are gone.
pub(crate) async fn commit_all(
    context: &Context,
    mut inbox: mpsc::Receiver<Commit>,
    mut slices: SliceBook,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut batch, BATCH).await > 0 {
        let done = commit_batch(context, std::mem::take(&mut batch)).await;
        let noted = match done {
            Ok(marks) => slices.note(context, marks).await,
            Err(error) => Err(error),
        };
        outlook::look(context).await;
        if let Err(error) = noted {
            context.halt.stop(error);
            // The rest of the inbox is read so that no sender waits for ever; nothing of it is settled, so the next
            // run finds it announced and does it again.
            while inbox.recv().await.is_some() {}
            return;
        }
    }
}

/// Commits one batch and returns its slice marks.
async fn commit_batch(context: &Context, batch: Vec<Commit>) -> Result<Vec<Commit>, RunError> {
    let mut media = Vec::new();
    let mut metadata = Vec::new();
    let mut settlements = Vec::new();
    let mut events = Vec::new();
    let mut marks = Vec::new();
    for commit in batch {
        match commit {
            Commit::Media(one) => media.push(*one),
            Commit::Metadata(one) => metadata.push(*one),
            Commit::Settled {
                key,
                state,
                recipients,
                event,
            } => {
                if let Event::Verified { path, .. } = &event {
                    settlements.push(speaks_for_itself(path.clone()));
                }
                settlements.push(Settlement::Media {
                    key,
                    state,
                    recipients,
                });
                events.push(event);
            }
            mark @ (Commit::RecordingDone { .. } | Commit::SliceListed { .. }) => marks.push(mark),
        }
    }
    intend(context, &media).await?;
    let publications = media
        .iter()
        .map(media_publication)
        .chain(metadata.iter().map(metadata_publication))
        .collect();
    let mut results = context.ports.target.publish(publications).await.into_iter();
    for one in media {
        let result = results
            .next()
            .unwrap_or_else(|| Err(unanswered(&one.folder)));
        media_result(context, one, result, &mut settlements, &mut events)?;
    }
    for one in metadata {
        let result = results
            .next()
            .unwrap_or_else(|| Err(unanswered(&one.folder)));
        result.map_err(RunError::Target)?;
        let at = context.now();
        settlements.push(Settlement::Metadata {
            recording: one.recording.clone(),
            sha256: one.sha256,
            at,
            replaced: one.replaced,
        });
        let path = path_text(&one.folder, &one.name);
        settlements.push(speaks_for_itself(path.clone()));
        events.push(Event::MetadataStored {
            recording: one.recording,
            path,
            changed: one.changed,
        });
    }
    context.settle(&settlements).await?;
    context.seals.note(&settlements);
    for event in &events {
        context.events.emit(event);
    }
    Ok(marks)
}

/// Enters digest and length of what is about to get its final name.
async fn intend(context: &Context, media: &[MediaCommit]) -> Result<(), RunError> {
    if media.is_empty() {
        return Ok(());
    }
    let intents: Vec<Settlement> = media
        .iter()
        .map(|one| Settlement::Media {
            key: one.key.clone(),
            state: EntryState::Publishing {
                len_bytes: one.fetched.staged.len_bytes,
                sha256: one.fetched.sha256,
                etag: one.fetched.etag.as_ref().map(|etag| etag.0.clone()),
                check: one.fetched.check.clone(),
            },
            recipients: one.fetched.recipients.clone(),
        })
        .collect();
    context.settle(&intents).await
}

/// Turns the result of one publication into the entry's new state and its event.
fn media_result(
    context: &Context,
    one: MediaCommit,
    result: Result<(), TargetError>,
    settlements: &mut Vec<Settlement>,
    events: &mut Vec<Event>,
) -> Result<(), RunError> {
    let MediaCommit {
        key,
        fetched,
        folder,
        name,
        attempts,
    } = one;
    let (state, event) = match result {
        Ok(()) => {
            let len_bytes = fetched.staged.len_bytes;
            let check = fetched.check.clone();
            let event = Event::Verified {
                key: key.clone(),
                path: path_text(&folder, &name),
                len_bytes,
                check: check.clone(),
                fetched: true,
                encryption: Some(fetched.encryption),
            };
            settlements.push(speaks_for_itself(path_text(&folder, &name)));
            let etag = fetched.etag.map(|etag| etag.0);
            (
                EntryState::Verified {
                    len_bytes,
                    sha256: fetched.sha256,
                    etag,
                    check,
                    at: context.now(),
                },
                event,
            )
        }
        // Somebody else made that file since we looked; the next run checks it in place.
        Err(error @ TargetError::Exists { .. }) => {
            context.waiting(&key, FailureClass::Unexpected, error.to_string(), attempts)
        }
        // It is fetched again by the next run, from the beginning.
        Err(error @ TargetError::Altered { .. }) => {
            context.waiting(&key, FailureClass::Corrupt, error.to_string(), attempts)
        }
        Err(error) => return Err(RunError::Target(error)),
    };
    settlements.push(Settlement::Media {
        key,
        state,
        recipients: fetched.recipients,
    });
    events.push(event);
    Ok(())
}

fn media_publication(one: &MediaCommit) -> Publication {
    Publication {
        staged: one.fetched.staged.clone(),
        folder: one.folder.clone(),
        name: one.name.clone(),
        mode: PublishMode::New,
        sha256: Some(one.fetched.sha256),
    }
}

fn metadata_publication(one: &MetadataCommit) -> Publication {
    Publication {
        staged: one.staged.clone(),
        folder: one.folder.clone(),
        name: one.name.clone(),
        mode: PublishMode::Replace,
        sha256: Some(one.sha256),
    }
}

/// A target that answers for fewer files than it was given breaks its contract.
fn unanswered(folder: &Folder) -> TargetError {
    TargetError::Io {
        action: "publish",
        path: folder.to_text(),
        reason: "no answer for this file".to_owned(),
    }
}

/// The entry of the file at this path says from now on what it is.
pub(crate) fn speaks_for_itself(path: String) -> Settlement {
    Settlement::Noted { path, sha256: None }
}

/// A file of the archive, relative to the target.
pub(crate) fn path_text(folder: &Folder, name: &SafeName) -> String {
    format!("{}/{}", folder.to_text(), name.as_str())
}
