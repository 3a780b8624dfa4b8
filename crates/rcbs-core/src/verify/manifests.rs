//! One manifest after the other: does each name the one before it, and is that one still what it was?

use std::fmt;

use crate::manifest::{Manifest, Previous};
use crate::text::hex;

/// Something that is wrong with a file by the word of a manifest, or with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFinding {
    /// What it is about, relative to the target.
    pub path: String,
    /// The manifest that says so; `None` when it is that manifest itself.
    pub listed_in: Option<String>,
    /// What is wrong.
    pub harm: ManifestHarm,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestHarm {
    /// A file is listed and not there.
    Missing,
    /// Its bytes have another SHA-256.
    Digest,
    /// The system could not read it.
    Unreadable {
        /// The system's words.
        reason: String,
    },
    /// It is no manifest.
    Malformed {
        /// In words.
        reason: String,
    },
    /// It does not go on where the manifest before it ends.
    Chain {
        /// In words.
        reason: String,
    },
    /// Its signature is missing or wrong.
    Signature {
        /// In words.
        reason: &'static str,
    },
}

impl ManifestHarm {
    /// The stable name, as it stands in JSON output.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Digest => "digest",
            Self::Unreadable { .. } => "unreadable",
            Self::Malformed { .. } => "malformed",
            Self::Chain { .. } => "chain",
            Self::Signature { .. } => "signature",
        }
    }
}

impl fmt::Display for ManifestHarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the file is not there"),
            Self::Digest => f.write_str("its content is not what was stored"),
            Self::Unreadable { reason } => write!(f, "it cannot be read: {reason}"),
            Self::Malformed { reason } => write!(f, "it is no manifest: {reason}"),
            Self::Chain { reason } => write!(f, "the chain is broken: {reason}"),
            Self::Signature { reason } => f.write_str(reason),
        }
    }
}

/// Follows the chain; told of manifests in the order of their names.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    before: Option<Previous>,
    signed: bool,
}

impl Chain {
    /// The next manifest, as it is there: `read` is `None` where it is no manifest. Whatever is wrong with it, the next
    /// one is compared with this one as it is, so that each break is told once.
    pub(crate) fn next(
        &mut self,
        found: Previous,
        read: Option<&Manifest>,
    ) -> Option<ManifestHarm> {
        let before = self.before.replace(found);
        let reason = match (before, read?.previous()) {
            (None, None) => return None,
            (None, Some(named)) => format!("it goes on from {}, which is not there", named.name),
            (Some(before), None) => format!(
                "it begins anew after {} ({}…)",
                before.name,
                &hex(&before.sha256)[..12]
            ),
            (Some(before), Some(named)) if before.name != named.name => {
                format!(
                    "it goes on from {}, and not from {}",
                    named.name, before.name
                )
            }
            (Some(before), Some(named)) if before.sha256 != named.sha256 => {
                let name = before.name;
                format!("{name} is no longer what it was when this one was written")
            }
            (Some(before), Some(named))
                if named.signature_sha256.is_some()
                    && before.signature_sha256 != named.signature_sha256 =>
            {
                let name = before.name;
                format!("the signature of {name} is no longer what it was")
            }
            (Some(_), Some(_)) => return None,
        };
        Some(ManifestHarm::Chain { reason })
    }

    /// Its signature: `None` where there is none. Once one manifest was signed, all after it have to be.
    pub(crate) fn signature(&mut self, is_good: Option<bool>) -> Option<ManifestHarm> {
        let reason = match is_good {
            Some(true) => {
                self.signed = true;
                return None;
            }
            Some(false) => "its signature is not that of this manifest and this key",
            None if self.signed => "it is not signed, and the one before it was",
            None => return None,
        };
        Some(ManifestHarm::Signature { reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Line, PartName};

    fn name(text: &str) -> PartName {
        PartName::parse(text).unwrap()
    }

    fn after(previous: Option<(&str, u8)>) -> Manifest {
        let line = |(text, digest): (&str, u8)| Line {
            sha256: [digest; 32],
            path: name(text).path(),
        };
        Manifest {
            lines: previous.map(line).into_iter().collect(),
        }
    }

    /// A manifest: name, digest, and what it names as the one before it.
    type Sample<'a> = (&'a str, u8, Option<(&'a str, u8)>);

    /// The breaks of a chain of manifests.
    fn breaks(chain: &[Sample<'_>]) -> Vec<String> {
        let mut follow = Chain::default();
        chain
            .iter()
            .filter_map(|(text, digest, previous)| {
                let manifest = after(*previous);
                let found = Previous {
                    name: name(text),
                    sha256: [*digest; 32],
                    signature_sha256: None,
                };
                let harm = follow.next(found, Some(&manifest))?;
                Some(format!("{text}: {harm}"))
            })
            .collect()
    }

    #[test]
    fn a_chain_is_whole_or_tells_where_it_is_broken() {
        let (a, b, c) = ("2018-02-12-001", "2018-02-12-002", "2018-02-14-001");
        let whole = [(a, 1, None), (b, 2, Some((a, 1))), (c, 3, Some((b, 2)))];
        assert_eq!(breaks(&whole), [""; 0]);
        assert_eq!(breaks(&[]), [""; 0]);
        for (what, chain, wanted) in [
            (
                "changed",
                vec![(a, 9, None), whole[1], whole[2]],
                (b, "no longer what it was"),
            ),
            (
                "taken out",
                vec![whole[0], whole[2]],
                (c, "and not from 2018-02-12-001"),
            ),
            (
                "first gone",
                vec![whole[1], whole[2]],
                (b, "which is not there"),
            ),
            (
                "begun anew",
                vec![whole[0], (b, 2, None), whole[2]],
                (b, "it begins anew"),
            ),
        ] {
            let found = breaks(&chain);
            assert_eq!(found.len(), 1, "{what}: {found:?}");
            assert!(
                found[0].starts_with(wanted.0) && found[0].contains(wanted.1),
                "{found:?}"
            );
        }
    }

    #[test]
    fn signatures_begin_once_and_do_not_end() {
        let mut chain = Chain::default();
        assert_eq!(chain.signature(None), None);
        assert_eq!(chain.signature(Some(true)), None);
        assert!(chain.signature(None).is_some());
        assert!(chain.signature(Some(false)).is_some());
    }
}
