//! What the store says about an object: its version and its checksum.

use rcbs_core::ports::ChecksumKind;

use crate::cloud::{Cloud, SimMedia, StoredObject};
use crate::quirks::{Checksums, ETags, Quirks};
use crate::seed::hex;

/// The largest object that uploads send in one part, so that its ETag is its MD5.
const ONE_PART_BYTES: u64 = 16 << 20;

/// ETag and checksum of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectFacts {
    /// The ETag with its quotes, weak or not.
    pub(crate) etag: Option<String>,
    /// The MD5 of the object, if that is what the ETag is.
    pub(crate) md5: Option<Vec<u8>>,
    /// The checksum that the headers offer.
    pub(crate) checksum: Option<(ChecksumKind, Scope, Vec<u8>)>,
}

/// What a checksum is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The whole object (`FULL_OBJECT`).
    Whole,
    /// Its parts (`COMPOSITE`).
    Parts,
}

impl ObjectFacts {
    /// What the quirks let the store say. Digests are worked out once per version of an object.
    pub(crate) fn of(
        cloud: &Cloud,
        media: &SimMedia,
        object: &StoredObject,
        quirks: &Quirks,
    ) -> Self {
        let label = format!("etag {} {} {}", media.bucket, media.key, media.version);
        let opaque = hex(&cloud.seed().bytes(&label)[..16]);
        let is_md5 = quirks.etags == ETags::Usual && object.len_bytes() <= ONE_PART_BYTES;
        let md5 = is_md5.then(|| object.digest(ChecksumKind::Md5));
        let etag = match (quirks.etags, &md5) {
            (ETags::None, _) => None,
            (_, Some(md5)) => Some(format!("\"{}\"", hex(md5))),
            (ETags::Weak, _) => Some(format!("W/\"{opaque}\"")),
            (ETags::Kms, _) => Some(format!("\"{opaque}\"")),
            (ETags::Usual | ETags::Multipart, None) => Some(format!(
                "\"{opaque}-{}\"",
                object.len_bytes() / ONE_PART_BYTES + 1
            )),
        };
        Self {
            etag,
            md5,
            checksum: checksum(object, quirks),
        }
    }
}

fn checksum(object: &StoredObject, quirks: &Quirks) -> Option<(ChecksumKind, Scope, Vec<u8>)> {
    let (kind, scope) = match quirks.checksums {
        Checksums::None => return None,
        Checksums::Crc64Nvme => (ChecksumKind::Crc64Nvme, Scope::Whole),
        Checksums::Crc32 => (ChecksumKind::Crc32, Scope::Whole),
        Checksums::Crc32c => (ChecksumKind::Crc32c, Scope::Whole),
        Checksums::Sha1 => (ChecksumKind::Sha1, Scope::Whole),
        Checksums::Sha256 => (ChecksumKind::Sha256, Scope::Whole),
        Checksums::CompositeCrc32c => (ChecksumKind::Crc32c, Scope::Parts),
        Checksums::CompositeSha256 => (ChecksumKind::Sha256, Scope::Parts),
    };
    let mut value = object.digest(kind);
    if scope == Scope::Parts {
        // The digest of the digests of the parts; with one part it still differs from that of the object.
        value = crate::cloud::digest(kind, std::iter::once(value.into()));
    }
    Some((kind, scope, value))
}
