//! Takes announced recordings in: ledger first, then a look at the disk, then a choice for each media file.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::RunError;
use super::commit::Commit;
use super::context::Context;
use super::listing::Taker;
use super::media::MediaWork;
use super::outlook;
use super::recording::{MetadataWork, Work};
use crate::event::Event;
use crate::failure::FailureClass;
use crate::plan::Slice;
use crate::ports::{
    Announcement, EntryState, FileFact, MediaEntry, MediaKey, RecordingEntry, Settlement,
};
use crate::recording::{Media, Recording, RecordingId};
use crate::select::{
    Choice, RULE_METADATA_ONLY, find_on_disk, names_on_disk, select, with_changed_metadata,
};
use crate::store::{Folder, media_file_name, metadata_file_name, recording_folder};

/// Memory that the metadata of recordings under way may take, in KiB.
const METADATA_KIB: usize = 48 << 10;
/// Metadata taken in at once, in bytes: well below the bound above, or a page would wait for itself.
const PART_BYTES: usize = 8 << 20;
/// Recordings taken in at once: one ledger transaction and one look at the disk for them.
const PART_RECORDINGS: usize = 100;

/// Takes recordings in and hands them to the workers.
#[derive(Debug)]
pub(crate) struct Intake {
    memory: Arc<Semaphore>,
    works: mpsc::Sender<Work>,
    commits: mpsc::Sender<Commit>,
    /// Faults of the server before the slice that is listed now.
    faults_before: AtomicU64,
}

#[async_trait]
impl Taker for Intake {
    async fn take(
        &self,
        context: &Context,
        recordings: Vec<Recording>,
        slice: usize,
    ) -> Result<(), RunError> {
        self.take_in(context, recordings, Some(slice)).await
    }

    async fn faults(
        &self,
        context: &Context,
        id: Option<&RecordingId>,
        faults: &[String],
    ) -> Result<(), RunError> {
        tell_faults(context, id, faults).await
    }

    async fn listed(
        &self,
        context: &Context,
        number: usize,
        slice: Slice,
        recordings: u64,
        complete: bool,
    ) {
        context.guard.listed(slice);
        let faults = context.events.summary().server_faults;
        let clean = self.faults_before.swap(faults, Ordering::Relaxed) == faults;
        let mark = Commit::SliceListed {
            number,
            slice,
            recordings,
            complete,
            clean,
        };
        if self.commits.send(mark).await.is_err() {
            tracing::error!("the committer is gone");
        }
    }
}

impl Intake {
    pub(crate) fn new(works: mpsc::Sender<Work>, commits: mpsc::Sender<Commit>) -> Self {
        Self {
            memory: Arc::new(Semaphore::new(METADATA_KIB)),
            works,
            commits,
            faults_before: AtomicU64::new(0),
        }
    }

    /// Enters recordings into the ledger and hands them on; waits while too much is under way.
    pub(crate) async fn take_in(
        &self,
        context: &Context,
        recordings: Vec<Recording>,
        slice: Option<usize>,
    ) -> Result<(), RunError> {
        for part in parts(recordings) {
            for work in self.take_part(context, part, slice).await? {
                // The workers read to the end; they are gone only when the run is.
                if self.works.send(work).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn take_part(
        &self,
        context: &Context,
        part: Vec<Recording>,
        slice: Option<usize>,
    ) -> Result<Vec<Work>, RunError> {
        // Before memory is taken, which those waited for may need.
        let mut claims = Vec::with_capacity(part.len());
        for recording in &part {
            claims.push(context.under_way.claim(&recording.id).await);
        }
        let mut memory = self.reserve(&part).await;
        let ledger = &context.ports.ledger;
        let announcements: Vec<Announcement> = part
            .iter()
            .map(|recording| {
                let folder = recording_folder(
                    &context.options.folder_format,
                    recording.start,
                    &recording.id,
                );
                announcement(context, &folder, recording.json_sha256, recording)
            })
            .collect();
        let entries = ledger
            .announce(&announcements)
            .await
            .map_err(RunError::Ledger)?;
        // Where the ledger says: a recording known under an older folder format stays where it is.
        let folders = entries
            .iter()
            .map(known_folder)
            .collect::<Result<Vec<_>, _>>()?;
        let on_disk = context
            .ports
            .target
            .list(&folders)
            .await
            .map_err(RunError::Target)?;
        let mut settlements = Vec::new();
        let mut reopened = Vec::new();
        let mut works = Vec::with_capacity(part.len());
        let taken = part.into_iter().zip(folders).zip(claims);
        for (index, ((recording, folder), claim)) in taken.enumerate() {
            let (Some(entry), Some(files)) = (entries.get(index), on_disk.get(index)) else {
                break;
            };
            let metadata = metadata_work(
                announcements[index].metadata_sha256,
                &recording,
                entry,
                files,
            );
            lose_what_is_no_longer_named(context, &recording, entry, &mut settlements);
            let settled = settlements.len();
            let media = choose(
                context,
                &recording,
                announcements[index].metadata_sha256,
                entry,
                files,
                &mut settlements,
            );
            if settlements.len() > settled {
                reopened.push(announcements[index].clone());
            }
            let share = memory
                .split(kib(&recording))
                .unwrap_or_else(|| empty(&self.memory));
            if slice.is_some() && media.iter().any(MediaWork::is_to_fetch) {
                context.guard.taken();
            }
            works.push(Work {
                id: recording.id,
                folder,
                media,
                metadata,
                slice,
                claim,
                memory: share,
            });
        }
        context.settle(&settlements).await?;
        if !reopened.is_empty() {
            // Nothing was open when they were announced above, so the ledger did not note that this run has seen
            // them; without that note `revisit` would take them in a second time.
            ledger.announce(&reopened).await.map_err(RunError::Ledger)?;
        }
        tell(context, &works);
        outlook::take(context, &works).await;
        Ok(works)
    }

    /// Waits until there is room for the metadata of these recordings.
    async fn reserve(&self, part: &[Recording]) -> OwnedSemaphorePermit {
        let wanted = part.iter().map(kib).sum::<usize>().min(METADATA_KIB);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.memory).acquire_many_owned(wanted).await;
        // It is refused only by a closed semaphore, and nobody closes this one.
        permit.unwrap_or_else(|_| empty(&self.memory))
    }
}

/// A share of nothing: for a single recording larger than all that is reserved for many.
fn empty(memory: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    match Arc::clone(memory).try_acquire_many_owned(0) {
        Ok(permit) => permit,
        Err(_) => unreachable!("no permits can always be had of an open semaphore"),
    }
}

fn kib(recording: &Recording) -> usize {
    recording.json.len() / 1024 + 1
}

/// Cuts a page into parts of bounded count and size. A recording that comes again begins a new part: it waits for its
/// first turn to end, and that must be under way by then.
fn parts(recordings: Vec<Recording>) -> Vec<Vec<Recording>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut bytes = 0;
    let mut ids = HashSet::new();
    for recording in recordings {
        let more = recording.json.len();
        let is_full = part.len() == PART_RECORDINGS || bytes + more > PART_BYTES;
        if !part.is_empty() && (is_full || ids.contains(&recording.id)) {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
            ids.clear();
        }
        ids.insert(recording.id.clone());
        bytes += more;
        part.push(recording);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// What the ledger is told of a recording.
pub(crate) fn announcement(
    context: &Context,
    folder: &Folder,
    metadata_sha256: [u8; 32],
    recording: &Recording,
) -> Announcement {
    let place = |media: &Media| {
        media
            .location
            .as_ref()
            .ok()
            .map(|located| located.location.to_string())
    };
    Announcement {
        id: recording.id.clone(),
        start: recording.start,
        stop: recording.stop,
        folder: folder.to_text(),
        metadata_sha256,
        seen: context.now(),
        caller: recording.caller.clone(),
        dialed: recording.dialed.clone(),
        agents: recording.agents.clone(),
        media: recording
            .media
            .iter()
            .map(|media| (media.id.clone(), place(media)))
            .collect(),
    }
}

fn known_folder(entry: &RecordingEntry) -> Result<Folder, RunError> {
    Folder::from_text(&entry.folder).ok_or_else(|| RunError::ForeignFolder {
        recording: entry.id.clone(),
    })
}

/// Chooses for each media file, and reopens the entries that have to become *announced* again first.
fn choose(
    context: &Context,
    recording: &Recording,
    metadata_sha256: [u8; 32],
    entry: &RecordingEntry,
    files: &[FileFact],
    settlements: &mut Vec<Settlement>,
) -> Vec<MediaWork> {
    let metadata_changed = entry
        .stored_metadata_sha256
        .is_some_and(|stored| stored != metadata_sha256);
    // Names are those of all media files ever announced, so that a late one cannot take the name of an earlier one.
    let names = names_on_disk(&entry.media, files);
    let mut works = Vec::with_capacity(recording.media.len());
    for media in &recording.media {
        let position = entry.media.iter().position(|(id, _)| *id == media.id);
        let known = position.map_or_else(MediaEntry::announced, |at| entry.media[at].1.clone());
        let name = position.map_or_else(|| media_file_name(&media.id), |at| names[at].clone());
        let choice = select(
            media,
            &known,
            find_on_disk(files, &name),
            &context.options.wanted,
        );
        let choice = if metadata_changed {
            with_changed_metadata(choice, media)
        } else {
            choice
        };
        if reopens(&known.state, &choice) {
            let key = MediaKey {
                recording: recording.id.clone(),
                media: media.id.clone(),
            };
            let path = format!("{}/{}", entry.folder, name.as_str());
            settlements.extend(reopened(key, path, &known.state));
        }
        works.push(MediaWork {
            media: media.clone(),
            name,
            entry: known,
            choice,
        });
    }
    works
}

/// Makes a settled media file *announced* again. Whatever lies there, now or later, is not to be taken for whole by
/// what it looks like: what it was is noted.
pub(crate) fn reopened(
    key: MediaKey,
    path: String,
    state: &EntryState,
) -> impl Iterator<Item = Settlement> {
    let noted = match state {
        EntryState::Verified { sha256, .. } => Some(Settlement::Noted {
            path,
            sha256: Some(*sha256),
        }),
        _ => None,
    };
    let announced = Settlement::Media {
        key,
        state: EntryState::Announced,
        recipients: Vec::new(),
    };
    noted.into_iter().chain([announced])
}

/// Whether a settled media file has to become *announced* again before anything else happens to it. A verified one that
/// is only looked at stays verified until it is found damaged, whatever ends the run before.
fn reopens(state: &EntryState, choice: &Choice) -> bool {
    match (state, choice) {
        (EntryState::Verified { .. }, Choice::Check { .. })
        | (_, Choice::Keep)
        | (EntryState::Skipped { .. }, Choice::Skip { .. }) => false,
        (EntryState::Lost { .. }, Choice::Skip { rule }) if *rule == RULE_METADATA_ONLY => false,
        (EntryState::Verified { .. } | EntryState::Skipped { .. } | EntryState::Lost { .. }, _) => {
            true
        }
        (EntryState::Announced | EntryState::Waiting { .. } | EntryState::Publishing { .. }, _) => {
            false
        }
    }
}

/// Media files that were announced earlier, never came in, and are no longer in the metadata: they are lost. Where the
/// metadata say nothing about media any more, they go on waiting.
fn lose_what_is_no_longer_named(
    context: &Context,
    recording: &Recording,
    entry: &RecordingEntry,
    settlements: &mut Vec<Settlement>,
) {
    for (id, known) in &entry.media {
        if is_unsettled(&known.state) && !recording.media.iter().any(|media| media.id == *id) {
            let key = MediaKey {
                recording: recording.id.clone(),
                media: id.clone(),
            };
            settlements.push(if recording.says_which_media() {
                lose_unseen(context, key, "the recording's metadata no longer names it")
            } else {
                let reason = "the recording's metadata no longer hold a list of media files";
                put_off_unseen(
                    context,
                    key,
                    FailureClass::Unexpected,
                    reason.to_owned(),
                    known.attempts,
                )
            });
        }
    }
}

/// Whether nothing has come of a media file yet.
pub(crate) fn is_unsettled(state: &EntryState) -> bool {
    matches!(state, EntryState::Announced | EntryState::Waiting { .. })
}

/// Lets a media file wait that this run did not see announced, and counts it as announced, which it once was.
pub(crate) fn put_off_unseen(
    context: &Context,
    key: MediaKey,
    class: FailureClass,
    reason: String,
    attempts: u32,
) -> Settlement {
    announce_unseen(context);
    let (state, event) = context.waiting(&key, class, reason, attempts);
    context.events.emit(&event);
    Settlement::Media {
        key,
        state,
        recipients: Vec::new(),
    }
}

/// Settles a media file as lost that this run did not see announced, and counts it as announced, which it once was.
pub(crate) fn lose_unseen(context: &Context, key: MediaKey, reason: &str) -> Settlement {
    announce_unseen(context);
    context.events.emit(&Event::Lost {
        key: key.clone(),
        reason: reason.to_owned(),
    });
    let state = EntryState::Lost {
        reason: reason.to_owned(),
        at: context.now(),
    };
    Settlement::Media {
        key,
        state,
        recipients: Vec::new(),
    }
}

fn announce_unseen(context: &Context) {
    context.events.emit(&Event::Announced {
        recordings: 0,
        media: 1,
        to_fetch: 0,
        told_bytes: 0,
    });
}

/// The metadata is written unless exactly these bytes are known to be stored and still lie there.
fn metadata_work(
    sha256: [u8; 32],
    recording: &Recording,
    entry: &RecordingEntry,
    files: &[FileFact],
) -> Option<MetadataWork> {
    let on_disk = find_on_disk(files, &metadata_file_name(&recording.id));
    let in_place = on_disk.is_some_and(|fact| fact.len_bytes == recording.json.len() as u64);
    let known = entry.stored_metadata_sha256 == Some(sha256);
    (!known || !in_place).then(|| MetadataWork {
        // A copy: the original is a part of its page, and would hold all of it for as long as the media take.
        json: Bytes::copy_from_slice(&recording.json),
        sha256,
        on_disk: on_disk.is_some(),
        known: entry.stored_metadata_sha256,
    })
}

/// Faults of the recordings' own entries, and what was taken in.
fn tell(context: &Context, works: &[Work]) {
    let media = works.iter().flat_map(|work| &work.media);
    let to_fetch: Vec<&MediaWork> = media.clone().filter(|one| one.is_to_fetch()).collect();
    context.events.emit(&Event::Announced {
        recordings: works.len() as u64,
        media: media.count() as u64,
        to_fetch: to_fetch.len() as u64,
        told_bytes: to_fetch.iter().filter_map(|one| one.media.told_bytes).sum(),
    });
}

/// Tells the faults inside a recording's metadata: media entries that cannot be used.
pub(crate) async fn tell_faults(
    context: &Context,
    id: Option<&RecordingId>,
    faults: &[String],
) -> Result<(), RunError> {
    for reason in faults {
        context.events.emit(&Event::ServerFault {
            recording: id.cloned(),
            reason: reason.clone(),
        });
        let what = match id {
            Some(id) => format!("recording {id}: {reason}"),
            None => reason.clone(),
        };
        let noted = context.ports.ledger.note_fault(context.now(), &what).await;
        noted.map_err(RunError::Ledger)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording;

    #[test]
    fn metadata_on_their_way_do_not_hold_the_page_they_were_listed_in() {
        let json = br#"{"id":"R","startTime":"2018-02-12T12:00:00Z","mediaFiles":[]}"#;
        let page = Bytes::from([&json[..], &vec![b' '; 1 << 20]].concat());
        let recording = recording::parse(&page.slice(..json.len())).unwrap();
        let entry = RecordingEntry {
            id: recording.id.clone(),
            start: None,
            folder: "R".to_owned(),
            stored_metadata_sha256: None,
            first_seen: jiff::Timestamp::UNIX_EPOCH,
            last_seen: jiff::Timestamp::UNIX_EPOCH,
            last_changed: jiff::Timestamp::UNIX_EPOCH,
            media: Vec::new(),
        };
        let work = metadata_work([0; 32], &recording, &entry, &[]).unwrap();
        assert_eq!(work.json, recording.json);
        drop(recording);
        assert!(page.is_unique(), "nothing else holds the page");
    }
}
