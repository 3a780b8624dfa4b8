//! The detached envelope of a media file, and how envelope and ciphertext become one DER file.

use bytes::Bytes;

use super::ber::{Tag, length_bytes, write_length};
use super::cipher::Cipher;
use super::head::Head;
use super::pem;
use super::read::{KEPT_BYTES_MAX, Read, Reader};
use super::recipient::RecipientInfo;
use super::structure::StructureError;
use crate::failure::FailureClass;

/// A detached `EnvelopedData` (or `AuthEnvelopedData`): everything but the ciphertext. Two are equal when they are the
/// same in DER, in whatever form they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    head: Head,
    /// DER of what follows the ciphertext: attributes and `mac`.
    suffix: Bytes,
}

/// What stands before and after the ciphertext in the stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Bytes before the ciphertext.
    pub head: Bytes,
    /// Bytes after it.
    pub tail: Bytes,
}

/// Why an envelope cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Nothing in it.
    #[error("the envelope is empty")]
    Empty,
    /// Larger than any envelope is.
    #[error("the envelope is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit that was passed.
        limit_bytes: usize,
    },
    /// PEM of something else.
    #[error("the envelope is PEM of a {label}, not of PKCS7 or CMS")]
    Label {
        /// What the PEM says it is, printable.
        label: String,
    },
    /// PEM without its last line.
    #[error("the PEM of the envelope has no end")]
    Unfinished,
    /// More than one PEM block that could be meant.
    #[error("there is more than one envelope")]
    Several,
    /// Characters that base64 does not have, or too few of them.
    #[error("the envelope is not base64")]
    Base64,
    /// The bytes are not an envelope.
    #[error("the envelope is not well-formed: {0}")]
    Structure(#[from] StructureError),
    /// It already holds a ciphertext, so the stored object cannot be the one that belongs into it.
    #[error("the envelope is complete: it already holds {ciphertext_bytes} bytes of ciphertext")]
    Complete {
        /// How much it holds.
        ciphertext_bytes: u64,
    },
    /// No ciphertext of this cipher has that length.
    #[error(
        "{ciphertext_bytes} bytes are no {cipher} ciphertext, which comes in whole blocks of {block_bytes} bytes"
    )]
    CiphertextLength {
        /// The length of the object.
        ciphertext_bytes: u64,
        /// The cipher of the envelope.
        cipher: Cipher,
        /// Its block size.
        block_bytes: u64,
    },
    /// The file would be longer than 2^64 bytes.
    #[error("{ciphertext_bytes} bytes are too many for one file")]
    TooLong {
        /// The length of the object.
        ciphertext_bytes: u64,
    },
}

impl EnvelopeError {
    /// The class that decides what happens next.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        FailureClass::Corrupt
    }
}

impl Envelope {
    /// Reads the `pkcs7` text of the metadata: PEM of any line length, or bare base64; at most 1 MiB. BER is taken and
    /// turned into DER; an empty `encryptedContent` counts as absent.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn from_text(text: &str) -> Result<Self, EnvelopeError> {
        if text.len() > KEPT_BYTES_MAX {
            return Err(EnvelopeError::TooLarge {
                limit_bytes: KEPT_BYTES_MAX,
            });
        }
        Self::from_ber(&pem::decode(text)?)
    }

    /// Reads the bytes of an envelope, BER or DER.
    ///
    /// # Errors
    /// [`EnvelopeError`], all but those about text.
    pub fn from_ber(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let mut reader = Reader::default();
        reader.feed(bytes, &mut |_| {})?;
        let read = reader.finish()?;
        match read.ciphertext_bytes {
            None | Some(0) => Ok(Self::from_read(read)),
            Some(ciphertext_bytes) => Err(EnvelopeError::Complete { ciphertext_bytes }),
        }
    }

    /// What was read of a file, without its ciphertext.
    pub(super) fn from_read(read: Read) -> Self {
        Self {
            head: read.head,
            suffix: read.suffix,
        }
    }

    /// One that nothing stands behind the ciphertext of.
    pub(super) fn from_head(head: Head) -> Self {
        Self {
            head,
            suffix: Bytes::new(),
        }
    }

    /// What stands around a ciphertext of this length, in definite-length DER.
    ///
    /// # Errors
    /// [`EnvelopeError::CiphertextLength`] when no ciphertext of the envelope's cipher can have this length,
    /// [`EnvelopeError::TooLong`] when the file's length would not fit 64 bits.
    pub fn frame(&self, ciphertext_bytes: u64) -> Result<Frame, EnvelopeError> {
        if let Some(block_bytes) = self.head.cipher.broken_block(ciphertext_bytes) {
            return Err(EnvelopeError::CiphertextLength {
                ciphertext_bytes,
                cipher: self.head.cipher.clone(),
                block_bytes,
            });
        }
        let head = self
            .lengths(Some(ciphertext_bytes))
            .map(|lengths| self.write_head(&lengths, Some(ciphertext_bytes)))
            .ok_or(EnvelopeError::TooLong { ciphertext_bytes })?;
        Ok(Frame {
            head: head.into(),
            tail: self.suffix.clone(),
        })
    }

    /// The envelope itself in DER, without `encryptedContent`.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let lengths = self.lengths(None).unwrap_or_default();
        let mut der = self.write_head(&lengths, None);
        der.extend_from_slice(&self.suffix);
        der
    }

    /// The recipients in words: issuer and serial number, or key id.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        self.head.recipients()
    }

    /// The recipients with the content key encrypted for each.
    #[must_use]
    pub fn recipient_infos(&self) -> &[RecipientInfo] {
        self.head.recipient_infos()
    }

    /// How the content is encrypted.
    #[must_use]
    pub fn cipher(&self) -> &Cipher {
        self.head.cipher()
    }

    /// Everything that stands before the ciphertext.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// DER of what follows the `EncryptedContentInfo`: `unprotectedAttrs` of `EnvelopedData`; `authAttrs`, `mac` and
    /// `unauthAttrs` of `AuthEnvelopedData`. Empty when there is nothing.
    #[must_use]
    pub fn suffix(&self) -> &[u8] {
        &self.suffix
    }

    /// The lengths of all elements around a ciphertext; `None` when one does not fit 64 bits.
    fn lengths(&self, ciphertext_bytes: Option<u64>) -> Option<Lengths> {
        // Lengths in memory always fit 64 bits.
        let kept = |bytes: &[u8]| bytes.len() as u64;
        let element = |content: u64| content.checked_add(1 + length_bytes(content));
        let sum = |parts: &[u64]| {
            parts
                .iter()
                .try_fold(0_u64, |sum, part| sum.checked_add(*part))
        };
        let content = match ciphertext_bytes {
            Some(bytes) => element(bytes)?,
            None => 0,
        };
        let head = &self.head;
        let content_info = sum(&[kept(&head.content_type), kept(&head.algorithm), content])?;
        let enveloped = sum(&[
            kept(&head.prefix),
            element(content_info)?,
            kept(&self.suffix),
        ])?;
        let explicit = element(enveloped)?;
        let outer = sum(&[element(kept(head.kind.oid()))?, element(explicit)?])?;
        // The length of the file is written nowhere, but it must exist.
        let _file = element(outer)?;
        Some(Lengths {
            content_info,
            enveloped,
            explicit,
            outer,
        })
    }

    fn write_head(&self, lengths: &Lengths, ciphertext_bytes: Option<u64>) -> Vec<u8> {
        let head = &self.head;
        let mut out = Vec::with_capacity(head.prefix.len() + head.algorithm.len() + 96);
        let mut begin = |tag: Tag, length: u64, content: &[u8]| {
            tag.write(&mut out);
            write_length(length, &mut out);
            out.extend_from_slice(content);
        };
        let oid = head.kind.oid();
        begin(Tag::SEQUENCE, lengths.outer, &[]);
        begin(Tag::OID, oid.len() as u64, oid);
        begin(Tag::context(0).constructed(), lengths.explicit, &[]);
        begin(Tag::SEQUENCE, lengths.enveloped, &head.prefix);
        begin(Tag::SEQUENCE, lengths.content_info, &head.content_type);
        out.extend_from_slice(&head.algorithm);
        if let Some(bytes) = ciphertext_bytes {
            Tag::context(0).write(&mut out);
            write_length(bytes, &mut out);
        }
        out
    }
}

/// Content lengths of the elements around the ciphertext, from the inside out.
#[derive(Debug, Default)]
struct Lengths {
    content_info: u64,
    enveloped: u64,
    explicit: u64,
    outer: u64,
}
