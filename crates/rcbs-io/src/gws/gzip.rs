//! Undoes gzip, which some proxies and servers send although nobody asked for it.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unpacked {
    Whole(Bytes),
    /// More than the cap; nothing behind it was unpacked.
    TooLarge,
    /// No gzip, cut, or damaged; what came before that.
    Damaged(Bytes),
}

/// Whether this is the name of gzip as a content coding (RFC 9110, 8.4.1.3).
pub(super) fn is_gzip(coding: &str) -> bool {
    coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip")
}

/// Unpacks at most `cap_bytes`, however much there would be.
pub(super) fn unpack(packed: &[u8], cap_bytes: u64) -> Unpacked {
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(packed).take(cap_bytes.saturating_add(1));
    let read = decoder.read_to_end(&mut plain);
    let is_too_large = plain.len() as u64 > cap_bytes;
    let plain = Bytes::from(plain);
    match read {
        Err(_) => Unpacked::Damaged(plain),
        Ok(_) if is_too_large => Unpacked::TooLarge,
        Ok(_) => Unpacked::Whole(plain),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_was_packed_is_unpacked_up_to_a_cap() {
        let plain = b"{\"statusCode\":0}".repeat(100);
        let whole = Unpacked::Whole(Bytes::from(plain.clone()));
        let len = plain.len() as u64;
        assert_eq!(unpack(&packed(&plain), len), whole);
        assert_eq!(unpack(&packed(&plain), len - 1), Unpacked::TooLarge);
        let (head, tail) = plain.split_at(77);
        let members = [packed(head), packed(tail)].concat();
        assert_eq!(unpack(&members, len), whole);
    }

    #[test]
    fn nothing_is_unpacked_behind_the_cap() {
        let mut packed = packed(&[b' '; 1_000_000]);
        packed.truncate(packed.len() - 1);
        // Who reads on finds that it is cut.
        assert_eq!(unpack(&packed, 1_000), Unpacked::TooLarge);
        assert!(matches!(unpack(&packed, 2_000_000), Unpacked::Damaged(_)));
    }

    #[test]
    fn what_is_cut_or_damaged_is_not_whole() {
        let plain = b"{\"statusCode\":0}";
        let whole = packed(plain);
        for end in 0..whole.len() {
            let cut = unpack(&whole[..end], 1_000);
            assert!(matches!(cut, Unpacked::Damaged(_)), "{end}: {cut:?}");
        }
        let mut flipped = whole.clone();
        let last = flipped.len() - 6;
        flipped[last] ^= 1;
        assert!(matches!(unpack(&flipped, 1_000), Unpacked::Damaged(_)));
        assert!(matches!(unpack(plain, 1_000), Unpacked::Damaged(_)));
    }
}
