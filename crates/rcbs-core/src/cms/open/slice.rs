//! Any part of the clear bytes of a CBC file from the few blocks it needs: which bytes of the file to read, and what
//! they become.
//!
//! In CBC a block of clear bytes follows from its own block of ciphertext and the one before it. Of a file in DER the
//! head says where the ciphertext lies; of one in BER a [`Mapper`] finds the pieces in one pass.

use std::ops::Range;

use aws_lc_rs::cipher::{Algorithm, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::choose::candidates;
use super::error::OpenError;
use super::opener::OpenRules;
use super::stream::{Scheme, triple_des, triple_des_iv};
use super::unwrap::content_key;
use crate::cms::head::Head;
use crate::cms::keys::KeyRing;
use crate::cms::read::{Piece, Reader};
use crate::cms::structure::StructureError;
use crate::cms::walk::WalkError;

/// Series of pieces that are remembered. Writers make one or two, whatever the length of the file.
const SERIES_MAX: usize = 1 << 16;

/// Why a slice cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SliceError {
    /// Not a file that can be opened at all.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// GCM, which has to be read from its beginning to be checked.
    #[error("the cipher of the file has no random access")]
    Sequential,
    /// The pieces of the ciphertext follow no pattern that could be remembered in bounded memory.
    #[error("the ciphertext is in more than {SERIES_MAX} pieces of different lengths")]
    Scattered,
    /// Other bytes were handed in than the plan asked for.
    #[error("{found_bytes} bytes were read where the plan wants {wanted_bytes}")]
    Short {
        /// What was asked for.
        wanted_bytes: u64,
        /// What came.
        found_bytes: u64,
    },
    /// The padding at the end is not valid: wrong key, or damage.
    #[error("the slice does not open")]
    DoesNotOpen,
}

/// Where the ciphertext of a file lies.
#[derive(Debug, Clone)]
pub struct FileMap {
    head: Head,
    series: Vec<Series>,
    ciphertext_bytes: u64,
}

/// Pieces of the same length at the same distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Series {
    /// Where its first byte stands in the ciphertext.
    ciphertext_at: u64,
    /// Where that byte stands in the file.
    file_at: u64,
    piece_bytes: u64,
    /// From the beginning of one piece to that of the next, in the file.
    stride: u64,
    pieces: u64,
}

/// Finds where the ciphertext lies, fed with the bytes of a file from its beginning.
#[derive(Debug, Default)]
pub struct Mapper {
    reader: Reader,
    series: Vec<Series>,
    ciphertext_bytes: u64,
    is_scattered: bool,
}

impl Mapper {
    /// A map of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes of the file.
    ///
    /// # Errors
    /// [`SliceError`] when it is not well-formed, or in too many different pieces.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), SliceError> {
        let Self {
            reader,
            series,
            ciphertext_bytes,
            is_scattered,
        } = self;
        reader
            .feed(bytes, &mut |piece: Piece<'_>| {
                let len_bytes = piece.bytes.len() as u64;
                *is_scattered |= !add(series, *ciphertext_bytes, piece.at, len_bytes);
                *ciphertext_bytes += len_bytes;
            })
            .map_err(OpenError::from)?;
        if *is_scattered {
            return Err(SliceError::Scattered);
        }
        Ok(())
    }

    /// The map, as soon as the head tells all: with DER after the first bytes of the file. What follows has not been
    /// looked at then; a file that ends too early shows when it is read.
    #[must_use]
    pub fn at_once(&self) -> Option<FileMap> {
        let whole = self.reader.whole_content()?;
        let len_bytes = whole.end - whole.start;
        Some(FileMap {
            head: self.reader.head()?.clone(),
            series: vec![Series {
                ciphertext_at: 0,
                file_at: whole.start,
                piece_bytes: len_bytes,
                stride: len_bytes,
                pieces: 1,
            }],
            ciphertext_bytes: len_bytes,
        })
    }

    /// The map of a file that was fed to its end.
    ///
    /// # Errors
    /// [`SliceError`] when it is not whole.
    pub fn finish(self) -> Result<FileMap, SliceError> {
        let read = self.reader.finish().map_err(OpenError::from)?;
        if read.ciphertext_bytes.is_none() {
            return Err(OpenError::Walk(WalkError::Detached).into());
        }
        Ok(FileMap {
            head: read.head,
            series: self.series,
            ciphertext_bytes: self.ciphertext_bytes,
        })
    }
}

/// Adds a run of ciphertext bytes; false when there are too many different ones.
fn add(series: &mut Vec<Series>, ciphertext_at: u64, file_at: u64, len_bytes: u64) -> bool {
    if let Some(last) = series.last_mut() {
        let last_piece_at = last.file_at + (last.pieces - 1) * last.stride;
        let is_more_of_it = file_at == last_piece_at + last.piece_bytes;
        if is_more_of_it && last.pieces == 1 {
            last.piece_bytes += len_bytes;
            last.stride = last.piece_bytes;
            merge(series);
            return true;
        }
        if is_more_of_it {
            // The piece that seemed to be one of the series goes on: it is one of its own.
            last.pieces -= 1;
            let (at, piece_at) = (last.piece_bytes, last_piece_at);
            let begin = ciphertext_at - at;
            return push(series, begin, piece_at, at + len_bytes);
        }
        let stride = file_at - last_piece_at;
        let fits = last.pieces == 1 || stride == last.stride;
        if fits && len_bytes == last.piece_bytes {
            last.stride = stride;
            last.pieces += 1;
            return true;
        }
    }
    push(series, ciphertext_at, file_at, len_bytes)
}

/// A piece that came in parts belongs to the series before it, once it has grown to the length of that one's pieces.
fn merge(series: &mut Vec<Series>) {
    if let [.., before, last] = series.as_mut_slice() {
        let stride = last.file_at - (before.file_at + (before.pieces - 1) * before.stride);
        let fits = before.pieces == 1 || stride == before.stride;
        if fits && last.piece_bytes == before.piece_bytes {
            before.stride = stride;
            before.pieces += 1;
            series.pop();
        }
    }
}

fn push(series: &mut Vec<Series>, ciphertext_at: u64, file_at: u64, len_bytes: u64) -> bool {
    if series.len() == SERIES_MAX {
        return false;
    }
    series.push(Series {
        ciphertext_at,
        file_at,
        piece_bytes: len_bytes,
        stride: len_bytes,
        pieces: 1,
    });
    true
}

impl FileMap {
    /// What stands before the ciphertext.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Bytes of ciphertext. The clear bytes are fewer, by the padding.
    #[must_use]
    pub fn ciphertext_bytes(&self) -> u64 {
        self.ciphertext_bytes
    }

    /// Plans to read the clear bytes `[clear.start, clear.end)`; what lies behind the end of them is left out.
    ///
    /// # Errors
    /// [`SliceError`] when the file has no blocks, or a number of bytes that is not whole blocks.
    pub fn plan(&self, clear: Range<u64>) -> Result<SlicePlan, SliceError> {
        let block_bytes = self
            .head
            .cipher()
            .block_bytes()
            .ok_or(SliceError::Sequential)?;
        if let Some(block_bytes) = self.head.cipher().broken_block(self.ciphertext_bytes) {
            return Err(OpenError::Walk(WalkError::CiphertextLength {
                ciphertext_bytes: self.ciphertext_bytes,
                cipher: self.head.cipher().clone(),
                block_bytes,
            })
            .into());
        }
        let end = clear.end.min(self.ciphertext_bytes);
        let begin = clear.start.min(end);
        let first_block = begin / block_bytes;
        let blocks = if begin == end {
            first_block..first_block
        } else {
            first_block..end.div_ceil(block_bytes)
        };
        // One block before the first, whose ciphertext the first needs.
        let read_from = blocks.start.saturating_sub(1) * block_bytes;
        let read_to = blocks.end * block_bytes;
        let reads = if blocks.is_empty() {
            Vec::new()
        } else {
            self.file_ranges(read_from..read_to)
        };
        Ok(SlicePlan {
            reads,
            block_bytes,
            has_block_before: !blocks.is_empty() && blocks.start > 0,
            ends_content: read_to == self.ciphertext_bytes && !blocks.is_empty(),
            skip_bytes: begin - blocks.start * block_bytes,
            take_bytes: end - begin,
        })
    }

    /// Plans to read the end of the content, which proves the key (with one in 256 wrong ones passing) and tells how
    /// long the clear content is: [`Self::clear_bytes`].
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub fn plan_end(&self) -> Result<SlicePlan, SliceError> {
        let block_bytes = self.head.cipher().block_bytes().unwrap_or(1);
        self.plan(self.ciphertext_bytes.saturating_sub(block_bytes)..self.ciphertext_bytes)
    }

    /// The length of the clear content, from what [`Self::plan_end`] gave.
    #[must_use]
    pub fn clear_bytes(&self, end: &[u8]) -> u64 {
        let block_bytes = self.head.cipher().block_bytes().unwrap_or(1);
        self.ciphertext_bytes.saturating_sub(block_bytes) + end.len() as u64
    }

    /// Where in the file these bytes of the ciphertext lie.
    fn file_ranges(&self, wanted: Range<u64>) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let mut at = wanted.start;
        // The series are in order, so the last that begins at or before the wanted byte holds it.
        let mut index = self
            .series
            .partition_point(|series| series.ciphertext_at <= at)
            .saturating_sub(1);
        while let Some(series) = self.series.get(index)
            && at < wanted.end
        {
            let piece = (at - series.ciphertext_at) / series.piece_bytes.max(1);
            if piece >= series.pieces {
                index += 1;
                continue;
            }
            let within = at - series.ciphertext_at - piece * series.piece_bytes;
            let count = (series.piece_bytes - within).min(wanted.end - at);
            let begin = series.file_at + piece * series.stride + within;
            match ranges.last_mut() {
                Some(last) if last.end == begin => last.end += count,
                _ => ranges.push(begin..begin + count),
            }
            at += count;
        }
        ranges
    }
}

/// Which bytes of the file give a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlicePlan {
    reads: Vec<Range<u64>>,
    block_bytes: u64,
    has_block_before: bool,
    ends_content: bool,
    skip_bytes: u64,
    take_bytes: u64,
}

impl SlicePlan {
    /// The ranges of the file to read, in order; at most two blocks longer together than the slice.
    #[must_use]
    pub fn reads(&self) -> &[Range<u64>] {
        &self.reads
    }

    /// The clear bytes, from what was read: all ranges, one after the other. Fewer than planned only at the end of the
    /// content.
    ///
    /// # Errors
    /// [`SliceError::Short`] for other bytes than planned, [`SliceError::DoesNotOpen`] for an end that is not valid.
    pub fn open(&self, key: &SliceKey, mut bytes: Vec<u8>) -> Result<Vec<u8>, SliceError> {
        let wanted_bytes = self.reads.iter().map(|read| read.end - read.start).sum();
        if bytes.len() as u64 != wanted_bytes {
            return Err(SliceError::Short {
                wanted_bytes,
                found_bytes: bytes.len() as u64,
            });
        }
        if bytes.is_empty() {
            return Ok(bytes);
        }
        let block_bytes = usize::try_from(self.block_bytes).unwrap_or(usize::MAX);
        let before = self.has_block_before.then(|| {
            let rest = bytes.split_off(block_bytes.min(bytes.len()));
            std::mem::replace(&mut bytes, rest)
        });
        key.decrypt(&mut bytes, before.as_deref())?;
        if self.ends_content {
            let padding = padding_bytes(&bytes, block_bytes).ok_or(SliceError::DoesNotOpen)?;
            bytes.truncate(bytes.len() - padding);
        }
        let skip = usize::try_from(self.skip_bytes).unwrap_or(usize::MAX);
        bytes.drain(..skip.min(bytes.len()));
        bytes.truncate(usize::try_from(self.take_bytes).unwrap_or(usize::MAX));
        Ok(bytes)
    }
}

/// PKCS #7 padding (RFC 5652, 6.3) at the end of the last block.
fn padding_bytes(bytes: &[u8], block_bytes: usize) -> Option<usize> {
    let padding = usize::from(*bytes.last()?);
    let is_length = (1..=block_bytes).contains(&padding) && padding <= bytes.len();
    let tail = &bytes[bytes.len() - padding.min(bytes.len())..];
    (is_length && tail.iter().all(|byte| usize::from(*byte) == padding)).then_some(padding)
}

/// The content key of one file, for as many slices of it as wanted.
///
/// A key that does not fit gives a random content key, as everywhere: [`FileMap::plan_end`] shows it.
pub struct SliceKey {
    algorithm: &'static Algorithm,
    iv: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl SliceKey {
    /// Chooses and uses the private key: the one costly step.
    ///
    /// # Errors
    /// [`SliceError`].
    pub fn new(head: &Head, ring: &KeyRing, rules: OpenRules) -> Result<Self, SliceError> {
        let scheme = Scheme::of(head, rules.allow_legacy)?;
        let (algorithm, iv) = match &scheme {
            Scheme::AesCbc(algorithm, iv) => (*algorithm, iv.to_vec()),
            Scheme::TripleDesCbc(iv) => (triple_des(), iv.to_vec()),
            Scheme::Gcm(..) => return Err(SliceError::Sequential),
        };
        let infos = head.recipient_infos();
        let all = candidates(infos, ring, false).map_err(OpenError::from)?;
        let candidate = all[0];
        let transport = infos[candidate.recipient]
            .transport
            .as_ref()
            .ok_or(SliceError::DoesNotOpen)?;
        let key = content_key(transport, &ring.keys()[candidate.key], scheme.key_bytes())?;
        Ok(Self { algorithm, iv, key })
    }

    /// Whole blocks in place; `before` is the block of ciphertext before them.
    fn decrypt(&self, blocks: &mut [u8], before: Option<&[u8]>) -> Result<(), SliceError> {
        let iv = before.unwrap_or(&self.iv);
        let context = match (<[u8; 16]>::try_from(iv), <[u8; 8]>::try_from(iv)) {
            (Ok(iv), _) => DecryptionContext::Iv128(FixedLength::from(iv)),
            (_, Ok(iv)) => triple_des_iv(iv),
            _ => return Err(SliceError::DoesNotOpen),
        };
        UnboundCipherKey::new(self.algorithm, &self.key)
            .and_then(DecryptingKey::cbc)
            .and_then(|key| key.decrypt(blocks, context).map(drop))
            .map_err(|_| SliceError::DoesNotOpen)
    }
}

impl std::fmt::Debug for SliceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SliceKey").finish_non_exhaustive()
    }
}

impl From<StructureError> for SliceError {
    fn from(error: StructureError) -> Self {
        Self::Open(error.into())
    }
}
