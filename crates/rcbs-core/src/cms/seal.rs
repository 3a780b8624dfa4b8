//! Seals clear bytes for the holders of certificates, in a stream: `EnvelopedData` with AES-CBC, as the recording cloud has it.

use std::fmt;

use aws_lc_rs::cipher::{
    AES_128, AES_256, Algorithm, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use bytes::Bytes;
use zeroize::Zeroizing;

use super::ber::Tag;
use super::cipher::Cipher;
use super::der;
use super::envelope::Envelope;
use super::head::{ContentKind, Head};
use super::keys::{Certificate, RSA_ENCRYPTION};
use super::recipient::{RECIPIENTS_MAX, recipient_infos};

const BLOCK_BYTES: usize = 16;

/// DER of NULL.
const NULL: &[u8] = &[0x05, 0];
/// Content octets of 1.2.840.113549.1.7.1, `id-data` (RFC 5652, 4).
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

/// The ciphers that this program encrypts with, by the names of the manual (`encryptionFormat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealCipher {
    /// AES-128-CBC.
    Aes128,
    /// AES-256-CBC.
    Aes256,
}

/// For whom something is sealed, and with which cipher. Made once, used for any number of files.
pub struct Seal {
    cipher: SealCipher,
    holders: Vec<Holder>,
}

/// Somebody who can open what is sealed.
struct Holder {
    /// In words.
    text: String,
    /// DER of `IssuerAndSerialNumber` (RFC 5652, 10.2.4).
    id: Vec<u8>,
    /// DER of `SubjectPublicKeyInfo`.
    key_info: Vec<u8>,
    key: Pkcs1PublicEncryptingKey,
}

/// Why nothing can be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Nobody could ever open it.
    #[error("there is no certificate to encrypt for")]
    Nobody,
    /// More than one file may have.
    #[error("there are {count} certificates, and a file can be encrypted for {RECIPIENTS_MAX}")]
    TooMany {
        /// How many different ones there are.
        count: usize,
    },
    /// A key of another kind, or one that this program would refuse to open files with.
    #[error(
        "the certificate {certificate} has no RSA key of 2048 to 8192 bits with a public exponent above 65536"
    )]
    Key {
        /// Issuer and serial number in words.
        certificate: String,
    },
    /// Two keys under one name: a file could not say which of them opens it.
    #[error("two certificates with different keys are both called {certificate}")]
    SameName {
        /// Issuer and serial number in words.
        certificate: String,
    },
    /// The sealed file would be longer than 2^64 bytes.
    #[error("{clear_bytes} bytes are too many for one file")]
    TooLong {
        /// Length of the clear bytes.
        clear_bytes: u64,
    },
    /// The system gives no random bytes, or the cipher library fails.
    #[error("the cipher library failed")]
    Library,
}

impl SealCipher {
    fn cipher(self) -> Cipher {
        match self {
            Self::Aes128 => Cipher::Aes128Cbc,
            Self::Aes256 => Cipher::Aes256Cbc,
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Aes128 => &AES_128,
            Self::Aes256 => &AES_256,
        }
    }

    fn key_bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 => 32,
        }
    }
}

impl Seal {
    /// Seals for the holders of all of these certificates, 1 to 64; one that comes twice counts once.
    ///
    /// # Errors
    /// [`SealError`] when a certificate cannot be encrypted for: leaving one out would lock its holder out.
    pub fn new(cipher: SealCipher, certificates: &[Certificate]) -> Result<Self, SealError> {
        let mut holders: Vec<Holder> = Vec::new();
        for certificate in certificates {
            let holder = Holder::new(certificate)?;
            match holders.iter().find(|other| other.id == holder.id) {
                None => holders.push(holder),
                Some(other) if other.key_info == holder.key_info => {}
                Some(_) => {
                    return Err(SealError::SameName {
                        certificate: holder.text,
                    });
                }
            }
        }
        match holders.len() {
            0 => Err(SealError::Nobody),
            1..=RECIPIENTS_MAX => Ok(Self { cipher, holders }),
            count => Err(SealError::TooMany { count }),
        }
    }

    /// For whom, in words: issuer and serial number.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        let texts = self.holders.iter().map(|holder| holder.text.clone());
        texts.collect()
    }

    /// Begins a file for `clear_bytes` clear bytes: gives what stands before the ciphertext, in definite-length DER.
    /// The key for the content is made anew for each file.
    ///
    /// # Errors
    /// [`SealError::TooLong`], [`SealError::Library`].
    pub fn begin(&self, clear_bytes: u64) -> Result<(Bytes, Sealer), SealError> {
        let too_long = || SealError::TooLong { clear_bytes };
        let blocks = clear_bytes / BLOCK_BYTES as u64 + 1;
        let ciphertext_bytes = blocks
            .checked_mul(BLOCK_BYTES as u64)
            .ok_or_else(too_long)?;
        let mut key = Zeroizing::new(vec![0; self.cipher.key_bytes()]);
        let mut vector = [0; BLOCK_BYTES];
        rand::fill(&mut key).map_err(|_| SealError::Library)?;
        rand::fill(&mut vector).map_err(|_| SealError::Library)?;
        let envelope = self.envelope(&key, &vector)?;
        let frame = envelope.frame(ciphertext_bytes).map_err(|_| too_long())?;
        let stream = UnboundCipherKey::new(self.cipher.algorithm(), &key)
            .and_then(|key| {
                let vector = EncryptionContext::Iv128(FixedLength::from(vector));
                StreamingEncryptingKey::less_safe_cbc_pkcs7(key, vector)
            })
            .map_err(|_| SealError::Library)?;
        Ok((frame.head, Sealer(stream)))
    }

    /// Everything but the ciphertext (RFC 5652, 6.1): version 0, because all recipients are named by issuer and serial
    /// number.
    fn envelope(&self, key: &[u8], vector: &[u8]) -> Result<Envelope, SealError> {
        let mut infos = Vec::with_capacity(self.holders.len());
        for holder in &self.holders {
            infos.push(holder.recipient_info(key)?);
        }
        // The order of a SET OF in DER (X.690, 11.6).
        infos.sort_unstable();
        let infos: Vec<&[u8]> = infos.iter().map(Vec::as_slice).collect();
        let content = Bytes::from(infos.concat());
        let recipients = recipient_infos(&content).map_err(|_| SealError::Library)?;
        let set = der::element(Tag::SET, &[&content]);
        let cipher = self.cipher.cipher();
        let oid = der::element(Tag::OID, &[cipher.oid().unwrap_or_default()]);
        let parameters = der::element(Tag::OCTET_STRING, &[vector]);
        Ok(Envelope::from_head(Head {
            kind: ContentKind::EnvelopedData,
            recipients,
            cipher,
            prefix: [VERSION_0, &set].concat().into(),
            content_type: der::element(Tag::OID, &[DATA]).into(),
            algorithm: der::sequence(&[&oid, &parameters]).into(),
            parameters_bytes: parameters.len(),
        }))
    }
}

/// DER of the INTEGER 0.
const VERSION_0: &[u8] = &[0x02, 1, 0];

impl Holder {
    fn new(certificate: &Certificate) -> Result<Self, SealError> {
        let refused = || SealError::Key {
            certificate: certificate.to_string(),
        };
        let key_info = certificate.public_key_info().ok_or_else(refused)?;
        let key = PublicEncryptingKey::from_der(&key_info).map_err(|_| refused())?;
        Ok(Self {
            text: certificate.to_string(),
            id: certificate.issuer_and_serial(),
            key: Pkcs1PublicEncryptingKey::new(key).map_err(|_| refused())?,
            key_info,
        })
    }

    /// `KeyTransRecipientInfo` (RFC 5652, 6.2.1) with RSA PKCS#1 v1.5, the only key transport that the manual's
    /// `openssl smime -decrypt` knows.
    fn recipient_info(&self, content_key: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut encrypted = vec![0; self.key.ciphertext_size()];
        let encrypted = self
            .key
            .encrypt(content_key, &mut encrypted)
            .map_err(|_| SealError::Library)?;
        let oid = der::element(Tag::OID, &[RSA_ENCRYPTION]);
        let algorithm = der::sequence(&[&oid, NULL]);
        let encrypted = der::element(Tag::OCTET_STRING, &[encrypted]);
        Ok(der::sequence(&[
            VERSION_0, &self.id, &algorithm, &encrypted,
        ]))
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal")
            .field("cipher", &self.cipher)
            .field("recipients", &self.recipients())
            .finish()
    }
}

/// A file on its way. Nothing stands behind its ciphertext.
pub struct Sealer(StreamingEncryptingKey);

impl Sealer {
    /// Ciphertext for the next clear bytes, up to a block less than came in.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn update(&mut self, clear: &[u8]) -> Result<Bytes, SealError> {
        let mut out = vec![0; clear.len() + BLOCK_BYTES];
        let written = self.0.update(clear, &mut out);
        let len = written.map_err(|_| SealError::Library)?.written().len();
        out.truncate(len);
        Ok(out.into())
    }

    /// The last block, with the padding.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn finish(self) -> Result<Bytes, SealError> {
        let mut out = vec![0; BLOCK_BYTES];
        let (_, written) = self.0.finish(&mut out).map_err(|_| SealError::Library)?;
        Ok(Bytes::copy_from_slice(written.written()))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cms::keys::{KeyFile, KeyRules};
    use crate::cms::{KeyRing, OpenRules, Opener, Walker};

    const KEYS: [&[u8]; 2] = [
        include_bytes!("../../../../testdata/cms/one.key.pem"),
        include_bytes!("../../../../testdata/cms/two.key.pem"),
    ];
    const CERTIFICATES: [&[u8]; 2] = [
        include_bytes!("../../../../testdata/cms/one.cert.pem"),
        include_bytes!("../../../../testdata/cms/two.cert.pem"),
    ];

    fn certificates() -> Vec<Certificate> {
        let read = |pem: &&[u8]| KeyFile::read(pem).unwrap().into_certificates().unwrap();
        CERTIFICATES.iter().flat_map(read).collect()
    }

    /// A ring of one key with its certificate.
    fn ring(which: usize) -> KeyRing {
        let file = KeyFile::read(KEYS[which]).unwrap();
        let keys = file.unlock(None, "key", KeyRules::default()).unwrap().keys;
        KeyRing::new(keys, &certificates()[which..=which])
    }

    fn seal(seal: &Seal, clear: &[u8], piece_bytes: usize) -> Vec<u8> {
        let (head, mut sealer) = seal.begin(clear.len() as u64).unwrap();
        let mut file = head.to_vec();
        for piece in clear.chunks(piece_bytes) {
            file.extend_from_slice(&sealer.update(piece).unwrap());
        }
        file.extend_from_slice(&sealer.finish().unwrap());
        file
    }

    fn open(file: &[u8], ring: &KeyRing) -> Vec<u8> {
        let mut clear = Vec::new();
        let mut opener = Opener::new(ring, OpenRules::default());
        opener
            .feed(file, |bytes| clear.extend_from_slice(bytes))
            .unwrap();
        opener
            .finish(|bytes| clear.extend_from_slice(bytes))
            .unwrap();
        clear
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_was_sealed_opens_with_either_key(
            clear in proptest::collection::vec(any::<u8>(), 1..5_000),
            piece_bytes in 1_usize..6_000,
            long in any::<bool>(),
        ) {
            let cipher = if long { SealCipher::Aes256 } else { SealCipher::Aes128 };
            let sealing = Seal::new(cipher, &certificates()).unwrap();
            let file = seal(&sealing, &clear, piece_bytes);
            let mut walker = Walker::new();
            walker.feed(&file).unwrap();
            let walked = walker.finish().unwrap();
            prop_assert_eq!(walked.cipher, cipher.cipher());
            let mut expected = sealing.recipients();
            let mut found = walked.recipients;
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
            for which in 0..2 {
                prop_assert_eq!(&open(&file, &ring(which)), &clear);
            }
        }
    }

    #[test]
    fn every_file_has_a_key_of_its_own() {
        let sealing = Seal::new(SealCipher::Aes128, &certificates()[..1]).unwrap();
        let (one, two) = (seal(&sealing, b"same", 4), seal(&sealing, b"same", 4));
        assert_eq!(one.len(), two.len());
        let tail = |file: &[u8]| file[file.len() - BLOCK_BYTES..].to_vec();
        assert_ne!(tail(&one), tail(&two));
    }

    #[test]
    fn whoever_cannot_be_sealed_for_is_named() {
        let certificates = certificates();
        let twice = [certificates[0].clone(), certificates[0].clone()];
        let once = Seal::new(SealCipher::Aes128, &twice).unwrap();
        assert_eq!(once.recipients(), [certificates[0].to_string()]);
        let error = |certificates: &[Certificate]| {
            Seal::new(SealCipher::Aes128, certificates)
                .map(|_| ())
                .unwrap_err()
        };
        assert_eq!(error(&[]), SealError::Nobody);
        // Another key under the name of the first, as a renewal with `-set_serial` makes it.
        let renewed = KeyFile::read(include_bytes!("../../../../testdata/cms/renewed.cert.pem"));
        let renewed = renewed.unwrap().into_certificates().unwrap();
        assert_eq!(renewed[0].to_string(), certificates[0].to_string());
        assert_eq!(
            error(&[certificates[0].clone(), renewed[0].clone()]),
            SealError::SameName {
                certificate: renewed[0].to_string()
            }
        );
        let small = KeyFile::read(include_bytes!(
            "../../../../testdata/cms/exponent3.cert.pem"
        ));
        let small = small.unwrap().into_certificates().unwrap();
        assert!(matches!(error(&small), SealError::Key { .. }));
        let elliptic = KeyFile::read(include_bytes!("../../../../testdata/config/ca.pem"));
        let elliptic = elliptic.unwrap().into_certificates().unwrap();
        assert_eq!(
            error(&[certificates[0].clone(), elliptic[0].clone()]),
            SealError::Key {
                certificate: elliptic[0].to_string()
            }
        );
    }

    #[test]
    fn a_length_that_no_file_can_have_is_refused() {
        let sealing = Seal::new(SealCipher::Aes128, &certificates()).unwrap();
        for clear_bytes in [u64::MAX, u64::MAX - 20, u64::MAX - 600] {
            let begun = sealing.begin(clear_bytes).map(|_| ());
            assert_eq!(begun, Err(SealError::TooLong { clear_bytes }));
        }
        sealing.begin(1 << 60).unwrap();
    }
}
