//! Ciphertext into clear bytes, in pieces of any size.

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, StreamingDecryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::error::OpenError;
use super::gcm::{Gcm, GcmParameters};
use crate::cms::ber::Tag;
use crate::cms::cipher::Cipher;
use crate::cms::der;
use crate::cms::head::{ContentKind, Head};

/// Clear bytes are handed out in pieces of at most this size, which is also the memory a stream needs.
const PIECE_BYTES: usize = 64 << 10;

/// The longest block of any cipher.
const BLOCK_BYTES_MAX: usize = 16;

/// A cipher with its parameters, everything but the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scheme {
    /// AES in CBC mode with PKCS #7 padding (RFC 3565).
    AesCbc(&'static Algorithm, [u8; 16]),
    /// Triple DES in the same mode (RFC 3370).
    TripleDesCbc([u8; 8]),
    /// AES in GCM (RFC 5084).
    Gcm(&'static Algorithm, GcmParameters),
}

impl Scheme {
    /// What the head says.
    pub(super) fn of(head: &Head, allow_legacy: bool) -> Result<Self, OpenError> {
        let cipher = head.cipher();
        let scheme = match (head.kind(), cipher) {
            (ContentKind::EnvelopedData, Cipher::Aes128Cbc) => cbc(head, &AES_128),
            (ContentKind::EnvelopedData, Cipher::Aes192Cbc) => cbc(head, &AES_192),
            (ContentKind::EnvelopedData, Cipher::Aes256Cbc) => cbc(head, &AES_256),
            (ContentKind::EnvelopedData, Cipher::TripleDesCbc) if !allow_legacy => {
                return Err(OpenError::Outdated {
                    cipher: cipher.clone(),
                });
            }
            (ContentKind::EnvelopedData, Cipher::TripleDesCbc) => iv(head).map(Self::TripleDesCbc),
            (ContentKind::AuthEnvelopedData, Cipher::Aes128Gcm) => gcm(head, &AES_128),
            (ContentKind::AuthEnvelopedData, Cipher::Aes192Gcm) => gcm(head, &AES_192),
            (ContentKind::AuthEnvelopedData, Cipher::Aes256Gcm) => gcm(head, &AES_256),
            _ => {
                return Err(OpenError::Cipher {
                    cipher: cipher.clone(),
                });
            }
        };
        scheme.ok_or_else(|| OpenError::Parameters {
            cipher: cipher.clone(),
        })
    }

    /// Length of the key.
    pub(super) fn key_bytes(&self) -> usize {
        match self {
            Self::TripleDesCbc(_) => 24,
            Self::AesCbc(algorithm, _) | Self::Gcm(algorithm, _) => {
                match (*algorithm == &AES_128, *algorithm == &AES_192) {
                    (true, _) => 16,
                    (_, true) => 24,
                    _ => 32,
                }
            }
        }
    }
}

fn cbc(head: &Head, algorithm: &'static Algorithm) -> Option<Scheme> {
    Some(Scheme::AesCbc(algorithm, iv(head)?))
}

fn gcm(head: &Head, algorithm: &'static Algorithm) -> Option<Scheme> {
    let parameters = GcmParameters::read(head.cipher_parameters())?;
    Some(Scheme::Gcm(algorithm, parameters))
}

fn iv<const BYTES: usize>(head: &Head) -> Option<[u8; BYTES]> {
    der::only(head.cipher_parameters(), Tag::OCTET_STRING)?
        .try_into()
        .ok()
}

/// The 3DES of the library, which calls it deprecated to warn those who would encrypt with it.
#[expect(deprecated, reason = "read on request only, never written")]
pub(super) fn triple_des() -> &'static Algorithm {
    &aws_lc_rs::cipher::DES_EDE3_FOR_LEGACY_USE_ONLY
}

pub(super) fn triple_des_iv(iv: [u8; 8]) -> DecryptionContext {
    DecryptionContext::Iv64(FixedLength::from(iv))
}

/// A content on its way.
pub(super) struct Stream {
    kind: Kind,
    buffer: Box<[u8]>,
    pub(super) clear_bytes: u64,
}

enum Kind {
    Cbc(StreamingDecryptingKey),
    Gcm(Box<Gcm>),
    /// The library does not take this key (a weak key of DES). Nothing comes out, and the end says that it does not
    /// open.
    Refused,
}

/// The key does not open the content, or the content is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// Padding, tag or key.
    DoesNotOpen,
    /// What should hold the tag is not there.
    Suffix,
    /// More than GCM can encrypt.
    TooLong,
}

impl Stream {
    pub(super) fn begin(scheme: &Scheme, key: &Zeroizing<Vec<u8>>) -> Self {
        let kind = match scheme {
            Scheme::AesCbc(algorithm, iv) => {
                let context = DecryptionContext::Iv128(FixedLength::from(*iv));
                cbc_key(algorithm, key, context)
            }
            Scheme::TripleDesCbc(iv) => cbc_key(triple_des(), key, triple_des_iv(*iv)),
            Scheme::Gcm(algorithm, parameters) => {
                Gcm::begin(algorithm, key, parameters).map(|gcm| Kind::Gcm(Box::new(gcm)))
            }
        };
        Self {
            kind: kind.unwrap_or(Kind::Refused),
            buffer: vec![0; PIECE_BYTES + BLOCK_BYTES_MAX].into(),
            clear_bytes: 0,
        }
    }

    /// The next ciphertext; clear bytes come as they are known, in CBC one block later.
    pub(super) fn update(
        &mut self,
        ciphertext: &[u8],
        clear: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Broken> {
        for piece in ciphertext.chunks(PIECE_BYTES) {
            let len = match &mut self.kind {
                Kind::Cbc(key) => key
                    .update(piece, &mut self.buffer)
                    .map_err(|_| Broken::DoesNotOpen)?
                    .written()
                    .len(),
                Kind::Gcm(gcm) => gcm.update(piece, &mut self.buffer)?,
                Kind::Refused => 0,
            };
            let written = &self.buffer[..len];
            self.clear_bytes += written.len() as u64;
            clear(written);
        }
        Ok(())
    }

    /// The end of the ciphertext, and the DER of what follows it in the file.
    pub(super) fn finish(
        mut self,
        suffix: &[u8],
        clear: &mut dyn FnMut(&[u8]),
    ) -> Result<u64, Broken> {
        match self.kind {
            Kind::Cbc(key) => {
                let update = key
                    .finish(&mut self.buffer)
                    .map_err(|_| Broken::DoesNotOpen)?;
                self.clear_bytes += update.written().len() as u64;
                clear(update.written());
            }
            Kind::Gcm(gcm) => gcm.finish(suffix)?,
            Kind::Refused => return Err(Broken::DoesNotOpen),
        }
        Ok(self.clear_bytes)
    }
}

fn cbc_key(algorithm: &'static Algorithm, key: &[u8], context: DecryptionContext) -> Option<Kind> {
    let key = UnboundCipherKey::new(algorithm, key).ok()?;
    StreamingDecryptingKey::cbc_pkcs7(key, context)
        .ok()
        .map(Kind::Cbc)
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("clear_bytes", &self.clear_bytes)
            .finish_non_exhaustive()
    }
}
