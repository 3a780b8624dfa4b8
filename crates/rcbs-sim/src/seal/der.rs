//! Writes DER (X.690). Shares nothing with the reader in `rcbs-core`, so that a mistake there cannot cancel out here.

/// `INTEGER`.
pub(crate) const INTEGER: u8 = 0x02;
/// `OCTET STRING`.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// `SEQUENCE`, constructed.
pub(crate) const SEQUENCE: u8 = 0x30;
/// `SET`, constructed.
pub(crate) const SET: u8 = 0x31;
/// `[0]`, constructed: explicit tagging.
pub(crate) const EXPLICIT_0: u8 = 0xa0;
/// `[0]`, primitive: the implicit tag of `encryptedContent`.
pub(crate) const IMPLICIT_0: u8 = 0x80;
/// `NULL`, whole.
pub(crate) const NULL: [u8; 2] = [0x05, 0x00];

/// Tag and definite length of a value.
pub(crate) fn header(tag: u8, len_bytes: u64) -> Vec<u8> {
    let mut out = vec![tag];
    if let Ok(short @ 0..0x80) = u8::try_from(len_bytes) {
        out.push(short);
    } else {
        let octets = len_bytes.to_be_bytes();
        let used = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
        out.push(0x80 | u8::try_from(used.len()).expect("a u64 has at most eight octets"));
        out.extend_from_slice(used);
    }
    out
}

/// A value with its tag and length, the value given in parts.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len_bytes: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = header(tag, len_bytes as u64);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// An `OBJECT IDENTIFIER` from its arcs, of which there are at least two.
pub(crate) fn oid(arcs: &[u32]) -> Vec<u8> {
    let mut value = base128(arcs[0] * 40 + arcs[1]);
    for arc in &arcs[2..] {
        value.extend(base128(*arc));
    }
    tlv(0x06, &[&value])
}

/// Seven bits per octet, most significant first, all but the last marked.
fn base128(number: u32) -> Vec<u8> {
    let mut octets = vec![u8::try_from(number & 0x7f).expect("seven bits")];
    let mut rest = number >> 7;
    while rest > 0 {
        octets.insert(0, 0x80 | u8::try_from(rest & 0x7f).expect("seven bits"));
        rest >>= 7;
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        for (len_bytes, expected) in [
            (0, vec![0x30, 0]),
            (127, vec![0x30, 127]),
            (128, vec![0x30, 0x81, 128]),
            (255, vec![0x30, 0x81, 255]),
            (256, vec![0x30, 0x82, 1, 0]),
            (70_000, vec![0x30, 0x83, 1, 0x11, 0x70]),
            (5_000_000_000, vec![0x30, 0x85, 1, 0x2a, 0x05, 0xf2, 0]),
        ] {
            assert_eq!(header(SEQUENCE, len_bytes), expected, "{len_bytes}");
        }
    }

    #[test]
    fn object_identifiers_as_in_the_standards() {
        // RFC 8017, appendix C: rsaEncryption.
        assert_eq!(
            oid(&[1, 2, 840, 113_549, 1, 1, 1]),
            [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]
        );
    }
}
