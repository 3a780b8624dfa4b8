//! Ed25519 signatures of manifests: the key of a site, as OpenSSL makes it, and signatures as OpenSSL checks them.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;

/// DER of a SubjectPublicKeyInfo (RFC 8410) up to the 32 bytes of the key.
const PUBLIC_KEY_HEAD: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The private key of a site.
pub struct SigningKey(Ed25519KeyPair);

/// The public key of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// Why a file holds no key for manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Another form.
    #[error("is no PEM file with a {0}")]
    Form(&'static str),
    /// A key of another kind.
    #[error("holds a key, but none of Ed25519")]
    Kind,
    /// A passphrase would be needed.
    #[error("holds a key with a passphrase")]
    Encrypted,
}

impl SigningKey {
    /// Reads PKCS#8 in PEM.
    ///
    /// # Errors
    /// [`KeyError`]; no text of it holds a part of the key.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            return Err(KeyError::Encrypted);
        }
        let der = block(text, "PRIVATE KEY").ok_or(KeyError::Form("PRIVATE KEY"))?;
        // OpenSSL leaves the public half out.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map(Self)
            .map_err(|_| KeyError::Kind)
    }

    /// The signature of these bytes.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(key)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl PublicKey {
    /// Reads SubjectPublicKeyInfo in PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let der = block(text, "PUBLIC KEY").ok_or(KeyError::Form("PUBLIC KEY"))?;
        der.strip_prefix(&PUBLIC_KEY_HEAD)
            .and_then(|key| key.try_into().ok())
            .map(Self)
            .ok_or(KeyError::Kind)
    }

    /// Whether a signature is that of these bytes.
    #[must_use]
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(bytes, signature)
            .is_ok()
    }
}

/// The bytes of the first PEM block with this label.
fn block(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, after) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = after.split_once(&format!("-----END {label}-----"))?;
    let clean: String = body.split_ascii_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(clean).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made by OpenSSL for these tests and for nothing else.
    const PRIVATE: &str = include_str!("../../../../testdata/manifest/site.key.pem");
    const PUBLIC: &str = include_str!("../../../../testdata/manifest/site.public.pem");

    #[test]
    fn a_key_of_openssl_signs_what_its_public_half_verifies() {
        let key = SigningKey::from_pem(PRIVATE).unwrap();
        let public = PublicKey::from_pem(PUBLIC).unwrap();
        assert_eq!(key.public_key(), public);
        let signature = key.sign(b"manifest");
        assert!(public.verifies(b"manifest", &signature));
        assert!(!public.verifies(b"manifesT", &signature));
        assert!(!public.verifies(b"manifest", &signature[1..]));
        assert!(!format!("{key:?}").contains('['));
    }

    #[test]
    fn what_is_no_key_for_manifests_is_told() {
        let rsa = include_str!("../../../../testdata/cms/one.key.pem");
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n";
        for (text, error) in [
            (PUBLIC, KeyError::Form("PRIVATE KEY")),
            ("", KeyError::Form("PRIVATE KEY")),
            (encrypted, KeyError::Encrypted),
            (rsa, KeyError::Kind),
        ] {
            assert_eq!(SigningKey::from_pem(text).unwrap_err(), error, "{text}");
        }
        assert_eq!(
            PublicKey::from_pem(PRIVATE),
            Err(KeyError::Form("PUBLIC KEY"))
        );
    }
}
