//! Bytes gathered in memory until there are enough of them for one hop to the disk.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write};

use bytes::{Bytes, BytesMut};

/// Smaller pieces are copied together: each piece on its own costs a slot in the list and holds on to the network
/// buffer it was cut from, which a server that sends single bytes could make expensive.
const COPIED_BELOW_BYTES: usize = 4 << 10;

/// Pieces in the order they came.
#[derive(Debug, Default)]
pub(super) struct Gather {
    pieces: Vec<Bytes>,
    tail: BytesMut,
    len_bytes: usize,
}

impl Gather {
    pub(super) fn push(&mut self, bytes: Bytes) {
        self.len_bytes += bytes.len();
        if bytes.len() < COPIED_BELOW_BYTES {
            self.tail.extend_from_slice(&bytes);
        } else {
            self.close_tail();
            self.pieces.push(bytes);
        }
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Gives all pieces away and begins anew.
    pub(super) fn take(&mut self) -> Vec<Bytes> {
        self.close_tail();
        self.len_bytes = 0;
        std::mem::take(&mut self.pieces)
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push(self.tail.split().freeze());
        }
    }
}

/// Writes all pieces with as few calls as the system allows.
pub(super) fn write_all(mut file: &File, pieces: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut left = slices.as_mut_slice();
    // Empty pieces would look like a disk that takes nothing.
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut left, count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_come_out_in_order() {
        let sizes = [0, 1, 5_000, 1, 2, 4_095, 4_096, 0, 70_000, 3];
        let mut gather = Gather::default();
        let mut wanted = Vec::new();
        for (index, size) in sizes.into_iter().enumerate() {
            let piece = vec![index as u8; size];
            wanted.extend_from_slice(&piece);
            gather.push(piece.into());
        }
        assert_eq!(gather.len_bytes(), wanted.len());
        let pieces = gather.take();
        assert_eq!(gather.len_bytes(), 0);
        assert_eq!(pieces.concat(), wanted);

        let file = tempfile::tempfile().unwrap();
        write_all(&file, &pieces).unwrap();
        let len = file.metadata().unwrap().len();
        assert_eq!(len, wanted.len() as u64);
    }

    #[test]
    fn a_million_single_bytes_are_one_piece() {
        let mut gather = Gather::default();
        for _ in 0..1_000_000 {
            gather.push(Bytes::from_static(b"x"));
        }
        assert_eq!(gather.take().len(), 1);
    }

    #[test]
    fn more_pieces_than_one_call_takes_are_all_written() {
        let pieces = vec![Bytes::from(vec![7; 4 << 10]); 3_000];
        let file = tempfile::tempfile().unwrap();
        write_all(&file, &pieces).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 3_000 * (4 << 10));
    }
}
