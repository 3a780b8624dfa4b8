//! Where manifests lie: `manifests/<year>/<day>-<number>/manifest-sha256.txt`.
//!
//! No recording is ever in the way: files of recordings end in `.bin` or `.json`.

use std::fmt;

use jiff::civil::Date;

use crate::store::{Folder, SafeName};

/// The folder at the top of the target.
pub const TOP: &str = "manifests";
/// The name of every manifest.
pub const FILE_NAME: &str = "manifest-sha256.txt";
/// The name of its signature, beside it.
pub const SIGNATURE_NAME: &str = "manifest-sha256.txt.sig";
/// Numbers have three digits, so that names are in order wherever they are sorted.
const NUMBER_MOST: u16 = 999;

/// The day on which files were stored, in UTC, and which manifest of that day. Their order is that of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartName {
    day: Date,
    number: u16,
}

impl PartName {
    /// The first one of a day.
    #[must_use]
    pub fn first_of(day: Date) -> Self {
        Self { day, number: 1 }
    }

    /// The one after `before` on this day; `None` when the day has no more, or is before that of `before`: then its
    /// place in the chain would not be its place in time.
    #[must_use]
    pub fn after(before: Option<Self>, day: Date) -> Option<Self> {
        match before {
            Some(before) if before.day == day => (before.number < NUMBER_MOST).then_some(Self {
                day,
                number: before.number + 1,
            }),
            // The clock was set back: the chain goes on with the later day.
            Some(before) if before.day > day => Self::after(Some(before), before.day),
            _ => Some(Self::first_of(day)),
        }
    }

    /// Its day, in UTC.
    #[must_use]
    pub fn day(self) -> Date {
        self.day
    }

    /// Reads what [`fmt::Display`] writes, the name of the folder of a manifest.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (day, number) = text.rsplit_once('-')?;
        let name = Self {
            day: day.parse().ok()?,
            number: number.parse().ok()?,
        };
        (name.number > 0 && name.to_string() == text).then_some(name)
    }

    /// The manifest that lies at this path, relative to the target.
    #[must_use]
    pub fn of_manifest(path: &str) -> Option<Self> {
        let name = Self::parse(path.split('/').nth(2)?)?;
        (name.path() == path).then_some(name)
    }

    /// Whether a manifest or a signature lies at this path.
    #[must_use]
    pub fn is_at(path: &str) -> bool {
        Self::of_manifest(path.strip_suffix(".sig").unwrap_or(path)).is_some()
    }

    /// The folder of the manifest.
    #[must_use]
    pub fn folder(self) -> Folder {
        [
            TOP.to_owned(),
            format!("{:04}", self.day.year()),
            self.to_string(),
        ]
        .iter()
        .fold(Folder::top(), |folder, part| {
            folder.join(SafeName::encode(part))
        })
    }

    /// The manifest, relative to the target.
    #[must_use]
    pub fn path(self) -> String {
        format!("{}/{FILE_NAME}", self.folder().to_text())
    }

    /// Its signature, relative to the target.
    #[must_use]
    pub fn signature_path(self) -> String {
        format!("{}/{SIGNATURE_NAME}", self.folder().to_text())
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:03}", self.day, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PartName {
        PartName::parse(text).unwrap()
    }

    #[test]
    fn names_follow_days_and_count_within_one() {
        let day: Date = "2018-02-12".parse().unwrap();
        let after = |before: Option<&str>| {
            PartName::after(before.map(name), day).map(|name| name.to_string())
        };
        for (before, wanted) in [
            (None, Some("2018-02-12-001")),
            (Some("2018-02-11-007"), Some("2018-02-12-001")),
            (Some("2018-02-12-001"), Some("2018-02-12-002")),
            (Some("2018-02-12-999"), None),
            // The clock was set back.
            (Some("2018-03-01-004"), Some("2018-03-01-005")),
        ] {
            assert_eq!(after(before).as_deref(), wanted, "{before:?}");
        }
    }

    #[test]
    fn a_name_has_one_spelling_and_one_place() {
        let one = name("2018-02-12-001");
        assert_eq!(
            one.path(),
            "manifests/2018/2018-02-12-001/manifest-sha256.txt"
        );
        assert_eq!(PartName::of_manifest(&one.path()), Some(one));
        assert!(PartName::is_at(&one.path()) && PartName::is_at(&one.signature_path()));
        for text in [
            "",
            "2018-02-12",
            "2018-02-12-1",
            "2018-02-12-000",
            "2018-2-12-001",
            "x-001",
        ] {
            assert_eq!(PartName::parse(text), None, "{text}");
        }
        for path in [
            "manifests/2017/2018-02-12-001/manifest-sha256.txt",
            "manifests/2018/2018-02-12-001/other.txt",
            "2018/02/12/R/x.bin",
        ] {
            assert_eq!(PartName::of_manifest(path), None, "{path}");
        }
    }
}
