//! The bytes of key files and passphrases, read with a limit; what they mean is read by `rcbs_core::cms`.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// The largest key file. A PKCS#12 file with a chain of certificates has some 20 kB.
const KEY_BYTES_MAX: u64 = 1 << 20;
/// The largest passphrase.
const PASSPHRASE_BYTES_MAX: u64 = 4 << 10;

/// A key file as it was found.
#[derive(Debug)]
pub struct KeyBytes {
    /// Its bytes; wiped when dropped.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Whether nobody but its owner may read it.
    pub is_private: bool,
}

/// Why a file with a secret cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system refused.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// More than anything of its kind.
    #[error("{} has more than {limit_bytes} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit_bytes: u64,
    },
    /// A passphrase that others may read too.
    #[error("{} can be read by others than its owner", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// A passphrase file without one.
    #[error("{} is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a file that holds a key or a certificate.
///
/// # Errors
/// [`KeyFileError`].
pub fn read_key_file(path: &Path) -> Result<KeyBytes, KeyFileError> {
    let (bytes, metadata) = read(path, KEY_BYTES_MAX)?;
    Ok(KeyBytes {
        bytes,
        is_private: is_private(&metadata),
    })
}

/// Reads a passphrase from a file that only its owner may read, without one line end at its end.
///
/// # Errors
/// [`KeyFileError`].
pub fn read_passphrase(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let (mut bytes, metadata) = read(path, PASSPHRASE_BYTES_MAX)?;
    if !is_private(&metadata) {
        return Err(KeyFileError::Open {
            path: path.to_owned(),
        });
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.is_empty() {
        return Err(KeyFileError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}

fn read(path: &Path, limit_bytes: u64) -> Result<(Zeroizing<Vec<u8>>, Metadata), KeyFileError> {
    let failed = |source| KeyFileError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    // Asked of the open file, so that it cannot be exchanged between the question and the reading.
    let metadata = file.metadata().map_err(failed)?;
    if metadata.len() > limit_bytes {
        return Err(KeyFileError::TooLarge {
            path: path.to_owned(),
            limit_bytes,
        });
    }
    // Room for all of it at once: a vector that grows leaves copies of secrets behind.
    let capacity = usize::try_from(metadata.len()).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(limit_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > limit_bytes {
        return Err(KeyFileError::TooLarge {
            path: path.to_owned(),
            limit_bytes,
        });
    }
    Ok((bytes, metadata))
}

#[cfg(unix)]
fn is_private(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    // What systemd hands to a service looks like root's, readable for root's group.
    let mode = metadata.mode();
    mode & 0o077 == 0 || (mode & 0o777 == 0o440 && metadata.uid() == 0 && metadata.gid() == 0)
}

/// Windows keeps rights in lists that the standard library does not read; the folder's rights have to do.
#[cfg(not(unix))]
fn is_private(_metadata: &Metadata) -> bool {
    true
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn a_passphrase_is_the_file_without_its_line_end() {
        for (content, expected) in [
            (&b"open sesame\n"[..], &b"open sesame"[..]),
            (b"open sesame\r\n", b"open sesame"),
            (b"open sesame \n\n", b"open sesame \n"),
        ] {
            let (_folder, path) = file(content, 0o600);
            assert_eq!(read_passphrase(&path).unwrap().as_slice(), expected);
        }
        let (_folder, path) = file(b"\n", 0o600);
        assert!(matches!(
            read_passphrase(&path),
            Err(KeyFileError::Empty { .. })
        ));
        let (_folder, path) = file(b"open sesame", 0o640);
        assert!(matches!(
            read_passphrase(&path),
            Err(KeyFileError::Open { .. })
        ));
        let (_folder, path) = file(&[b'x'; 5000], 0o600);
        let large = read_passphrase(&path);
        assert!(matches!(
            large,
            Err(KeyFileError::TooLarge {
                limit_bytes: 4096,
                ..
            })
        ));
    }

    #[test]
    fn a_key_file_tells_who_may_read_it() {
        for (mode, is_private) in [(0o600, true), (0o400, true), (0o644, false), (0o640, false)] {
            let (_folder, path) = file(b"key", mode);
            assert_eq!(read_key_file(&path).unwrap().is_private, is_private);
        }
        let endless = read_key_file(Path::new("/dev/zero"));
        assert!(matches!(endless, Err(KeyFileError::TooLarge { .. })));
    }
}
