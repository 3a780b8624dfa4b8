//! Reads the bytes of a key file, in every form that keys are kept in: PEM and DER, PKCS#1, PKCS#8, PKCS#12.

use base64::Engine as _;
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::private::{KeyRules, PrivateKey};
use crate::cms::ber::Tag;
use crate::cms::der;

/// How often all key derivations of a file together may repeat their hash, and the product of the parameters of scrypt. A
/// hostile file could otherwise ask for hours, or for all memory: scrypt holds up to 128 bytes for each.
const ROUNDS_MAX: u64 = 10_000_000;

/// How often each derivation of a PKCS#12 file may, which is as far as the library goes.
const PKCS12_ROUNDS_MAX: u64 = 1_000_000;

/// Elements within each other that are looked through for such numbers. In PKCS#12 they are below sixteen.
const DEPTH_MAX: usize = 24;

/// A key file as it lies there: clear parts, and parts that want a passphrase.
#[derive(Debug)]
pub struct KeyFile {
    keys: Vec<Part>,
    certificates: Vec<Certificate>,
}

/// What a key file gave.
#[derive(Debug, Default)]
pub struct Material {
    /// Private keys.
    pub keys: Vec<PrivateKey>,
    /// Certificates that lay beside them; whose they are is for the key ring to find.
    pub certificates: Vec<Certificate>,
}

/// Why a key file gives no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing that is a key or a certificate.
    #[error("it holds no private key in PEM, DER or PKCS#12")]
    Unknown,
    /// A certificate, where a key is wanted.
    #[error("it holds a certificate, but no private key")]
    OnlyCertificate,
    /// No certificate, where one is wanted.
    #[error("it holds no certificate")]
    NoCertificate,
    /// Damaged, or numbers that are no key.
    #[error("the private key in it is malformed")]
    Malformed,
    /// A key for another cipher.
    #[error("the private key in it is not an RSA key")]
    NotRsa,
    /// Too short to be safe, or longer than can be computed with.
    #[error("its RSA key has {bits} bits; 2048 to 8192 are used")]
    Size {
        /// Of the modulus.
        bits: usize,
    },
    /// A public exponent that is even, or too small.
    #[error("the public exponent of its RSA key is even, or not above 65536")]
    Exponent,
    /// Encrypted in the way of old OpenSSL (`Proc-Type: 4,ENCRYPTED`), whose key derivation is one round of MD5.
    #[error("its private key is encrypted in the outdated way of \"Proc-Type: 4,ENCRYPTED\"")]
    OutdatedEncryption,
    /// A private key of SSH.
    #[error("it holds a private key in the form of OpenSSH")]
    OpenSsh,
    /// Needs a passphrase, and there is none.
    #[error("its private key is protected by a passphrase")]
    PassphraseWanted,
    /// The passphrase does not open it. Damage of the encrypted part looks the same.
    #[error("the passphrase does not open its private key")]
    WrongPassphrase,
    /// Asks for more computing than any honest file.
    #[error("its key derivation asks for more than {rounds_max} rounds")]
    TooCostly {
        /// The limit that was passed.
        rounds_max: u64,
    },
    /// PKCS#12, and this program was built without it.
    #[error("it is a PKCS#12 file, which this build of rcbs does not read")]
    NoPkcs12,
}

/// One key in a file.
enum Part {
    Pkcs1(Zeroizing<Vec<u8>>),
    Pkcs8(Zeroizing<Vec<u8>>),
    EncryptedPkcs8(Vec<u8>),
    Pkcs12(Vec<u8>),
}

impl Part {
    /// What its key derivations cost, one by one.
    fn costs(&self) -> Vec<u64> {
        match self {
            Self::Pkcs1(_) | Self::Pkcs8(_) => Vec::new(),
            Self::EncryptedPkcs8(der) | Self::Pkcs12(der) => costs(der, DEPTH_MAX),
        }
    }
}

/// Only the kind: the rest is secret.
impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pkcs1(_) => "PKCS#1",
            Self::Pkcs8(_) => "PKCS#8",
            Self::EncryptedPkcs8(_) => "encrypted PKCS#8",
            Self::Pkcs12(_) => "PKCS#12",
        })
    }
}

impl KeyFile {
    /// Reads a file of any of the forms: PEM with any number of keys and certificates, or one element in DER.
    ///
    /// # Errors
    /// [`KeyError`] when there is neither key nor certificate in it, or a key in a form that is not read.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut file = Self {
            keys: Vec::new(),
            certificates: Vec::new(),
        };
        if find(bytes, b"-----BEGIN ").is_some() {
            file.read_pem(bytes)?;
        } else {
            file.read_der(bytes)?;
        }
        if file.keys.is_empty() && file.certificates.is_empty() {
            return Err(KeyError::Unknown);
        }
        Ok(file)
    }

    /// The certificates of a file that was named for its certificates.
    ///
    /// # Errors
    /// [`KeyError::NoCertificate`].
    pub fn into_certificates(self) -> Result<Vec<Certificate>, KeyError> {
        if self.certificates.is_empty() {
            return Err(KeyError::NoCertificate);
        }
        Ok(self.certificates)
    }

    /// Whether [`Self::unlock`] needs a passphrase.
    #[must_use]
    pub fn wants_passphrase(&self) -> bool {
        let is_locked = |part: &Part| matches!(part, Part::EncryptedPkcs8(_) | Part::Pkcs12(_));
        self.keys.iter().any(is_locked)
    }

    /// How often [`Self::unlock`] will repeat a hash, as far as it stands there unencrypted; for scrypt the product of its
    /// parameters. Above ten million it refuses.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        let costs = self.keys.iter().flat_map(Part::costs);
        costs.fold(0, u64::saturating_add)
    }

    fn check_cost(&self) -> Result<(), KeyError> {
        let pkcs12 = |part: &&Part| matches!(part, Part::Pkcs12(_));
        let mut each = self.keys.iter().filter(pkcs12).flat_map(Part::costs);
        let rounds_max = if self.rounds() > ROUNDS_MAX {
            ROUNDS_MAX
        } else if each.any(|cost| cost > PKCS12_ROUNDS_MAX) {
            PKCS12_ROUNDS_MAX
        } else {
            return Ok(());
        };
        Err(KeyError::TooCostly { rounds_max })
    }

    /// Opens and checks the keys. `source` is what messages call them, such as the file's name. Deriving a key from a
    /// passphrase takes up to some seconds.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn unlock(
        self,
        passphrase: Option<&[u8]>,
        source: &str,
        rules: KeyRules,
    ) -> Result<Material, KeyError> {
        if self.keys.is_empty() {
            return Err(KeyError::OnlyCertificate);
        }
        self.check_cost()?;
        let mut material = Material {
            keys: Vec::new(),
            certificates: self.certificates,
        };
        for part in self.keys {
            match part {
                Part::Pkcs1(der) => {
                    material
                        .keys
                        .push(PrivateKey::from_pkcs1(&der, source, rules)?);
                }
                Part::Pkcs8(der) => {
                    material
                        .keys
                        .push(PrivateKey::from_pkcs8(&der, source, rules)?);
                }
                Part::EncryptedPkcs8(der) => {
                    let clear = decrypted(&der, passphrase.ok_or(KeyError::PassphraseWanted)?)?;
                    material
                        .keys
                        .push(PrivateKey::from_pkcs8(&clear, source, rules)?);
                }
                Part::Pkcs12(der) => {
                    let passphrase = passphrase.ok_or(KeyError::PassphraseWanted)?;
                    from_pkcs12(&der, passphrase, source, rules, &mut material)?;
                }
            }
        }
        Ok(material)
    }

    fn read_pem(&mut self, bytes: &[u8]) -> Result<(), KeyError> {
        let mut rest = bytes;
        while let Some((label, body, after)) = pem_block(rest) {
            rest = after;
            match label {
                b"PRIVATE KEY" => self.keys.push(Part::Pkcs8(base64(body)?)),
                b"RSA PRIVATE KEY" if find(body, b"Proc-Type:").is_some() => {
                    return Err(KeyError::OutdatedEncryption);
                }
                b"RSA PRIVATE KEY" => self.keys.push(Part::Pkcs1(base64(body)?)),
                b"ENCRYPTED PRIVATE KEY" => {
                    self.keys.push(Part::EncryptedPkcs8(base64(body)?.to_vec()));
                }
                b"OPENSSH PRIVATE KEY" => return Err(KeyError::OpenSsh),
                b"EC PRIVATE KEY" | b"DSA PRIVATE KEY" => return Err(KeyError::NotRsa),
                b"CERTIFICATE" | b"X509 CERTIFICATE" => {
                    // One that cannot be read may be of any kind, and others may lie beside it.
                    self.certificates
                        .extend(Certificate::from_der(&base64(body)?));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The first elements tell the forms apart.
    fn read_der(&mut self, bytes: &[u8]) -> Result<(), KeyError> {
        let mut content = der::only(bytes, Tag::SEQUENCE).ok_or(KeyError::Unknown)?;
        let first = der::take(&mut content).map(|element| element.tag);
        let second = der::take(&mut content).map(|element| (element.tag, element.content));
        match (first, second) {
            (Some(Tag::INTEGER), Some((Tag::INTEGER, _))) => {
                self.keys.push(Part::Pkcs1(Zeroizing::new(bytes.to_vec())));
            }
            (Some(Tag::INTEGER), Some((Tag::SEQUENCE, mut inside))) => {
                let oid = der::take_tagged(&mut inside, Tag::OID).map(|oid| oid.content);
                // `id-data`, or `id-signedData` with which PKCS#12 may be signed instead.
                const PKCS7: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
                self.keys.push(match oid {
                    Some(oid) if oid.starts_with(PKCS7) => Part::Pkcs12(bytes.to_vec()),
                    _ => Part::Pkcs8(Zeroizing::new(bytes.to_vec())),
                });
            }
            (Some(Tag::SEQUENCE), Some((Tag::OCTET_STRING, _))) => {
                self.keys.push(Part::EncryptedPkcs8(bytes.to_vec()));
            }
            (Some(Tag::SEQUENCE), Some((Tag::SEQUENCE, _))) => {
                self.certificates.extend(Certificate::from_der(bytes));
            }
            _ => {}
        }
        Ok(())
    }
}

fn decrypted(der: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let locked =
        pkcs8::EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::Malformed)?;
    let clear = locked
        .decrypt(passphrase)
        .map_err(|_| KeyError::WrongPassphrase)?;
    Ok(Zeroizing::new(clear.as_bytes().to_vec()))
}

#[cfg(feature = "pkcs12")]
fn from_pkcs12(
    der: &[u8],
    passphrase: &[u8],
    source: &str,
    rules: KeyRules,
    material: &mut Material,
) -> Result<(), KeyError> {
    super::pkcs12::unlock(der, passphrase, source, rules, material)
}

#[cfg(not(feature = "pkcs12"))]
fn from_pkcs12(
    _der: &[u8],
    _passphrase: &[u8],
    _source: &str,
    _rules: KeyRules,
    _material: &mut Material,
) -> Result<(), KeyError> {
    Err(KeyError::NoPkcs12)
}

/// What the key derivations of a file cost, one by one: how often PBKDF2 and the schemes of PKCS#12 repeat a hash, or how
/// many blocks of 128 bytes scrypt goes through, most of which it holds in memory.
///
/// Salt and cost stand side by side in every scheme (PBKDF2 and scrypt of RFC 8018 and 7914, the MAC and the schemes of
/// RFC 7292): an OCTET STRING, then INTEGERs. Of one or two the first is a count and the other a length; three or more
/// are those of scrypt, whose product it is.
fn costs(der: &[u8], depth: usize) -> Vec<u64> {
    let mut costs = Vec::new();
    let mut rest = der;
    let mut numbers: Option<Vec<u64>> = None;
    loop {
        let element = der::take(&mut rest);
        match (&element, &mut numbers) {
            (Some(element), Some(numbers)) if element.tag == Tag::INTEGER => {
                numbers.push(number(element.content));
            }
            _ => {
                costs.extend(numbers.take().and_then(|numbers| cost(&numbers)));
                let is_salt = |element: &der::Element<'_>| element.tag == Tag::OCTET_STRING;
                numbers = element.filter(is_salt).map(|_| Vec::new());
            }
        }
        let Some(element) = element else {
            return costs;
        };
        // PKCS#12 puts whole elements into octet strings. What is encrypted looks like one by chance very rarely.
        let is_wrapping = || der::only(element.content, Tag::SEQUENCE).is_some();
        let is_octets = element.tag == Tag::OCTET_STRING;
        let may_hold_more = element.tag.is_constructed() || is_octets && is_wrapping();
        if may_hold_more && depth > 0 {
            costs.extend(self::costs(element.content, depth - 1));
        }
    }
}

fn cost(numbers: &[u64]) -> Option<u64> {
    match numbers {
        [] => None,
        [cost, block, parallel, ..] => Some(cost.saturating_mul(*block).saturating_mul(*parallel)),
        [count, ..] => Some(*count),
    }
}

/// An INTEGER as a number of at least 1; one that does not fit is the largest.
fn number(content: &[u8]) -> u64 {
    let zeros = content.iter().take_while(|byte| **byte == 0).count();
    let digits = &content[zeros..];
    match digits.len() {
        0..=7 => digits
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            .max(1),
        _ => u64::MAX,
    }
}

/// The first PEM block: its label, what stands inside, and what follows.
fn pem_block(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const DASHES: &[u8] = b"-----";
    let begin = find(text, BEGIN)? + BEGIN.len();
    let label_end = begin + find(&text[begin..], DASHES)?;
    let label = &text[begin..label_end];
    let inside = &text[label_end + DASHES.len()..];
    let end = [b"-----END ", label, DASHES].concat();
    let body_end = find(inside, &end)?;
    Some((label, &inside[..body_end], &inside[body_end + end.len()..]))
}

fn base64(body: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let clean: Vec<u8> = body
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let clean = Zeroizing::new(clean);
    base64::engine::general_purpose::STANDARD
        .decode(clean.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Malformed)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}
