//! What became of a sealed file, and the sum over many.

use std::collections::BTreeMap;

use crate::cms::{Match, OpenError};
use crate::encryption::is_plain;
use crate::media_kind::MediaKind;
use crate::ports::TargetError;

/// What became of one file.
#[derive(Debug, Clone)]
pub struct Settled {
    /// What messages call it.
    pub name: String,
    /// What messages call the place of its clear bytes.
    pub output: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The key that was used, where one was.
    pub key: Option<String>,
    /// Why that key was chosen.
    pub by: Option<Match>,
    /// For whom the file was sealed, in words; empty where that could not be read.
    pub recipients: Vec<String>,
    /// Clear bytes that came out, also where they were thrown away.
    pub clear_bytes: u64,
    /// Whether its bytes are known to be those that were stored: by the ledger's SHA-256, or by a tag.
    pub is_intact: bool,
}

/// What became of a file.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Its clear bytes have their final name.
    Opened,
    /// They had it already, byte for byte.
    Identical,
    /// It opened, but to something that does not look like the media it should be.
    Suspect {
        /// The kind that was declared; `None` when any would have done.
        wanted: Option<MediaKind>,
        /// Whether it was kept, under a name that ends in `.suspect`.
        kept: bool,
    },
    /// Something else has the final name.
    Differs,
    /// It cannot be opened.
    Unopened(OpenError),
    /// It begins like no CMS file, and nobody says that it should: damaged at its very beginning, or never encrypted.
    NotSealed,
    /// Its bytes are not those that the ledger knows.
    Changed,
    /// A file could not be read or written.
    Failed(TargetError),
    /// The work was interrupted before its end.
    Interrupted,
}

impl Outcome {
    /// The word for it in JSON and in sums: a contract with programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Identical => "identical",
            Self::Suspect { .. } => "suspect",
            Self::Differs => "differs",
            Self::Unopened(error) => match error {
                OpenError::NoKey(_) => "no_key",
                OpenError::DoesNotOpen { .. } => "does_not_open",
                OpenError::Walk(_) | OpenError::Suffix => "malformed",
                OpenError::Cipher { .. }
                | OpenError::Outdated { .. }
                | OpenError::Parameters { .. }
                | OpenError::KeyTransport { .. }
                | OpenError::TooLong => "unsupported",
            },
            Self::NotSealed => "not_sealed",
            Self::Changed => "changed",
            Self::Failed(_) => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Settled {
    /// Whether the file itself is damaged, as far as anybody can tell.
    ///
    /// A file that does not open, or opens to rubbish, with a key that it names is damaged, unless its bytes are known to
    /// be those that were stored. With a key that was only likely, the key is wrong more often than the file.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        let is_sure = self.by == Some(Match::Named) && !self.is_intact;
        match self.outcome.name() {
            "malformed" | "changed" => true,
            "does_not_open" | "suspect" => is_sure,
            _ => false,
        }
    }

    /// Whether its clear bytes have their final name.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::Opened | Outcome::Identical)
    }
}

/// The sum over many files; bounded by the number of keys and certificates.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many files, by [`Outcome::name`].
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Files opened, by key.
    pub keys: BTreeMap<String, u64>,
    /// Files without a fitting key, by the recipients they were sealed for.
    pub wanted: BTreeMap<String, u64>,
    /// All files.
    pub files: u64,
    /// Files whose clear bytes have their final name.
    pub good: u64,
    /// Those among them that nobody had encrypted.
    pub plain: u64,
    /// Damaged files.
    pub damaged: u64,
    /// Files that failed because this machine could not read or write.
    pub failed: u64,
    /// Clear bytes written by this call.
    pub clear_bytes: u64,
}

/// Recipients told apart in a sum. An archive has a handful; hostile files could have one each.
const WANTED_MAX: usize = 1000;

impl Tally {
    /// Counts one more file.
    pub fn add(&mut self, settled: &Settled) {
        self.files += 1;
        *self.outcomes.entry(settled.outcome.name()).or_default() += 1;
        self.good += u64::from(settled.is_good());
        self.plain += u64::from(settled.is_good() && is_plain(&settled.recipients));
        self.damaged += u64::from(settled.is_damage());
        match &settled.outcome {
            Outcome::Opened => self.clear_bytes += settled.clear_bytes,
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Unopened(OpenError::NoKey(_)) => {
                let wanted = settled.recipients.join(" and ");
                if self.wanted.len() < WANTED_MAX || self.wanted.contains_key(&wanted) {
                    *self.wanted.entry(wanted).or_default() += 1;
                }
            }
            _ => {}
        }
        if let (true, Some(key)) = (settled.is_good(), &settled.key) {
            *self.keys.entry(key.clone()).or_default() += 1;
        }
    }
}
