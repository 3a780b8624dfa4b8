//! Bends bytes at random, by a sequence of numbers that is the same in every run.

/// Bytes that parsers treat differently from their neighbours.
const TELLING: &[u8] =
    b"\0\x01\x04\x06\x30\x31\x7f\x80\x81\x84\x88\xa0\xff\r\n\t \"'\\/:=#!,{}[]%.-~09aZu\xc3";

/// The most changes made to one copy.
const CHANGES_MAX: usize = 6;

/// What bends.
pub(crate) struct Bender {
    state: u64,
}

impl Bender {
    /// Begins the sequence that belongs to a name.
    pub(crate) fn new(name: &str) -> Self {
        let state = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { state }
    }

    /// A copy of one of the seeds with some changes.
    pub(crate) fn bent(&mut self, seeds: &[&Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(CHANGES_MAX) {
            let other = seeds[self.below(seeds.len())];
            self.change(&mut bytes, other);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        let end = (at + 1 + self.below(16)).min(bytes.len());
        match self.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = self.telling(),
            2 => {
                let byte = self.telling();
                bytes.insert(at, byte);
            }
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                let to = self.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            5 => bytes.truncate(at),
            6 => {
                let from = self.below(other.len() + 1);
                let to = (from + 1 + self.below(64)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                let byte = self.telling();
                bytes.splice(at..at, vec![byte; 1 + self.below(40)]);
            }
        }
    }

    fn telling(&mut self) -> u8 {
        TELLING[self.below(TELLING.len())]
    }

    /// A number below `limit` (SplitMix64).
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The remainder is a little uneven, which does no harm here.
        (mixed % limit as u64) as usize
    }
}
