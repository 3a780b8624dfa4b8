//! The clear bytes of a media file: given ones, or a pattern of any length that nobody has to hold.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::seed::Seed;

/// Prime, so that a shift by any power of two shows.
const BLOCK_BYTES: usize = 65_521;

/// Clear media.
#[derive(Debug, Clone)]
pub struct Content(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Bytes(Bytes),
    Pattern { len_bytes: u64, phase: u64 },
}

impl Content {
    /// These bytes.
    #[must_use]
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }

    /// So many bytes, made while they are read; contents of different seeds differ.
    #[must_use]
    pub fn pattern(len_bytes: u64, seed: u64) -> Self {
        let phase = Seed::new(seed).below("phase", BLOCK_BYTES as u64);
        Self(Kind::Pattern { len_bytes, phase })
    }

    /// How many bytes.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        match &self.0 {
            Kind::Bytes(bytes) => bytes.len() as u64,
            Kind::Pattern { len_bytes, .. } => *len_bytes,
        }
    }

    /// The bytes in pieces of at most 64 KiB.
    #[must_use]
    pub fn pieces(&self) -> Pieces {
        Pieces {
            content: self.clone(),
            at: 0,
        }
    }

    /// All bytes at once, for comparing in tests.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.pieces().flatten().collect()
    }

    fn piece(&self, at: u64) -> Bytes {
        match &self.0 {
            Kind::Bytes(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                bytes.slice(start..bytes.len().min(start + BLOCK_BYTES))
            }
            Kind::Pattern { len_bytes, phase } => {
                let start = usize::try_from((at + phase) % BLOCK_BYTES as u64).unwrap_or(0);
                let left = usize::try_from(len_bytes.saturating_sub(at)).unwrap_or(usize::MAX);
                block().slice(start..BLOCK_BYTES.min(start.saturating_add(left)))
            }
        }
    }
}

/// Pieces of a content, see [`Content::pieces`].
#[derive(Debug, Clone)]
pub struct Pieces {
    content: Content,
    at: u64,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let piece = self.content.piece(self.at);
        self.at += piece.len() as u64;
        (!piece.is_empty()).then_some(piece)
    }
}

/// The bytes that every pattern repeats.
fn block() -> &'static Bytes {
    static BLOCK: OnceLock<Bytes> = OnceLock::new();
    BLOCK.get_or_init(|| Seed::new(0).many_bytes("pattern", BLOCK_BYTES).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_its_length_and_its_pieces_stay_small() {
        for len_bytes in [0, 1, 65_520, 65_521, 65_522, 200_000] {
            let content = Content::pattern(len_bytes, 3);
            assert!(content.pieces().all(|piece| piece.len() <= 65_536));
            assert_eq!(content.to_vec().len() as u64, len_bytes);
        }
    }

    #[test]
    fn patterns_of_different_seeds_differ() {
        assert_ne!(
            Content::pattern(100, 1).to_vec(),
            Content::pattern(100, 2).to_vec()
        );
    }

    #[test]
    fn given_bytes_come_back() {
        let bytes = Content::pattern(150_000, 1).to_vec();
        assert_eq!(Content::bytes(bytes.clone()).to_vec(), bytes);
    }
}
