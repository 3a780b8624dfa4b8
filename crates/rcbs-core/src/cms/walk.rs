//! Walks a complete CMS file as it streams by and says whether it is whole and well-formed.

use super::cipher::Cipher;
use super::envelope::Envelope;
use super::head::Head;
use super::read::Reader;
use super::structure::StructureError;
use crate::failure::FailureClass;

/// Walks a stream, DER or BER, in pieces of any size. Memory: what stands around the ciphertext, at most 1 MiB.
///
/// Every length is checked against all that enclose it. No key is needed, and whether the ciphertext is the right one
/// cannot be seen.
#[derive(Debug, Default)]
pub struct Walker {
    reader: Reader,
}

/// What a complete walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// The recipients in words.
    pub recipients: Vec<String>,
    /// Bytes of ciphertext.
    pub ciphertext_bytes: u64,
    /// How it is encrypted.
    pub cipher: Cipher,
    /// Everything but the ciphertext: the envelope as it would be served for this file.
    pub envelope: Envelope,
}

/// Why a stream is not a whole, well-formed enveloped file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// The bytes break the format, or end too early or too late.
    #[error("the file is not well-formed: {0}")]
    Structure(#[from] StructureError),
    /// An envelope without its ciphertext.
    #[error("the file is an envelope without ciphertext")]
    Detached,
    /// No ciphertext of this cipher has that length.
    #[error(
        "the file holds {ciphertext_bytes} bytes of {cipher} ciphertext, which comes in whole blocks of {block_bytes} bytes"
    )]
    CiphertextLength {
        /// What was found.
        ciphertext_bytes: u64,
        /// The cipher.
        cipher: Cipher,
        /// Its block size.
        block_bytes: u64,
    },
}

impl WalkError {
    /// The class that decides what happens next.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        FailureClass::Corrupt
    }
}

impl Walker {
    /// A walk that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes.
    ///
    /// # Errors
    /// [`WalkError`] as soon as the structure cannot become right any more. After an error the walk is over.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), WalkError> {
        self.feed_with(bytes, |_| {})
    }

    /// The next bytes, with the ciphertext among them handed to `ciphertext` in order. Nothing is handed out before
    /// [`Self::head`] is known.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn feed_with(
        &mut self,
        bytes: &[u8],
        mut ciphertext: impl FnMut(&[u8]),
    ) -> Result<(), WalkError> {
        Ok(self
            .reader
            .feed(bytes, &mut |piece| ciphertext(piece.bytes))?)
    }

    /// What stands before the ciphertext, as soon as the walk has passed it.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.reader.head()
    }

    /// The end of the stream.
    ///
    /// # Errors
    /// [`WalkError`] when the structure is not complete.
    pub fn finish(self) -> Result<Walked, WalkError> {
        let read = self.reader.finish()?;
        let ciphertext_bytes = read.ciphertext_bytes.ok_or(WalkError::Detached)?;
        let cipher = read.head.cipher.clone();
        if let Some(block_bytes) = cipher.broken_block(ciphertext_bytes) {
            return Err(WalkError::CiphertextLength {
                ciphertext_bytes,
                cipher,
                block_bytes,
            });
        }
        Ok(Walked {
            recipients: read.head.recipients(),
            ciphertext_bytes,
            cipher,
            envelope: Envelope::from_read(read),
        })
    }
}
