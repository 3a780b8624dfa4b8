//! Why a file cannot be opened.

use super::choose::NoKey;
use crate::cms::cipher::Cipher;
use crate::cms::structure::StructureError;
use crate::cms::walk::WalkError;

/// Why a file cannot be opened.
///
/// All but the last are known from bytes that anybody can read. The last is one error for everything that depends on a
/// secret (RSA padding, length of the content key, padding of the content, tag), because whoever could tell these apart
/// could decrypt without the key (Bleichenbacher; RFC 3218).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not a whole, well-formed file.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// None of the keys is a recipient's.
    #[error(transparent)]
    NoKey(#[from] NoKey),
    /// A cipher that is not read, or one that does not go with the kind of the file.
    #[error("its cipher {cipher} is not supported")]
    Cipher {
        /// The cipher.
        cipher: Cipher,
    },
    /// A cipher that is read only on request.
    #[error("its cipher {cipher} is outdated")]
    Outdated {
        /// The cipher.
        cipher: Cipher,
    },
    /// Parameters of the cipher that are malformed or outside what is read.
    #[error("the parameters of its cipher {cipher} are not supported")]
    Parameters {
        /// The cipher.
        cipher: Cipher,
    },
    /// A way of encrypting the content key that is not read.
    #[error("the content key is encrypted in a way that is not supported: {what}")]
    KeyTransport {
        /// What it is.
        what: String,
    },
    /// What stands after the ciphertext is not what the kind of the file wants.
    #[error("what follows the ciphertext is malformed")]
    Suffix,
    /// More bytes than one key may encrypt with GCM (NIST SP 800-38D, 5.2.1.1).
    #[error("it is longer than a file in GCM may be")]
    TooLong,
    /// The key does not open it: a wrong key, or damage. Which of the two cannot be told.
    #[error("it does not open with the key {key} for {recipient}")]
    DoesNotOpen {
        /// What messages call the key.
        key: String,
        /// The recipient it was tried for, in words.
        recipient: String,
    },
}

impl From<StructureError> for OpenError {
    fn from(error: StructureError) -> Self {
        Self::Walk(WalkError::Structure(error))
    }
}
