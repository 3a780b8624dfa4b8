//! Proves keys by opening files of the archive, to their end and in memory; nothing clear is kept.

use rcbs_core::cms::{KeyRing, OpenRules};
use rcbs_core::decrypt::{Evidence, Found, ODD_TRIALS, Trial};
use rcbs_core::ports::{
    EntryState, Ledger as _, LedgerError, MediaKey, SealedFor, Target as _, TargetError,
};
use rcbs_core::select::names_on_disk;
use rcbs_core::store::{Folder, SafeName};

use crate::assemble::View;

/// Bytes read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// A file of the archive.
struct Stored {
    folder: Folder,
    name: SafeName,
    /// Relative to the target.
    path: String,
    sha256: Option<[u8; 32]>,
}

/// Tries all keys that fit on the shortest of the files that the same recipients can open, and on others where that
/// leaves a doubt.
pub(super) async fn prove(
    view: &View,
    set: &SealedFor,
    ring: &KeyRing,
    rules: OpenRules,
) -> Result<Evidence, LedgerError> {
    let mut evidence = Evidence::default();
    for key in std::iter::once(&set.sample).chain(&set.others) {
        match find(view, key).await? {
            Ok(file) => {
                if let Err(reason) = try_keys(view, &file, ring, rules, &mut evidence).await {
                    evidence.add_unreadable(&file.path, reason);
                }
            }
            Err(reason) => {
                let path = format!("recording {}, media {}", key.recording, key.media);
                evidence.add_unreadable(&path, reason);
            }
        }
        if !evidence.is_in_doubt() {
            break;
        }
    }
    Ok(evidence)
}

/// Where a file lies, or in words why it cannot be found.
async fn find(view: &View, key: &MediaKey) -> Result<Result<Stored, String>, LedgerError> {
    let entry = view.ledger.recording(&key.recording).await?;
    let found = entry.and_then(|entry| Some((Folder::from_text(&entry.folder)?, entry)));
    let Some((folder, entry)) = found else {
        return Ok(Err("the ledger no longer knows it".to_owned()));
    };
    let files = match view.target.list(std::slice::from_ref(&folder)).await {
        Ok(files) => files.into_iter().next().unwrap_or_default(),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let names = names_on_disk(&entry.media, &files);
    let mut named = entry.media.iter().zip(names);
    let Some(((_, known), name)) = named.find(|((id, _), _)| *id == key.media) else {
        return Ok(Err("the ledger no longer knows it".to_owned()));
    };
    let sha256 = match &known.state {
        EntryState::Verified { sha256, .. } => Some(*sha256),
        _ => None,
    };
    Ok(Ok(Stored {
        path: format!("{}/{}", entry.folder, name.as_str()),
        folder,
        name,
        sha256,
    }))
}

/// Tries each key on a file, those that open it to something odd several times.
async fn try_keys(
    view: &View,
    file: &Stored,
    ring: &KeyRing,
    rules: OpenRules,
    evidence: &mut Evidence,
) -> Result<(), String> {
    let (mut attempt, mut attempts) = (0, 1);
    while attempt < attempts {
        let mut trials = 0;
        let tried = loop {
            let mut trial = Trial::new(ring, rules, attempt);
            let fed = feed(view, file, &mut trial).await;
            if !fed.map_err(|error| error.to_string())? {
                return Err("the file is not there".to_owned());
            }
            let tried = trial.finish(file.sha256.as_ref());
            trials += 1;
            if tried.found != Found::Odd || trials == ODD_TRIALS {
                break tried;
            }
        };
        attempts = tried.attempts;
        attempt += 1;
        evidence.add(&file.path, tried);
    }
    Ok(())
}

/// False when the file is not there.
async fn feed(view: &View, file: &Stored, trial: &mut Trial<'_>) -> Result<bool, TargetError> {
    let mut from = 0;
    loop {
        let read = view
            .target
            .read(&file.folder, &file.name, from, PIECE_BYTES);
        let Some(piece) = read.await? else {
            return Ok(false);
        };
        if piece.is_empty() {
            return Ok(true);
        }
        from += piece.len() as u64;
        trial.feed(&piece);
    }
}
