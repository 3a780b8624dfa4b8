//! An RSA private key: checked once, known by its public half.

use std::fmt;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::rsa::{OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::file::KeyError;
use crate::cms::ber::Tag;
use crate::cms::der;

/// Content octets of 1.2.840.113549.1.1.1, `rsaEncryption` (RFC 8017, A.1).
pub(in crate::cms) const RSA_ENCRYPTION: &[u8] =
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// The shortest modulus, in bits. Shorter keys can be broken.
const MODULUS_BITS_MIN: usize = 2048;
/// The longest modulus, in bits: what the cipher library computes with.
const MODULUS_BITS_MAX: usize = 8192;
/// Public exponents up to this one are refused: they have helped attackers more than once.
const EXPONENT_REFUSED: u64 = 1 << 16;

/// What keys may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyRules {
    /// Also keys with a public exponent of 2^16 and less (such as 3), as old programs made them.
    pub allow_legacy: bool,
}

/// A private key, from where it was read, and the certificates known to belong to it.
///
/// The secret lives in the cipher library, which wipes it; neither debug form nor any text of it shows it.
pub struct PrivateKey {
    pub(in crate::cms) pkcs1: Pkcs1PrivateDecryptingKey,
    pub(in crate::cms) oaep: OaepPrivateDecryptingKey,
    source: String,
    /// DER of the `RSAPublicKey`.
    pub(super) public_key_der: Vec<u8>,
    /// Key identifiers made of the public key in the ways that certificates have them.
    pub(super) key_ids: [Vec<u8>; 2],
    pub(super) certificates: Vec<Certificate>,
    /// Certificates of it that lay elsewhere. There may be more of which nobody knows, so they only help to find it.
    pub(super) lent: Vec<Certificate>,
    /// What messages call the same key, where it was given more than once.
    pub(super) copies: Vec<String>,
}

impl PrivateKey {
    /// Takes a key in PKCS#8 (RFC 5208) in DER; `source` is what messages call it, such as its file name.
    ///
    /// # Errors
    /// [`KeyError`] when it is no RSA key, or one that may not be used.
    pub fn from_pkcs8(der: &[u8], source: &str, rules: KeyRules) -> Result<Self, KeyError> {
        let rsa = rsa_private_key(der).ok_or(KeyError::NotRsa)?;
        let numbers = Numbers::read(rsa).ok_or(KeyError::Malformed)?;
        numbers.check(rules)?;
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| KeyError::Malformed)?;
        let public_key_der = der::sequence(&[numbers.modulus_der, numbers.exponent_der]);
        // RFC 5280, 4.2.1.2, method 1; RFC 7093, method 1.
        let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, &public_key_der);
        let sha256 = digest(&SHA256, &public_key_der);
        Ok(Self {
            pkcs1: Pkcs1PrivateDecryptingKey::new(key.clone()).map_err(|_| KeyError::Malformed)?,
            oaep: OaepPrivateDecryptingKey::new(key).map_err(|_| KeyError::Malformed)?,
            source: crate::text::printable(source),
            key_ids: [sha1.as_ref().to_vec(), sha256.as_ref()[..20].to_vec()],
            public_key_der,
            certificates: Vec::new(),
            lent: Vec::new(),
            copies: Vec::new(),
        })
    }

    /// Takes a key in PKCS#1 (`RSAPrivateKey`, RFC 8017, A.1.2) in DER.
    ///
    /// # Errors
    /// As [`Self::from_pkcs8`].
    pub fn from_pkcs1(der: &[u8], source: &str, rules: KeyRules) -> Result<Self, KeyError> {
        Self::from_pkcs8(&pkcs8_around(der), source, rules)
    }

    /// What messages call it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What messages call the same key where it was given once more.
    #[must_use]
    pub fn copies(&self) -> &[String] {
        &self.copies
    }

    /// The certificates that were named as belonging to it.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// All certificates that are known to belong to it, also those that nobody named.
    pub fn all_certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.certificates.iter().chain(&self.lent)
    }

    /// Length of the modulus, which is that of every key encrypted with it, in bytes.
    #[must_use]
    pub fn modulus_bytes(&self) -> usize {
        self.pkcs1.key_size_bytes()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("source", &self.source)
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}

/// Whether files may be sealed for a key: the private half of any other would be refused when they are to be opened.
pub(in crate::cms) fn may_be_sealed_for(public_key_der: &[u8]) -> bool {
    Numbers::of_public(public_key_der)
        .is_some_and(|numbers| numbers.check(KeyRules::default()).is_ok())
}

/// The public numbers of a key, as INTEGER elements.
struct Numbers<'a> {
    modulus_der: &'a [u8],
    exponent_der: &'a [u8],
    modulus: &'a [u8],
    exponent: &'a [u8],
}

impl<'a> Numbers<'a> {
    /// From an `RSAPrivateKey` (RFC 8017, A.1.2).
    fn read(rsa: &'a [u8]) -> Option<Self> {
        let mut content = der::only(rsa, Tag::SEQUENCE)?;
        der::take_tagged(&mut content, Tag::INTEGER)?;
        Self::next(content)
    }

    /// From an `RSAPublicKey` (RFC 8017, A.1.1).
    fn of_public(public_key: &'a [u8]) -> Option<Self> {
        Self::next(der::only(public_key, Tag::SEQUENCE)?)
    }

    fn next(mut content: &'a [u8]) -> Option<Self> {
        let modulus = der::take_tagged(&mut content, Tag::INTEGER)?;
        let exponent = der::take_tagged(&mut content, Tag::INTEGER)?;
        Some(Self {
            modulus_der: modulus.whole,
            exponent_der: exponent.whole,
            modulus: without_zeros(modulus.content),
            exponent: without_zeros(exponent.content),
        })
    }

    fn check(&self, rules: KeyRules) -> Result<(), KeyError> {
        let bits = match self.modulus.first() {
            Some(first) => self.modulus.len() * 8 - first.leading_zeros() as usize,
            None => 0,
        };
        if !(MODULUS_BITS_MIN..=MODULUS_BITS_MAX).contains(&bits) {
            return Err(KeyError::Size { bits });
        }
        let is_odd = self.exponent.last().is_some_and(|last| last % 2 == 1);
        let is_large = self.exponent.len() > 8
            || self
                .exponent
                .iter()
                .fold(0, |e, byte| e << 8 | u64::from(*byte))
                > EXPONENT_REFUSED;
        if !is_odd || !(is_large || rules.allow_legacy) {
            return Err(KeyError::Exponent);
        }
        Ok(())
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|byte| **byte == 0).count()..]
}

/// The `RSAPrivateKey` inside PKCS#8; `None` for a key of another kind.
fn rsa_private_key(pkcs8: &[u8]) -> Option<&[u8]> {
    let mut content = der::only(pkcs8, Tag::SEQUENCE)?;
    der::take_tagged(&mut content, Tag::INTEGER)?;
    let mut algorithm = der::take_tagged(&mut content, Tag::SEQUENCE)?.content;
    let oid = der::take_tagged(&mut algorithm, Tag::OID)?.content;
    let key = der::take_tagged(&mut content, Tag::OCTET_STRING)?.content;
    (oid == RSA_ENCRYPTION).then_some(key)
}

/// PKCS#8 around PKCS#1, which is the only form that the cipher library reads.
fn pkcs8_around(pkcs1: &[u8]) -> Zeroizing<Vec<u8>> {
    const VERSION_0: &[u8] = &[0x02, 1, 0];
    const NULL: &[u8] = &[0x05, 0];
    let oid = der::element(Tag::OID, &[RSA_ENCRYPTION]);
    let algorithm = der::sequence(&[&oid, NULL]);
    let key = Zeroizing::new(der::element(Tag::OCTET_STRING, &[pkcs1]));
    Zeroizing::new(der::sequence(&[VERSION_0, &algorithm, &key]))
}
