//! The ciphers that recordings are encrypted with, by object identifier.

use std::fmt;

use super::der;

/// How the content is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cipher {
    /// AES-128-CBC, what the manual calls AES-128.
    Aes128Cbc,
    /// AES-192-CBC.
    Aes192Cbc,
    /// AES-256-CBC, what the cloud writes.
    Aes256Cbc,
    /// DES-EDE3-CBC.
    TripleDesCbc,
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-192-GCM.
    Aes192Gcm,
    /// AES-256-GCM.
    Aes256Gcm,
    /// Any other, by its object identifier in dotted form.
    Other(String),
}

/// Content octets of the object identifiers (RFC 3565, RFC 5084, RFC 3370).
static KNOWN: [(&[u8], Cipher); 7] = [
    (&aes(2), Cipher::Aes128Cbc),
    (&aes(22), Cipher::Aes192Cbc),
    (&aes(42), Cipher::Aes256Cbc),
    (&aes(6), Cipher::Aes128Gcm),
    (&aes(26), Cipher::Aes192Gcm),
    (&aes(46), Cipher::Aes256Gcm),
    (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x07],
        Cipher::TripleDesCbc,
    ),
];

/// 2.16.840.1.101.3.4.1 and one arc more.
const fn aes(last: u8) -> [u8; 9] {
    [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, last]
}

impl Cipher {
    /// The cipher with this object identifier, given as content octets.
    pub(super) fn from_oid(oid: &[u8]) -> Self {
        KNOWN.iter().find(|(known, _)| *known == oid).map_or_else(
            || Self::Other(der::dotted(oid)),
            |(_, cipher)| cipher.clone(),
        )
    }

    /// The content octets of its object identifier; `None` for one that has no name here.
    pub(super) fn oid(&self) -> Option<&'static [u8]> {
        KNOWN
            .iter()
            .find(|(_, cipher)| cipher == self)
            .map(|(oid, _)| *oid)
    }

    /// The size of the blocks that a whole ciphertext consists of, in bytes; `None` when any length may occur, or
    /// when we do not know the cipher.
    #[must_use]
    pub fn block_bytes(&self) -> Option<u64> {
        match self {
            Self::Aes128Cbc | Self::Aes192Cbc | Self::Aes256Cbc => Some(16),
            Self::TripleDesCbc => Some(8),
            Self::Aes128Gcm | Self::Aes192Gcm | Self::Aes256Gcm | Self::Other(_) => None,
        }
    }

    /// Whether a file that opens to its end is known to be as it was sealed.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes192Gcm | Self::Aes256Gcm)
    }

    /// The block size, when no ciphertext of this cipher can have that length: padding makes it a positive multiple.
    pub(super) fn broken_block(&self, ciphertext_bytes: u64) -> Option<u64> {
        self.block_bytes()
            .filter(|block| ciphertext_bytes == 0 || !ciphertext_bytes.is_multiple_of(*block))
    }
}

impl fmt::Display for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes128Cbc => "AES-128-CBC",
            Self::Aes192Cbc => "AES-192-CBC",
            Self::Aes256Cbc => "AES-256-CBC",
            Self::TripleDesCbc => "DES-EDE3-CBC",
            Self::Aes128Gcm => "AES-128-GCM",
            Self::Aes192Gcm => "AES-192-GCM",
            Self::Aes256Gcm => "AES-256-GCM",
            Self::Other(oid) => oid,
        })
    }
}
