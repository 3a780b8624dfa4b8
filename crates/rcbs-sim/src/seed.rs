//! Everything that looks random here follows from one number and a label, in whatever order it is asked for.

use aws_lc_rs::digest::{Context, SHA256};

/// The number from which a pretend cloud grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// Wraps a number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// 32 bytes that belong to a label: always the same ones, and nothing like those of another label.
    #[must_use]
    pub fn bytes(self, label: &str) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(&self.0.to_be_bytes());
        context.update(label.as_bytes());
        let digest = context.finish();
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        bytes
    }

    /// As many bytes as wanted.
    #[must_use]
    pub fn many_bytes(self, label: &str, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 32);
        for block in 0.. {
            if bytes.len() >= len {
                break;
            }
            bytes.extend_from_slice(&self.bytes(&format!("{label}#{block}")));
        }
        bytes.truncate(len);
        bytes
    }

    /// A number from the whole range of `u64`.
    #[must_use]
    pub fn number(self, label: &str) -> u64 {
        let mut head = [0; 8];
        head.copy_from_slice(&self.bytes(label)[..8]);
        u64::from_be_bytes(head)
    }

    /// A number from 0 to `bound` - 1; 0 for a bound of 0.
    #[must_use]
    pub fn below(self, label: &str, bound: u64) -> u64 {
        self.number(label).checked_rem(bound).unwrap_or(0)
    }

    /// A number from 0 (included) to 1 (not included).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what an f64 holds")]
    pub fn unit(self, label: &str) -> f64 {
        (self.number(label) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Letters A to Z and digits, as CallUUIDs have them.
    #[must_use]
    pub fn letters(self, label: &str, len: usize) -> String {
        const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        self.many_bytes(label, len)
            .iter()
            .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
            .collect()
    }

    /// A UUID in its usual form.
    #[must_use]
    pub fn uuid(self, label: &str) -> String {
        let hex = hex(&self.bytes(label)[..16]);
        format!(
            "{}-{}-4{}-8{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..32]
        )
    }
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_label_give_the_same_and_others_give_others() {
        let seed = Seed::new(7);
        assert_eq!(seed.bytes("a"), Seed::new(7).bytes("a"));
        assert_ne!(seed.bytes("a"), seed.bytes("b"));
        assert_ne!(seed.bytes("a"), Seed::new(8).bytes("a"));
        assert_eq!(seed.many_bytes("a", 70)[..32], seed.bytes("a#0"));
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let seed = Seed::new(1);
        for n in 0..200 {
            assert!(seed.below(&n.to_string(), 10) < 10);
            assert!((0.0..1.0).contains(&seed.unit(&n.to_string())));
        }
        assert_eq!(seed.below("a", 0), 0);
    }

    #[test]
    fn ids_have_the_usual_form() {
        let seed = Seed::new(1);
        let id = seed.letters("call", 32);
        assert_eq!(id.len(), 32);
        assert!(
            id.chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        );
        let uuid = seed.uuid("file");
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.matches('-').count(), 4);
    }
}
