//! An instance: one of N static shares of all recordings, chosen by a hash of the id.

use crate::recording::RecordingId;

/// One share of all recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    id: u32,
    total: u32,
}

/// Why there is no such share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// `id` must be below `total`, and `total` at least 1.
    #[error("instance {id} of {total} does not exist")]
    OutOfRange {
        /// `rcbsInstanceId`.
        id: u32,
        /// `totalRcbsInstances`.
        total: u32,
    },
}

impl Instance {
    /// The only instance: all recordings.
    #[must_use]
    pub fn all() -> Self {
        Self { id: 0, total: 1 }
    }

    /// Instance `id` of `total`.
    ///
    /// # Errors
    /// [`InstanceError::OutOfRange`].
    pub fn new(id: u32, total: u32) -> Result<Self, InstanceError> {
        if id < total {
            Ok(Self { id, total })
        } else {
            Err(InstanceError::OutOfRange { id, total })
        }
    }

    /// Which share this is, counted from 0.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// How many shares there are, at least 1.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Whether a recording belongs to this share: `floorMod(hashCode(id), total)` as Java defines the two.
    ///
    /// The rule never changes. The instances of one installation run on different machines and are not upgraded at the
    /// same moment; if two of them disagreed, a recording could belong to nobody.
    #[must_use]
    pub fn owns(&self, id: &RecordingId) -> bool {
        let share = i64::from(java_hash_code(id.as_str())).rem_euclid(i64::from(self.total));
        share == i64::from(self.id)
    }
}

/// `java.lang.String.hashCode`: `31 * h + unit` over the UTF-16 code units, wrapping at 32 bits.
fn java_hash_code(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frozen: hash and shares as computed by a Java 17 runtime.
    const KNOWN: [(&str, i32, u32, u32, u32); 8] = [
        ("0", 48, 0, 0, 0),
        ("hello", 99_162_322, 1, 2, 2),
        ("rec-1", 108_386_868, 0, 0, 4),
        ("01F62DGIBGD8369P7GC362LAES00000G", -828_857_554, 2, 2, 6),
        ("01F62DGIBGD8369P7GC362LAES00000H", -828_857_553, 0, 3, 7),
        // The smallest int: its absolute value overflows, so only a true floorMod places it.
        ("polygenelubricants", i32::MIN, 1, 0, 0),
        ("Zürich", -1_482_116_162, 1, 2, 6),
        // Two UTF-16 units, four UTF-8 bytes.
        ("😀", 1_772_899, 1, 3, 3),
    ];

    #[test]
    fn known_ids_keep_their_hash() {
        assert_eq!(java_hash_code(""), 0);
        for (id, hash, ..) in KNOWN {
            assert_eq!(java_hash_code(id), hash, "{id}");
        }
    }

    #[test]
    fn known_ids_keep_their_instance() {
        for (id, _, of_three, of_four, of_eight) in KNOWN {
            let recording = RecordingId::new(id).unwrap();
            for (total, share) in [(1, 0), (3, of_three), (4, of_four), (8, of_eight)] {
                let owner = Instance::new(share, total).unwrap();
                assert!(owner.owns(&recording), "{id} is {share} of {total}");
            }
        }
    }

    #[test]
    fn the_only_instance_owns_everything() {
        for (id, ..) in KNOWN {
            assert!(Instance::all().owns(&RecordingId::new(id).unwrap()));
        }
    }

    #[test]
    fn an_instance_outside_the_total_does_not_exist() {
        for (id, total) in [(0, 0), (1, 1), (4, 4), (u32::MAX, u32::MAX)] {
            assert_eq!(
                Instance::new(id, total),
                Err(InstanceError::OutOfRange { id, total })
            );
        }
        assert_eq!(
            Instance::new(3, 4).map(|it| (it.id(), it.total())),
            Ok((3, 4))
        );
    }
}
