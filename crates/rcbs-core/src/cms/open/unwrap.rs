//! The content key out of a recipient (RFC 3370 4.2.1, RFC 3560): the same way whether the key fits or not.

use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm,
};
use zeroize::Zeroizing;

use super::error::OpenError;
use crate::cms::ber::Tag;
use crate::cms::der;
use crate::cms::keys::{PrivateKey, RSA_ENCRYPTION};
use crate::cms::recipient::KeyTransport;

/// Content octets of 1.2.840.113549.1.1 and one arc more: 7 is RSAES-OAEP, 8 MGF1, 9 pSpecified.
const fn pkcs1(last: u8) -> [u8; 9] {
    [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last]
}

/// The content key of `len_bytes`.
///
/// When the encrypted key does not decrypt, or to a key of another length, a random key comes back in its place, and
/// the content will not open (RFC 3218, 2.3.2): whoever feeds us files learns nothing about RSA padding.
///
/// # Errors
/// [`OpenError::KeyTransport`] for a way of encrypting that is not read, which is public.
pub(super) fn content_key(
    transport: &KeyTransport,
    key: &PrivateKey,
    len_bytes: usize,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let oaep = if *transport.algorithm == *RSA_ENCRYPTION {
        None
    } else if *transport.algorithm == pkcs1(7) {
        Some(oaep_of(&transport.parameters).map_err(unsupported)?)
    } else {
        return Err(unsupported(format!(
            "the algorithm {}",
            der::dotted(&transport.algorithm)
        )));
    };
    // Made in any case, so that a key that does not fit takes as long as one that does.
    let mut content_key = Zeroizing::new(vec![0; len_bytes]);
    rand::fill(&mut content_key)
        .map_err(|_| unsupported("the system gives no random bytes".to_owned()))?;
    let mut block = Zeroizing::new(vec![0; key.modulus_bytes()]);
    let decrypted = match oaep {
        None => key.pkcs1.decrypt(&transport.encrypted_key, &mut block),
        Some(oaep) => key
            .oaep
            .decrypt(oaep, &transport.encrypted_key, &mut block, None),
    };
    if let Ok(decrypted) = decrypted
        && decrypted.len() == len_bytes
    {
        content_key.copy_from_slice(decrypted);
    }
    Ok(content_key)
}

fn unsupported(what: String) -> OpenError {
    OpenError::KeyTransport { what }
}

/// Reads `RSAES-OAEP-params` (RFC 8017, A.2.1), where absent means SHA-1. Both hashes must be one, the label empty:
/// nothing else is in use, and every further combination would be one more to attack.
fn oaep_of(parameters: &[u8]) -> Result<&'static OaepAlgorithm, String> {
    const HASH: Tag = Tag::context(0).constructed();
    const MASK: Tag = Tag::context(1).constructed();
    const LABEL: Tag = Tag::context(2).constructed();
    let malformed = || "malformed parameters of OAEP".to_owned();
    let mut fields = match parameters {
        [] => &[][..],
        _ => der::only(parameters, Tag::SEQUENCE).ok_or_else(malformed)?,
    };
    let hash = match der::take_tagged(&mut fields, HASH) {
        Some(field) => hash_of(field.content).ok_or_else(malformed)?,
        None => SHA1,
    };
    let mask = match der::take_tagged(&mut fields, MASK) {
        Some(field) => {
            let (oid, hash) = algorithm(field.content).ok_or_else(malformed)?;
            if oid != pkcs1(8) {
                return Err(format!("OAEP with the mask {}", der::dotted(oid)));
            }
            hash_of(hash).ok_or_else(malformed)?
        }
        None => SHA1,
    };
    if let Some(field) = der::take_tagged(&mut fields, LABEL) {
        let (oid, label) = algorithm(field.content).ok_or_else(malformed)?;
        if oid != pkcs1(9) || der::only(label, Tag::OCTET_STRING) != Some(&[]) {
            return Err("OAEP with a label".to_owned());
        }
    }
    if !fields.is_empty() {
        return Err(malformed());
    }
    if hash != mask {
        return Err("OAEP with two different hashes".to_owned());
    }
    match hash {
        SHA1 => Ok(&OAEP_SHA1_MGF1SHA1),
        SHA256 => Ok(&OAEP_SHA256_MGF1SHA256),
        SHA384 => Ok(&OAEP_SHA384_MGF1SHA384),
        SHA512 => Ok(&OAEP_SHA512_MGF1SHA512),
        other => Err(format!("OAEP with the hash {}", der::dotted(other))),
    }
}

/// Content octets of the object identifiers of hashes (RFC 8017, B.1).
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];

/// The object identifier of an `AlgorithmIdentifier` that names a hash: parameters are absent or NULL.
fn hash_of(bytes: &[u8]) -> Option<&[u8]> {
    let (oid, parameters) = algorithm(bytes)?;
    matches!(parameters, [] | [5, 0]).then_some(oid)
}

/// Object identifier and parameters of an `AlgorithmIdentifier`.
fn algorithm(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut content = der::only(bytes, Tag::SEQUENCE)?;
    let oid = der::take_tagged(&mut content, Tag::OID)?.content;
    Some((oid, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let mut out = vec![tag, u8::try_from(content.len()).unwrap()];
        out.extend(content);
        out
    }

    fn hash(oid: &[u8]) -> Vec<u8> {
        tlv(0x30, &[&tlv(6, &[oid]), &[5, 0]])
    }

    fn mask(oid: &[u8]) -> Vec<u8> {
        tlv(0xa1, &[&tlv(0x30, &[&tlv(6, &[&pkcs1(8)]), &hash(oid)])])
    }

    fn label(bytes: &[u8]) -> Vec<u8> {
        tlv(
            0xa2,
            &[&tlv(0x30, &[&tlv(6, &[&pkcs1(9)]), &tlv(4, &[bytes])])],
        )
    }

    #[test]
    fn oaep_is_taken_with_one_hash_and_no_label_only() {
        let sha256 = tlv(0xa0, &[&hash(SHA256)]);
        let md5 = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05][..];
        let cases: [(Vec<u8>, Result<&OaepAlgorithm, &str>); 10] = [
            (vec![], Ok(&OAEP_SHA1_MGF1SHA1)),
            (tlv(0x30, &[]), Ok(&OAEP_SHA1_MGF1SHA1)),
            (
                tlv(0x30, &[&sha256, &mask(SHA256)]),
                Ok(&OAEP_SHA256_MGF1SHA256),
            ),
            (
                tlv(0x30, &[&sha256, &mask(SHA256), &label(b"")]),
                Ok(&OAEP_SHA256_MGF1SHA256),
            ),
            (
                tlv(0x30, &[&sha256, &mask(SHA256), &label(b"x")]),
                Err("OAEP with a label"),
            ),
            (tlv(0x30, &[&sha256]), Err("OAEP with two different hashes")),
            (
                tlv(0x30, &[&mask(SHA512)]),
                Err("OAEP with two different hashes"),
            ),
            (
                tlv(0x30, &[&tlv(0xa0, &[&hash(md5)]), &mask(md5)]),
                Err("OAEP with the hash 1.2.840.113549.2.5"),
            ),
            (vec![5, 0], Err("malformed parameters of OAEP")),
            (
                tlv(0x30, &[&tlv(0xa3, &[])]),
                Err("malformed parameters of OAEP"),
            ),
        ];
        for (parameters, expected) in cases {
            let found = oaep_of(&parameters).map(OaepAlgorithm::id);
            let expected = expected.map(OaepAlgorithm::id).map_err(str::to_owned);
            assert_eq!(found, expected, "{parameters:x?}");
        }
    }
}
