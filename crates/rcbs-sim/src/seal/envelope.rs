//! `EnvelopedData` (RFC 5652, 6.1) as the recorder writes it: version 0, key transport by issuer and serial number.

use bytes::Bytes;

use super::der::{
    EXPLICIT_0, IMPLICIT_0, INTEGER, NULL, OCTET_STRING, SEQUENCE, SET, header, oid, tlv,
};
use super::{KeyTransport, Recipient, SessionKey};
use crate::seed::Seed;

const ENVELOPED_DATA: [u32; 7] = [1, 2, 840, 113_549, 1, 7, 3];
const DATA: [u32; 7] = [1, 2, 840, 113_549, 1, 7, 1];
const RSA_ENCRYPTION: [u32; 7] = [1, 2, 840, 113_549, 1, 1, 1];
const RSAES_OAEP: [u32; 7] = [1, 2, 840, 113_549, 1, 1, 7];

/// Everything of an `EnvelopedData` but the ciphertext.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// `version` and `recipientInfos`.
    before: Vec<u8>,
    /// `contentType` and `contentEncryptionAlgorithm`.
    content_info: Vec<u8>,
}

impl Envelope {
    /// Wraps a session key for each of the recipients. The same arguments give the same bytes.
    #[must_use]
    pub fn new(
        key: &SessionKey,
        recipients: &[Recipient],
        transport: KeyTransport,
        seed: Seed,
        label: &str,
    ) -> Self {
        let infos: Vec<Vec<u8>> = recipients
            .iter()
            .enumerate()
            .map(|(place, recipient)| {
                recipient_info(
                    key,
                    recipient,
                    transport,
                    seed,
                    &format!("padding {place} {label}"),
                )
            })
            .collect();
        let infos: Vec<&[u8]> = infos.iter().map(Vec::as_slice).collect();
        let mut before = tlv(INTEGER, &[&[0]]);
        before.extend(tlv(SET, &infos));
        let algorithm = tlv(
            SEQUENCE,
            &[
                &oid(&key.cipher().oid_arcs()),
                &tlv(OCTET_STRING, &[key.iv()]),
            ],
        );
        Self {
            before,
            content_info: [oid(&DATA), algorithm].concat(),
        }
    }

    /// The detached form: `encryptedContent` is absent.
    #[must_use]
    pub fn detached_der(&self) -> Vec<u8> {
        let content = tlv(SEQUENCE, &[&self.content_info]);
        let data = tlv(SEQUENCE, &[&self.before, &content]);
        tlv(
            SEQUENCE,
            &[&oid(&ENVELOPED_DATA), &tlv(EXPLICIT_0, &[&data])],
        )
    }

    /// The detached form as the metadata has it: PEM with the label PKCS7 and lines of 76 characters.
    #[must_use]
    pub fn detached_pem(&self) -> String {
        super::pem::encode(
            "PKCS7",
            &self.detached_der(),
            super::pem::RECORDER_LINE_CHARS,
        )
    }

    /// What stands before a ciphertext of this length in the complete form, in definite lengths.
    #[must_use]
    pub fn complete_head(&self, ciphertext_bytes: u64) -> Bytes {
        let mut head = header(IMPLICIT_0, ciphertext_bytes);
        let mut total = head.len() as u64 + ciphertext_bytes;
        let mut wrap = |tag: Option<u8>, before: &[u8]| {
            head.splice(0..0, before.iter().copied());
            total += before.len() as u64;
            if let Some(tag) = tag {
                let opening = header(tag, total);
                total += opening.len() as u64;
                head.splice(0..0, opening);
            }
        };
        wrap(Some(SEQUENCE), &self.content_info);
        wrap(Some(SEQUENCE), &self.before);
        wrap(Some(EXPLICIT_0), &[]);
        wrap(Some(SEQUENCE), &oid(&ENVELOPED_DATA));
        head.into()
    }

    /// What stands before the pieces of a ciphertext in the indefinite form that `openssl cms -encrypt -stream` writes
    /// (X.690, 8.1.3.6): every piece follows as an `OCTET STRING`, then the octets that close them.
    #[must_use]
    pub fn indefinite_head(&self) -> Bytes {
        const OPEN: u8 = 0x80;
        let mut head = vec![SEQUENCE, OPEN];
        head.extend(oid(&ENVELOPED_DATA));
        head.extend([EXPLICIT_0, OPEN, SEQUENCE, OPEN]);
        head.extend(&self.before);
        head.extend([SEQUENCE, OPEN]);
        head.extend(&self.content_info);
        // The implicit tag [0] on a constructed OCTET STRING happens to be the same octet as the explicit one.
        head.extend([EXPLICIT_0, OPEN]);
        head.into()
    }
}

/// Closes the five indefinite lengths of [`Envelope::indefinite_head`].
pub(crate) const INDEFINITE_TAIL: [u8; 10] = [0; 10];

/// `KeyTransRecipientInfo`, version 0.
fn recipient_info(
    key: &SessionKey,
    recipient: &Recipient,
    transport: KeyTransport,
    seed: Seed,
    label: &str,
) -> Vec<u8> {
    let (algorithm, wrapped) = match transport {
        KeyTransport::Pkcs1 => (
            tlv(SEQUENCE, &[&oid(&RSA_ENCRYPTION), &NULL]),
            recipient.key().encrypt_pkcs1(key.key(), seed, label),
        ),
        KeyTransport::Oaep => (
            tlv(SEQUENCE, &[&oid(&RSAES_OAEP), &tlv(SEQUENCE, &[])]),
            recipient.key().encrypt_oaep(key.key(), seed, label),
        ),
    };
    let identifier = tlv(SEQUENCE, &[recipient.issuer_der(), recipient.serial_der()]);
    tlv(
        SEQUENCE,
        &[
            &tlv(INTEGER, &[&[0]]),
            &identifier,
            &algorithm,
            &tlv(OCTET_STRING, &[&wrapped]),
        ],
    )
}

/// One piece of ciphertext in the indefinite form.
pub(crate) fn octet_string(piece: &[u8]) -> Bytes {
    tlv(OCTET_STRING, &[piece]).into()
}
