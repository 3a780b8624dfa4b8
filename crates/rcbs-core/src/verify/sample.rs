//! Which files are read byte by byte: all, a fixed share, a random share, or at random so many bytes.

use aws_lc_rs::digest;

use crate::ports::MediaKey;
use crate::rate::parse_bytes;

/// `--read-data`: how much of the archive is read.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ReadData {
    /// The heads of the files only.
    #[default]
    Heads,
    /// Every byte.
    All,
    /// The n-th of t shares; a file is always in the same one, so t runs read everything.
    Share {
        /// From 1.
        number: u64,
        /// Shares in all.
        of: u64,
    },
    /// About so many of a hundred files, others in every run.
    Percent(f64),
    /// Files at random from the whole archive, up to so many bytes.
    Bytes(u64),
}

/// Why a text says no part of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadDataError {
    /// None of the forms.
    #[error("write a share as 2/7, a percentage as 5% or a size as 10G")]
    Form,
    /// There is no such share.
    #[error("shares are counted from 1 up to their number: 1/7 to 7/7")]
    Share,
    /// More than everything, or nothing.
    #[error("a percentage is more than 0 and at most 100")]
    Percent,
}

impl ReadData {
    /// Reads `2/7`, `5%` or `10G`.
    ///
    /// # Errors
    /// [`ReadDataError`] with the forms that there are.
    pub fn parse(text: &str) -> Result<Self, ReadDataError> {
        if let Some((number, of)) = text.split_once('/') {
            let read = |text: &str| text.parse::<u64>().map_err(|_| ReadDataError::Form);
            let (number, of) = (read(number)?, read(of)?);
            if number == 0 || number > of {
                return Err(ReadDataError::Share);
            }
            return Ok(Self::Share { number, of });
        }
        if let Some(percent) = text.strip_suffix('%') {
            let percent: f64 = percent.trim().parse().map_err(|_| ReadDataError::Form)?;
            if !(percent > 0.0 && percent <= 100.0) {
                return Err(ReadDataError::Percent);
            }
            return Ok(Self::Percent(percent));
        }
        parse_bytes(text)
            .map(Self::Bytes)
            .ok_or(ReadDataError::Form)
    }

    /// A name under which an interrupted run is found again; `None` where another run would choose other files.
    #[must_use]
    pub fn stable_name(&self) -> Option<String> {
        match self {
            Self::All => Some("all".to_owned()),
            Self::Share { number, of } => Some(format!("{number}/{of}")),
            Self::Heads | Self::Percent(_) | Self::Bytes(_) => None,
        }
    }
}

/// Chooses file by file.
#[derive(Debug, Clone)]
pub struct Sample {
    read_data: ReadData,
    /// Makes the choice of each run another one.
    seed: u64,
    /// Of all there is, so that what is chosen comes from everywhere and not from the beginning.
    all_bytes: u64,
    left_bytes: u64,
}

impl Sample {
    /// A choice from an archive of so many bytes.
    #[must_use]
    pub fn new(read_data: ReadData, seed: u64, all_bytes: u64) -> Self {
        let left_bytes = match read_data {
            ReadData::Bytes(bytes) => bytes,
            _ => 0,
        };
        Self {
            read_data,
            seed,
            all_bytes,
            left_bytes,
        }
    }

    /// Whether this file is read.
    pub fn takes(&mut self, key: &MediaKey, len_bytes: u64) -> bool {
        match self.read_data {
            ReadData::Heads => false,
            ReadData::All => true,
            ReadData::Share { number, of } => hash(0, key) % of == number - 1,
            ReadData::Percent(percent) => self.draw(key) * 100.0 < percent,
            ReadData::Bytes(bytes) => {
                let share = bytes as f64 / self.all_bytes.max(1) as f64;
                let taken = len_bytes <= self.left_bytes && self.draw(key) < share;
                if taken {
                    self.left_bytes -= len_bytes;
                }
                taken
            }
        }
    }

    /// At least 0, less than 1.
    fn draw(&self, key: &MediaKey) -> f64 {
        // 53 bits are what a float holds.
        (hash(self.seed, key) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Frozen for the seed 0: the shares of archives follow from it.
fn hash(seed: u64, key: &MediaKey) -> u64 {
    let mut digest = digest::Context::new(&digest::SHA256);
    digest.update(b"rcbs share 1\0");
    digest.update(&seed.to_be_bytes());
    digest.update(&(key.recording.as_str().len() as u64).to_be_bytes());
    digest.update(key.recording.as_str().as_bytes());
    digest.update(key.media.as_str().as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.finish().as_ref()[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{MediaId, RecordingId};

    fn key(number: usize) -> MediaKey {
        MediaKey {
            recording: RecordingId::new(&format!("r{}", number / 2)).unwrap(),
            media: MediaId::new(&format!("m{}", number % 2)).unwrap(),
        }
    }

    fn taken(read_data: ReadData, seed: u64) -> Vec<usize> {
        let mut sample = Sample::new(read_data, seed, 1_000 * 10);
        (0..1_000)
            .filter(|number| sample.takes(&key(*number), 10))
            .collect()
    }

    #[test]
    fn what_is_typed_is_understood_or_explained() {
        for (text, wanted) in [
            ("2/7", Ok(ReadData::Share { number: 2, of: 7 })),
            ("1/1", Ok(ReadData::Share { number: 1, of: 1 })),
            ("2.5%", Ok(ReadData::Percent(2.5))),
            ("100%", Ok(ReadData::Percent(100.0))),
            ("10G", Ok(ReadData::Bytes(10_000_000_000))),
            ("10gb", Ok(ReadData::Bytes(10_000_000_000))),
            ("500", Ok(ReadData::Bytes(500))),
            ("0/7", Err(ReadDataError::Share)),
            ("8/7", Err(ReadDataError::Share)),
            ("0%", Err(ReadDataError::Percent)),
            ("NaN%", Err(ReadDataError::Percent)),
            ("101%", Err(ReadDataError::Percent)),
            ("", Err(ReadDataError::Form)),
            ("half", Err(ReadDataError::Form)),
            ("1/2/3", Err(ReadDataError::Form)),
            ("10X", Err(ReadDataError::Form)),
            ("99999999999999T", Err(ReadDataError::Form)),
        ] {
            assert_eq!(ReadData::parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn shares_are_stable_and_together_everything() {
        let shares = (1..=7).map(|number| taken(ReadData::Share { number, of: 7 }, number));
        let mut all: Vec<usize> = shares.flatten().collect();
        assert_eq!(all.len(), 1_000);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 1_000, "no file is in two shares");
        // Never changes: whoever reads a share a day must not have to begin anew.
        let second = taken(ReadData::Share { number: 2, of: 7 }, 9);
        assert_eq!(second[..6], FROZEN);
    }

    const FROZEN: [usize; 6] = [22, 24, 27, 36, 63, 72];

    #[test]
    fn a_random_share_is_about_as_large_as_asked_and_another_each_time() {
        let (one, other) = (
            taken(ReadData::Percent(10.0), 1),
            taken(ReadData::Percent(10.0), 2),
        );
        assert!((70..130).contains(&one.len()), "{}", one.len());
        assert_ne!(one, other);
        assert_eq!(taken(ReadData::Percent(100.0), 1).len(), 1_000);
    }

    #[test]
    fn a_size_is_never_passed_and_comes_from_everywhere() {
        let few = taken(ReadData::Bytes(1_005), 1);
        assert!((70..=100).contains(&few.len()), "{}", few.len());
        assert!(few[0] < 100 && few[few.len() - 1] > 800, "{few:?}");
        assert_eq!(taken(ReadData::Bytes(u64::MAX), 1).len(), 1_000);
        assert_eq!(taken(ReadData::Bytes(9), 1).len(), 0);
    }
}
