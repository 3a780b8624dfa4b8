//! Files in folders of recordings that the ledger does not know: nothing is wrong with them, and nobody guards them.

use tokio_util::sync::CancellationToken;

use super::pass::Pass;
use crate::ports::FileFact;
use crate::recording::{self, RecordingId};
use crate::run::RunError;
use crate::run::adopt::{MEDIA_ENDING, METADATA_BYTES};
use crate::select::find_on_disk;
use crate::store::{Folder, SafeName};
use crate::verify::VerifyEvent;

/// Walks the whole target, depth first, so that only the names on one path and beside it are in memory.
pub(super) async fn find(pass: &Pass, stop: &CancellationToken) -> Result<(), RunError> {
    let mut to_visit = vec![Folder::top()];
    while let Some(folder) = to_visit.pop() {
        if stop.is_cancelled() {
            return Err(RunError::Interrupted);
        }
        let inside = pass.ports.target.folders(&folder).await;
        for name in inside.map_err(RunError::Target)? {
            // A name that is none of ours can hold no recording.
            let Some(name) = SafeName::from_disk(&name) else {
                continue;
            };
            let inner = folder.join(name);
            if !is_known(pass, &inner).await? {
                look_inside(pass, &inner).await?;
                to_visit.push(inner);
            }
        }
    }
    Ok(())
}

/// Whether the ledger says that a recording lies in exactly this folder.
async fn is_known(pass: &Pass, folder: &Folder) -> Result<bool, RunError> {
    let Some(name) = folder.parts().last() else {
        return Ok(false);
    };
    let id = match name.decode() {
        Some(text) => RecordingId::new(&text).ok(),
        None => id_inside(pass, folder, name).await?,
    };
    let Some(id) = id else {
        return Ok(false);
    };
    let entry = pass.ports.ledger.recording(&id).await;
    let entry = entry.map_err(RunError::Ledger)?;
    Ok(entry.is_some_and(|entry| entry.folder == folder.to_text()))
}

/// The id of a recording whose folder's name was cut: it stands in its metadata.
async fn id_inside(
    pass: &Pass,
    folder: &Folder,
    name: &SafeName,
) -> Result<Option<RecordingId>, RunError> {
    let Some(metadata) = metadata_of(name) else {
        return Ok(None);
    };
    let read = pass.ports.target.read(folder, &metadata, 0, METADATA_BYTES);
    let json = read.await.unwrap_or_default().unwrap_or_default();
    Ok(recording::parse(&json).ok().map(|recording| recording.id))
}

fn metadata_of(folder_name: &SafeName) -> Option<SafeName> {
    SafeName::from_disk(&format!("{}.json", folder_name.as_str()))
}

/// Tells the files of a folder that looks like a recording's.
async fn look_inside(pass: &Pass, folder: &Folder) -> Result<(), RunError> {
    let listed = pass.ports.target.list(std::slice::from_ref(folder)).await;
    let files = listed.map_err(RunError::Target)?;
    let files = files.into_iter().next().unwrap_or_default();
    let metadata = folder.parts().last().and_then(metadata_of);
    let is_recordings = metadata.is_some_and(|name| find_on_disk(&files, &name).is_some())
        || files.iter().any(|file| file.name.ends_with(MEDIA_ENDING));
    if !is_recordings {
        return Ok(());
    }
    for FileFact { name, .. } in files {
        let path = format!("{}/{name}", folder.to_text());
        pass.tell(&VerifyEvent::Unknown { path });
    }
    Ok(())
}
