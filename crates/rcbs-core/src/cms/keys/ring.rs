//! The keys at hand, each with the certificates that were proven to belong to it.

use super::certificate::Certificate;
use super::private::PrivateKey;
use crate::cms::recipient::Recipient;

/// Keys to open files with.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: Vec<PrivateKey>,
}

/// Why certificates and keys do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// A certificate whose private key is not among the keys.
    #[error("the certificate {certificate} belongs to none of the private keys")]
    Stray {
        /// Issuer and serial number in words.
        certificate: String,
    },
}

impl KeyRing {
    /// Takes keys, and certificates that lie beside them (in one file with a key, in a PKCS#12 file). Those that belong
    /// to none of the keys, such as the certificates of authorities, are left out. A key that comes twice counts once.
    #[must_use]
    pub fn new(keys: Vec<PrivateKey>, certificates: &[Certificate]) -> Self {
        let mut ring = Self::default();
        for key in keys {
            let known = |other: &&mut PrivateKey| other.public_key_der == key.public_key_der;
            match ring.keys.iter_mut().find(known) {
                Some(other) => {
                    other.copies.push(key.source().to_owned());
                    other.certificates.extend(key.certificates);
                }
                None => ring.keys.push(key),
            }
        }
        for certificate in certificates {
            ring.attach(certificate);
        }
        ring
    }

    /// Takes a certificate that was named on purpose.
    ///
    /// # Errors
    /// [`RingError`] when it belongs to none of the keys: then the wrong file was named.
    pub fn add_certificate(&mut self, certificate: &Certificate) -> Result<(), RingError> {
        if self.attach(certificate) {
            return Ok(());
        }
        Err(RingError::Stray {
            certificate: certificate.to_string(),
        })
    }

    /// Takes certificates that happen to be at hand: those that belong to a key help to find it by its name. A key that
    /// has none but these is still tried where its length leaves no doubt, because it may have had others before.
    pub fn lend(&mut self, certificates: &[Certificate]) {
        for certificate in certificates {
            for key in &mut self.keys {
                let is_its = certificate.public_key_der.as_deref() == Some(&key.public_key_der);
                if is_its && !key.all_certificates().any(|known| known == certificate) {
                    key.lent.push(certificate.clone());
                }
            }
        }
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[PrivateKey] {
        &self.keys
    }

    /// Gives the certificate to the key with the same public key: numbers decide, not the place where it lay.
    fn attach(&mut self, certificate: &Certificate) -> bool {
        let mut found = false;
        for key in &mut self.keys {
            let is_its = certificate.public_key_der.as_deref() == Some(&key.public_key_der);
            if is_its && !key.certificates.contains(certificate) {
                key.certificates.push(certificate.clone());
            }
            found |= is_its;
        }
        found
    }
}

impl PrivateKey {
    /// Whether the recipient is this key: issuer and serial number of a certificate of it, or a key identifier that a
    /// certificate of it has or that follows from the public key.
    pub(in crate::cms) fn is(&self, recipient: &Recipient) -> bool {
        match recipient {
            Recipient::IssuerAndSerial {
                issuer_der, serial, ..
            } => self.all_certificates().any(|certificate| {
                certificate.issuer_der == issuer_der && certificate.serial == *serial
            }),
            Recipient::KeyId(id) => {
                let of_certificates = self.all_certificates().filter_map(|c| c.key_id.as_deref());
                let mut ids = of_certificates.chain(self.key_ids.iter().map(Vec::as_slice));
                ids.any(|known| known == id.as_slice())
            }
            Recipient::Other(_) => false,
        }
    }
}
