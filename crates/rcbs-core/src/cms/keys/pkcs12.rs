//! Keys and certificates in PKCS#12 files (RFC 7292), also those with the ciphers of old programs: read, never written.

use p12_keystore::Pkcs12Archive;

use super::certificate::Certificate;
use super::file::{KeyError, Material};
use super::private::{KeyRules, PrivateKey};

/// Adds all keys and certificates of the file. Keys of other kinds than RSA are left out if an RSA key is there.
pub(super) fn unlock(
    der: &[u8],
    passphrase: &[u8],
    source: &str,
    rules: KeyRules,
    material: &mut Material,
) -> Result<(), KeyError> {
    let passphrase = std::str::from_utf8(passphrase).map_err(|_| KeyError::WrongPassphrase)?;
    // Its errors do not tell a wrong passphrase from damage reliably, so neither do we.
    let archive =
        Pkcs12Archive::from_pkcs12(der, passphrase).map_err(|_| KeyError::WrongPassphrase)?;
    let before = material.keys.len();
    let mut refused = KeyError::OnlyCertificate;
    for bag in &archive.keys {
        match PrivateKey::from_pkcs8(bag.key.as_der(), source, rules) {
            Ok(key) => material.keys.push(key),
            Err(error) => refused = error,
        }
    }
    let certificates = archive.certs.iter();
    material
        .certificates
        .extend(certificates.filter_map(|bag| Certificate::from_der(bag.cert.as_der())));
    if material.keys.len() == before {
        return Err(refused);
    }
    Ok(())
}
