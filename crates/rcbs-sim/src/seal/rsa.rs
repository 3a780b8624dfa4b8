//! Encrypts session keys with RSA (RFC 8017), with padding that follows from a seed.
//!
//! Deterministic on purpose: a cloud that is started again must announce the same envelopes, and no library offers
//! padding that is not random. For pretending only: no effort against side channels, and predictable padding.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::seed::Seed;

/// A public RSA key.
#[derive(Debug, Clone)]
pub(crate) struct PublicKey {
    /// The modulus, least significant limb first.
    modulus: Vec<u64>,
    /// Length of the modulus.
    len_bytes: usize,
    exponent: u64,
    /// R² mod n for the Montgomery form.
    r_squared: Vec<u64>,
    /// -n⁻¹ mod 2⁶⁴.
    n_inverse: u64,
}

impl PublicKey {
    /// From modulus and exponent, big-endian; `None` unless it is an odd modulus of at least 1,024 bits and an
    /// exponent that fits into 64 bits.
    pub(crate) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let modulus = &modulus[modulus.iter().take_while(|byte| **byte == 0).count()..];
        let exponent = &exponent[exponent.iter().take_while(|byte| **byte == 0).count()..];
        if modulus.len() < 128
            || modulus.last()? % 2 == 0
            || exponent.is_empty()
            || exponent.len() > 8
        {
            return None;
        }
        let limbs = to_limbs(modulus, modulus.len().div_ceil(8));
        // Newton's iteration doubles the number of right bits each time: 5 are enough from 3 bits on, 6 are sure.
        let mut inverse = 1_u64;
        for _ in 0..6 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(limbs[0].wrapping_mul(inverse)));
        }
        Some(Self {
            r_squared: r_squared(&limbs),
            n_inverse: inverse.wrapping_neg(),
            len_bytes: modulus.len(),
            exponent: exponent
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            modulus: limbs,
        })
    }

    /// RSAES-PKCS1-v1_5 (RFC 8017, 7.2.1).
    pub(crate) fn encrypt_pkcs1(&self, message: &[u8], seed: Seed, label: &str) -> Vec<u8> {
        let padding_bytes = self.len_bytes - message.len() - 3;
        let mut padded = vec![0, 2];
        padded.extend(
            seed.many_bytes(label, padding_bytes)
                .iter()
                .map(|byte| if *byte == 0 { 0x5a } else { *byte }),
        );
        padded.push(0);
        padded.extend_from_slice(message);
        self.power(&padded)
    }

    /// RSAES-OAEP with SHA-1 and no label (RFC 8017, 7.1.1), the default of CMS (RFC 3560).
    pub(crate) fn encrypt_oaep(&self, message: &[u8], seed: Seed, label: &str) -> Vec<u8> {
        const HASH_BYTES: usize = 20;
        let mut block = digest(&SHA1_FOR_LEGACY_USE_ONLY, b"").as_ref().to_vec();
        block.resize(self.len_bytes - HASH_BYTES - 2 - message.len(), 0);
        block.push(1);
        block.extend_from_slice(message);
        let mut salt = seed.many_bytes(label, HASH_BYTES);
        xor(&mut block, &mask(&salt, self.len_bytes - HASH_BYTES - 1));
        xor(&mut salt, &mask(&block, HASH_BYTES));
        self.power(&[&[0][..], &salt, &block].concat())
    }

    /// base^exponent mod modulus, as long as the modulus.
    fn power(&self, base: &[u8]) -> Vec<u8> {
        let limbs = self.modulus.len();
        let base = self.multiply(&to_limbs(base, limbs), &self.r_squared);
        let mut one = vec![0; limbs];
        one[0] = 1;
        let mut power = self.multiply(&one, &self.r_squared);
        for bit in (0..64 - self.exponent.leading_zeros()).rev() {
            power = self.multiply(&power, &power);
            if self.exponent >> bit & 1 == 1 {
                power = self.multiply(&power, &base);
            }
        }
        let result = self.multiply(&power, &one);
        let bytes: Vec<u8> = result
            .iter()
            .rev()
            .flat_map(|limb| limb.to_be_bytes())
            .collect();
        bytes[bytes.len() - self.len_bytes..].to_vec()
    }

    /// a · b · R⁻¹ mod n, by the coarsely integrated operand scanning of Montgomery's multiplication.
    fn multiply(&self, a: &[u64], b: &[u64]) -> Vec<u64> {
        let limbs = self.modulus.len();
        let mut sum = vec![0_u64; limbs + 2];
        for digit in a {
            let mut carry = 0;
            for (limb, factor) in b.iter().enumerate() {
                (sum[limb], carry) = multiply_add(*digit, *factor, sum[limb], carry);
            }
            let (top, over) = sum[limbs].overflowing_add(carry);
            sum[limbs] = top;
            sum[limbs + 1] = u64::from(over);

            let quotient = sum[0].wrapping_mul(self.n_inverse);
            let (_, mut carry) = multiply_add(quotient, self.modulus[0], sum[0], 0);
            for limb in 1..limbs {
                (sum[limb - 1], carry) =
                    multiply_add(quotient, self.modulus[limb], sum[limb], carry);
            }
            let (top, over) = sum[limbs].overflowing_add(carry);
            sum[limbs - 1] = top;
            sum[limbs] = sum[limbs + 1] + u64::from(over);
        }
        let over = sum[limbs] > 0;
        sum.truncate(limbs);
        if over || !is_less(&sum, &self.modulus) {
            subtract(&mut sum, &self.modulus);
        }
        sum
    }
}

/// MGF1 with SHA-1 (RFC 8017, B.2.1).
fn mask(seed: &[u8], len_bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for counter in 0_u32.. {
        if out.len() >= len_bytes {
            break;
        }
        let input = [seed, &counter.to_be_bytes()].concat();
        out.extend_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, &input).as_ref());
    }
    out.truncate(len_bytes);
    out
}

fn xor(bytes: &mut [u8], mask: &[u8]) {
    for (byte, other) in bytes.iter_mut().zip(mask) {
        *byte ^= other;
    }
}

/// 2^(2·64·limbs) mod n, by doubling.
fn r_squared(modulus: &[u64]) -> Vec<u64> {
    let mut value = vec![0; modulus.len()];
    value[0] = 1;
    for _ in 0..2 * 64 * modulus.len() {
        let mut carry = 0;
        for limb in &mut value {
            (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
        }
        if carry == 1 || !is_less(&value, modulus) {
            subtract(&mut value, modulus);
        }
    }
    value
}

fn is_less(a: &[u64], b: &[u64]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// a - b, modulo 2^(64·limbs).
fn subtract(a: &mut [u64], b: &[u64]) {
    let mut borrow = false;
    for (limb, other) in a.iter_mut().zip(b) {
        let (difference, first) = limb.overflowing_sub(*other);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        *limb = difference;
        borrow = first || second;
    }
}

/// a · b + c + d as low and high limb; cannot overflow.
fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let wide = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the two halves are what is wanted"
    )]
    let halves = (wide as u64, (wide >> 64) as u64);
    halves
}

/// Big-endian bytes as limbs, least significant first.
fn to_limbs(bytes: &[u8], limbs: usize) -> Vec<u64> {
    let mut out = vec![0; limbs];
    for (place, byte) in bytes.iter().rev().enumerate() {
        if let Some(limb) = out.get_mut(place / 8) {
            *limb |= u64::from(*byte) << (place % 8 * 8);
        }
    }
    out
}
