//! Writes a distinguished name as text (RFC 4514), to show whose key is wanted.

use super::ber::Tag;
use super::der;
use crate::text::{hex, printable};

/// The name in DER as `CN=gir_qa,O=Example`, the most specific part first; `None` when it is no `Name` of X.501.
/// Printable and at most some 200 characters long: made to be read, not to be compared.
pub(super) fn text(name: &[u8]) -> Option<String> {
    let mut sets = der::only(name, Tag::SEQUENCE)?;
    let mut parts = Vec::new();
    while !sets.is_empty() {
        let mut attributes = der::take_tagged(&mut sets, Tag::SET)?.content;
        let mut texts = Vec::new();
        while !attributes.is_empty() {
            texts.push(attribute(
                der::take_tagged(&mut attributes, Tag::SEQUENCE)?.content,
            )?);
        }
        parts.push(texts.join("+"));
    }
    parts.reverse();
    Some(printable(&parts.join(",")))
}

fn attribute(mut content: &[u8]) -> Option<String> {
    let oid = der::take_tagged(&mut content, Tag::OID)?.content;
    let value = der::take(&mut content)?;
    match (short_name(oid), decoded(&value)) {
        (Some(name), Some(text)) => Some(format!("{name}={}", escaped(&text))),
        // RFC 4514 2.4: the encoding itself stands for what has no text.
        (name, _) => {
            let mut text = name.map_or_else(|| der::dotted(oid), str::to_owned) + "=#";
            text.push_str(&hex(value.whole));
            Some(text)
        }
    }
}

/// The names of RFC 4514 and the two others that certificates often have.
fn short_name(oid: &[u8]) -> Option<&'static str> {
    match oid {
        [0x55, 0x04, 3] => Some("CN"),
        [0x55, 0x04, 5] => Some("serialNumber"),
        [0x55, 0x04, 6] => Some("C"),
        [0x55, 0x04, 7] => Some("L"),
        [0x55, 0x04, 8] => Some("ST"),
        [0x55, 0x04, 9] => Some("STREET"),
        [0x55, 0x04, 10] => Some("O"),
        [0x55, 0x04, 11] => Some("OU"),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => Some("emailAddress"),
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 1] => Some("UID"),
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 25] => Some("DC"),
        _ => None,
    }
}

/// The text of a string of any of the kinds that names are made of.
fn decoded(value: &der::Element<'_>) -> Option<String> {
    const UTF8: Tag = Tag::short(12);
    const NUMERIC: Tag = Tag::short(18);
    const PRINTABLE: Tag = Tag::short(19);
    const TELETEX: Tag = Tag::short(20);
    const IA5: Tag = Tag::short(22);
    const UNIVERSAL: Tag = Tag::short(28);
    const BMP: Tag = Tag::short(30);
    match value.tag {
        UTF8 | NUMERIC | PRINTABLE | IA5 => String::from_utf8(value.content.to_vec()).ok(),
        // T.61 in the standard, Latin 1 in every certificate that was ever made.
        TELETEX => Some(value.content.iter().copied().map(char::from).collect()),
        BMP => {
            let (units, rest) = value.content.as_chunks::<2>();
            let units: Vec<u16> = units.iter().copied().map(u16::from_be_bytes).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty())
        }
        UNIVERSAL => {
            let (units, rest) = value.content.as_chunks::<4>();
            let chars = units.iter().copied().map(u32::from_be_bytes);
            chars
                .map(char::from_u32)
                .collect::<Option<String>>()
                .filter(|_| rest.is_empty())
        }
        _ => None,
    }
}

/// RFC 4514 2.4.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, c) in text.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', c]),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            '#' if at == 0 => out.push_str("\\#"),
            '\0' => out.push_str("\\00"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag, u8::try_from(content.len()).unwrap()];
        out.extend_from_slice(content);
        out
    }

    fn part(attributes: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
        let attributes = attributes
            .iter()
            .map(|(oid, tag, value)| tlv(0x30, &[tlv(6, oid), tlv(*tag, value)].concat()));
        tlv(0x31, &attributes.collect::<Vec<_>>().concat())
    }

    #[track_caller]
    fn check(parts: &[Vec<u8>], expected: &str) {
        assert_eq!(text(&tlv(0x30, &parts.concat())).as_deref(), Some(expected));
    }

    const CN: &[u8] = &[0x55, 4, 3];

    #[test]
    fn the_most_specific_part_stands_first() {
        check(
            &[
                part(&[(&[0x55, 4, 6], 19, b"US")]),
                part(&[(&[0x55, 4, 10], 12, b"Example, Inc.")]),
                part(&[(CN, 12, b"gir_qa"), (&[0x55, 4, 5], 19, b"7")]),
            ],
            "CN=gir_qa+serialNumber=7,O=Example\\, Inc.,C=US",
        );
        check(&[], "");
    }

    #[test]
    fn strings_of_every_kind_are_read_and_escaped() {
        for (tag, value, expected) in [
            (12, &b" #a\"+;<>\\ "[..], "CN=\\ #a\\\"\\+\\;\\<\\>\\\\\\ "),
            (12, b"#a\0b", "CN=\\#a\\00b"),
            (20, b"Z\xfcrich", "CN=Zürich"),
            (30, &[0, b'Z', 0, 0xfc], "CN=Zü"),
            (28, &[0, 1, 0xf6, 0], "CN=😀"),
            (22, b"\x1b[31m", "CN=\\u{1b}[31m"),
            (12, b"\xff", "CN=#0c01ff"),
            (30, &[0], "CN=#1e0100"),
            (3, &[0, 1], "CN=#03020001"),
            (12, b"", "CN="),
        ] {
            check(&[part(&[(CN, tag, value)])], expected);
        }
        check(&[part(&[(&[0x2a, 3, 4], 12, b"x")])], "1.2.3.4=#0c0178");
    }

    #[test]
    fn what_is_no_name_has_no_text() {
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x31, 0],
            &[0x30, 2, 0x30, 0],
            &[0x30, 4, 0x31, 2, 0x30, 0],
            &[0x30, 0, 0],
        ] {
            assert_eq!(text(bytes), None, "{bytes:x?}");
        }
    }
}
