//! What of a certificate (RFC 5280) is needed to find a key by it: issuer, serial number, key identifier, public key.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;

use crate::cms::ber::Tag;
use crate::cms::der;
use crate::cms::name;
use crate::cms::recipient::{Recipient, Serial};

const BIT_STRING: Tag = Tag::short(0x03);

/// A certificate that a file may have been sealed for. Its signature is not looked at: it only says under which name a
/// key is known, and until when it was meant to be used.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The `Name` of the issuer in DER.
    pub(super) issuer_der: Bytes,
    issuer_text: String,
    pub(super) serial: Serial,
    /// DER of the `RSAPublicKey` (RFC 8017, A.1.1); `None` for a key of another kind.
    pub(super) public_key_der: Option<Bytes>,
    /// The subject key identifier (RFC 5280, 4.2.1.2), where there is one.
    pub(super) key_id: Option<Bytes>,
    /// `None` where it cannot be read.
    not_after: Option<Timestamp>,
}

impl Certificate {
    /// Reads a certificate in DER; `None` when it is none.
    #[must_use]
    pub fn from_der(bytes: &[u8]) -> Option<Self> {
        const VERSION: Tag = Tag::context(0).constructed();
        const EXTENSIONS: Tag = Tag::context(3).constructed();
        let all = Bytes::copy_from_slice(bytes);
        let mut certificate = der::only(&all, Tag::SEQUENCE)?;
        let mut fields = der::take_tagged(&mut certificate, Tag::SEQUENCE)?.content;
        der::take_tagged(&mut fields, VERSION);
        let serial = der::take_tagged(&mut fields, Tag::INTEGER)?.content;
        der::take_tagged(&mut fields, Tag::SEQUENCE)?;
        let issuer = der::take_tagged(&mut fields, Tag::SEQUENCE)?.whole;
        let validity = der::take_tagged(&mut fields, Tag::SEQUENCE)?.content;
        der::take_tagged(&mut fields, Tag::SEQUENCE)?;
        let key_info = der::take_tagged(&mut fields, Tag::SEQUENCE)?.content;
        let mut extensions = &[][..];
        while let Some(element) = der::take(&mut fields) {
            if element.tag == EXTENSIONS {
                extensions = der::only(element.content, Tag::SEQUENCE)?;
            }
        }
        Some(Self {
            issuer_der: all.slice_ref(issuer),
            issuer_text: name::text(issuer)?,
            serial: Serial::new(all.slice_ref(serial)),
            public_key_der: rsa_public_key(key_info).map(|key| all.slice_ref(key)),
            key_id: key_id(extensions).map(|id| all.slice_ref(id)),
            not_after: not_after(validity),
        })
    }

    /// DER of the `SubjectPublicKeyInfo` of its RSA key; `None` for a key of another kind, or one that this program would
    /// refuse to open files with.
    pub(in crate::cms) fn public_key_info(&self) -> Option<Vec<u8>> {
        const NULL: &[u8] = &[0x05, 0];
        const NO_UNUSED_BITS: &[u8] = &[0];
        let key = self.public_key_der.as_ref()?;
        if !super::may_be_sealed_for(key) {
            return None;
        }
        let oid = der::element(Tag::OID, &[super::private::RSA_ENCRYPTION]);
        let algorithm = der::sequence(&[&oid, NULL]);
        let bits = der::element(BIT_STRING, &[NO_UNUSED_BITS, key]);
        Some(der::sequence(&[&algorithm, &bits]))
    }

    /// DER of the `IssuerAndSerialNumber` (RFC 5652, 10.2.4).
    pub(in crate::cms) fn issuer_and_serial(&self) -> Vec<u8> {
        let serial = der::element(Tag::INTEGER, &[self.serial.as_bytes()]);
        der::sequence(&[&self.issuer_der, &serial])
    }

    /// The last moment at which it is meant to be used; `None` where it does not say so readably.
    #[must_use]
    pub fn not_after(&self) -> Option<Timestamp> {
        self.not_after
    }

    /// Whether a recipient in words, as [`Recipient`] writes it, is this certificate.
    #[must_use]
    pub fn is_named(&self, recipient: &str) -> bool {
        let by_key_id = |id: &Bytes| Recipient::KeyId(id.to_vec()).to_string() == recipient;
        self.to_string() == recipient || self.key_id.as_ref().is_some_and(by_key_id)
    }
}

/// The end of a `Validity` (RFC 5280, 4.1.2.5).
fn not_after(mut validity: &[u8]) -> Option<Timestamp> {
    const UTC_TIME: Tag = Tag::short(0x17);
    const GENERALIZED_TIME: Tag = Tag::short(0x18);
    der::take(&mut validity)?;
    let end = der::take(&mut validity)?;
    let text = std::str::from_utf8(end.content).ok()?;
    let year = match (end.tag, text.get(..2)?.parse::<u32>().ok()?) {
        (UTC_TIME, 50..) => "19",
        (UTC_TIME, _) => "20",
        (GENERALIZED_TIME, _) => "",
        _ => return None,
    };
    let digits = format!("{year}{}", text.strip_suffix('Z')?);
    let part = |from: usize, to: usize| digits.get(from..to);
    let (day, time) = (
        format!("{}-{}-{}", part(0, 4)?, part(4, 6)?, part(6, 8)?),
        format!("{}:{}:{}", part(8, 10)?, part(10, 12)?, part(12, 14)?),
    );
    let plain = digits.len() == 14 && digits.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| format!("{day}T{time}Z").parse().ok())?
}

/// The `RSAPublicKey` in the content of a `SubjectPublicKeyInfo`.
fn rsa_public_key(mut key_info: &[u8]) -> Option<&[u8]> {
    let mut algorithm = der::take_tagged(&mut key_info, Tag::SEQUENCE)?.content;
    let oid = der::take_tagged(&mut algorithm, Tag::OID)?.content;
    let bits = der::only(key_info, BIT_STRING)?;
    match (oid == super::private::RSA_ENCRYPTION, bits) {
        (true, [0, key @ ..]) => Some(key),
        _ => None,
    }
}

/// The value of the extension `subjectKeyIdentifier`, 2.5.29.14.
fn key_id(mut extensions: &[u8]) -> Option<&[u8]> {
    const BOOLEAN: Tag = Tag::short(0x01);
    while let Some(extension) = der::take_tagged(&mut extensions, Tag::SEQUENCE) {
        let mut content = extension.content;
        let oid = der::take_tagged(&mut content, Tag::OID)?.content;
        der::take_tagged(&mut content, BOOLEAN);
        if oid == [0x55, 0x1d, 14] {
            return der::only(der::only(content, Tag::OCTET_STRING)?, Tag::OCTET_STRING);
        }
    }
    None
}

/// As a recipient is named in messages: `serial 10 of CN=gir_qa,O=Example`.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "serial {} of {}", self.serial, self.issuer_text)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({self})")
    }
}
