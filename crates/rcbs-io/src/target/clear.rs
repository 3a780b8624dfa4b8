//! Clear files: written under a temporary name in their own folder, made durable, and renamed without replacing.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use rcbs_core::decrypt::ClearFile;
use rcbs_core::ports::TargetError;

use super::error::failed;
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

    /// What has the name already, which must be a plain file.
    pub(crate) fn existing(&self) -> Result<Option<Box<dyn Read>>, TargetError> {
        let opened = Dir::open_root(&self.folder).and_then(|dir| dir.open_file(&[&self.name]));
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
        let mut random = [0; 8];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| {
            told(
                "name",
                &io::Error::other("the system gives no random bytes"),
            )
        })?;
        let temporary = format!(".rcbs-{:016x}.part", u64::from_be_bytes(random));
        let file = folder
            .create_file(&temporary)
            .map_err(|error| told("create", &error))?;
        Ok(Box::new(StagedClear {
            folder,
            temporary: Some(temporary),
            name: self.name.clone(),
            shown: self.shown(),
            writer: BufWriter::with_capacity(WRITE_BYTES, file),
        }))
    }
}

/// Clear bytes on their way to a name.
struct StagedClear {
    folder: Dir,
    /// `None` when it has its final name.
    temporary: Option<String>,
    name: String,
    shown: String,
    writer: BufWriter<File>,
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
        let mut publish = || {
            self.writer.flush()?;
            // A name that survives a power cut must not stand over bytes that did not.
            system::flush_file(self.writer.get_ref())?;
            let name = match suspect {
                true => format!("{}.suspect", self.name),
                false => self.name.clone(),
            };
            match &self.temporary {
                Some(temporary) => self.folder.rename_new(temporary, &self.folder, &name),
                None => Ok(()),
            }
        };
        match publish() {
            Ok(()) => {
                self.temporary = None;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(TargetError::Exists {
                    path: self.shown.clone(),
                })
            }
            Err(error) => Err(failed("write", self.shown.clone(), &error)),
        }
    }
}

impl Drop for StagedClear {
    /// Nobody published it, so it is garbage.
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            drop(self.folder.remove_file(temporary));
        }
    }
}
