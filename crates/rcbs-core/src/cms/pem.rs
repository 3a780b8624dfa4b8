//! The text that an envelope is served as: PEM, or base64 alone.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::envelope::EnvelopeError;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// Tolerant where nothing can be mistaken: padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes of the one PEM block with the label `PKCS7` or `CMS`, whatever stands around it and however long its lines
/// are; without any PEM block the whole text is taken as base64. `\n`, `\r` and `\t` written as two characters (text
/// that was escaped twice) are blanks, and `\/` is a slash.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, EnvelopeError> {
    let mut body = None;
    let mut other_label = None;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once(DASHES).ok_or(EnvelopeError::Unfinished)?;
        rest = after;
        if !matches!(label, "PKCS7" | "CMS") {
            other_label = Some(label);
            continue;
        }
        let end = format!("-----END {label}{DASHES}");
        let (inside, after) = after.split_once(&end).ok_or(EnvelopeError::Unfinished)?;
        rest = after;
        if body.replace(inside).is_some() {
            // Two envelopes for one file: the wrong one would make the file unreadable, and nobody would notice.
            return Err(EnvelopeError::Several);
        }
    }
    match (body, other_label) {
        (Some(body), _) => base64(body),
        (None, Some(label)) => Err(EnvelopeError::Label {
            label: crate::text::printable(label),
        }),
        (None, None) => base64(text),
    }
}

fn base64(text: &str) -> Result<Vec<u8>, EnvelopeError> {
    let mut clean = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b'n' | b'r' | b't') => {}
                Some(b'/') => clean.push(b'/'),
                _ => return Err(EnvelopeError::Base64),
            },
            _ if byte.is_ascii_whitespace() => {}
            _ => clean.push(byte),
        }
    }
    if clean.is_empty() {
        return Err(EnvelopeError::Empty);
    }
    BASE64.decode(&clean).map_err(|_| EnvelopeError::Base64)
}
