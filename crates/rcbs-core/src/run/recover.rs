//! What an interrupted run left behind: publications begun but not confirmed, and staged files nobody needs.

use super::RunError;
use super::check_in_place::{InPlace, check_in_place};
use super::commit::{path_text, speaks_for_itself};
use super::context::Context;
use crate::ports::{EntryState, MediaKey, RecordingEntry, Settlement};
use crate::select::names_on_disk;
use crate::store::Folder;

/// Brings ledger and disk together again. Safe to be interrupted and begun anew: each step looks before it acts.
pub(crate) async fn recover(context: &Context) -> Result<(), RunError> {
    let unconfirmed = context
        .ports
        .ledger
        .unconfirmed()
        .await
        .map_err(RunError::Ledger)?;
    for entry in unconfirmed {
        if context.halt.is_stopped() {
            // Whole files are read here; what is left is found again by the next run.
            return Ok(());
        }
        recover_recording(context, &entry).await?;
    }
    let ledger = &context.ports.ledger;
    let forgot = ledger.forget_listed_from(context.began).await;
    forgot.map_err(RunError::Ledger)?;
    context.ports.target.sweep().await.map_err(RunError::Target)
}

async fn recover_recording(context: &Context, entry: &RecordingEntry) -> Result<(), RunError> {
    let folder = Folder::from_text(&entry.folder).ok_or_else(|| RunError::ForeignFolder {
        recording: entry.id.clone(),
    })?;
    let files = context
        .ports
        .target
        .list(std::slice::from_ref(&folder))
        .await
        .map_err(RunError::Target)?;
    let files = files.into_iter().next().unwrap_or_default();
    let names = names_on_disk(&entry.media, &files);
    let mut settlements = Vec::new();
    for ((id, known), name) in entry.media.iter().zip(&names) {
        if !matches!(known.state, EntryState::Publishing { .. }) {
            continue;
        }
        let key = MediaKey {
            recording: entry.id.clone(),
            media: id.clone(),
        };
        let on_disk = files.iter().any(|file| file.name == name.as_str());
        let state = if on_disk {
            confirm(context, &folder, name, &key, &known.state).await?
        } else {
            EntryState::Announced
        };
        let path = path_text(&folder, name);
        match (&known.state, &state) {
            (_, EntryState::Verified { .. }) => settlements.push(speaks_for_itself(path)),
            // What lies there stays until there is something better; it must not be taken over by what it looks like.
            (EntryState::Publishing { sha256, .. }, _) if on_disk => {
                settlements.push(Settlement::Noted {
                    path,
                    sha256: Some(*sha256),
                });
            }
            _ => {}
        }
        settlements.push(Settlement::Media {
            key,
            state,
            recipients: Vec::new(),
        });
    }
    context.settle(&settlements).await
}

/// The file has its final name: if its digest is the one noted before, the publication had succeeded.
async fn confirm(
    context: &Context,
    folder: &Folder,
    name: &crate::store::SafeName,
    key: &MediaKey,
    state: &EntryState,
) -> Result<EntryState, RunError> {
    let target = context.ports.target.as_ref();
    match check_in_place(
        target,
        folder,
        name,
        None,
        state,
        None,
        context.options.plain_media,
    )
    .await
    .map_err(RunError::Target)?
    {
        InPlace::Whole {
            len_bytes,
            sha256,
            check,
            ..
        } => {
            tracing::info!(recording.id = %key.recording, media.id = %key.media, "confirmed after an interrupted run");
            Ok(EntryState::Verified {
                len_bytes,
                sha256,
                etag: None,
                check,
                at: context.now(),
            })
        }
        InPlace::Damaged { reason } => {
            let path = path_text(folder, name);
            context.events.warn(format!("{path} is damaged: {reason}"));
            Ok(EntryState::Announced)
        }
    }
}
