//! Who can open a file: the recipients of an envelope (RFC 5652 6.2), and the content key encrypted for each.

use std::fmt;

use bytes::Bytes;

use super::ber::Tag;
use super::structure::StructureError;
use super::{der, name};
use crate::text::hex;

/// Recipients of one file that are read.
pub(super) const RECIPIENTS_MAX: usize = 64;

/// Bytes of a serial number or key id that a text shows.
const SHOWN_BYTES: usize = 64;

/// One recipient of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientInfo {
    /// Whose key it is.
    pub recipient: Recipient,
    /// The content key, encrypted; `None` for a recipient of a kind that we only name.
    pub transport: Option<KeyTransport>,
}

/// How a recipient is identified. Its text names it for people: `serial 10 of CN=gir_qa,O=Example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// By the certificate.
    IssuerAndSerial {
        /// The `Name` of the issuer in DER, for comparison.
        issuer_der: Bytes,
        /// The same as printable text (RFC 4514).
        issuer_text: String,
        /// The serial number of the certificate.
        serial: Serial,
    },
    /// By the subject key identifier of the certificate.
    KeyId(Vec<u8>),
    /// A kind of recipient that recordings do not have; in words.
    Other(String),
}

/// A content key that is encrypted with the RSA key of the recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTransport {
    /// Content octets of the object identifier of the algorithm.
    pub algorithm: Bytes,
    /// Its parameters in DER; empty when there are none.
    pub parameters: Bytes,
    /// The encrypted key.
    pub encrypted_key: Bytes,
}

/// The serial number of a certificate: the content octets of its INTEGER. Its text is decimal, as in the aliases that
/// the cloud makes; a number of more than 64 bytes, which no certificate has, is hexadecimal and cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serial(Bytes);

/// Reads the content of `recipientInfos`.
pub(super) fn recipient_infos(content: &Bytes) -> Result<Vec<RecipientInfo>, StructureError> {
    let mut infos = Vec::new();
    let mut rest = content.as_ref();
    while !rest.is_empty() {
        let number = infos.len() + 1;
        let malformed = StructureError::Recipient { number };
        let element = der::take(&mut rest).ok_or(malformed.clone())?;
        if number > RECIPIENTS_MAX {
            return Err(StructureError::RecipientCount { count: number });
        }
        infos.push(recipient_info(content, &element).ok_or(malformed)?);
    }
    if infos.is_empty() {
        return Err(StructureError::RecipientCount { count: 0 });
    }
    Ok(infos)
}

fn recipient_info(all: &Bytes, element: &der::Element<'_>) -> Option<RecipientInfo> {
    const AGREEMENT: Tag = Tag::context(1).constructed();
    const KEY_ENCRYPTION: Tag = Tag::context(2).constructed();
    const PASSWORD: Tag = Tag::context(3).constructed();
    let kind = match element.tag {
        Tag::SEQUENCE => return key_transport(all, element.content),
        AGREEMENT => "a recipient by key agreement",
        KEY_ENCRYPTION => "a recipient by shared key",
        PASSWORD => "a recipient by password",
        _ => "a recipient of unknown kind",
    };
    Some(RecipientInfo {
        recipient: Recipient::Other(kind.to_owned()),
        transport: None,
    })
}

fn key_transport(all: &Bytes, mut content: &[u8]) -> Option<RecipientInfo> {
    const KEY_ID: Tag = Tag::context(0);
    der::take_tagged(&mut content, Tag::INTEGER)?;
    let id = der::take(&mut content)?;
    let recipient = match id.tag {
        Tag::SEQUENCE => {
            let mut certificate = id.content;
            let issuer = der::take_tagged(&mut certificate, Tag::SEQUENCE)?.whole;
            let serial = der::only(certificate, Tag::INTEGER)?;
            Recipient::IssuerAndSerial {
                issuer_der: all.slice_ref(issuer),
                issuer_text: name::text(issuer)?,
                serial: Serial(all.slice_ref(serial)),
            }
        }
        KEY_ID => Recipient::KeyId(id.content.to_vec()),
        _ => return None,
    };
    let mut algorithm = der::take_tagged(&mut content, Tag::SEQUENCE)?.content;
    let oid = der::take_tagged(&mut algorithm, Tag::OID)?.content;
    let encrypted_key = der::only(content, Tag::OCTET_STRING)?;
    Some(RecipientInfo {
        recipient,
        transport: Some(KeyTransport {
            algorithm: all.slice_ref(oid),
            parameters: all.slice_ref(algorithm),
            encrypted_key: all.slice_ref(encrypted_key),
        }),
    })
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IssuerAndSerial {
                issuer_text,
                serial,
                ..
            } => write!(f, "serial {serial} of {issuer_text}"),
            Self::KeyId(id) => {
                f.write_str("key id ")?;
                write_hex(f, id)
            }
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

impl Serial {
    /// From the content octets of an INTEGER.
    pub(super) fn new(content: Bytes) -> Self {
        Self(content)
    }

    /// The content octets of the INTEGER: two's complement, most significant byte first.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() > SHOWN_BYTES {
            f.write_str("0x")?;
            return write_hex(f, &self.0);
        }
        let mut bytes = self.0.to_vec();
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            f.write_str("-")?;
            negate(&mut bytes);
        }
        // Divided by a billion again and again; the remainders are nine digits each, the last ones first.
        let mut groups = Vec::new();
        while groups.is_empty() || bytes.iter().any(|byte| *byte != 0) {
            let mut remainder = 0_u64;
            for byte in &mut bytes {
                let value = remainder << 8 | u64::from(*byte);
                // Less than 256: the remainder before was less than the divisor.
                *byte = u8::try_from(value / 1_000_000_000).unwrap_or_default();
                remainder = value % 1_000_000_000;
            }
            groups.push(remainder);
        }
        let mut groups = groups.iter().rev();
        groups.next().map_or(Ok(()), |group| write!(f, "{group}"))?;
        groups.try_for_each(|group| write!(f, "{group:09}"))
    }
}

/// Two's complement.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes.iter_mut().rev() {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
    f.write_str(&hex(shown))?;
    if shown.len() < bytes.len() {
        f.write_str("…")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_decimal() {
        for (bytes, expected) in [
            (&[10][..], "10"),
            (&[0], "0"),
            (&[0, 0xff], "255"),
            (&[1, 0], "256"),
            (&[0xff], "-1"),
            (&[0x80], "-128"),
            (&[0xff, 0x00], "-256"),
            (
                &[0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                "295147905179352825855",
            ),
            (&[], "0"),
        ] {
            let serial = Serial(Bytes::copy_from_slice(bytes));
            assert_eq!(serial.to_string(), expected);
        }
        let endless = Serial(vec![0xab; 65].into()).to_string();
        assert_eq!(endless, format!("0x{}…", "ab".repeat(64)));
    }
}
