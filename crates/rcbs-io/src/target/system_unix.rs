//! The calls the archive is made with, on Unix. Every name is opened relative to a folder handle, and no link beneath
//! the root is followed. `system_windows.rs` has the same functions.

use std::fs::File;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, Ordering};

use rcbs_core::ports::DiskSpace;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

const FOLDER_MODE: Mode = Mode::RWXU;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const FOLDER_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// A pipe planted under the name of a file must not hang the open, hence non-blocking.
const READ_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A handle of a folder.
#[derive(Debug)]
pub(super) struct Dir(OwnedFd);

/// What makes a folder the same folder, whatever its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// Whether both lie on the same file system.
    pub(super) fn same_volume(self, other: Self) -> bool {
        self.device == other.device
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
        let flags = FOLDER_FLAGS.difference(OFlags::NOFOLLOW);
        Ok(Self(retry_on_intr(|| {
            fs::open(path, flags, Mode::empty())
        })?))
    }

    /// Opens a folder beneath this one.
    pub(super) fn open_folder(&self, parts: &[&str]) -> io::Result<Self> {
        Ok(Self(self.open_beneath(parts, FOLDER_FLAGS)?))
    }

    /// Opens a plain file beneath this folder, to read it.
    pub(super) fn open_file(&self, parts: &[&str]) -> io::Result<File> {
        plain(self.open_beneath(parts, READ_FLAGS)?)
    }

    /// Makes a file that does not exist yet, to write it.
    pub(super) fn create_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY
            .union(OFlags::CREATE)
            .union(OFlags::EXCL)
            .union(OFlags::NOFOLLOW)
            .union(OFlags::CLOEXEC);
        let file = retry_on_intr(|| fs::openat(&self.0, name, flags, FILE_MODE))?;
        Ok(File::from(file))
    }

    /// Makes a file without a name in this folder, to write and read it. It vanishes with its last handle, however
    /// its owner ends. An error where the file system knows none, or where nobody could name it later.
    #[cfg(target_os = "linux")]
    pub(super) fn create_unnamed(&self) -> io::Result<File> {
        let flags = OFlags::RDWR.union(OFlags::TMPFILE).union(OFlags::CLOEXEC);
        let file = retry_on_intr(|| fs::openat(&self.0, ".", flags, FILE_MODE))?;
        // Without /proc the name could not be given, which must be known before all the bytes are written.
        let found = fs::stat(path_of_handle(&file))?;
        if identity(&found) != identity(&fs::fstat(&file)?) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(File::from(file))
    }

    /// Known on Linux only.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn create_unnamed(&self) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives a file without a name one that must not exist; a link cannot replace.
    #[cfg(target_os = "linux")]
    pub(super) fn name_new(&self, file: &File, name: &str) -> io::Result<()> {
        let (path, follow) = (path_of_handle(file), AtFlags::SYMLINK_FOLLOW);
        Ok(fs::linkat(fs::CWD, path, &self.0, name, follow)?)
    }

    /// Never asked for: there are no files without names.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn name_new(&self, _file: &File, _name: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Opens a plain file, made if absent, to read and write it from its beginning.
    pub(super) fn open_to_change(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR
            .union(OFlags::CREATE)
            .union(OFlags::NONBLOCK)
            .union(OFlags::NOFOLLOW)
            .union(OFlags::CLOEXEC);
        plain(retry_on_intr(|| {
            fs::openat(&self.0, name, flags, FILE_MODE)
        })?)
    }

    /// Opens a plain file to write on at its end.
    pub(super) fn open_to_append(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY
            .union(OFlags::NONBLOCK)
            .union(OFlags::NOFOLLOW)
            .union(OFlags::CLOEXEC);
        let mut file = plain(retry_on_intr(|| {
            fs::openat(&self.0, name, flags, Mode::empty())
        })?)?;
        io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        Ok(file)
    }

    /// Makes a folder; `false` when something of that name is there already.
    pub(super) fn make_folder(&self, name: &str) -> io::Result<bool> {
        match fs::mkdirat(&self.0, name, FOLDER_MODE) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file or a link; nothing to remove is fine.
    pub(super) fn remove_file(&self, name: &str) -> io::Result<()> {
        match fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves a file to a name that must not exist.
    pub(super) fn rename_new(&self, from: &str, folder: &Self, to: &str) -> io::Result<()> {
        match self.rename_no_replace(from, folder, to) {
            Err(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP) => {}
            done => return Ok(done?),
        }
        // A link cannot replace either. The old name only costs a sweep if the second step fails.
        match fs::linkat(&self.0, from, &folder.0, to, AtFlags::empty()) {
            Ok(()) => {
                let _ = fs::unlinkat(&self.0, from, AtFlags::empty());
                return Ok(());
            }
            Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM | Errno::MLINK) => {}
            Err(error) => return Err(error.into()),
        }
        // Neither is known here (FAT, some shares). The lock keeps other writers of ours away, so looking first is
        // enough; a stranger who makes the same name in between loses his file.
        match fs::statat(&folder.0, to, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Err(Errno::EXIST.into()),
            Err(Errno::NOENT) => self.rename_over(from, folder, to),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves a file to a name, in place of what had it.
    pub(super) fn rename_over(&self, from: &str, folder: &Self, to: &str) -> io::Result<()> {
        Ok(fs::renameat(&self.0, from, &folder.0, to)?)
    }

    /// Everything in the folder whose name is UTF-8; other names are not ours.
    pub(super) fn entries(self) -> io::Result<Vec<Entry>> {
        let mut reader = fs::Dir::new(self.0)?;
        let mut seen = Vec::new();
        while let Some(entry) = reader.read() {
            let entry = entry?;
            if let Ok(name) = entry.file_name().to_str()
                && !matches!(name, "." | "..")
            {
                seen.push((name.to_owned(), entry.file_type()));
            }
        }
        let folder = reader.fd()?;
        let mut entries = Vec::with_capacity(seen.len());
        for (name, mut file_type) in seen {
            let mut len_bytes = 0;
            if matches!(file_type, FileType::RegularFile | FileType::Unknown) {
                match fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(found) => {
                        file_type = FileType::from_raw_mode(found.st_mode);
                        len_bytes = u64::try_from(found.st_size).unwrap_or_default();
                    }
                    Err(Errno::NOENT) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            let kind = match file_type {
                FileType::RegularFile => EntryKind::File { len_bytes },
                FileType::Directory => EntryKind::Folder,
                _ => EntryKind::Other,
            };
            entries.push(Entry { name, kind });
        }
        Ok(entries)
    }

    /// Every name in the folder that is UTF-8, without a look at what has it.
    pub(super) fn names(self) -> io::Result<Vec<String>> {
        let mut reader = fs::Dir::new(self.0)?;
        let mut names = Vec::new();
        while let Some(entry) = reader.read() {
            if let Ok(name) = entry?.file_name().to_str()
                && !matches!(name, "." | "..")
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Makes the names in this folder durable, where folders can be flushed.
    pub(super) fn flush(&self) -> io::Result<()> {
        tolerate_unsupported(fs::fsync(&self.0))
    }

    /// Makes everything on the volume durable, what others have written included. Where the system does not know the call
    /// the error is of the kind `Unsupported`, and nothing is durable.
    #[cfg(target_os = "linux")]
    pub(super) fn flush_volume(&self) -> io::Result<()> {
        Ok(fs::syncfs(&self.0)?)
    }

    /// Never asked for: [`super::volume::Volume::FlushesAsOne`] is only found on Linux.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn flush_volume(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Which folder this is.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        Ok(identity(&fs::fstat(&self.0)?))
    }

    /// The space of the volume.
    pub(super) fn disk_space(&self) -> io::Result<DiskSpace> {
        let volume = fs::fstatvfs(&self.0)?;
        if volume.f_blocks == 0 {
            // Some programs behind FUSE say nothing, which is not the same as full.
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(DiskSpace {
            free_bytes: volume.f_bavail.saturating_mul(volume.f_frsize),
            total_bytes: volume.f_blocks.saturating_mul(volume.f_frsize),
        })
    }

    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    fn rename_no_replace(&self, from: &str, folder: &Self, to: &str) -> Result<(), Errno> {
        fs::renameat_with(&self.0, from, &folder.0, to, fs::RenameFlags::NOREPLACE)
    }

    #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
    fn rename_no_replace(&self, _from: &str, _folder: &Self, _to: &str) -> Result<(), Errno> {
        Err(Errno::NOSYS)
    }

    fn open_beneath(&self, parts: &[&str], flags: OFlags) -> io::Result<OwnedFd> {
        #[cfg(target_os = "linux")]
        if let Some(opened) = open_beneath_at_once(&self.0, parts, flags) {
            return Ok(opened?);
        }
        Ok(open_beneath_by_steps(&self.0, parts, flags)?)
    }
}

/// Which folder now stands at a path; links are followed.
pub(super) fn identity_at(path: &Path) -> io::Result<Identity> {
    Ok(identity(&fs::stat(path)?))
}

/// Makes the bytes of a file durable, where files can be flushed.
pub(super) fn flush_file(file: &File) -> io::Result<()> {
    tolerate_unsupported(fs::fdatasync(file))
}

/// Drops what the system holds of a file in memory, so that the next read asks whoever keeps it. A wish, not an order.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
pub(super) fn forget_pages(file: &File) {
    // Where it is refused, what is read may come from memory; it is compared all the same.
    let _ = fs::fadvise(file, 0, None, fs::Advice::DontNeed);
}

/// Not known here.
#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
pub(super) fn forget_pages(_file: &File) {}

/// Up to `limit_bytes` from byte `from`; shorter at the end of the file.
pub(super) fn read_at(file: &File, from: u64, limit_bytes: usize) -> io::Result<Vec<u8>> {
    let left = file.metadata()?.len().saturating_sub(from);
    let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(limit_bytes)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], from + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Makes a folder and those above it, private to this account.
pub(super) fn make_root(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE.as_raw_mode())
        .create(path)
}

/// The name of this machine.
pub(super) fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// Whether the error says that a link, a file or a folder stands where something else was expected.
pub(super) fn is_not_plain(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::LOOP | Errno::NOTDIR | Errno::ISDIR)
    )
}

/// Whether the error says that the file system knows no locks.
pub(super) fn is_lockless(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || Errno::from_io_error(error) == Some(Errno::NOLCK)
}

/// One call for the whole path; `None` where the kernel or its guard does not know `openat2(2)`.
#[cfg(target_os = "linux")]
fn open_beneath_at_once(
    root: &OwnedFd,
    parts: &[&str],
    flags: OFlags,
) -> Option<Result<OwnedFd, Errno>> {
    static MISSING: AtomicBool = AtomicBool::new(false);
    if MISSING.load(Ordering::Relaxed) {
        return None;
    }
    let path = if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    };
    let resolve = fs::ResolveFlags::BENEATH.union(fs::ResolveFlags::NO_SYMLINKS);
    match retry_on_intr(|| fs::openat2(root, path.as_str(), flags, Mode::empty(), resolve)) {
        Err(Errno::NOSYS) => {
            MISSING.store(true, Ordering::Relaxed);
            None
        }
        // Some container guards answer "not permitted" for calls they do not know; the steps tell the truth.
        Err(Errno::PERM) => None,
        done => Some(done),
    }
}

/// One call for each part.
fn open_beneath_by_steps(root: &OwnedFd, parts: &[&str], flags: OFlags) -> Result<OwnedFd, Errno> {
    let open = |folder: &OwnedFd, name: &str, flags: OFlags| {
        retry_on_intr(|| fs::openat(folder, name, flags, Mode::empty()))
    };
    let Some((last, above)) = parts.split_last() else {
        return open(root, ".", flags);
    };
    let mut folder: Option<OwnedFd> = None;
    for part in above {
        folder = Some(open(folder.as_ref().unwrap_or(root), part, FOLDER_FLAGS)?);
    }
    open(folder.as_ref().unwrap_or(root), last, flags)
}

/// Where the system shows a handle of this process as a link to its file. Privileges are needed to name a file by its
/// handle alone.
#[cfg(target_os = "linux")]
fn path_of_handle(file: &impl AsRawFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

fn plain(file: OwnedFd) -> io::Result<File> {
    match FileType::from_raw_mode(fs::fstat(file.as_fd())?.st_mode) {
        FileType::RegularFile => Ok(File::from(file)),
        // The answer that opening a folder as a file gives, for pipes and devices too.
        _ => Err(Errno::ISDIR.into()),
    }
}

#[expect(
    clippy::unnecessary_cast,
    clippy::useless_conversion,
    reason = "the widths differ between systems"
)]
fn identity(stat: &fs::Stat) -> Identity {
    Identity {
        device: stat.st_dev as u64,
        inode: stat.st_ino.into(),
    }
}

/// A file system that cannot flush says so here; there is nothing more to ask of it.
fn tolerate_unsupported(flushed: Result<(), Errno>) -> io::Result<()> {
    match flushed {
        Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways of opening must refuse the same things.
    #[test]
    fn links_are_refused_at_every_step_with_and_without_openat2() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/file"), "x").unwrap();
        std::os::unix::fs::symlink("b", root.join("a/link")).unwrap();
        std::os::unix::fs::symlink("file", root.join("a/b/alias")).unwrap();
        let dir = Dir::open_root(root).unwrap();
        let cases: [(&[&str], OFlags, bool); 8] = [
            (&[], FOLDER_FLAGS, true),
            (&["a", "b"], FOLDER_FLAGS, true),
            (&["a", "b", "file"], READ_FLAGS, true),
            (&["a", "link"], FOLDER_FLAGS, false),
            (&["a", "link", "file"], READ_FLAGS, false),
            (&["a", "b", "alias"], READ_FLAGS, false),
            (&["a", "b", "file"], FOLDER_FLAGS, false),
            (&["a", "b", "file", "x"], READ_FLAGS, false),
        ];
        for (parts, flags, wanted) in cases {
            let steps = open_beneath_by_steps(&dir.0, parts, flags);
            assert_eq!(steps.is_ok(), wanted, "{parts:?}");
            if let Err(error) = steps {
                assert!(is_not_plain(&error.into()), "{parts:?}");
            }
            #[cfg(target_os = "linux")]
            if let Some(at_once) = open_beneath_at_once(&dir.0, parts, flags) {
                assert_eq!(at_once.is_ok(), wanted, "{parts:?}");
                if let Err(error) = at_once {
                    assert!(is_not_plain(&error.into()), "{parts:?}");
                }
            }
        }
    }

    #[test]
    fn a_pipe_is_no_plain_file_and_does_not_hang() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            return;
        }
        let dir = Dir::open_root(place.path()).unwrap();
        assert!(is_not_plain(&dir.open_file(&["pipe"]).unwrap_err()));
    }
}
