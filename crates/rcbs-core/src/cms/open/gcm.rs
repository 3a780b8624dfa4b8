//! AES-GCM (NIST SP 800-38D) over a stream: the library does it in one piece only, so counter mode and GHASH are put
//! together here.

use aws_lc_rs::cipher::{
    Algorithm, DecryptionContext, EncryptingKey, StreamingDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use ghash::universal_hash::UniversalHash;
use ghash::{Block, GHash};
use zeroize::Zeroizing;

use super::stream::Broken;
use crate::cms::ber::Tag;
use crate::cms::der;

const BLOCK_BYTES: usize = 16;

/// 2^32 - 2 blocks (NIST SP 800-38D, 5.2.1.1). Up to here the counter of 32 bits does not turn over, so the counter of
/// 128 bits that the library counts with is the same.
const CIPHERTEXT_BYTES_MAX: u64 = ((1 << 32) - 2) * BLOCK_BYTES as u64;

/// `GCMParameters` (RFC 5084, 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GcmParameters {
    nonce: [u8; 12],
    tag_bytes: usize,
}

impl GcmParameters {
    /// Reads them; `None` unless the nonce has the 12 bytes that RFC 5084 recommends and all writers use.
    pub(super) fn read(parameters: &[u8]) -> Option<Self> {
        let mut content = der::only(parameters, Tag::SEQUENCE)?;
        let nonce = der::take_tagged(&mut content, Tag::OCTET_STRING)?.content;
        let tag_bytes = match content {
            [] => 12,
            _ => match der::only(content, Tag::INTEGER)? {
                [bytes @ 12..=16] => usize::from(*bytes),
                _ => return None,
            },
        };
        Some(Self {
            nonce: nonce.try_into().ok()?,
            tag_bytes,
        })
    }
}

/// A content on its way.
pub(super) struct Gcm {
    counter: StreamingDecryptingKey,
    /// The hash key, needed again when additional data turn up after the ciphertext.
    hash_key: Zeroizing<[u8; BLOCK_BYTES]>,
    hash: GHash,
    /// Ciphertext that does not fill a block yet.
    partial: Vec<u8>,
    ciphertext_bytes: u64,
    /// What the hash is hidden under.
    mask: Zeroizing<[u8; BLOCK_BYTES]>,
    tag_bytes: usize,
}

impl Gcm {
    /// `None` when the key has the wrong length.
    pub(super) fn begin(
        algorithm: &'static Algorithm,
        key: &[u8],
        parameters: &GcmParameters,
    ) -> Option<Self> {
        let unbound = || UnboundCipherKey::new(algorithm, key).ok();
        let blocks = EncryptingKey::ecb(unbound()?).ok()?;
        let mut hash_key = Zeroizing::new([0; BLOCK_BYTES]);
        blocks.encrypt(hash_key.as_mut_slice()).ok()?;
        let block = |number: u32| {
            let mut block = [0; BLOCK_BYTES];
            block[..12].copy_from_slice(&parameters.nonce);
            block[12..].copy_from_slice(&number.to_be_bytes());
            block
        };
        let mut mask = Zeroizing::new(block(1));
        blocks.encrypt(mask.as_mut_slice()).ok()?;
        let context = DecryptionContext::Iv128(FixedLength::from(block(2)));
        Some(Self {
            counter: StreamingDecryptingKey::ctr(unbound()?, context).ok()?,
            hash: GHash::new(&Block::from(*hash_key)),
            hash_key,
            partial: Vec::with_capacity(BLOCK_BYTES),
            ciphertext_bytes: 0,
            mask,
            tag_bytes: parameters.tag_bytes,
        })
    }

    /// Decrypts the next bytes into `out`, which must be one block longer than they. Gives how many it wrote.
    pub(super) fn update(&mut self, ciphertext: &[u8], out: &mut [u8]) -> Result<usize, Broken> {
        self.ciphertext_bytes += ciphertext.len() as u64;
        if self.ciphertext_bytes > CIPHERTEXT_BYTES_MAX {
            return Err(Broken::TooLong);
        }
        self.absorb(ciphertext);
        let update = self.counter.update(ciphertext, out);
        Ok(update.map_err(|_| Broken::DoesNotOpen)?.written().len())
    }

    fn absorb(&mut self, mut ciphertext: &[u8]) {
        if !self.partial.is_empty() {
            let wanted = (BLOCK_BYTES - self.partial.len()).min(ciphertext.len());
            let (first, rest) = ciphertext.split_at(wanted);
            self.partial.extend_from_slice(first);
            ciphertext = rest;
            if self.partial.len() < BLOCK_BYTES {
                return;
            }
            self.hash.update_padded(&self.partial);
            self.partial.clear();
        }
        let (blocks, rest) = Block::slice_as_chunks(ciphertext);
        self.hash.update(blocks);
        self.partial.extend_from_slice(rest);
    }

    /// Checks the tag that stands in `suffix`: authenticated attributes if any, `mac`, other attributes.
    pub(super) fn finish(mut self, suffix: &[u8]) -> Result<(), Broken> {
        let (additional, tag) = attributes_and_tag(suffix).ok_or(Broken::Suffix)?;
        if tag.len() != self.tag_bytes {
            return Err(Broken::Suffix);
        }
        self.hash.update_padded(&self.partial);
        let mut sum = Block::default();
        if let Some(additional) = &additional {
            sum = self.before_ciphertext(additional);
        }
        let mut lengths = [0; BLOCK_BYTES];
        let additional_bytes = additional.map_or(0, |additional| additional.len() as u64);
        lengths[..8].copy_from_slice(&(additional_bytes * 8).to_be_bytes());
        lengths[8..].copy_from_slice(&(self.ciphertext_bytes * 8).to_be_bytes());
        // The sum of what came before is added to what the ciphertext gave, then the lengths follow.
        let ciphertext_sum = self.hash.finalize();
        let so_far = xor(&sum, &ciphertext_sum);
        let mut last = GHash::new(&Block::from(*self.hash_key));
        last.update(&[xor(&so_far, &Block::from(lengths))]);
        let expected = xor(&last.finalize(), &Block::from(*self.mask));
        verify_slices_are_equal(&expected[..tag.len()], tag).map_err(|_| Broken::DoesNotOpen)
    }

    /// What additional data, which GCM takes before the ciphertext but CMS writes behind it, add to the hash.
    ///
    /// GHASH is a polynomial in the hash key H: data before n further blocks count H^n times as much. H^n is made by
    /// squaring; GHASH with one key and one block is their product.
    fn before_ciphertext(&self, additional: &[u8]) -> Block {
        let key = Block::from(*self.hash_key);
        let product = |a: &Block, b: &Block| {
            let mut hash = GHash::new(a);
            hash.update(std::slice::from_ref(b));
            hash.finalize()
        };
        let mut hash = GHash::new(&key);
        hash.update_padded(additional);
        let mut sum = hash.finalize();
        let mut power = key;
        let mut blocks = self.ciphertext_bytes.div_ceil(BLOCK_BYTES as u64);
        while blocks > 0 {
            if blocks % 2 == 1 {
                sum = product(&power, &sum);
            }
            power = product(&power, &power);
            blocks /= 2;
        }
        sum
    }
}

fn xor(a: &Block, b: &Block) -> Block {
    let mut out = *a;
    out.iter_mut().zip(b).for_each(|(out, b)| *out ^= b);
    out
}

/// The authenticated attributes as they count for the tag, in the encoding of a SET (RFC 5083, 2.2), and the tag.
fn attributes_and_tag(mut suffix: &[u8]) -> Option<(Option<Vec<u8>>, &[u8])> {
    const ATTRIBUTES: Tag = Tag::context(1).constructed();
    let attributes = der::take_tagged(&mut suffix, ATTRIBUTES).map(|element| {
        let mut set = element.whole.to_vec();
        set[0] = 0x31;
        set
    });
    let tag = der::take_tagged(&mut suffix, Tag::OCTET_STRING)?.content;
    Some((attributes, tag))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
    use aws_lc_rs::cipher::{AES_128, AES_192, AES_256};

    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        crate::cms::ber::write_length(content.len() as u64, &mut out);
        out.extend_from_slice(content);
        out
    }

    /// The library, which does it in one piece, is the oracle.
    #[test]
    fn pieces_give_what_the_library_gives_at_once() {
        let ciphers = [
            (&aead::AES_128_GCM, &AES_128, 16),
            (&aead::AES_192_GCM, &AES_192, 24),
            (&aead::AES_256_GCM, &AES_256, 32),
        ];
        for (aead, algorithm, key_bytes) in ciphers {
            let key: Vec<u8> = (0..key_bytes).collect();
            let sealer = LessSafeKey::new(UnboundKey::new(aead, &key).unwrap());
            for len in [0, 1, 15, 16, 17, 31, 32, 33, 1000] {
                for attributes in [0, 1, 13, 14, 200] {
                    for piece_bytes in [1, 7, 16, 999] {
                        check(&sealer, algorithm, &key, len, attributes, piece_bytes);
                    }
                }
            }
        }
    }

    fn check(
        sealer: &LessSafeKey,
        algorithm: &'static Algorithm,
        key: &[u8],
        len: usize,
        attributes: usize,
        piece_bytes: usize,
    ) {
        let clear: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let content = vec![7; attributes];
        let (aad, written) = match attributes {
            0 => (vec![], vec![]),
            _ => (tlv(0x31, &content), tlv(0xa1, &content)),
        };
        let nonce = [9; 12];
        let mut ciphertext = clear.clone();
        let tag = sealer
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&aad),
                &mut ciphertext,
            )
            .unwrap();
        for tag_bytes in [12, 16] {
            let parameters = GcmParameters { nonce, tag_bytes };
            let suffix = [written.clone(), tlv(4, &tag.as_ref()[..tag_bytes])].concat();
            let open = |suffix: &[u8]| {
                let mut gcm = Gcm::begin(algorithm, key, &parameters).unwrap();
                let mut out = vec![0; piece_bytes + BLOCK_BYTES];
                let mut opened = Vec::new();
                for piece in ciphertext.chunks(piece_bytes) {
                    let len = gcm.update(piece, &mut out).unwrap();
                    opened.extend_from_slice(&out[..len]);
                }
                (opened, gcm.finish(suffix))
            };
            assert_eq!(open(&suffix), (clear.clone(), Ok(())));
            for at in 0..tag_bytes {
                let mut wrong = suffix.clone();
                let last = wrong.len() - 1;
                wrong[last - at] ^= 1;
                assert_eq!(open(&wrong).1, Err(Broken::DoesNotOpen));
            }
            if attributes > 0 {
                let mut wrong = suffix.clone();
                wrong[3 + usize::from(attributes > 127)] ^= 1;
                assert!(open(&wrong).1.is_err());
            }
        }
    }

    #[test]
    fn parameters_are_read_as_rfc_5084_has_them() {
        let nonce = tlv(4, &[1; 12]);
        let read = |parts: &[&[u8]]| GcmParameters::read(&tlv(0x30, &parts.concat()));
        let expected = |tag_bytes| {
            Some(GcmParameters {
                nonce: [1; 12],
                tag_bytes,
            })
        };
        assert_eq!(read(&[&nonce]), expected(12));
        assert_eq!(read(&[&nonce, &[2, 1, 16]]), expected(16));
        assert_eq!(read(&[&nonce, &[2, 1, 11]]), None);
        assert_eq!(read(&[&nonce, &[2, 1, 17]]), None);
        assert_eq!(read(&[&tlv(4, &[1; 16])]), None);
        assert_eq!(read(&[]), None);
        assert_eq!(GcmParameters::read(&[]), None);
    }
}
