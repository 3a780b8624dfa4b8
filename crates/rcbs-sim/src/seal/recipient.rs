//! Who may open the recordings: certificates given as PEM, or made here with their private keys.

use std::fmt;
use std::sync::OnceLock;

use x509_cert::Certificate;
use x509_cert::der::{
    Decode as _, DecodePem as _, Encode as _, Reader as _, SliceReader, asn1::UintRef,
};

use super::pem;
use super::rsa::PublicKey;

/// A certificate for which media are encrypted.
#[derive(Clone)]
pub struct Recipient {
    issuer_der: Vec<u8>,
    serial_der: Vec<u8>,
    key: PublicKey,
    pem: String,
    alias: String,
}

/// A recipient together with its private key: what a customer has.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The public half.
    pub recipient: Recipient,
    /// The X.509 certificate, PEM.
    pub certificate_pem: String,
    /// The private key, PKCS#8, PEM. Not a secret: it opens nothing but what a pretend cloud sealed.
    pub private_key_pem: String,
}

/// Why a certificate cannot be a recipient.
#[derive(Debug, thiserror::Error)]
pub enum RecipientError {
    /// Not a PEM certificate.
    #[error("the text is not an X.509 certificate in PEM")]
    NotACertificate(#[source] x509_cert::der::Error),
    /// The key is not RSA, or too short.
    #[error("the certificate has no RSA key of at least 1,024 bits")]
    NotRsa,
    /// No key pair could be made.
    #[error("a key pair could not be made")]
    Generate(#[source] rcgen::Error),
}

impl Recipient {
    /// Reads a certificate.
    ///
    /// # Errors
    /// [`RecipientError`] when it is none, or has no usable RSA key.
    pub fn from_pem(pem: &str) -> Result<Self, RecipientError> {
        let certificate =
            Certificate::from_pem(pem.trim()).map_err(RecipientError::NotACertificate)?;
        let fields = certificate.tbs_certificate();
        let serial = fields.serial_number();
        let alias = format!(
            "rcs_Environment:1:{}:{}",
            fields.issuer(),
            decimal(serial.as_bytes())
        );
        Ok(Self {
            issuer_der: fields
                .issuer()
                .to_der()
                .map_err(RecipientError::NotACertificate)?,
            serial_der: serial.to_der().map_err(RecipientError::NotACertificate)?,
            key: rsa_key(
                fields
                    .subject_public_key_info()
                    .subject_public_key
                    .raw_bytes(),
            )
            .ok_or(RecipientError::NotRsa)?,
            pem: pem.trim().to_owned() + "\n",
            alias,
        })
    }

    /// The certificate as it was given.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The name under which the metadata speak of it (`certAlias`).
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    pub(crate) fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    pub(crate) fn serial_der(&self) -> &[u8] {
        &self.serial_der
    }

    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recipient").field(&self.alias).finish()
    }
}

impl Identity {
    /// A new RSA-2048 key with a self-signed certificate of this common name and serial number.
    ///
    /// # Errors
    /// [`RecipientError`] when the library cannot make one.
    pub fn generate(common_name: &str, serial: u64) -> Result<Self, RecipientError> {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)
            .map_err(RecipientError::Generate)?;
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::OrganizationName, "rcbs-sim");
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, common_name);
        params.serial_number = Some(serial.into());
        let certificate = params.self_signed(&key).map_err(RecipientError::Generate)?;
        Ok(Self {
            recipient: Recipient::from_pem(&certificate.pem())?,
            certificate_pem: certificate.pem(),
            private_key_pem: key.serialize_pem(),
        })
    }

    /// One of the two pretend customers whose keys come with this crate, the same in every process: 0 and 1.
    ///
    /// # Panics
    /// For another number.
    #[must_use]
    pub fn shared(number: usize) -> &'static Self {
        static SHARED: [OnceLock<Identity>; 2] = [OnceLock::new(), OnceLock::new()];
        SHARED[number].get_or_init(|| {
            let (certificate, key) = SHARED_DER[number];
            let certificate_pem = pem::encode("CERTIFICATE", certificate, pem::RFC_LINE_CHARS);
            Self {
                recipient: Recipient::from_pem(&certificate_pem)
                    .expect("the certificates that come with this crate can be read"),
                certificate_pem,
                private_key_pem: pem::encode("PRIVATE KEY", key, pem::RFC_LINE_CHARS),
            }
        })
    }
}

/// Certificates and private keys made by `samples/make.sh`.
const SHARED_DER: [(&[u8], &[u8]); 2] = [
    (
        include_bytes!("../../samples/customer0.cert.der"),
        include_bytes!("../../samples/customer0.key.der"),
    ),
    (
        include_bytes!("../../samples/customer1.cert.der"),
        include_bytes!("../../samples/customer1.key.der"),
    ),
];

/// The two numbers of an `RSAPublicKey` (RFC 8017, A.1.1).
fn rsa_key(der: &[u8]) -> Option<PublicKey> {
    let mut reader = SliceReader::new(der).ok()?;
    let (modulus, exponent) = reader
        .sequence(|reader| {
            Ok::<_, x509_cert::der::Error>((UintRef::decode(reader)?, UintRef::decode(reader)?))
        })
        .ok()?;
    PublicKey::new(modulus.as_bytes(), exponent.as_bytes())
}

/// A big-endian number in decimal digits, as the alias of a certificate ends.
fn decimal(bytes: &[u8]) -> String {
    let mut digits = vec![0_u32];
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            let value = *digit * 256 + carry;
            *digit = value % 10;
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits
        .iter()
        .rev()
        .filter_map(|digit| char::from_digit(*digit, 10))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_shared_and_generated_are_read() {
        let generated = Identity::generate("new customer", 300).unwrap();
        assert!(
            generated.recipient.alias().ends_with("O=rcbs-sim:300"),
            "{generated:?}"
        );
        let identity = Identity::shared(0);
        assert!(
            identity
                .certificate_pem
                .starts_with("-----BEGIN CERTIFICATE-----")
        );
        assert_eq!(
            identity.recipient.alias(),
            "rcs_Environment:1:CN=pretend customer 0,O=rcbs-sim:17"
        );
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        for text in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(Recipient::from_pem(text).is_err(), "{text}");
        }
    }

    #[test]
    fn serial_numbers_in_decimal() {
        assert_eq!(decimal(&[0]), "0");
        assert_eq!(decimal(&[1, 0]), "256");
        assert_eq!(decimal(&[0xff; 8]), u64::MAX.to_string());
    }
}
