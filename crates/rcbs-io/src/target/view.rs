//! The archive to be looked at: nothing is made, locked or changed, and a folder that is not there holds nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rcbs_core::identity::Found;
use rcbs_core::ports::{
    DiskSpace, FileFact, Publication, StageName, StagedFile, Target, TargetError,
};
use rcbs_core::store::{Folder, SafeName};

use super::aside;
use super::error::failed;
use super::marker;
use super::place::{self, STATE_FOLDER};
use super::system::{self, Dir, Entry, EntryKind};

/// An archive, or the place of one to come, that is only looked at. Everything that would write is refused.
#[derive(Debug, Clone)]
pub struct TargetView {
    inside: Arc<Inside>,
}

#[derive(Debug)]
struct Inside {
    path: PathBuf,
    /// `None` when there is no such folder.
    root: Option<Dir>,
}

impl TargetView {
    /// Looks at the folder; one that does not exist is looked at as an empty one.
    ///
    /// # Errors
    /// [`TargetError::NotPlain`] when a file stands there; others as the system reports them.
    pub fn open(path: &Path) -> Result<Self, TargetError> {
        let root = match Dir::open_root(path) {
            Ok(root) => Some(root),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed("open", path.display().to_string(), &error)),
        };
        Ok(Self {
            inside: Arc::new(Inside {
                path: path.to_owned(),
                root,
            }),
        })
    }

    /// Whether the folder exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.inside.root.is_some()
    }

    /// What the folder says of itself.
    ///
    /// # Errors
    /// As the system reports them.
    pub fn marker(&self) -> Result<Found, TargetError> {
        let Some(root) = &self.inside.root else {
            return Ok(Found::NoArchive);
        };
        let found = marker::find(root);
        found.map_err(|error| failed("read", self.inside.path.display().to_string(), &error))
    }

    /// Whether the first backup would begin a new archive in it: nothing of ours is there, and nothing of the original
    /// program as far as it can be read.
    ///
    /// # Errors
    /// As the system reports them.
    pub fn is_new(&self) -> Result<bool, TargetError> {
        let is_known = self.marker()? != Found::NoArchive;
        Ok(!is_known && !self.holds_archive().unwrap_or(false))
    }

    /// Whether an archive is in it: the program's own folder, or the folder of a recording with its metadata, as the
    /// original program left them. Ends at the first that is found.
    ///
    /// # Errors
    /// As the system reports them.
    pub fn holds_archive(&self) -> Result<bool, TargetError> {
        let top = self.inside.entries(&Folder::top())?;
        let own = |entry: &Entry| entry.name == STATE_FOLDER && entry.kind == EntryKind::Folder;
        if top.iter().any(own) {
            return Ok(true);
        }
        let mut to_visit = vec![Folder::top()];
        while let Some(folder) = to_visit.pop() {
            let metadata = folder
                .parts()
                .last()
                .map(|name| format!("{}.json", name.as_str()));
            for entry in self.inside.entries(&folder)? {
                match (entry.kind, SafeName::from_disk(&entry.name)) {
                    (EntryKind::File { .. }, _) if metadata.as_ref() == Some(&entry.name) => {
                        return Ok(true);
                    }
                    (EntryKind::Folder, Some(name)) => to_visit.push(folder.join(name)),
                    _ => {}
                }
            }
        }
        Ok(false)
    }

    /// How many damaged copies lie moved aside in it.
    ///
    /// # Errors
    /// [`TargetError`] when that cannot be looked up.
    pub fn moved_aside(&self) -> Result<u64, TargetError> {
        let Some(root) = &self.inside.root else {
            return Ok(0);
        };
        let counted = aside::count(root);
        counted.map_err(|error| failed("list", self.inside.path.display().to_string(), &error))
    }

    async fn hop<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Inside) -> Result<T, TargetError> + Send + 'static,
    ) -> Result<T, TargetError> {
        let here = Arc::clone(&self.inside);
        let work = move || work(&here).map_err(|error| here.or_lost(error));
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => Err(TargetError::Io {
                action,
                path: self.inside.path.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }

    fn refused(&self) -> TargetError {
        TargetError::Denied {
            path: self.inside.path.display().to_string(),
            reason: "it was opened to be looked at only".to_owned(),
        }
    }
}

impl Inside {
    /// An error of the system that nothing else is known of, told as what it comes from where the folder itself does not
    /// answer any more: else every file of a lost share would look damaged.
    fn or_lost(&self, error: TargetError) -> TargetError {
        let answers = self.root.is_none() || system::identity_at(&self.path).is_ok();
        match error {
            TargetError::Io { path, reason, .. } if !answers => {
                TargetError::Disconnected { path, reason }
            }
            _ => error,
        }
    }

    /// What lies in a folder; nothing when it does not exist.
    fn entries(&self, folder: &Folder) -> Result<Vec<Entry>, TargetError> {
        let Some(root) = &self.root else {
            return Ok(Vec::new());
        };
        match root
            .open_folder(&place::parts(folder))
            .and_then(Dir::entries)
        {
            Ok(entries) => Ok(entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(failed("list", self.shown(folder, None), &error)),
        }
    }

    fn shown(&self, folder: &Folder, name: Option<&SafeName>) -> String {
        let mut path = self.path.clone();
        path.extend(place::parts(folder));
        path.extend(name.map(SafeName::as_str));
        path.display().to_string()
    }

    /// The folder, or the nearest one above it that is there: the volume that it would be made on.
    fn disk_space(&self) -> io::Result<DiskSpace> {
        if let Some(root) = &self.root {
            return root.disk_space();
        }
        let above = self.path.ancestors().find(|above| above.is_dir());
        Dir::open_root(above.unwrap_or(Path::new(".")))?.disk_space()
    }
}

#[async_trait]
impl Target for TargetView {
    async fn list(&self, folders: &[Folder]) -> Result<Vec<Vec<FileFact>>, TargetError> {
        let folders = folders.to_vec();
        self.hop("list", move |inside| {
            let facts = |folder| Ok(super::file_facts(inside.entries(folder)?));
            folders.iter().map(facts).collect()
        })
        .await
    }

    async fn folders(&self, folder: &Folder) -> Result<Vec<String>, TargetError> {
        let folder = folder.clone();
        self.hop("list", move |inside| {
            let entries = inside.entries(&folder)?;
            Ok(super::folder_names(entries, folder.parts().is_empty()))
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
        self.hop("read", move |inside| {
            let Some(root) = &inside.root else {
                return Ok(None);
            };
            let path = inside.shown(&folder, Some(&name));
            let mut parts = place::parts(&folder);
            parts.push(name.as_str());
            super::read(root, &parts, path, from, limit_bytes)
        })
        .await
    }

    async fn stage(&self, _name: &StageName) -> Result<Box<dyn StagedFile>, TargetError> {
        Err(self.refused())
    }

    async fn publish(&self, batch: Vec<Publication>) -> Vec<Result<(), TargetError>> {
        vec![Err(self.refused()); batch.len()]
    }

    async fn quarantine(&self, _folder: &Folder, _name: &SafeName) -> Result<(), TargetError> {
        Err(self.refused())
    }

    async fn sweep(&self) -> Result<(), TargetError> {
        Err(self.refused())
    }

    async fn write_note(&self, _name: &SafeName, _text: &str) -> Result<(), TargetError> {
        Err(self.refused())
    }

    async fn read_note(&self, name: &SafeName) -> Result<Option<String>, TargetError> {
        let name = name.clone();
        self.hop("read", move |inside| match &inside.root {
            Some(root) => {
                aside::read_note(root, &name, || inside.shown(&Folder::top(), Some(&name)))
            }
            None => Ok(None),
        })
        .await
    }

    async fn disk_space(&self) -> Result<DiskSpace, TargetError> {
        self.hop("measure", |inside| {
            inside
                .disk_space()
                .map_err(|error| failed("measure", inside.shown(&Folder::top(), None), &error))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcbs_core::ports::{PublishMode, Staged};
    use rcbs_core::recording::RecordingId;
    use rcbs_core::store::{metadata_file_name, stage_name};

    #[tokio::test]
    async fn a_folder_that_is_not_there_holds_nothing_and_is_not_made() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("no/such/folder");
        let view = TargetView::open(&path).unwrap();
        let name = metadata_file_name(&RecordingId::new("r").unwrap());
        assert!(!view.exists() && !view.holds_archive().unwrap());
        assert_eq!(view.list(&[Folder::top()]).await.unwrap(), [vec![]]);
        assert_eq!(view.read_note(&name).await.unwrap(), None);
        let read = view.read(&Folder::top(), &name, 0, 1).await.unwrap();
        assert_eq!(read, None);
        assert!(view.disk_space().await.unwrap().free_bytes > 0);
        assert!(!above.path().join("no").exists());
    }

    #[test]
    fn an_error_of_a_lost_folder_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target");
        std::fs::create_dir(&path).unwrap();
        let view = TargetView::open(&path).unwrap();
        let told = || {
            view.inside.or_lost(TargetError::Io {
                action: "read",
                path: "f".to_owned(),
                reason: "input/output error".to_owned(),
            })
        };
        assert!(matches!(told(), TargetError::Io { .. }));
        std::fs::remove_dir(&path).unwrap();
        assert!(matches!(told(), TargetError::Disconnected { .. }));
    }

    #[tokio::test]
    async fn nothing_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let view = TargetView::open(folder.path()).unwrap();
        let id = RecordingId::new("r").unwrap();
        let (name, stage) = (metadata_file_name(&id), stage_name(&id, None));
        let publication = Publication {
            staged: Staged {
                name: stage.clone(),
                len_bytes: 0,
            },
            folder: Folder::top(),
            name: name.clone(),
            mode: PublishMode::New,
            sha256: None,
        };
        assert!(view.stage(&stage).await.is_err());
        assert!(view.publish(vec![publication]).await[0].is_err());
        assert!(view.quarantine(&Folder::top(), &name).await.is_err());
        assert!(view.sweep().await.is_err());
        assert!(view.write_note(&name, "x").await.is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_archive_is_known_by_its_own_folder_or_by_a_recording() {
        for (file, holds) in [
            (".rcbs/lock", true),
            ("2018/02/12/19/R/R.json", true),
            ("R/R.json", true),
            ("2018/02/R/other.json", false),
            ("photos/a.bin", false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "{}").unwrap();
            let view = TargetView::open(folder.path()).unwrap();
            assert_eq!(view.holds_archive().unwrap(), holds, "{file}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = TargetView::open(file.path()).err();
        assert!(matches!(refused, Some(TargetError::NotPlain { .. })));
    }
}
