//! SHA-256, by which stored files and metadata are known.

use aws_lc_rs::digest::{Context, SHA256};

/// SHA-256 of a file as it is written.
#[derive(Clone)]
pub(crate) struct FileDigest(Context);

impl FileDigest {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        let mut sum = [0; 32];
        sum.copy_from_slice(self.0.finish().as_ref());
        sum
    }
}

impl std::fmt::Debug for FileDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileDigest")
    }
}

/// SHA-256 of bytes that are all there.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = FileDigest::new();
    digest.update(bytes);
    digest.finish()
}
