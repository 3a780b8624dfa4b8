//! Chooses the checksum to compare an object with, out of what the store offers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use rcbs_core::ports::{Checksum, ChecksumKind, ETag};

/// The store's checksum headers, the strongest first, with the length of a value in bytes.
const OFFERED: [(&str, ChecksumKind, usize); 5] = [
    ("x-amz-checksum-sha256", ChecksumKind::Sha256, 32),
    ("x-amz-checksum-crc64nvme", ChecksumKind::Crc64Nvme, 8),
    ("x-amz-checksum-sha1", ChecksumKind::Sha1, 20),
    ("x-amz-checksum-crc32c", ChecksumKind::Crc32c, 4),
    ("x-amz-checksum-crc32", ChecksumKind::Crc32, 4),
];

/// The strongest checksum of the whole object; `None` where none can be compared with its bytes.
///
/// `partial` is whether only a part of the object was sent: its checksum may then be that of a part of a multipart
/// upload, unless the store says that it is of the full object.
pub(super) fn strongest(
    headers: &HeaderMap,
    etag: Option<&ETag>,
    partial: bool,
) -> Option<Checksum> {
    let kind = text(headers, "x-amz-checksum-type").unwrap_or_default();
    let of_the_whole = kind.eq_ignore_ascii_case("FULL_OBJECT") || (kind.is_empty() && !partial);
    let offered = OFFERED
        .iter()
        .filter(|_| of_the_whole)
        .find_map(|(name, kind, len)| {
            // A composite value carries `-N`, which is no Base64.
            let value = STANDARD.decode(text(headers, name)?).ok()?;
            (value.len() == *len).then_some(Checksum { kind: *kind, value })
        });
    offered.or_else(|| md5(headers, etag?))
}

/// The ETag, where it is the MD5 of the object: one upload, not encrypted with a key of KMS or of the customer
/// (S3 API reference, "Object").
fn md5(headers: &HeaderMap, etag: &ETag) -> Option<Checksum> {
    let by_kms =
        text(headers, "x-amz-server-side-encryption").is_some_and(|by| by.starts_with("aws:"));
    let by_customer = headers.contains_key("x-amz-server-side-encryption-customer-algorithm");
    if by_kms || by_customer {
        return None;
    }
    let hex = etag.0.strip_prefix('"')?.strip_suffix('"')?;
    if hex.len() != 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let value = (0..16)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16))
        .collect::<Result<_, _>>();
    Some(Checksum {
        kind: ChecksumKind::Md5,
        value: value.ok()?,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const MD5: &str = "\"0123456789abcdef0123456789ABCDEF\"";
    const SHA: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    /// E7, E8.
    #[test]
    fn the_strongest_whole_checksum_is_chosen() {
        use ChecksumKind::{Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
        for (headers, etag, partial, kind) in [
            (
                &[("sha256", SHA), ("crc32", "AAAAAA==")][..],
                MD5,
                false,
                Some(Sha256),
            ),
            (
                &[
                    ("crc64nvme", "AAAAAAAAAAA="),
                    ("sha1", "2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
                ],
                MD5,
                false,
                Some(Crc64Nvme),
            ),
            (
                &[
                    ("sha1", "2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
                    ("crc32c", "AAAAAA=="),
                ],
                MD5,
                false,
                Some(Sha1),
            ),
            (
                &[("crc32c", "AAAAAA=="), ("crc32", "AAAAAA==")],
                MD5,
                false,
                Some(Crc32c),
            ),
            (&[("crc32", "AAAAAA==")], MD5, false, Some(Crc32)),
            // Composite, by form or by word.
            (
                &[("sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=-3")],
                "\"a-3\"",
                false,
                None,
            ),
            (
                &[("crc32", "AAAAAA=="), ("type", "COMPOSITE")],
                "\"a-3\"",
                false,
                None,
            ),
            (
                &[("crc32", "AAAAAA=="), ("type", "COMPOSITE")],
                MD5,
                false,
                Some(Md5),
            ),
            // Of a part, unless it says otherwise.
            (&[("crc32", "AAAAAA==")], MD5, true, Some(Md5)),
            (
                &[("crc32", "AAAAAA=="), ("type", "FULL_OBJECT")],
                MD5,
                true,
                Some(Crc32),
            ),
            // Not what it claims to be.
            (&[("sha256", "AAAA")], "", false, None),
            (&[("sha256", "!!")], MD5, false, Some(Md5)),
            (&[], MD5, false, Some(Md5)),
            (&[], "W/\"0123456789abcdef0123456789abcdef\"", false, None),
            (&[], "\"0123456789abcdef0123456789abcdef-2\"", false, None),
            (&[], "0123456789abcdef0123456789abcdef", false, None),
            (&[], "\"0123456789abcdef0123456789abcdeg\"", false, None),
        ] {
            let map: HeaderMap = headers
                .iter()
                .map(|(name, value)| {
                    let name: HeaderName = format!("x-amz-checksum-{name}").parse().unwrap();
                    (name, HeaderValue::from_static(value))
                })
                .collect();
            let found = strongest(&map, Some(&ETag(etag.to_owned())), partial);
            assert_eq!(
                found.map(|checksum| checksum.kind),
                kind,
                "{headers:?} {etag}"
            );
        }
    }

    /// E7.
    #[test]
    fn an_etag_is_no_md5_when_the_key_is_not_the_stores() {
        for (name, value, is_md5) in [
            ("x-amz-server-side-encryption", "aws:kms", false),
            ("x-amz-server-side-encryption", "aws:kms:dsse", false),
            ("x-amz-server-side-encryption", "AES256", true),
            (
                "x-amz-server-side-encryption-customer-algorithm",
                "AES256",
                false,
            ),
        ] {
            let headers = HeaderMap::from_iter([(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]);
            let found = strongest(&headers, Some(&ETag(MD5.to_owned())), false);
            assert_eq!(found.is_some(), is_md5, "{value}");
        }
    }

    #[test]
    fn values_are_raw_bytes() {
        let found = strongest(&HeaderMap::new(), Some(&ETag(MD5.to_owned())), false).unwrap();
        assert_eq!(found.value[..4], [0x01, 0x23, 0x45, 0x67]);
        assert_eq!(found.value[15], 0xef);
    }
}
