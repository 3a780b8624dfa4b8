//! `manifestKey` and `--public-key`: the two halves of the key that signs manifests, each in a file.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rcbs_core::manifest::{KeyError, PublicKey, SigningKey};

use super::env::is_private;
use super::finding::Refusal;

/// A key has about 120 bytes.
const MAX_BYTES: u64 = 64 << 10;

/// Why a file cannot be used as a key for manifests.
#[derive(Debug, thiserror::Error)]
pub enum SiteKeyError {
    /// It cannot be read.
    #[error("cannot be read ({}): {source}", .path.display())]
    Read {
        /// The file as it was looked for.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others than its owner may read a private key.
    #[error("can be read by others than its owner ({})", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// It is no such key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl SiteKeyError {
    /// Whether nothing but a right is missing.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

impl Refusal for SiteKeyError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read { .. } => {
                "check the path and who may read it; it counts from the folder of the configuration file".into()
            }
            Self::Open { .. } => "take the rights of others away: chmod 600".into(),
            Self::Key(KeyError::Encrypted) => {
                "give a key without passphrase: runs sign by themselves".into()
            }
            Self::Key(KeyError::Form(_) | KeyError::Kind) => {
                "make one with openssl genpkey -algorithm ed25519 -out site.key.pem".into()
            }
        })
    }
}

/// Reads the private half, from a file that only its owner may read.
pub(super) fn read(path: &Path) -> Result<SigningKey, SiteKeyError> {
    let file = File::open(path).map_err(|source| failed(path, source))?;
    let metadata = file.metadata().map_err(|source| failed(path, source))?;
    if !is_private(&metadata) {
        return Err(SiteKeyError::Open {
            path: path.to_owned(),
        });
    }
    Ok(SigningKey::from_pem(&text(path, file)?)?)
}

/// Reads the public half.
///
/// # Errors
/// [`SiteKeyError`].
pub fn read_public(path: &Path) -> Result<PublicKey, SiteKeyError> {
    let file = File::open(path).map_err(|source| failed(path, source))?;
    Ok(PublicKey::from_pem(&text(path, file)?)?)
}

fn text(path: &Path, file: File) -> Result<String, SiteKeyError> {
    let mut text = String::new();
    let read = file.take(MAX_BYTES).read_to_string(&mut text);
    read.map_err(|source| failed(path, source))?;
    Ok(text)
}

fn failed(path: &Path, source: io::Error) -> SiteKeyError {
    SiteKeyError::Read {
        path: path.to_owned(),
        source,
    }
}
