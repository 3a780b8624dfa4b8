//! The calls the archive is made with, on Windows, by paths: the standard library has no handles of folders there.
//! `system_unix.rs` has the same functions.
//!
//! Designed for, not proven: nothing here has run yet. Weaker than on Unix in three ways. A link that is planted
//! between the look at a folder and its use is followed. Folders cannot be flushed, so a name may be lost with the
//! power although its bytes are not. The free space is not known.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcbs_core::ports::DiskSpace;

/// Opens a link itself instead of what it leads to.
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x0400;
const ERROR_ACCESS_DENIED: i32 = 5;
const ERROR_SHARING_VIOLATION: i32 = 32;
const ERROR_LOCK_VIOLATION: i32 = 33;
/// Virus scanners hold a fresh file for a moment; together the waits are ten seconds.
const RENAME_WAITS_MS: [u64; 10] = [10, 20, 40, 80, 150, 300, 700, 1_400, 2_800, 4_500];

/// A folder, by its verbatim path (`\\?\`), which has no length limit and no reserved names.
#[derive(Debug)]
pub(super) struct Dir(PathBuf);

/// What makes a folder the same folder, as far as the standard library tells: when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    created: u64,
}

impl Identity {
    /// Not known; a rename across volumes fails by itself.
    pub(super) fn same_volume(self, _other: Self) -> bool {
        true
    }
}

/// One name in a folder.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) kind: EntryKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    File { len_bytes: u64 },
    Folder,
    Other,
}

impl Dir {
    /// Opens the root; links in its own path are followed.
    pub(super) fn open_root(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        if path.is_dir() {
            Ok(Self(path))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Opens a folder beneath this one.
    pub(super) fn open_folder(&self, parts: &[&str]) -> io::Result<Self> {
        let mut path = self.0.clone();
        for part in parts {
            path.push(part);
            let found = fs::symlink_metadata(&path)?;
            if !found.is_dir() || is_link(&found) {
                return Err(io::ErrorKind::NotADirectory.into());
            }
        }
        Ok(Self(path))
    }

    /// Opens a plain file beneath this folder, to read it.
    pub(super) fn open_file(&self, parts: &[&str]) -> io::Result<File> {
        let Some((name, above)) = parts.split_last() else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        self.open_folder(above)?
            .open_plain(name, OpenOptions::new().read(true))
    }

    /// Makes a file that does not exist yet, to write it.
    pub(super) fn create_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(self.0.join(name))
    }

    /// Windows has no files without names.
    pub(super) fn create_unnamed(&self) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Never asked for: there are no files without names.
    pub(super) fn name_new(&self, _file: &File, _name: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Opens a plain file, made if absent, to read and write it from its beginning.
    pub(super) fn open_to_change(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        self.open_plain(name, &mut options)
    }

    /// Opens a plain file to write on at its end.
    pub(super) fn open_to_append(&self, name: &str) -> io::Result<File> {
        let mut file = self.open_plain(name, OpenOptions::new().write(true))?;
        io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        Ok(file)
    }

    /// Makes a folder; `false` when something of that name is there already.
    pub(super) fn make_folder(&self, name: &str) -> io::Result<bool> {
        match fs::create_dir(self.0.join(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes a file or a link; nothing to remove is fine.
    pub(super) fn remove_file(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Moves a file to a name that must not exist: a hard link cannot replace, a rename here would.
    pub(super) fn rename_new(&self, from: &str, folder: &Self, to: &str) -> io::Result<()> {
        let (source, target) = (self.0.join(from), folder.0.join(to));
        match patiently(|| fs::hard_link(&source, &target)) {
            Ok(()) => {
                drop(fs::remove_file(&source));
                return Ok(());
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
                ) =>
            {
                return Err(error);
            }
            // FAT and some shares know no hard links. The lock keeps other writers of ours away.
            Err(_) => {}
        }
        match fs::symlink_metadata(&target) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.rename_over(from, folder, to)
            }
            Err(error) => Err(error),
        }
    }

    /// Moves a file to a name, in place of what had it.
    pub(super) fn rename_over(&self, from: &str, folder: &Self, to: &str) -> io::Result<()> {
        let (source, target) = (self.0.join(from), folder.0.join(to));
        patiently(|| fs::rename(&source, &target))
    }

    /// Everything in the folder whose name is Unicode; other names are not ours.
    pub(super) fn entries(self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let found = entry.metadata()?;
            let kind = if is_link(&found) {
                EntryKind::Other
            } else if found.is_dir() {
                EntryKind::Folder
            } else {
                EntryKind::File {
                    len_bytes: found.len(),
                }
            };
            entries.push(Entry { name, kind });
        }
        Ok(entries)
    }

    /// Every name in the folder that is Unicode, without a look at what has it.
    pub(super) fn names(self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    /// Windows has no flush for folders.
    pub(super) fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// Never asked for: [`super::volume::Volume::FlushesAsOne`] is only found on Linux.
    pub(super) fn flush_volume(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Which folder this is.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        identity_at(&self.0)
    }

    /// Not known to the standard library.
    pub(super) fn disk_space(&self) -> io::Result<DiskSpace> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn open_plain(&self, name: &str, options: &mut OpenOptions) -> io::Result<File> {
        let file = options
            .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
            .open(self.0.join(name))?;
        let found = file.metadata()?;
        if found.is_file() && !is_link(&found) {
            Ok(file)
        } else {
            Err(io::ErrorKind::IsADirectory.into())
        }
    }
}

/// Which folder now stands at a path; links are followed.
pub(super) fn identity_at(path: &Path) -> io::Result<Identity> {
    Ok(Identity {
        created: fs::metadata(path)?.creation_time(),
    })
}

/// Makes the bytes of a file durable. The handle must be one that may write.
pub(super) fn flush_file(file: &File) -> io::Result<()> {
    file.sync_data()
}

/// Not known here.
pub(super) fn forget_pages(_file: &File) {}

/// Up to `limit_bytes` from byte `from`; shorter at the end of the file.
pub(super) fn read_at(file: &File, from: u64, limit_bytes: usize) -> io::Result<Vec<u8>> {
    let left = file.metadata()?.len().saturating_sub(from);
    let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(limit_bytes)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.seek_read(&mut bytes[filled..], from + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Makes a folder and those above it, with the rights that the folder above hands down.
pub(super) fn make_root(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// The standard library does not tell the name of this machine.
pub(super) fn host_name() -> String {
    "this computer or one that shares the folder".to_owned()
}

/// Whether the error says that a link, a file or a folder stands where something else was expected.
pub(super) fn is_not_plain(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

/// Whether the error says that the file system knows no locks.
pub(super) fn is_lockless(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

fn is_link(found: &fs::Metadata) -> bool {
    found.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0
}

/// Tries again for ten seconds while somebody else holds the file.
fn patiently(mut attempt: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    for wait_ms in RENAME_WAITS_MS {
        match attempt() {
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION | ERROR_LOCK_VIOLATION)
                ) =>
            {
                std::thread::sleep(Duration::from_millis(wait_ms));
            }
            done => return done,
        }
    }
    attempt()
}
