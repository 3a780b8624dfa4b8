//! The session key of one media file, and AES-CBC with PKCS#7 padding (RFC 5652, 6.3) over a stream.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::cipher::{
    AES_128, AES_256, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use bytes::Bytes;

use crate::cloud::Content;
use crate::seed::Seed;

/// The block of AES, and so the granularity of a ciphertext.
pub(crate) const BLOCK_BYTES: u64 = 16;

/// The content ciphers that the recorder uses (`genesys.md` 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cipher {
    /// AES-128-CBC.
    Aes128,
    /// AES-256-CBC, the one seen in the field.
    #[default]
    Aes256,
}

impl Cipher {
    /// The arcs of its object identifier (NIST, "AES" arc).
    pub(crate) fn oid_arcs(self) -> [u32; 9] {
        let last = match self {
            Self::Aes128 => 2,
            Self::Aes256 => 42,
        };
        [2, 16, 840, 1, 101, 3, 4, 1, last]
    }

    fn key_bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 => 32,
        }
    }
}

/// Key and initial vector of one media file.
#[derive(Clone)]
pub struct SessionKey {
    cipher: Cipher,
    key: Vec<u8>,
    iv: [u8; 16],
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionKey")
            .field("cipher", &self.cipher)
            .finish_non_exhaustive()
    }
}

impl SessionKey {
    /// The key that belongs to a label.
    #[must_use]
    pub fn derive(cipher: Cipher, seed: Seed, label: &str) -> Self {
        let mut iv = [0; 16];
        iv.copy_from_slice(&seed.bytes(&format!("iv {label}"))[..16]);
        Self {
            cipher,
            key: seed.bytes(&format!("key {label}"))[..cipher.key_bytes()].to_vec(),
            iv,
        }
    }

    /// Which cipher it is for.
    #[must_use]
    pub fn cipher(&self) -> Cipher {
        self.cipher
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    pub(crate) fn iv(&self) -> &[u8; 16] {
        &self.iv
    }

    /// Length of the ciphertext of that many clear bytes: always 1 to 16 bytes more.
    #[must_use]
    pub fn ciphertext_bytes(clear_bytes: u64) -> u64 {
        (clear_bytes / BLOCK_BYTES + 1) * BLOCK_BYTES
    }

    /// The ciphertext of a content.
    #[must_use]
    pub fn seal(&self, content: &Content) -> Vec<u8> {
        self.encrypt(content.pieces()).flatten().collect()
    }

    /// Encrypts pieces one after the other.
    pub(crate) fn encrypt<I: Iterator<Item = Bytes>>(&self, clear: I) -> Encrypted<I> {
        let algorithm = match self.cipher {
            Cipher::Aes128 => &AES_128,
            Cipher::Aes256 => &AES_256,
        };
        let key =
            UnboundCipherKey::new(algorithm, &self.key).expect("the key has the cipher's length");
        let context = EncryptionContext::Iv128(FixedLength::from(self.iv));
        let state = StreamingEncryptingKey::less_safe_cbc_pkcs7(key, context)
            .expect("AES works in CBC mode");
        Encrypted {
            clear,
            state: Mutex::new(Some(state)),
        }
    }
}

/// The ciphertext of pieces, in pieces.
pub(crate) struct Encrypted<I> {
    clear: I,
    /// `None` when the padding has been given. The lock is never contended: it makes the iterator `Sync`, which bodies
    /// of S3 answers must be.
    state: Mutex<Option<StreamingEncryptingKey>>,
}

impl<I: Iterator<Item = Bytes>> Iterator for Encrypted<I> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let slot = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let state = slot.as_mut()?;
        if let Some(piece) = self.clear.next() {
            let mut out = vec![0; piece.len() + 16];
            let written = state
                .update(&piece, &mut out)
                .expect("the output is long enough")
                .written()
                .len();
            out.truncate(written);
            return Some(out.into());
        }
        let mut out = vec![0; 16];
        let (_, update) = slot
            .take()?
            .finish(&mut out)
            .expect("one block is enough for the padding");
        let written = update.written().len();
        out.truncate(written);
        Some(out.into())
    }
}
