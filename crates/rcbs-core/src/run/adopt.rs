//! Takes over an archive that lies on disk: every recording folder is read, checked in place and entered, no download.

use std::collections::VecDeque;

use super::RunError;
use super::check_in_place::{InPlace, check_in_place};
use super::commit::{path_text, speaks_for_itself};
use super::context::Context;
use super::intake::{announcement, tell_faults};
use crate::event::Event;
use crate::ports::{EntryState, FileFact, MediaEntry, MediaKey, RecordingEntry, Settlement};
use crate::recording::{Media, MediaId, Recording};
use crate::select::{Choice, find_on_disk, names_on_disk, select};
use crate::store::{Folder, SafeName, metadata_file_name};

/// Largest metadata file that is read; the manual's upper bound is 1 MB.
pub(crate) const METADATA_BYTES: usize = 16 << 20;
/// Media file names end in this.
pub(crate) const MEDIA_ENDING: &str = ".bin";

/// Walks the whole target, breadth first, one folder in memory at a time besides the names still to be visited.
pub(crate) async fn adopt_all(context: &Context) -> Result<(), RunError> {
    let mut to_visit = VecDeque::from([Folder::top()]);
    while let Some(folder) = to_visit.pop_front() {
        if context.halt.is_stopped() {
            return Ok(());
        }
        for name in context
            .ports
            .target
            .folders(&folder)
            .await
            .map_err(RunError::Target)?
        {
            match SafeName::from_disk(&name) {
                Some(name) => to_visit.push_back(folder.join(name)),
                None => context.events.warn(format!(
                    "the folder {}/{name} is not one of this archive",
                    folder.to_text()
                )),
            }
        }
        let files = context
            .ports
            .target
            .list(std::slice::from_ref(&folder))
            .await
            .map_err(RunError::Target)?;
        adopt_folder(
            context,
            &folder,
            &files.into_iter().next().unwrap_or_default(),
        )
        .await?;
    }
    Ok(())
}

/// Adopts one folder if it is a recording's.
async fn adopt_folder(
    context: &Context,
    folder: &Folder,
    files: &[FileFact],
) -> Result<(), RunError> {
    let Some(own_name) = folder.parts().last() else {
        return Ok(());
    };
    let metadata = SafeName::from_disk(&format!("{}.json", own_name.as_str()));
    let found = metadata.filter(|name| find_on_disk(files, name).is_some());
    let Some(metadata) = found else {
        if files.iter().any(|file| file.name.ends_with(MEDIA_ENDING)) {
            fault(context, folder, "media files without a metadata file").await?;
        }
        return Ok(());
    };
    let read = context
        .ports
        .target
        .read(folder, &metadata, 0, METADATA_BYTES)
        .await
        .map_err(RunError::Target)?;
    match context.read(&read.unwrap_or_default()) {
        Ok(recording) if !context.options.instance.owns(&recording.id) => Ok(()),
        Ok(recording) if metadata_file_name(&recording.id) == metadata => {
            adopt_recording(context, folder, &recording, files).await
        }
        Ok(recording) => {
            fault(
                context,
                folder,
                &format!("its metadata is that of recording {}", recording.id),
            )
            .await
        }
        Err(error) => {
            fault(
                context,
                folder,
                &format!("its metadata cannot be read: {error}"),
            )
            .await
        }
    }
}

async fn adopt_recording(
    context: &Context,
    folder: &Folder,
    recording: &Recording,
    files: &[FileFact],
) -> Result<(), RunError> {
    let digest = recording.json_sha256;
    let is_whole = is_what_was_stored(context, folder, recording, digest).await?;
    let damaged = (!is_whole).then(|| only_what_is_there(recording, files));
    let recording = damaged.as_ref().unwrap_or(recording);
    let entry = announcement(context, folder, digest, recording);
    let entries = context
        .ports
        .ledger
        .announce(&[entry])
        .await
        .map_err(RunError::Ledger)?;
    let Some(entry) = entries.into_iter().next() else {
        return Ok(());
    };
    let media = recording.media.len() as u64;
    context.events.emit(&Event::Announced {
        recordings: 1,
        media,
        to_fetch: 0,
        told_bytes: 0,
    });
    let path = path_text(folder, &metadata_file_name(&recording.id));
    let mut settlements = Vec::new();
    if is_whole {
        settlements.push(speaks_for_itself(path));
        settlements.push(Settlement::Metadata {
            recording: recording.id.clone(),
            sha256: digest,
            at: context.now(),
            replaced: None,
        });
    } else {
        let reason = format!("{path} is damaged: its content is not what was stored");
        tell_faults(context, None, &[reason]).await?;
    }
    let names = names_of(&entry, files);
    for media in &recording.media {
        let Some((name, known)) = names
            .iter()
            .find(|(id, ..)| *id == media.id)
            .map(|(_, name, known)| (name, known))
        else {
            continue;
        };
        let key = MediaKey {
            recording: recording.id.clone(),
            media: media.id.clone(),
        };
        let Some(fact) = find_on_disk(files, name) else {
            adopt_absent(context, media, key, known, &mut settlements);
            continue;
        };
        if matches!(known, EntryState::Verified { len_bytes, .. } if *len_bytes == fact.len_bytes) {
            context.events.emit(&Event::Unchanged { key });
            continue;
        }
        let target = context.ports.target.as_ref();
        let plain = context.options.plain_media;
        let noted = context.noted(&path_text(folder, name)).await?;
        let found = check_in_place(
            target,
            folder,
            name,
            media.envelope.as_deref(),
            known,
            noted,
            plain,
        )
        .await
        .map_err(RunError::Target)?;
        adopt_media(context, folder, name, key, known, found, &mut settlements);
    }
    context.settle(&settlements).await?;
    context.seals.note(&settlements);
    Ok(())
}

/// Whether metadata are those that the ledger, or a manifest that it does not know, calls stored; where neither says
/// anything, what can be read is believed.
async fn is_what_was_stored(
    context: &Context,
    folder: &Folder,
    recording: &Recording,
    found: [u8; 32],
) -> Result<bool, RunError> {
    let entry = context.ports.ledger.recording(&recording.id).await;
    let entry = entry.map_err(RunError::Ledger)?;
    let known = entry.and_then(|entry| entry.stored_metadata_sha256);
    let path = path_text(folder, &metadata_file_name(&recording.id));
    let noted = context.noted(&path).await?;
    let mut says = [known, noted].into_iter().flatten().peekable();
    Ok(says.peek().is_none() || says.any(|sha256| sha256 == found))
}

/// Damaged metadata may name media that never were, and envelopes that were never theirs; a file that lies there under
/// the name of one of them is one.
fn only_what_is_there(recording: &Recording, files: &[FileFact]) -> Recording {
    let all = recording.media.iter();
    let all: Vec<_> = all
        .map(|media| (media.id.clone(), MediaEntry::announced()))
        .collect();
    let names = names_on_disk(&all, files);
    let mut left = recording.clone();
    left.media = left
        .media
        .into_iter()
        .zip(&names)
        .filter(|(_, name)| find_on_disk(files, name).is_some())
        .map(|(media, _)| Media {
            envelope: None,
            ..media
        })
        .collect();
    left
}

/// A media file that is not on disk: what is not wanted is skipped, everything else is fetched by the next backup.
fn adopt_absent(
    context: &Context,
    media: &Media,
    key: MediaKey,
    known: &EntryState,
    settlements: &mut Vec<Settlement>,
) {
    let entry = MediaEntry {
        state: known.clone(),
        attempts: 0,
        location: None,
    };
    let choice = select(media, &entry, None, &context.options.wanted);
    if let (Choice::Skip { rule }, EntryState::Announced | EntryState::Waiting { .. }) =
        (choice, known)
    {
        context.events.emit(&Event::Skipped {
            key: key.clone(),
            rule: rule.to_owned(),
        });
        let state = EntryState::Skipped {
            rule: rule.to_owned(),
        };
        settlements.push(Settlement::Media {
            key,
            state,
            recipients: Vec::new(),
        });
    }
}

fn adopt_media(
    context: &Context,
    folder: &Folder,
    name: &SafeName,
    key: MediaKey,
    known: &EntryState,
    found: InPlace,
    settlements: &mut Vec<Settlement>,
) {
    let path = path_text(folder, name);
    match found {
        InPlace::Whole {
            len_bytes,
            sha256,
            check,
            recipients,
        } => {
            if matches!(known, EntryState::Skipped { .. } | EntryState::Lost { .. }) {
                let state = EntryState::Announced;
                settlements.push(Settlement::Media {
                    key: key.clone(),
                    state,
                    recipients: Vec::new(),
                });
            }
            let event = Event::Verified {
                key: key.clone(),
                path,
                len_bytes,
                check: check.clone(),
                fetched: false,
                encryption: None,
            };
            if let Event::Verified { path, .. } = &event {
                settlements.push(speaks_for_itself(path.clone()));
            }
            context.events.emit(&event);
            let state = EntryState::Verified {
                len_bytes,
                sha256,
                etag: None,
                check,
                at: context.now(),
            };
            settlements.push(Settlement::Media {
                key,
                state,
                recipients,
            });
        }
        // It stays where it is: a damaged copy may be the last one. A backup fetches it anew while the cloud has it.
        InPlace::Damaged { reason } => context.events.warn(format!("{path} is damaged: {reason}")),
    }
}

/// The names and states of all media files ever announced of a recording.
fn names_of(entry: &RecordingEntry, files: &[FileFact]) -> Vec<(MediaId, SafeName, EntryState)> {
    let names = names_on_disk(&entry.media, files);
    entry
        .media
        .iter()
        .zip(names)
        .map(|((id, known), name)| (id.clone(), name, known.state.clone()))
        .collect()
}

async fn fault(context: &Context, folder: &Folder, reason: &str) -> Result<(), RunError> {
    tell_faults(context, None, &[format!("{}: {reason}", folder.to_text())]).await
}
