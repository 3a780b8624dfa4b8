//! Reads and writes the program's files; every error names the file.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rcbs_sim::Recipient;
use rcbs_sim::seal::RecipientError;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// It cannot be written.
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// It is no certificate for a recipient.
    #[error("cannot use {} as a certificate", path.display())]
    Certificate {
        path: PathBuf,
        source: RecipientError,
    },
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|source| FileError::Read {
        path: path.to_owned(),
        source,
    })
}

pub(crate) fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), FileError> {
    fs::write(path, contents).map_err(|source| FileError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Writes under another name first, so that whoever waits for the file never finds half of it.
pub(crate) fn write_whole(path: &Path, contents: &str) -> Result<(), FileError> {
    let mut staged = path.as_os_str().to_owned();
    staged.push(".part");
    write(Path::new(&staged), contents)?;
    fs::rename(&staged, path).map_err(|source| FileError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, contents: &str) -> Result<(), FileError> {
    let failed = |source| FileError::Write {
        path: path.to_owned(),
        source,
    };
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(contents.as_bytes()).map_err(failed)
}

pub(crate) fn create_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|source| FileError::Write {
        path: path.to_owned(),
        source,
    })
}

/// The recipients of these certificate files.
pub(crate) fn recipients(paths: &[PathBuf]) -> Result<Vec<Recipient>, FileError> {
    paths
        .iter()
        .map(|path| {
            let pem = read(path)?;
            Recipient::from_pem(&String::from_utf8_lossy(&pem)).map_err(|source| {
                FileError::Certificate {
                    path: path.clone(),
                    source,
                }
            })
        })
        .collect()
}
