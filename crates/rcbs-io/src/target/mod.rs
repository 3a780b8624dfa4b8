//! The archive as a folder on disk: files are written under a temporary name in `.rcbs/staging`, made durable in
//! groups, and only then given their final names.
//!
//! | file | holds |
//! | --- | --- |
//! | `place` | the opened root: its identity, its state folder, paths for messages |
//! | `stage`, `gather`, `haste`, `desk` | temporary files: writing them, in place or by a hop, and who may |
//! | `publish` | the only code that makes final names in the folders of recordings |
//! | `read_back` | whether what was written is what is there |
//! | `clear`, `part` | clear files beside or outside the archive: the same calls, another place |
//! | `aside` | quarantine, sweeping and the notes at the top |
//! | `marker` | which archive it is |
//! | `lock` | one program at a time |
//! | `view` | an archive that is only looked at |
//! | `volume` | what the file system can be relied on for |
//! | `system_*` | the calls of the system |

mod aside;
pub(crate) mod clear;
mod desk;
mod error;
mod gather;
mod haste;
mod lock;
mod marker;
pub(crate) mod part;
mod place;
mod publish;
mod read_back;
mod stage;
#[cfg(unix)]
#[path = "system_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "system_windows.rs"]
mod system;
mod view;
pub(crate) mod volume;

pub use lock::{Lock, LockError};
pub use place::{Opening, ReadBack};
pub use view::TargetView;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rcbs_core::identity::{ArchiveId, Found};
use rcbs_core::ports::{
    DiskSpace, FileFact, Publication, StageName, StagedFile, Target, TargetError,
};
use rcbs_core::store::{Folder, SafeName};

use error::failed;
use place::Place;
use system::{Entry, EntryKind};
use volume::Volume;

/// The archive in a folder of this machine or of a share.
///
/// Many may read and stage at once; [`Lock`] sees to it that only one program does.
#[derive(Debug)]
pub struct FolderTarget {
    place: Arc<Place>,
}

impl FolderTarget {
    /// Opens the archive in `root`. Links in the path of `root` itself are followed, links inside it never.
    ///
    /// # Errors
    /// [`TargetError::Gone`] when [`Opening::Existing`] finds no archive: nothing is created then, because an empty
    /// mount point must not be filled in place of the volume that is missing. [`TargetError::NotPlain`] when a link or
    /// a file stands where the state folder should be. Others as the system reports them.
    pub fn open(root: &Path, opening: Opening) -> Result<Self, TargetError> {
        Self::open_with(root, opening, ReadBack::Auto)
    }

    /// The same with another rule for reading back.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        root: &Path,
        opening: Opening,
        read_back: ReadBack,
    ) -> Result<Self, TargetError> {
        Ok(Self {
            place: Arc::new(Place::open(root, opening, read_back)?),
        })
    }

    /// What the folder says of itself.
    ///
    /// # Errors
    /// As the system reports them.
    pub fn marker(&self) -> Result<Found, TargetError> {
        let found = marker::find(self.place.root());
        found.map_err(|error| failed("read", self.place.shown(&Folder::top(), None), &error))
    }

    /// Marks the archive with this id, or with a new one; durably, in place of any other marker. Returns the id.
    ///
    /// # Errors
    /// As the system reports them.
    pub fn mark(&self, id: Option<ArchiveId>) -> Result<ArchiveId, TargetError> {
        let id = match id {
            Some(id) => id,
            None => marker::new_id()
                .map_err(|error| failed("mark", self.place.shown(&Folder::top(), None), &error))?,
        };
        marker::write(&self.place, id)?;
        Ok(id)
    }

    /// Works on the place in one hop to a thread that may block.
    async fn hop<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Place) -> Result<T, TargetError> + Send + 'static,
    ) -> Result<T, TargetError> {
        place::hop(&self.place, action, work).await
    }
}

#[async_trait]
impl Target for FolderTarget {
    async fn list(&self, folders: &[Folder]) -> Result<Vec<Vec<FileFact>>, TargetError> {
        let folders = folders.to_vec();
        self.hop("list", move |place| {
            let facts = |folder| Ok(file_facts(place.entries(folder)?));
            folders.iter().map(facts).collect()
        })
        .await
    }

    async fn folders(&self, folder: &Folder) -> Result<Vec<String>, TargetError> {
        let folder = folder.clone();
        self.hop("list", move |place| {
            let entries = place.entries(&folder)?;
            let top = folder.parts().is_empty();
            Ok(folder_names(entries, top))
        })
        .await
    }

    async fn read(
        &self,
        folder: &Folder,
        name: &SafeName,
        from: u64,
        limit_bytes: usize,
    ) -> Result<Option<Bytes>, TargetError> {
        let (folder, name) = (folder.clone(), name.clone());
        self.hop("read", move |place| {
            let path = place.shown(&folder, Some(&name));
            let mut parts = place::parts(&folder);
            parts.push(name.as_str());
            read(place.root(), &parts, path, from, limit_bytes)
        })
        .await
    }

    async fn stage(&self, name: &StageName) -> Result<Box<dyn StagedFile>, TargetError> {
        Ok(Box::new(stage::Stage::open(&self.place, name).await))
    }

    async fn publish(&self, batch: Vec<Publication>) -> Vec<Result<(), TargetError>> {
        let count = batch.len();
        self.hop("publish", move |place| Ok(publish::publish(place, &batch)))
            .await
            .unwrap_or_else(|error| vec![Err(error); count])
    }

    async fn quarantine(&self, folder: &Folder, name: &SafeName) -> Result<(), TargetError> {
        let (folder, name) = (folder.clone(), name.clone());
        self.hop("move", move |place| {
            aside::quarantine(place, &folder, &name)
        })
        .await
    }

    async fn sweep(&self) -> Result<(), TargetError> {
        self.hop("sweep", aside::sweep).await
    }

    async fn write_note(&self, name: &SafeName, text: &str) -> Result<(), TargetError> {
        let (name, text) = (name.clone(), text.to_owned());
        self.hop("write", move |place| aside::write_note(place, &name, &text))
            .await
    }

    async fn read_note(&self, name: &SafeName) -> Result<Option<String>, TargetError> {
        let name = name.clone();
        self.hop("read", move |place| {
            let shown = || place.shown(&Folder::top(), Some(&name));
            aside::read_note(place.root(), &name, shown)
        })
        .await
    }

    fn remark(&self) -> Option<String> {
        let what = match self.place.reads_back() {
            true => "each file is read again after it was written, before it counts as stored",
            false => "files are not read again after they were written (readBack=never)",
        };
        (self.place.volume() == Volume::Remote)
            .then(|| format!("the target lies on a network file system: {what}"))
    }

    async fn disk_space(&self) -> Result<DiskSpace, TargetError> {
        self.hop("measure", |place| {
            place
                .root()
                .disk_space()
                .map_err(|error| failed("measure", place.shown(&Folder::top(), None), &error))
        })
        .await
    }
}

fn file_facts(entries: Vec<Entry>) -> Vec<FileFact> {
    entries
        .into_iter()
        .filter_map(|entry| match entry.kind {
            EntryKind::File { len_bytes } => Some(FileFact {
                name: entry.name,
                len_bytes,
            }),
            EntryKind::Folder | EntryKind::Other => None,
        })
        .collect()
}

/// The folders among them; at the top without the program's own.
fn folder_names(entries: Vec<Entry>, top: bool) -> Vec<String> {
    entries
        .into_iter()
        .filter(|entry| entry.kind == EntryKind::Folder)
        .filter(|entry| !(top && entry.name == place::STATE_FOLDER))
        .map(|entry| entry.name)
        .collect()
}

fn read(
    below: &system::Dir,
    parts: &[&str],
    path: String,
    from: u64,
    limit_bytes: usize,
) -> Result<Option<Bytes>, TargetError> {
    let read = below
        .open_file(parts)
        .and_then(|file| system::read_at(&file, from, limit_bytes));
    match read {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, &error)),
    }
}
