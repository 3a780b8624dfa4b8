//! What lies beside the recordings: quarantined files, temporary files to sweep, and the notes at the top.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use rcbs_core::ports::TargetError;
use rcbs_core::store::{Folder, SafeName};

use super::error::failed;
use super::place::{Place, STATE_FOLDER, make_folder_durably, parts};
use super::system::{self, Dir, EntryKind};

const QUARANTINE_FOLDER: &str = "quarantine";
/// A note is a line or two; more is not one of ours.
const NOTE_LIMIT_BYTES: usize = 64 << 10;

/// Makes the temporary names of notes differ within a process; `Relaxed` because nothing else depends on it.
static NOTES_WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Moves a published file to `.rcbs/quarantine`, under its name with the time in front. A file that is not there is
/// out of the way already.
pub(super) fn quarantine(
    place: &Place,
    folder: &Folder,
    name: &SafeName,
) -> Result<(), TargetError> {
    place.check_root()?;
    let from = match place.root().open_folder(&parts(folder)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(|error| failed("move", place.shown(folder, None), &error))?,
    };
    let moved = place
        .root()
        .open_folder(&[STATE_FOLDER])
        .and_then(|state| make_folder_durably(&state, QUARANTINE_FOLDER))
        .and_then(|quarantine| {
            move_under_free_name(&from, name.as_str(), &quarantine)?;
            // The new name first: a power cut in between must not leave the file with none.
            quarantine.flush()?;
            from.flush()
        });
    match moved {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        moved => moved.map_err(|error| failed("move", place.shown(folder, Some(name)), &error)),
    }
}

/// How many files were moved aside into this target.
pub(super) fn count(root: &Dir) -> std::io::Result<u64> {
    match root
        .open_folder(&[STATE_FOLDER, QUARANTINE_FOLDER])
        .and_then(Dir::entries)
    {
        Ok(entries) => Ok(entries.len() as u64),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Removes every temporary file except those being written at this moment.
pub(super) fn sweep(place: &Place) -> Result<(), TargetError> {
    let shown = |error| failed("sweep", place.shown_staged(""), &error);
    let entries = place
        .staging()
        .open_folder(&[])
        .and_then(Dir::entries)
        .map_err(shown)?;
    for entry in entries {
        let is_folder = entry.kind == EntryKind::Folder;
        if !is_folder && !place.desk.is_claimed(&entry.name) {
            place.staging().remove_file(&entry.name).map_err(shown)?;
        }
    }
    Ok(())
}

/// Writes a note at the top: bytes durable, then the name, then the name durable.
pub(super) fn write_note(place: &Place, name: &SafeName, text: &str) -> Result<(), TargetError> {
    place.check_root()?;
    // The dots keep it apart from every name of a staged file.
    let number = NOTES_WRITTEN.fetch_add(1, Ordering::Relaxed);
    let temporary = format!("note.{number}.{}", name.as_str());
    let staging = place.staging();
    let written = staging.remove_file(&temporary).and_then(|()| {
        let mut file = staging.create_file(&temporary)?;
        file.write_all(text.as_bytes())?;
        system::flush_file(&file)?;
        drop(file);
        staging.rename_over(&temporary, place.root(), name.as_str())?;
        place.root().flush()
    });
    written.map_err(|error| {
        drop(staging.remove_file(&temporary));
        failed("write", place.shown(&Folder::top(), Some(name)), &error)
    })
}

/// Reads a note; bytes that are no UTF-8 come out as replacement characters, for its reader to refuse.
pub(super) fn read_note(
    root: &Dir,
    name: &SafeName,
    path: impl Fn() -> String,
) -> Result<Option<String>, TargetError> {
    let read = root
        .open_file(&[name.as_str()])
        .and_then(|file| system::read_at(&file, 0, NOTE_LIMIT_BYTES + 1));
    match read {
        Ok(bytes) if bytes.len() > NOTE_LIMIT_BYTES => Err(TargetError::Io {
            action: "read",
            path: path(),
            reason: format!("it is longer than {NOTE_LIMIT_BYTES} bytes"),
        }),
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path(), &error)),
    }
}

fn move_under_free_name(from: &Dir, name: &str, quarantine: &Dir) -> std::io::Result<()> {
    let now = Timestamp::now().as_millisecond();
    for number in 0_u32.. {
        let to = format!("{now}-{number}-{name}");
        match from.rename_new(name, quarantine, &to) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            moved => return moved,
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}
