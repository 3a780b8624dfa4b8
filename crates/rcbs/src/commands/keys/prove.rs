//! Proves a key by opening one file of the archive, to its end and in memory; nothing clear is kept.

use rcbs_core::cms::{KeyRing, Match, OpenError, OpenRules, Opener};
use rcbs_core::media_kind::{MediaKind, SNIFF_BYTES};
use rcbs_core::ports::{Ledger as _, LedgerError, MediaKey, Target as _};
use rcbs_core::select::names_on_disk;
use rcbs_core::store::Folder;

use crate::assemble::View;

/// Bytes read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// It opened, to its end, to something that begins as media do.
    Opened {
        /// As sealed for whom.
        recipient: String,
        /// The file, relative to the target.
        path: String,
        /// The file of the key.
        key: String,
    },
    /// No key belongs to any of its recipients.
    NoKey,
    /// It could not be opened although a key belongs to it, or could not be read.
    Failed {
        /// The file, relative to the target.
        path: String,
        /// In words.
        reason: String,
        /// A key that the file itself names does not open it, or it is not there. Otherwise the key may be the wrong
        /// one: nothing but its length spoke for it.
        is_damage: bool,
    },
}

/// Opens a file with whichever key fits.
pub(super) async fn prove(
    view: &View,
    sample: &MediaKey,
    ring: &KeyRing,
    rules: OpenRules,
) -> Result<Proof, LedgerError> {
    let mut path = format!("recording {}, media {}", sample.recording, sample.media);
    let failed = |path: &str, reason: String| Proof::Failed {
        path: path.to_owned(),
        reason,
        is_damage: true,
    };
    let entry = view.ledger.recording(&sample.recording).await?;
    let found = entry.and_then(|entry| Some((Folder::from_text(&entry.folder)?, entry)));
    let Some((folder, entry)) = found else {
        return Ok(failed(&path, "the ledger no longer knows it".to_owned()));
    };
    let files = match view.target.list(std::slice::from_ref(&folder)).await {
        Ok(files) => files.into_iter().next().unwrap_or_default(),
        Err(error) => return Ok(failed(&path, error.to_string())),
    };
    let names = names_on_disk(&entry.media, &files);
    let mut named = entry.media.iter().zip(&names);
    let Some((_, name)) = named.find(|((id, _), _)| *id == sample.media) else {
        return Ok(failed(&path, "the ledger no longer knows it".to_owned()));
    };
    path = format!("{}/{}", entry.folder, name.as_str());
    let mut opener = Opener::new(ring, rules);
    let mut first = Vec::new();
    let mut sniff = |clear: &[u8]| {
        let room = SNIFF_BYTES.saturating_sub(first.len()).min(clear.len());
        first.extend_from_slice(&clear[..room]);
    };
    let mut from = 0;
    loop {
        let piece = match view.target.read(&folder, name, from, PIECE_BYTES).await {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(failed(&path, "the file is not there".to_owned())),
            Err(error) => return Ok(failed(&path, error.to_string())),
        };
        if piece.is_empty() {
            break;
        }
        from += piece.len() as u64;
        if let Err(error) = opener.feed(&piece, &mut sniff) {
            return Ok(unopened(&path, &error, is_named(&opener)));
        }
    }
    let is_named = is_named(&opener);
    let opened = match opener.finish(&mut sniff) {
        Ok(opened) => opened,
        Err(error) => return Ok(unopened(&path, &error, is_named)),
    };
    // A wrong key passes the check of the padding once in 256 times.
    if MediaKind::of(&first).is_none() {
        return Ok(Proof::Failed {
            path,
            reason: "what comes out of it does not look like media".to_owned(),
            is_damage: is_named,
        });
    }
    let key = ring.keys().get(opened.candidate.key);
    Ok(Proof::Opened {
        recipient: opened.recipient,
        path,
        key: key.map_or_else(String::new, |key| key.source().to_owned()),
    })
}

/// Whether the file names the key that is tried on it.
fn is_named(opener: &Opener<'_>) -> bool {
    opener
        .candidate()
        .is_some_and(|candidate| candidate.by == Match::Named)
}

fn unopened(path: &str, error: &OpenError, is_named: bool) -> Proof {
    match error {
        OpenError::NoKey(_) => Proof::NoKey,
        other => Proof::Failed {
            path: path.to_owned(),
            reason: other.to_string(),
            is_damage: is_named || !matches!(other, OpenError::DoesNotOpen { .. }),
        },
    }
}
