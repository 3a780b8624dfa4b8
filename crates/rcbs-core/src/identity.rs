//! Which archive a folder is: the id in its marker, and whether it is the one that the ledger knows.
//!
//! A ledger that lies elsewhere (`stateDir`) can meet another folder than the one it speaks of: another volume at the
//! mount point, a target that was mistyped. The id is what tells them apart; a copy of an archive keeps it.

use std::fmt;

use crate::text::printable;

/// The first line of a marker, before its version.
const TITLE: &str = "rcbs archive ";
/// The version that this program writes, and the last it reads.
const VERSION: u32 = 1;

/// The fact in the ledger under which the id is remembered, as [`ArchiveId`] displays it.
pub const FACT: &str = "archive_id";

/// The id of an archive: 128 random bits, shown as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ArchiveId(u128);

impl ArchiveId {
    /// The id made of these random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// An id as it is displayed; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = u128::from_str_radix(text, 16).ok()?;
        is_plain.then_some(Self(bits))
    }
}

impl fmt::Display for ArchiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What a folder says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is not there, or nothing of ours is in it.
    NoArchive,
    /// An archive without an id, as older programs left it.
    Unmarked,
    /// The archive with this id.
    Marked(ArchiveId),
    /// A newer program marked it; its version.
    Newer(u32),
    /// A marker that nobody can read; how it begins.
    Damaged(String),
}

/// Where the ledger lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerPlace {
    /// In the target: it goes where the archive goes.
    Inside,
    /// Anywhere else.
    Elsewhere,
}

/// What is to be done with an archive that may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it is the one that the ledger knows.
    Same,
    /// The ledger is new: it takes this id over.
    Learn(ArchiveId),
    /// The archive has no marker: it gets one with this id, or with a new one where the ledger knows none either.
    Mark(Option<ArchiveId>),
}

/// Why a folder is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Another archive.
    #[error("the archive there has the id {found}, the ledger speaks of {expected}")]
    Another {
        /// In the marker.
        found: ArchiveId,
        /// In the ledger.
        expected: ArchiveId,
    },
    /// An archive without an id, beside a ledger that lies elsewhere and knows one.
    #[error("the archive there has no id, the ledger speaks of {expected}")]
    Unmarked {
        /// In the ledger.
        expected: ArchiveId,
    },
    /// Nothing, beside a ledger that lies elsewhere and knows of an archive.
    #[error("the ledger knows of an archive there (id {expected}), and there is none")]
    Missing {
        /// In the ledger.
        expected: ArchiveId,
    },
    /// Marked by a newer program.
    #[error(
        "a newer rcbs marked the archive there (version {version}, this one knows up to {VERSION})"
    )]
    Newer {
        /// Its version.
        version: u32,
    },
    /// The marker cannot be read.
    #[error("the marker of the archive there is damaged: {begins:?}")]
    Damaged {
        /// How it begins.
        begins: String,
    },
}

/// Reads a marker: a line with the version, then a line with the id; what follows belongs to later versions.
#[must_use]
pub fn read_marker(text: &str) -> Found {
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| line.strip_prefix(TITLE));
    match version.map(str::parse::<u32>) {
        Some(Ok(version)) if version > VERSION => Found::Newer(version),
        Some(Ok(VERSION)) => match lines.next().and_then(ArchiveId::parse) {
            Some(id) => Found::Marked(id),
            None => Found::Damaged(printable(text)),
        },
        _ => Found::Damaged(printable(text)),
    }
}

/// The marker of an archive with this id.
#[must_use]
pub fn marker_text(id: ArchiveId) -> String {
    format!("{TITLE}{VERSION}\n{id}\n")
}

/// Whether this is the archive that the ledger knows; `known` is its id, `None` where it knows none.
///
/// # Errors
/// Why it must not be used: neither written, nor compared with that ledger.
pub fn judge(
    known: Option<ArchiveId>,
    ledger: LedgerPlace,
    found: Found,
) -> Result<Verdict, Mismatch> {
    match (found, known) {
        (Found::Newer(version), _) => Err(Mismatch::Newer { version }),
        (Found::Damaged(begins), _) => Err(Mismatch::Damaged { begins }),
        (Found::Marked(found), None) => Ok(Verdict::Learn(found)),
        (Found::Marked(found), Some(expected)) if found == expected => Ok(Verdict::Same),
        (Found::Marked(found), Some(expected)) => Err(Mismatch::Another { found, expected }),
        // A ledger inside lies where the marker was: it is this archive, and somebody has removed the marker.
        (Found::Unmarked | Found::NoArchive, known)
            if known.is_none() || ledger == LedgerPlace::Inside =>
        {
            Ok(Verdict::Mark(known))
        }
        (Found::Unmarked, Some(expected)) => Err(Mismatch::Unmarked { expected }),
        (Found::NoArchive, Some(expected)) => Err(Mismatch::Missing { expected }),
        (Found::Unmarked | Found::NoArchive, None) => Ok(Verdict::Mark(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ArchiveId = ArchiveId(0xa);
    const B: ArchiveId = ArchiveId(0xb);

    #[test]
    fn a_marker_is_read_as_it_is_written() {
        let id = ArchiveId::from_random([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        let text = marker_text(id);
        // Frozen: older archives must stay known.
        assert_eq!(text, "rcbs archive 1\n000102030405060708090a0b0c0d0eff\n");
        assert_eq!(read_marker(&text), Found::Marked(id));
        assert_eq!(
            read_marker(&format!("{text}more\n")),
            Found::Marked(id),
            "what a later program adds is read over"
        );
    }

    #[test]
    fn anything_else_is_damaged_or_newer() {
        assert_eq!(read_marker("rcbs archive 2\nx\n"), Found::Newer(2));
        for text in [
            "",
            "\0\0\0",
            "rcbs archive 1\n",
            "rcbs archive 1\n000102030405060708090a0b0c0d0ef\n",
            "rcbs archive 1\n+00102030405060708090a0b0c0d0eff\n",
            "rcbs archive 0\n000102030405060708090a0b0c0d0eff\n",
            "rcbs archive -1\n",
            "000102030405060708090a0b0c0d0eff",
        ] {
            assert!(matches!(read_marker(text), Found::Damaged(_)), "{text:?}");
        }
    }

    #[test]
    fn only_the_archive_that_the_ledger_knows_is_used() {
        use LedgerPlace::{Elsewhere, Inside};
        let missing = |expected| Err(Mismatch::Missing { expected });
        let unmarked = |expected| Err(Mismatch::Unmarked { expected });
        let another = |found, expected| Err(Mismatch::Another { found, expected });
        let cases = [
            (None, Elsewhere, Found::NoArchive, Ok(Verdict::Mark(None))),
            (None, Inside, Found::Unmarked, Ok(Verdict::Mark(None))),
            (None, Elsewhere, Found::Unmarked, Ok(Verdict::Mark(None))),
            (None, Elsewhere, Found::Marked(A), Ok(Verdict::Learn(A))),
            (Some(A), Elsewhere, Found::Marked(A), Ok(Verdict::Same)),
            (Some(A), Elsewhere, Found::Marked(B), another(B, A)),
            (Some(A), Inside, Found::Marked(B), another(B, A)),
            (Some(A), Inside, Found::Unmarked, Ok(Verdict::Mark(Some(A)))),
            (Some(A), Elsewhere, Found::Unmarked, unmarked(A)),
            (Some(A), Elsewhere, Found::NoArchive, missing(A)),
            (
                None,
                Inside,
                Found::Newer(2),
                Err(Mismatch::Newer { version: 2 }),
            ),
            (
                None,
                Inside,
                Found::Damaged("x".to_owned()),
                Err(Mismatch::Damaged {
                    begins: "x".to_owned(),
                }),
            ),
        ];
        for (known, ledger, found, wanted) in cases {
            let shown = format!("{known:?} {ledger:?} {found:?}");
            assert_eq!(judge(known, ledger, found), wanted, "{shown}");
        }
    }
}
