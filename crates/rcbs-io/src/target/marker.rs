//! The marker of an archive: a small file in its own folder that says which archive it is.

use std::io::{self, ErrorKind, Write as _};

use rcbs_core::identity::{ArchiveId, Found, marker_text, read_marker};
use rcbs_core::ports::TargetError;

use super::error::failed;
use super::place::{Place, STATE_FOLDER};
use super::system::{self, Dir};

const MARKER_FILE: &str = "archive-id";
/// Two lines and what later versions add; more is not one of ours.
const LIMIT_BYTES: usize = 4 << 10;
/// The dots keep it apart from every name of a staged file.
const TEMPORARY: &str = "marker.new";

/// What the folder says of itself. A link in place of the marker is not followed.
pub(super) fn find(root: &Dir) -> io::Result<Found> {
    match root.open_folder(&[STATE_FOLDER]) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::NoArchive),
        opened => opened?,
    };
    match root.open_file(&[STATE_FOLDER, MARKER_FILE]) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Unmarked),
        opened => {
            let bytes = system::read_at(&opened?, 0, LIMIT_BYTES)?;
            Ok(read_marker(&String::from_utf8_lossy(&bytes)))
        }
    }
}

/// Marks the archive: bytes durable, then the name, then the name durable.
pub(super) fn write(place: &Place, id: ArchiveId) -> Result<(), TargetError> {
    place.check_root()?;
    let staging = place.staging();
    let written = || -> io::Result<()> {
        staging.remove_file(TEMPORARY)?;
        let mut file = staging.create_file(TEMPORARY)?;
        file.write_all(marker_text(id).as_bytes())?;
        system::flush_file(&file)?;
        drop(file);
        let state = place.root().open_folder(&[STATE_FOLDER])?;
        staging.rename_over(TEMPORARY, &state, MARKER_FILE)?;
        state.flush()
    };
    written().map_err(|error| {
        drop(staging.remove_file(TEMPORARY));
        failed("write", place.shown_state(MARKER_FILE), &error)
    })
}

/// An id that no other archive has.
pub(super) fn new_id() -> io::Result<ArchiveId> {
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(ArchiveId::from_random(random))
}
