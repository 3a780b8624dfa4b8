//! Which key for which recipient, decided by what anybody can read.

use crate::cms::keys::KeyRing;
use crate::cms::recipient::RecipientInfo;

/// A key for a recipient of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Which recipient, from 0.
    pub recipient: usize,
    /// Which key of the ring, from 0.
    pub key: usize,
    /// Why it may fit.
    pub by: Match,
}

/// Why a key may fit a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The recipient names this key: by issuer and serial number of its certificate, or by key identifier.
    Named,
    /// The only key without certificate, and the only recipient that its length fits: likely, not certain.
    Likely,
    /// Its length fits; tried because that was asked for.
    Tried,
}

/// Why no key is tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// None can be it.
    #[error("no private key given fits; it is encrypted for {}", recipients.join(" and for "))]
    NoneFits {
        /// For whom it was sealed, in words.
        recipients: Vec<String>,
    },
    /// Keys without certificate might fit in more than one way.
    #[error(
        "which private key fits cannot be told without certificates; it is encrypted for {}",
        recipients.join(" and for ")
    )]
    Ambiguous {
        /// For whom it was sealed, in words.
        recipients: Vec<String>,
    },
}

/// The keys to try, the best first.
///
/// Where recipients name keys, these are the ones: several where the file is for several of ours, or where keys have
/// certificates of one name, as self-signed ones made anew may. Else a key of which no certificate is known may be tried,
/// if its length leaves no doubt: trying several would make the program an oracle for whoever writes the files
/// (RFC 3218).
pub(super) fn candidates(
    recipients: &[RecipientInfo],
    ring: &KeyRing,
    try_all: bool,
) -> Result<Vec<Candidate>, NoKey> {
    let mut named = Vec::new();
    let mut blind = Vec::new();
    let mut others = Vec::new();
    for (recipient, info) in recipients.iter().enumerate() {
        let Some(transport) = &info.transport else {
            continue;
        };
        for (key, private) in ring.keys().iter().enumerate() {
            let candidate = |by| Candidate { recipient, key, by };
            let fits = transport.encrypted_key.len() == private.modulus_bytes();
            if private.is(&info.recipient) {
                named.push(candidate(Match::Named));
            } else if fits && private.certificates().is_empty() {
                blind.push(candidate(Match::Likely));
            } else if fits {
                others.push(candidate(Match::Tried));
            }
        }
    }
    if try_all {
        let blind = blind.into_iter().chain(others).map(|candidate| Candidate {
            by: Match::Tried,
            ..candidate
        });
        named.extend(blind);
    } else if named.is_empty() && blind.len() == 1 {
        named = blind;
    } else if named.is_empty() && !blind.is_empty() {
        return Err(NoKey::Ambiguous {
            recipients: words(recipients),
        });
    }
    if named.is_empty() {
        return Err(NoKey::NoneFits {
            recipients: words(recipients),
        });
    }
    Ok(named)
}

fn words(recipients: &[RecipientInfo]) -> Vec<String> {
    recipients
        .iter()
        .map(|info| info.recipient.to_string())
        .collect()
}
