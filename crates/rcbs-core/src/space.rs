//! Space on the disk of the target: what stays free, what is still to come, and whether it fits.

use std::time::Duration;

use crate::ports::DiskSpace;

/// A file of which nothing is known is expected to have this length.
const UNKNOWN_BYTES: u64 = 1_000_000;
/// What a file takes beyond its own length: the head of an envelope, the rest of its last block, its name.
const OVERHEAD_BYTES: u64 = 8 << 10;
/// No recording is longer: a server that tells more counts something else, or is broken, and must not stop a run.
const BELIEVED_BYTES: u64 = 100_000_000_000;

/// The reserve that nobody chose is no larger than this.
const AUTO_MOST_BYTES: u64 = 1_000_000_000;

/// How much of a volume stays free (`diskReserve`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// A hundredth of it, and 1 GB at most: small disks are used, and of large ones nothing is wasted.
    Auto,
    /// So many bytes; 0 leaves none.
    Bytes(u64),
}

impl Reserve {
    /// The bytes of it.
    #[must_use]
    pub fn bytes(self, disk: DiskSpace) -> u64 {
        match self {
            Self::Auto => (disk.total_bytes / 100).min(AUTO_MOST_BYTES),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// How much stays free, and how long a run waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceRules {
    /// What a run leaves free of the target's volume.
    pub reserve: Reserve,
    /// How long a run waits when there is no space, before it ends (`diskWait`).
    pub wait: Duration,
}

impl SpaceRules {
    /// Whether `bytes` more fit beside what is under way, with the reserve left.
    #[must_use]
    pub fn fits(&self, disk: DiskSpace, under_way_bytes: u64, bytes: u64) -> bool {
        let taken = under_way_bytes
            .saturating_add(bytes)
            .saturating_add(self.reserve.bytes(disk));
        taken <= disk.free_bytes
    }

    /// Whether what is to come fits.
    #[must_use]
    pub fn forecast(&self, expected_bytes: u64, disk: DiskSpace) -> SpaceForecast {
        SpaceForecast {
            expected_bytes,
            free_bytes: disk.free_bytes,
            reserve_bytes: self.reserve.bytes(disk),
        }
    }
}

/// What was stored so far, to estimate what is to come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Media files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Stored {
    /// The space that a file is expected to take. Its length is as the server tells it, if that can be, else the mean of what
    /// was stored.
    #[must_use]
    pub fn expected_bytes(&self, told_bytes: Option<u64>) -> u64 {
        let len_bytes = told_bytes
            .filter(|told| *told <= BELIEVED_BYTES)
            .or(self.bytes.checked_div(self.files))
            .unwrap_or(UNKNOWN_BYTES);
        len_bytes.saturating_add(OVERHEAD_BYTES)
    }
}

/// Media files that are to be fetched, as far as they are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToCome {
    /// Bytes of those whose length the server tells.
    pub told_bytes: u64,
    /// How many others.
    pub untold: u64,
}

impl ToCome {
    /// Adds a media file.
    pub fn add(&mut self, told_bytes: Option<u64>) {
        match told_bytes.filter(|told| *told <= BELIEVED_BYTES) {
            Some(told) => self.told_bytes = self.told_bytes.saturating_add(told),
            None => self.untold += 1,
        }
    }

    /// Their bytes, where nothing is told by what was stored before; nothing for those where nothing was.
    #[must_use]
    pub fn bytes(&self, stored: Stored) -> u64 {
        let mean = stored.bytes.checked_div(stored.files).unwrap_or(0);
        self.told_bytes
            .saturating_add(self.untold.saturating_mul(mean))
    }
}

/// What is to come, and the space that there is for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceForecast {
    /// Bytes still to be fetched, in part estimated.
    pub expected_bytes: u64,
    /// Bytes free in the target.
    pub free_bytes: u64,
    /// Bytes of them that stay free.
    pub reserve_bytes: u64,
}

impl SpaceForecast {
    /// Bytes that are missing; 0 when all fits.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        let usable = self.free_bytes.saturating_sub(self.reserve_bytes);
        self.expected_bytes.saturating_sub(usable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_and_the_reserve_count() {
        let rules = |reserve_bytes| SpaceRules {
            reserve: Reserve::Bytes(reserve_bytes),
            wait: Duration::ZERO,
        };
        for (reserve, free, under_way, bytes, fits) in [
            (0, 100, 0, 100, true),
            (0, 100, 0, 101, false),
            (10, 100, 0, 90, true),
            (10, 100, 0, 91, false),
            (10, 100, 50, 40, true),
            (10, 100, 50, 41, false),
            (10, 5, 0, 0, false),
            (0, 0, 0, 0, true),
            (u64::MAX, 100, u64::MAX, u64::MAX, false),
        ] {
            let disk = DiskSpace {
                free_bytes: free,
                total_bytes: 1_000,
            };
            let found = rules(reserve).fits(disk, under_way, bytes);
            assert_eq!(found, fits, "{reserve} {free} {under_way} {bytes}");
        }
    }

    #[test]
    fn the_reserve_that_nobody_chose_is_a_hundredth_of_small_disks_and_bounded_on_large_ones() {
        for (total_bytes, wanted) in [
            (0, 0),
            (64_000_000, 640_000),
            (100_000_000_000, 1_000_000_000),
            (20_000_000_000_000, 1_000_000_000),
        ] {
            let disk = DiskSpace {
                free_bytes: 5,
                total_bytes,
            };
            assert_eq!(Reserve::Auto.bytes(disk), wanted);
            assert_eq!(Reserve::Bytes(7).bytes(disk), 7);
        }
    }

    #[test]
    fn a_length_is_believed_if_it_can_be_and_else_the_mean_counts() {
        let stored = Stored {
            files: 4,
            bytes: 4_000,
        };
        for (told, wanted) in [
            (Some(7), 7),
            (None, 1_000),
            (Some(u64::MAX), 1_000),
            (Some(BELIEVED_BYTES), BELIEVED_BYTES),
        ] {
            let expected = stored.expected_bytes(told);
            assert_eq!(expected, wanted + OVERHEAD_BYTES, "{told:?}");
        }
        let unknown = Stored::default().expected_bytes(None);
        assert_eq!(unknown, UNKNOWN_BYTES + OVERHEAD_BYTES);

        let mut to_come = ToCome::default();
        for told in [Some(7), None, None, Some(u64::MAX)] {
            to_come.add(told);
        }
        assert_eq!(to_come.bytes(stored), 7 + 3 * 1_000);
        assert_eq!(
            to_come.bytes(Stored::default()),
            7,
            "nothing is made up before anything was stored"
        );
    }

    #[test]
    fn only_what_may_be_used_is_counted_as_free() {
        for (expected, free, reserve, missing) in [
            (90, 100, 10, 0),
            (91, 100, 10, 1),
            (5, 3, 10, 5),
            (0, 0, 10, 0),
        ] {
            let forecast = SpaceForecast {
                expected_bytes: expected,
                free_bytes: free,
                reserve_bytes: reserve,
            };
            assert_eq!(forecast.missing_bytes(), missing, "{forecast:?}");
        }
    }
}
