//! The opened root of an archive: which folder it is, where its state lies, and how its paths are shown.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcbs_core::ports::TargetError;
use rcbs_core::store::{Folder, SafeName};

use super::desk::Desk;
use super::error::failed;
use super::haste::Haste;
use super::system::{self, Dir, Entry, Identity};
use super::volume::{Volume, volume_of};

/// The folder at the top of the target that is the program's own; its presence marks an archive.
pub(super) const STATE_FOLDER: &str = ".rcbs";
const STAGING_FOLDER: &str = "staging";

/// What [`super::FolderTarget::open`] does with a folder that is no archive yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// It is an error: the ledger knows of an archive here, so an unmarked folder is the wrong one.
    Existing,
    /// The folder is made where it is missing, and marked.
    CreateIfAbsent,
}

/// Whether files are read again before they get their final names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadBack {
    /// Where the target lies on a network file system.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// An opened root.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    root: Dir,
    staging: Dir,
    identity: Identity,
    volume: Volume,
    read_back: ReadBack,
    /// Who is writing which temporary file.
    pub(super) desk: Arc<Desk>,
    /// Whether they are written in place.
    pub(super) haste: Haste,
}

impl Place {
    pub(super) fn open(
        path: &Path,
        opening: Opening,
        read_back: ReadBack,
    ) -> Result<Self, TargetError> {
        let shown = || path.display().to_string();
        if opening == Opening::CreateIfAbsent {
            make_root_durably(path).map_err(|error| failed("create", shown(), &error))?;
        }
        let root = Dir::open_root(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => TargetError::Gone { path: shown() },
            _ => failed("open", shown(), &error),
        })?;
        let staging = open_staging(&root, path, opening)?;
        let facts = || -> io::Result<_> {
            let identity = root.identity()?;
            let same_volume = staging.identity()?.same_volume(identity);
            Ok((identity, same_volume, volume_of(path)?))
        };
        let (identity, same_volume, volume) =
            facts().map_err(|error| failed("open", shown(), &error))?;
        if !same_volume {
            return Err(TargetError::Io {
                action: "open",
                path: path.join(STATE_FOLDER).display().to_string(),
                reason: "it lies on another file system than the target".to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            root,
            staging,
            identity,
            volume,
            read_back,
            desk: Arc::default(),
            haste: Haste::of(volume),
        })
    }

    pub(super) fn root(&self) -> &Dir {
        &self.root
    }

    pub(super) fn staging(&self) -> &Dir {
        &self.staging
    }

    pub(super) fn volume(&self) -> Volume {
        self.volume
    }

    /// Whether files are read again before they get their names.
    pub(super) fn reads_back(&self) -> bool {
        match self.read_back {
            ReadBack::Auto => self.volume == Volume::Remote,
            ReadBack::Always => true,
            ReadBack::Never => false,
        }
    }

    /// An error of the system that nothing else is known of, told as what it comes from where the root itself does not
    /// answer any more.
    pub(super) fn or_lost(&self, error: TargetError) -> TargetError {
        match (&error, self.check_root()) {
            (
                TargetError::Io { .. },
                Err(lost @ (TargetError::Disconnected { .. } | TargetError::Gone { .. })),
            ) => lost,
            _ => error,
        }
    }

    /// Fails when another folder, or none, now stands where this one was opened: a share that went away leaves an
    /// empty mount point behind, and what is written there would be hidden when the share comes back.
    pub(super) fn check_root(&self) -> Result<(), TargetError> {
        match system::identity_at(&self.path) {
            Ok(found) if found == self.identity => Ok(()),
            Ok(_) => Err(self.gone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.gone()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(failed("open", self.path.display().to_string(), &error))
            }
            // It could be looked at when the run began.
            Err(error) => Err(TargetError::Disconnected {
                path: self.path.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }

    /// What lies in a folder; nothing when it does not exist.
    pub(super) fn entries(&self, folder: &Folder) -> Result<Vec<Entry>, TargetError> {
        match self.root.open_folder(&parts(folder)).and_then(Dir::entries) {
            Ok(entries) => Ok(entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(failed("list", self.shown(folder, None), &error)),
        }
    }

    /// A folder or file of the archive as messages name it.
    pub(super) fn shown(&self, folder: &Folder, name: Option<&SafeName>) -> String {
        let mut path = self.path.clone();
        path.extend(parts(folder));
        path.extend(name.map(SafeName::as_str));
        path.display().to_string()
    }

    /// A temporary file as messages name it.
    pub(super) fn shown_staged(&self, name: &str) -> String {
        let mut path = self.path.clone();
        path.extend([STATE_FOLDER, STAGING_FOLDER, name]);
        path.display().to_string()
    }

    /// A file of the program's own folder as messages name it.
    pub(super) fn shown_state(&self, name: &str) -> String {
        let path = self.path.join(STATE_FOLDER).join(name);
        path.display().to_string()
    }

    fn gone(&self) -> TargetError {
        TargetError::Gone {
            path: self.path.display().to_string(),
        }
    }
}

/// Works on the place in one hop to a thread that may block.
pub(super) async fn hop<T: Send + 'static>(
    place: &Arc<Place>,
    action: &'static str,
    work: impl FnOnce(&Place) -> Result<T, TargetError> + Send + 'static,
) -> Result<T, TargetError> {
    let here = Arc::clone(place);
    let work = move || work(&here).map_err(|error| here.or_lost(error));
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(TargetError::Io {
            action,
            path: place.path.display().to_string(),
            reason: error.to_string(),
        }),
    }
}

/// The parts of a folder as the system wants them.
pub(super) fn parts(folder: &Folder) -> Vec<&str> {
    folder.parts().iter().map(SafeName::as_str).collect()
}

/// Makes the root and those above it, and their names durable. The folder above the first new one has a new name in
/// it too, so flushing begins there.
fn make_root_durably(path: &Path) -> io::Result<()> {
    let mut missing = 0;
    for above in path.ancestors() {
        // A share that does not answer is not a folder that is missing.
        if above.as_os_str().is_empty() || above.try_exists()? {
            break;
        }
        missing += 1;
    }
    if missing == 0 {
        return Ok(());
    }
    system::make_root(path)?;
    for above in path.ancestors().skip(1).take(missing) {
        let above = if above.as_os_str().is_empty() {
            Path::new(".")
        } else {
            above
        };
        Dir::open_root(above)?.flush()?;
    }
    Ok(())
}

fn open_staging(root: &Dir, path: &Path, opening: Opening) -> Result<Dir, TargetError> {
    let state_path = path.join(STATE_FOLDER).display().to_string();
    let state = match (root.open_folder(&[STATE_FOLDER]), opening) {
        (Err(error), Opening::Existing) if error.kind() == io::ErrorKind::NotFound => {
            return Err(TargetError::Gone {
                path: path.display().to_string(),
            });
        }
        (Err(error), Opening::CreateIfAbsent) if error.kind() == io::ErrorKind::NotFound => {
            make_folder_durably(root, STATE_FOLDER)
        }
        (opened, _) => opened,
    };
    state
        .and_then(|state| make_folder_durably(&state, STAGING_FOLDER))
        .map_err(|error| failed("open", state_path, &error))
}

/// Opens a folder inside another, made where it is missing.
pub(super) fn make_folder_durably(above: &Dir, name: &str) -> io::Result<Dir> {
    if above.make_folder(name)? {
        above.flush()?;
    }
    above.open_folder(&[name])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_error() -> TargetError {
        TargetError::Io {
            action: "read",
            path: "f".to_owned(),
            reason: "input/output error".to_owned(),
        }
    }

    #[test]
    fn an_error_of_a_lost_root_is_told_as_its_loss() {
        let folder = tempfile::tempdir().unwrap();
        let (above, aside) = (folder.path().join("a"), folder.path().join("b"));
        let place = Place::open(
            &above.join("target"),
            Opening::CreateIfAbsent,
            ReadBack::Auto,
        );
        let place = place.unwrap();
        assert!(matches!(place.or_lost(io_error()), TargetError::Io { .. }));

        std::fs::rename(&above, &aside).unwrap();
        assert!(matches!(
            place.or_lost(io_error()),
            TargetError::Gone { .. }
        ));
        // The root cannot be looked at any more, whatever the system calls it.
        std::fs::write(&above, "").unwrap();
        let lost = place.or_lost(io_error());
        assert!(matches!(lost, TargetError::Disconnected { .. }), "{lost:?}");
        // What says more by itself stays.
        let full = || TargetError::Full {
            path: "f".to_owned(),
        };
        assert!(matches!(place.or_lost(full()), TargetError::Full { .. }));
    }
}
