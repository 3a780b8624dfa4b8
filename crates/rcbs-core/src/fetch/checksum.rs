//! The store's checksum, computed again while an object streams by.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use crc_fast::{CrcAlgorithm, Digest as Crc};
use md5::{Digest as _, Md5};

use crate::ports::{Checksum, ChecksumKind};

/// The store's checksum, computed again from what arrived.
pub(crate) struct ObjectCheck {
    expected: Checksum,
    running: Running,
}

enum Running {
    Sha(Context),
    Crc(Box<Crc>, usize),
    Md5(Box<Md5>),
}

impl ObjectCheck {
    pub(crate) fn new(expected: Checksum) -> Self {
        let running = match expected.kind {
            ChecksumKind::Sha256 => Running::Sha(Context::new(&SHA256)),
            ChecksumKind::Sha1 => Running::Sha(Context::new(&SHA1_FOR_LEGACY_USE_ONLY)),
            ChecksumKind::Crc64Nvme => Running::Crc(Box::new(Crc::new(CrcAlgorithm::Crc64Nvme)), 8),
            ChecksumKind::Crc32c => Running::Crc(Box::new(Crc::new(CrcAlgorithm::Crc32Iscsi)), 4),
            ChecksumKind::Crc32 => Running::Crc(Box::new(Crc::new(CrcAlgorithm::Crc32IsoHdlc)), 4),
            ChecksumKind::Md5 => Running::Md5(Box::new(Md5::new())),
        };
        Self { expected, running }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.running {
            Running::Sha(context) => context.update(bytes),
            Running::Crc(crc, _) => crc.update(bytes),
            Running::Md5(md5) => md5.update(bytes),
        }
    }

    /// The name of the checksum when it fits, `Err` with the same name when it does not.
    pub(crate) fn finish(self) -> Result<&'static str, &'static str> {
        let found = match self.running {
            Running::Sha(context) => context.finish().as_ref().to_vec(),
            Running::Crc(crc, width) => crc.finalize().to_be_bytes()[8 - width..].to_vec(),
            Running::Md5(md5) => md5.finalize().to_vec(),
        };
        let name = name(self.expected.kind);
        if found == self.expected.value {
            Ok(name)
        } else {
            Err(name)
        }
    }
}

impl std::fmt::Debug for ObjectCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ObjectCheck").field(&self.expected).finish()
    }
}

/// The stable name of a checksum, as the ledger and the report write it.
fn name(kind: ChecksumKind) -> &'static str {
    match kind {
        ChecksumKind::Sha256 => "sha256",
        ChecksumKind::Sha1 => "sha1",
        ChecksumKind::Crc64Nvme => "crc64nvme",
        ChecksumKind::Crc32c => "crc32c",
        ChecksumKind::Crc32 => "crc32",
        ChecksumKind::Md5 => "md5",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    /// The check values of the CRC catalogue and of RFC 1321, RFC 3174 and FIPS 180-4 for "123456789".
    #[test]
    fn every_checksum_of_the_store_is_computed_as_its_standard_says() {
        for (kind, value) in [
            (ChecksumKind::Crc32, "cbf43926"),
            (ChecksumKind::Crc32c, "e3069283"),
            (ChecksumKind::Crc64Nvme, "ae8b14860a799888"),
            (ChecksumKind::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (
                ChecksumKind::Sha1,
                "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
            ),
            (
                ChecksumKind::Sha256,
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            ),
        ] {
            for (bytes, fits) in [(&b"123456789"[..], true), (b"123456788", false)] {
                let mut check = ObjectCheck::new(Checksum {
                    kind,
                    value: hex(value),
                });
                let (left, right) = bytes.split_at(4);
                check.update(left);
                check.update(right);
                assert_eq!(check.finish().is_ok(), fits, "{kind:?}");
            }
        }
    }
}
