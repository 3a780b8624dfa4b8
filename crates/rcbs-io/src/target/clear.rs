//! Clear files: written without a name, or where that cannot be under a temporary one; made durable; and named without
//! replacing anything.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rcbs_core::decrypt::ClearFile;
use rcbs_core::ports::TargetError;

use super::error::failed;
use super::part::{self, Swept};
use super::system::{self, Dir};

/// Bytes gathered for one write: a streamed file comes in pieces of 4 KiB.
const WRITE_BYTES: usize = 256 << 10;

/// The place of one clear file.
#[derive(Debug)]
pub(crate) struct ClearPlace {
    folder: PathBuf,
    name: String,
}

impl ClearPlace {
    /// A place by its path; `None` for one that has no name, or a name that is not text.
    pub(crate) fn new(path: &Path) -> Option<Self> {
        let folder = match path.parent()? {
            parent if parent.as_os_str().is_empty() => Path::new("."),
            parent => parent,
        };
        Some(Self {
            folder: folder.to_owned(),
            name: path.file_name()?.to_str()?.to_owned(),
        })
    }

    /// The path in messages.
    pub(crate) fn shown(&self) -> String {
        self.folder.join(&self.name).display().to_string()
    }

    /// What has the name already, which must be a plain file. What a killed process left in the folder is removed: here
    /// and not when a file is made, for it may be that none is to be made any more.
    pub(crate) fn existing(&self, swept: &Swept) -> Result<Option<Box<dyn Read>>, TargetError> {
        let opened = Dir::open_root(&self.folder).and_then(|dir| {
            if swept.is_due(&self.folder) {
                part::sweep(&dir);
            }
            dir.open_file(&[&self.name])
        });
        match opened {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("open", self.shown(), &error)),
        }
    }

    /// A temporary file in the same folder, which is made if need be.
    pub(crate) fn stage(&self) -> Result<Box<dyn ClearFile>, TargetError> {
        let told = |action, error: &io::Error| failed(action, self.shown(), error);
        if !self.folder.is_dir() {
            system::make_root(&self.folder).map_err(|error| told("make the folder of", &error))?;
        }
        let folder = Dir::open_root(&self.folder).map_err(|error| told("open", &error))?;
        let unnamed = folder.create_unnamed();
        let staged = self.stage_in(folder, unnamed);
        Ok(Box::new(staged.map_err(|error| told("create", &error))?))
    }

    /// Whatever stood against a file without a name: one with a name can be made, or tells why not.
    fn stage_in(&self, folder: Dir, unnamed: io::Result<File>) -> io::Result<StagedClear> {
        let (part, file) = match unnamed {
            Ok(file) => (None, file),
            Err(_) => {
                let (name, file) = part::create(&folder)?;
                (Some(name), file)
            }
        };
        Ok(StagedClear {
            folder,
            part,
            name: self.name.clone(),
            shown: self.shown(),
            writer: BufWriter::with_capacity(WRITE_BYTES, file),
        })
    }
}

/// Clear bytes on their way to a name.
struct StagedClear {
    folder: Dir,
    /// The temporary name, until it is given up for the final one; `None` for a file without a name.
    part: Option<String>,
    name: String,
    shown: String,
    writer: BufWriter<File>,
}

impl StagedClear {
    /// A name that survives a power cut must not stand over bytes that did not, so they are flushed first.
    fn give_name(&mut self, name: &str) -> io::Result<()> {
        self.writer.flush()?;
        system::flush_file(self.writer.get_ref())?;
        if self.part.is_none() {
            match self.folder.name_new(self.writer.get_ref(), name) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) => self.copy_to_part()?,
            }
        }
        if let Some(part) = &self.part {
            self.folder.rename_new(part, &self.folder, name)?;
        }
        self.part = None;
        Ok(())
    }

    /// For a file system that makes files without names and then cannot name them: the bytes once more, with a name.
    fn copy_to_part(&mut self) -> io::Result<()> {
        let (name, mut file) = part::create(&self.folder)?;
        self.part = Some(name);
        let unnamed = self.writer.get_mut();
        unnamed.rewind()?;
        io::copy(unnamed, &mut file)?;
        system::flush_file(&file)?;
        // The lock of the part file is held on.
        *unnamed = file;
        Ok(())
    }
}

impl Write for StagedClear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl ClearFile for StagedClear {
    fn publish(mut self: Box<Self>, suspect: bool) -> Result<(), TargetError> {
        let name = match suspect {
            true => format!("{}.suspect", self.name),
            false => self.name.clone(),
        };
        self.give_name(&name).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => TargetError::Exists {
                path: self.shown.clone(),
            },
            _ => failed("write", self.shown.clone(), &error),
        })
    }
}

impl Drop for StagedClear {
    /// Nobody published it, so it is garbage.
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            drop(self.folder.remove_file(part));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clear file `a` in the folder, without a name where that can be, or with one.
    fn staged(folder: &Path, with_name: bool) -> Box<StagedClear> {
        let place = ClearPlace::new(&folder.join("a")).unwrap();
        let dir = Dir::open_root(folder).unwrap();
        let unnamed = match with_name {
            true => Err(io::ErrorKind::Unsupported.into()),
            false => dir.create_unnamed(),
        };
        Box::new(place.stage_in(dir, unnamed).unwrap())
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names = Dir::open_root(folder).and_then(Dir::names).unwrap();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_is_not_published_leaves_nothing() {
        for with_name in [false, true] {
            let place = tempfile::tempdir().unwrap();
            let mut file = staged(place.path(), with_name);
            file.write_all(b"clear").unwrap();
            file.flush().unwrap();
            assert_eq!(names(place.path()).len(), usize::from(file.part.is_some()));
            drop(file);
            assert_eq!(names(place.path()), [""; 0]);
        }
    }

    #[test]
    fn a_name_is_given_and_never_taken_from_another() {
        for with_name in [false, true] {
            let place = tempfile::tempdir().unwrap();
            for (name, is_suspect) in [("a", false), ("a.suspect", true)] {
                let mut first = staged(place.path(), with_name);
                first.write_all(b"first").unwrap();
                first.publish(is_suspect).unwrap();
                let mut second = staged(place.path(), with_name);
                second.write_all(b"second").unwrap();
                let refused = second.publish(is_suspect);
                assert!(
                    matches!(refused, Err(TargetError::Exists { .. })),
                    "{refused:?}"
                );
                assert_eq!(std::fs::read(place.path().join(name)).unwrap(), b"first");
            }
            assert_eq!(names(place.path()), ["a", "a.suspect"]);
        }
    }
}
