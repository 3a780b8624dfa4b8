//! Writes what a run has stored into the manifest of the day, at the end of the run and never later than its own report.
//!
//! One manifest is open at a time, the newest. Runs of the same day write it anew with more lines, atomically; the first
//! run of a later day closes it by naming it in its own. What a run finds to write it finds in the ledger's backlog, so
//! a run that ended too early loses nothing: the next one writes it.

use bytes::Bytes;
use jiff::tz::TimeZone;

use super::RunError;
use super::commit::path_text;
use super::context::Context;
use crate::digest::sha256;
use crate::event::Event;
use crate::manifest::{
    FILE_NAME, Line, Link, Manifest, PartName, RECORDINGS_MOST, SIGNATURE_NAME, State, TOP,
};
use crate::ports::{EntryState, ManifestBacklog, Publication, PublishMode, RecordingEntry, Staged};
use crate::select::names_on_disk;
use crate::store::{
    Folder, SafeName, manifest_stage_name, media_file_name, media_file_names, metadata_file_name,
};

/// The fact under which the ledger remembers the end of the chain.
pub(crate) const CHAIN: &str = "manifest_chain";
/// Recordings of the backlog read at a time.
const PAGE: usize = 200;
/// Largest manifest that is read: the most lines, with the longest paths that there are.
pub(crate) const READ_BYTES: usize = 32 << 20;

/// Writes the backlog into manifests; nothing is touched when there is none.
pub(crate) async fn write(context: &Context) -> Result<(), RunError> {
    let ledger = &context.ports.ledger;
    let mut backlog = ledger.manifest_backlog().await.map_err(RunError::Ledger)?;
    if backlog.new == 0 {
        return Ok(());
    }
    let mut state = end_of_chain(context).await?;
    while backlog.new > 0 {
        let today = context.now().to_zoned(TimeZone::UTC).date();
        let anew = goes_into_open(&state, backlog, today);
        if !anew {
            ledger.manifest_closed().await.map_err(RunError::Ledger)?;
        }
        let (name, previous) = match (&state.head, anew) {
            (Some(head), true) => (head.name(), state.before_head.as_ref()),
            (head, _) => {
                let before = head.as_ref().and_then(Link::name);
                (PartName::after(before, today), head.as_ref())
            }
        };
        let Some(name) = name else {
            // The rest stays in the backlog for tomorrow.
            context
                .events
                .warn("a day has no more than 999 manifests; the rest is written by the next run");
            return Ok(());
        };
        let mut lines = previous.map(Link::lines).unwrap_or_default();
        let upto = gather(context, anew, &mut lines).await?;
        write_one(context, &mut state, name, anew, Manifest { lines }, upto).await?;
        backlog = ledger.manifest_backlog().await.map_err(RunError::Ledger)?;
    }
    Ok(())
}

/// Whether the backlog is written into the manifest that is open already.
fn goes_into_open(state: &State, backlog: ManifestBacklog, today: jiff::civil::Date) -> bool {
    let open_day = state.head.as_ref().and_then(Link::name).map(PartName::day);
    // Without lines in the ledger it is not known what stands in it.
    open_day == Some(today)
        && backlog.written > 0
        && backlog.written + backlog.new <= RECORDINGS_MOST
}

/// The end of the chain as the ledger knows it, brought together with what lies on disk.
async fn end_of_chain(context: &Context) -> Result<State, RunError> {
    let ledger = &context.ports.ledger;
    let text = ledger.recall(CHAIN).await.map_err(RunError::Ledger)?;
    let mut state = State::recalled(text.as_deref());
    if let Some(intent) = &state.intent {
        let written = match intent.name() {
            Some(name) => on_disk(context, name).await?,
            None => None,
        };
        if written.is_some_and(|link| link.sha256 == intent.sha256) {
            state.fulfil();
        }
        state.intent = None;
    }
    let known = state.head.as_ref().and_then(Link::name);
    let newest = newest_on_disk(context).await?;
    if newest > known {
        // The ledger was lost, or is older than the archive: what is there goes on.
        let link = match newest {
            Some(name) => on_disk(context, name).await?,
            None => None,
        };
        ledger.manifest_closed().await.map_err(RunError::Ledger)?;
        return Ok(State {
            head: link,
            ..State::default()
        });
    }
    if let Some((name, head)) = known.zip(state.head.as_ref()) {
        let found = on_disk(context, name).await?;
        if found.is_none_or(|found| found.sha256 != head.sha256) {
            context.events.warn(format!(
                "{} is not what was written there; \"rcbs verify --manifests\" tells more",
                name.path()
            ));
        }
    }
    Ok(state)
}

/// The newest manifest by its name.
async fn newest_on_disk(context: &Context) -> Result<Option<PartName>, RunError> {
    let target = &context.ports.target;
    let top = Folder::top().join(SafeName::encode(TOP));
    let years = target.folders(&top).await.map_err(RunError::Target)?;
    let mut years: Vec<SafeName> = years
        .iter()
        .filter_map(|year| SafeName::from_disk(year))
        .collect();
    years.sort_unstable();
    // A run that ended too early may have left the folder of a year with nothing in it.
    while let Some(year) = years.pop() {
        let names = target.folders(&top.join(year)).await;
        let names = names.map_err(RunError::Target)?;
        let newest = names.iter().filter_map(|name| PartName::parse(name)).max();
        if newest.is_some() {
            return Ok(newest);
        }
    }
    Ok(None)
}

/// A manifest as it lies there.
async fn on_disk(context: &Context, name: PartName) -> Result<Option<Link>, RunError> {
    let read = async |file: &str| {
        let (folder, file) = (name.folder(), SafeName::encode(file));
        let read = context.ports.target.read(&folder, &file, 0, READ_BYTES);
        read.await.map_err(RunError::Target)
    };
    let Some(manifest) = read(FILE_NAME).await? else {
        return Ok(None);
    };
    let signature = read(SIGNATURE_NAME).await?.map(|bytes| sha256(&bytes));
    Ok(Some(Link::new(
        name,
        &sha256(&manifest),
        signature.as_ref(),
    )))
}

/// Adds the lines of the backlog, as many as go into one manifest. Returns the number of the last recording.
async fn gather(
    context: &Context,
    with_written: bool,
    lines: &mut Vec<Line>,
) -> Result<i64, RunError> {
    let (mut after, mut left) = (0, usize::try_from(RECORDINGS_MOST).unwrap_or(usize::MAX));
    while left > 0 {
        let ledger = &context.ports.ledger;
        let page = ledger
            .manifest_page(with_written, after, left.min(PAGE))
            .await;
        let page = page.map_err(RunError::Ledger)?;
        let Some(last) = page.numbers.last() else {
            break;
        };
        after = *last;
        left -= page.numbers.len().min(left);
        for entry in &page.recordings {
            lines.extend(lines_of(context, entry).await?);
        }
    }
    Ok(after)
}

/// All stored files of one recording.
async fn lines_of(context: &Context, entry: &RecordingEntry) -> Result<Vec<Line>, RunError> {
    let Some(folder) = Folder::from_text(&entry.folder) else {
        return Err(RunError::ForeignFolder {
            recording: entry.id.clone(),
        });
    };
    let ids: Vec<_> = entry.media.iter().map(|(id, _)| id.clone()).collect();
    let is_plain = media_file_names(&ids)
        .iter()
        .zip(&ids)
        .all(|(name, id)| *name == media_file_name(id));
    // Only among look-alikes it takes a look at the disk to know which is which.
    let files = if is_plain {
        Vec::new()
    } else {
        let listed = context.ports.target.list(std::slice::from_ref(&folder));
        let listed = listed.await.map_err(RunError::Target)?;
        listed.into_iter().next().unwrap_or_default()
    };
    let names = names_on_disk(&entry.media, &files);
    let mut lines = Vec::new();
    for ((_, media), name) in entry.media.iter().zip(&names) {
        if let EntryState::Verified { sha256, .. } = &media.state {
            lines.push(Line {
                sha256: *sha256,
                path: path_text(&folder, name),
            });
        }
    }
    if let Some(sha256) = entry.stored_metadata_sha256 {
        lines.push(Line {
            sha256,
            path: path_text(&folder, &metadata_file_name(&entry.id)),
        });
    }
    Ok(lines)
}

/// Writes one manifest, its signature before it, and tells the ledger: what is intended before, what has become of it
/// after.
async fn write_one(
    context: &Context,
    state: &mut State,
    name: PartName,
    anew: bool,
    manifest: Manifest,
    upto: i64,
) -> Result<(), RunError> {
    let text = Bytes::from(manifest.to_text());
    let signature = context
        .options
        .manifest_key
        .as_ref()
        .map(|key| Bytes::from(key.sign(&text)));
    let digest = sha256(&text);
    let signature_digest = signature.as_ref().map(|bytes| sha256(bytes));
    state.intent = Some(Link::new(name, &digest, signature_digest.as_ref()));
    let ledger = &context.ports.ledger;
    let noted = ledger.remember(CHAIN, Some(&state.to_text())).await;
    noted.map_err(RunError::Ledger)?;
    let mode = if anew {
        PublishMode::Replace
    } else {
        PublishMode::New
    };
    // An interrupted run may have left a signature without its manifest.
    let signature = signature.map(|bytes| (SIGNATURE_NAME, bytes, PublishMode::Replace));
    let mut batch = Vec::new();
    for (file, bytes, mode) in signature.into_iter().chain([(FILE_NAME, text, mode)]) {
        let digest = sha256(&bytes);
        batch.push(Publication {
            staged: stage(context, file, bytes).await?,
            folder: name.folder(),
            name: SafeName::encode(file),
            mode,
            sha256: Some(digest),
        });
    }
    for result in context.ports.target.publish(batch).await {
        result.map_err(RunError::Target)?;
    }
    state.fulfil();
    let noted = ledger.manifest_written(upto, CHAIN, &state.to_text()).await;
    noted.map_err(RunError::Ledger)?;
    context.events.emit(&Event::ManifestWritten {
        path: name.path(),
        files: manifest.lines.len() as u64,
        sha256: crate::text::hex(&digest),
    });
    Ok(())
}

async fn stage(context: &Context, file: &str, bytes: Bytes) -> Result<Staged, RunError> {
    let name = manifest_stage_name(file);
    let staged = async {
        let mut staged = context.ports.target.stage(&name).await?;
        staged.write(bytes).await?;
        staged.finish().await
    };
    staged.await.map_err(RunError::Target)
}
