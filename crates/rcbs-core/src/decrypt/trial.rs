//! One key tried on one file, in memory and to its end: nothing clear is kept, and what is found says whose fault it is.

use std::fmt;

use aws_lc_rs::digest;

use crate::cms::{KeyRing, Match, NoKey, OpenError, OpenRules, Opener};
use crate::media_kind::{MediaKind, SNIFF_BYTES};

/// So many trials in a row have to find [`Found::Odd`] before it is believed. In the place of a content key that does not
/// come out of the file stands a random one, another in each trial: one wrong key in 2^32 passes them all.
pub const ODD_TRIALS: usize = 4;

/// A file that is fed from its first byte to its last.
pub struct Trial<'k> {
    opener: Opener<'k>,
    hash: digest::Context,
    /// The first clear bytes.
    first: Vec<u8>,
    failed: Option<OpenError>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The key that was tried, from 0, and why; `None` where none was.
    pub key: Option<(usize, Match)>,
    /// The recipient it was tried for, in words.
    pub recipient: String,
    /// How many keys there are to try on this file, each in a trial of its own.
    pub attempts: usize,
    /// What was found.
    pub found: Found,
}

/// What a trial found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It opened to media.
    Media,
    /// It opened, to something that does not look like media. A wrong key gets as far once in 256 times, but not again
    /// and again: see [`ODD_TRIALS`].
    Odd,
    /// It does not open with this key, and its bytes are those that were stored.
    Shut,
    /// No key fits.
    NoKey(NoKey),
    /// It is in a form that is not read.
    Unread(OpenError),
    /// Its bytes are not those that were stored, or no file that anybody could open.
    Damaged(String),
}

impl<'k> Trial<'k> {
    /// With one of the keys that there are to try, counted from 0.
    #[must_use]
    pub fn new(ring: &'k KeyRing, rules: OpenRules, attempt: usize) -> Self {
        Self {
            opener: Opener::new(ring, rules).attempt(attempt),
            hash: digest::Context::new(&digest::SHA256),
            first: Vec::new(),
            failed: None,
        }
    }

    /// The next bytes. What cannot be opened is still read, because its digest tells why.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        if self.failed.is_none() {
            let first = &mut self.first;
            let fed = self.opener.feed(bytes, |clear| sniff(first, clear));
            self.failed = fed.err();
        }
    }

    /// The end of the file, of which this digest was stored.
    #[must_use]
    pub fn finish(mut self, stored: Option<&[u8; 32]>) -> Tried {
        let candidate = self.opener.candidate();
        let infos = self.opener.head().map(|head| head.recipient_infos());
        let info = candidate.and_then(|candidate| infos?.get(candidate.recipient));
        let mut tried = Tried {
            key: candidate.map(|candidate| (candidate.key, candidate.by)),
            recipient: info.map_or_else(String::new, |info| info.recipient.to_string()),
            attempts: self.opener.attempts().unwrap_or(1),
            found: Found::Media,
        };
        let digest = self.hash.finish();
        if stored.is_some_and(|stored| stored != digest.as_ref()) {
            let reason =
                "its bytes are not those that were stored: its SHA-256 is not the ledger's";
            tried.found = Found::Damaged(reason.to_owned());
            return tried;
        }
        let opened = match self.failed {
            Some(error) => Err(error),
            None => {
                let first = &mut self.first;
                self.opener.finish(|clear| sniff(first, clear)).map(drop)
            }
        };
        let is_named = matches!(tried.key, Some((_, Match::Named)));
        tried.found = match opened {
            Ok(()) if MediaKind::of(&self.first).is_some() => Found::Media,
            Ok(()) => Found::Odd,
            Err(OpenError::NoKey(no_key)) => Found::NoKey(no_key),
            Err(error @ OpenError::DoesNotOpen { .. }) if is_named && stored.is_none() => {
                Found::Damaged(error.to_string())
            }
            Err(OpenError::DoesNotOpen { .. }) => Found::Shut,
            Err(error @ (OpenError::Walk(_) | OpenError::Suffix)) => {
                Found::Damaged(error.to_string())
            }
            Err(error) => Found::Unread(error),
        };
        tried
    }
}

/// Clear bytes are in no text.
impl fmt::Debug for Trial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").finish_non_exhaustive()
    }
}

fn sniff(first: &mut Vec<u8>, clear: &[u8]) {
    let room = SNIFF_BYTES.saturating_sub(first.len()).min(clear.len());
    first.extend_from_slice(&clear[..room]);
}
