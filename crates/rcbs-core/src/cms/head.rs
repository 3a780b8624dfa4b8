//! What stands before the ciphertext of an enveloped file: its kind, its recipients and its cipher.

use bytes::Bytes;

use super::ber::{Header, Tag};
use super::cipher::Cipher;
use super::der;
use super::recipient::RecipientInfo;

/// Which of the two structures a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    /// `EnvelopedData` (RFC 5652).
    EnvelopedData,
    /// `AuthEnvelopedData` (RFC 5083), what GCM needs.
    AuthEnvelopedData,
}

impl ContentKind {
    /// The content octets of its object identifier: 1.2.840.113549.1.7.3 or 1.2.840.113549.1.9.16.1.23.
    pub(super) fn oid(self) -> &'static [u8] {
        match self {
            Self::EnvelopedData => &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03],
            Self::AuthEnvelopedData => &[
                0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17,
            ],
        }
    }

    pub(super) fn from_oid(oid: &[u8]) -> Option<Self> {
        [Self::EnvelopedData, Self::AuthEnvelopedData]
            .into_iter()
            .find(|kind| kind.oid() == oid)
    }
}

/// What stands before the ciphertext. Everything a key has to be chosen by and the ciphertext be opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub(super) kind: ContentKind,
    pub(super) recipients: Vec<RecipientInfo>,
    pub(super) cipher: Cipher,
    /// DER of `version`, `originatorInfo` and `recipientInfos`.
    pub(super) prefix: Bytes,
    /// DER of the `contentType` of the encrypted content.
    pub(super) content_type: Bytes,
    /// DER of `contentEncryptionAlgorithm`; the parameters are its last bytes.
    pub(super) algorithm: Bytes,
    pub(super) parameters_bytes: usize,
}

impl Head {
    /// Which structure it is.
    #[must_use]
    pub fn kind(&self) -> ContentKind {
        self.kind
    }

    /// The recipients, 1 to 64.
    #[must_use]
    pub fn recipient_infos(&self) -> &[RecipientInfo] {
        &self.recipients
    }

    /// The recipients in words: issuer and serial number, or key id.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        self.recipients
            .iter()
            .map(|info| info.recipient.to_string())
            .collect()
    }

    /// How the content is encrypted.
    #[must_use]
    pub fn cipher(&self) -> &Cipher {
        &self.cipher
    }

    /// The parameters of the cipher in DER (for CBC an OCTET STRING, the initialization vector); empty when absent.
    #[must_use]
    pub fn cipher_parameters(&self) -> &[u8] {
        &self.algorithm[self.algorithm.len() - self.parameters_bytes..]
    }
}

/// Whether the first bytes of a file (at least 32 wanted) are those of a CMS `EnvelopedData` or `AuthEnvelopedData`.
#[must_use]
pub fn begins_like_enveloped_data(first: &[u8]) -> bool {
    let Ok(Some(outer)) = Header::read(first) else {
        return false;
    };
    let mut inside = &first[outer.bytes..];
    outer.tag == Tag::SEQUENCE
        && der::take_tagged(&mut inside, Tag::OID)
            .is_some_and(|oid| ContentKind::from_oid(oid.content).is_some())
}
