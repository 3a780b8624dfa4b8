//! Gathers the facts of one recording: what lies in its folder, and what was read of it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::cms::Walker;
use crate::digest::FileDigest;
use crate::encryption::is_plain;
use crate::ports::{EntryState, FileFact, HeldRecording, Target, TargetError};
use crate::rate::Pace;
use crate::recording::MediaId;
use crate::run::RunError;
use crate::run::commit::path_text;
use crate::select::{find_on_disk, names_on_disk};
use crate::store::{Folder, SafeName, metadata_file_name};
use crate::verify::{Content, Finding, VerifySummary, judge_media, judge_metadata};

/// Enough for the head of nearly every file; one with many recipients is read on.
const HEAD_BYTES: usize = 8 << 10;

/// What was found in the folder of one recording.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) findings: Vec<Finding>,
    /// Files that the ledger does not know, relative to the target.
    pub(super) unknown: Vec<String>,
    /// What was looked at; what was found is not counted in it.
    pub(super) counts: VerifySummary,
}

/// Looks at one recording. Of the media files in `reads` every byte is read. Before the checkpoint nothing is left to do.
pub(super) async fn look(
    target: &dyn Target,
    pace: &Pace,
    stop: &CancellationToken,
    held: &HeldRecording,
    reads: &BTreeSet<MediaId>,
    checkpoint: Option<Timestamp>,
) -> Result<Looked, RunError> {
    let entry = &held.entry;
    let folder = Folder::from_text(&entry.folder).ok_or_else(|| RunError::ForeignFolder {
        recording: entry.id.clone(),
    })?;
    let reader = Reader {
        target,
        pace,
        stop,
        folder: &folder,
    };
    let (files, unlisted) = match target.list(std::slice::from_ref(&folder)).await {
        Ok(listed) => (listed.into_iter().next().unwrap_or_default(), None),
        Err(error) => (Vec::new(), Some(unreadable(error)?)),
    };
    let mut looked = Looked::default();
    looked.counts.recordings = 1;
    let names = names_on_disk(&entry.media, &files);
    for (index, ((id, media), name)) in entry.media.iter().zip(&names).enumerate() {
        let EntryState::Verified { len_bytes, .. } = media.state else {
            continue;
        };
        looked.counts.media += 1;
        let on_disk = find_on_disk(&files, name);
        let is_right_length = on_disk.is_some_and(|fact| fact.len_bytes == len_bytes);
        let recipients = held.recipients.get(index).map_or(&[][..], Vec::as_slice);
        let content = match &unlisted {
            Some(reason) => Content::Unreadable(reason.clone()),
            None if !is_right_length => Content::NotRead,
            None if reads.contains(id) => reader.whole(name).await?,
            // Its length is all that can be seen of it without reading every byte.
            None if is_plain(recipients) => Content::NotRead,
            None => reader.head(name).await?,
        };
        if let Content::Whole { len_bytes, .. } = content {
            looked.counts.read_files += 1;
            looked.counts.read_bytes += len_bytes;
        }
        let harm = judge_media(&media.state, recipients, on_disk, &content);
        looked.findings.extend(harm.map(|harm| Finding {
            recording: entry.id.clone(),
            media: Some(id.clone()),
            path: path_text(&folder, name),
            harm,
        }));
    }
    let metadata = metadata_file_name(&entry.id);
    let on_disk = find_on_disk(&files, &metadata);
    let content = match (&unlisted, on_disk) {
        (Some(reason), _) => Content::Unreadable(reason.clone()),
        (None, Some(_)) if entry.stored_metadata_sha256.is_some() => {
            looked.counts.metadata += 1;
            reader.whole(&metadata).await?
        }
        _ => Content::NotRead,
    };
    let times = entry.start.zip(checkpoint);
    let passed = times.is_some_and(|(start, checkpoint)| start < checkpoint);
    let announced = &held.announced_metadata_sha256;
    let harm = judge_metadata(entry, announced, passed, on_disk, &content);
    let is_absent = entry.stored_metadata_sha256.is_none() && harm.is_none();
    looked.counts.without_metadata = u64::from(is_absent);
    looked.findings.extend(harm.map(|harm| Finding {
        recording: entry.id.clone(),
        media: None,
        path: path_text(&folder, &metadata),
        harm,
    }));
    looked.unknown = strangers(&files, &names, &metadata)
        .map(|name| format!("{}/{name}", entry.folder))
        .collect();
    Ok(looked)
}

/// Files of a folder that are neither media files nor metadata of its recording.
fn strangers<'a>(
    files: &'a [FileFact],
    names: &'a [SafeName],
    metadata: &'a SafeName,
) -> impl Iterator<Item = &'a str> {
    let is_known =
        |name: &str| name == metadata.as_str() || names.iter().any(|known| known.as_str() == name);
    files
        .iter()
        .map(|file| file.name.as_str())
        .filter(move |name| !is_known(name))
}

/// What is wrong with one file or folder is a finding; what is wrong with the whole target ends the run.
pub(crate) fn unreadable(error: TargetError) -> Result<String, RunError> {
    match error {
        TargetError::Denied { .. } | TargetError::NotPlain { .. } | TargetError::Io { .. } => {
            Ok(error.to_string())
        }
        TargetError::Full { .. }
        | TargetError::Altered { .. }
        | TargetError::Gone { .. }
        | TargetError::Disconnected { .. }
        | TargetError::Exists { .. } => Err(RunError::Target(error)),
    }
}

/// Reads the files of one folder.
pub(super) struct Reader<'a> {
    pub(super) target: &'a dyn Target,
    pub(super) pace: &'a Pace,
    pub(super) stop: &'a CancellationToken,
    pub(super) folder: &'a Folder,
}

impl Reader<'_> {
    /// Every byte, in constant memory; `NotRead` when there is no file.
    pub(super) async fn whole_if_there(&self, name: &SafeName) -> Result<Content, RunError> {
        match self.target.read(self.folder, name, 0, 0).await {
            Ok(Some(_)) => self.whole(name).await,
            Ok(None) => Ok(Content::NotRead),
            Err(error) => Ok(Content::Unreadable(unreadable(error)?)),
        }
    }

    /// Every byte, in constant memory.
    async fn whole(&self, name: &SafeName) -> Result<Content, RunError> {
        let mut digest = FileDigest::new();
        let mut len_bytes = 0_u64;
        let piece_bytes = self.pace.piece_bytes();
        loop {
            if self.stop.is_cancelled() {
                return Err(RunError::Interrupted);
            }
            let read = self.target.read(self.folder, name, len_bytes, piece_bytes);
            let piece = match read.await {
                Ok(piece) => piece.unwrap_or_default(),
                Err(error) => return Ok(Content::Unreadable(unreadable(error)?)),
            };
            digest.update(&piece);
            len_bytes += piece.len() as u64;
            self.pace.wait(piece.len()).await;
            if piece.len() < piece_bytes {
                break;
            }
        }
        Ok(Content::Whole {
            len_bytes,
            sha256: digest.finish(),
        })
    }

    /// Up to where the ciphertext begins.
    async fn head(&self, name: &SafeName) -> Result<Content, RunError> {
        let mut walker = Walker::new();
        let mut from = 0_u64;
        loop {
            let read = self.target.read(self.folder, name, from, HEAD_BYTES);
            let piece = match read.await {
                Ok(piece) => piece.unwrap_or_default(),
                Err(error) => return Ok(Content::Unreadable(unreadable(error)?)),
            };
            if let Err(error) = walker.feed(&piece) {
                return Ok(Content::Head(Err(error.to_string())));
            }
            if let Some(head) = walker.head() {
                return Ok(Content::Head(Ok(head.recipients())));
            }
            if piece.is_empty() {
                let reason = walker
                    .finish()
                    .err()
                    .map_or_else(String::new, |error| error.to_string());
                return Ok(Content::Head(Err(reason)));
            }
            from += piece.len() as u64;
        }
    }
}
