//! Checks a file that has its final name already, without the cloud: is it whole, and is it the one announced?

use crate::cms::{Envelope, Walked, Walker, begins_like_enveloped_data};
use crate::digest::FileDigest;
use crate::encryption::NOBODY;
use crate::fetch::PlainMedia;
use crate::media_kind::MediaKind;
use crate::ports::{EntryState, Target, TargetError};
use crate::store::{Folder, SafeName};

/// Bytes read in one hop.
const PIECE_BYTES: usize = 1 << 20;

/// What was found.
#[derive(Debug)]
pub(crate) enum InPlace {
    /// A whole file that fits the metadata.
    Whole {
        len_bytes: u64,
        sha256: [u8; 32],
        check: String,
        recipients: Vec<String>,
    },
    /// Anything else.
    Damaged { reason: String },
}

/// A file that was read.
struct Seen {
    len_bytes: u64,
    sha256: [u8; 32],
    /// Its structure, or why it is not CMS.
    walked: Result<Walked, String>,
    /// Whether it begins as media in the clear do.
    is_plain_media: bool,
}

/// Reads the file once, from beginning to end, in constant memory.
///
/// Three proofs count: the digest that the ledger noted before the file got its name; else the announced envelope
/// around a complete ciphertext; else, for an object that was CMS itself, its complete structure. A file of which it is
/// known what it was must still be that: it was verified before, or its digest was noted (`noted`).
///
/// Media in the clear have no structure: they are taken by their digest, or with `plain` set to [`PlainMedia::Store`] by
/// their beginning.
pub(crate) async fn check_in_place(
    target: &dyn Target,
    folder: &Folder,
    name: &SafeName,
    envelope: Option<&str>,
    state: &EntryState,
    noted: Option<[u8; 32]>,
    plain: PlainMedia,
) -> Result<InPlace, TargetError> {
    let seen = read(target, folder, name).await?;
    Ok(judge(seen, envelope, state, noted, plain))
}

async fn read(target: &dyn Target, folder: &Folder, name: &SafeName) -> Result<Seen, TargetError> {
    let mut digest = FileDigest::new();
    let mut walker = Ok(Walker::new());
    let mut is_plain_media = false;
    let mut len_bytes = 0_u64;
    while let Some(piece) = target.read(folder, name, len_bytes, PIECE_BYTES).await? {
        if piece.is_empty() {
            break;
        }
        if len_bytes == 0 {
            is_plain_media = MediaKind::of(&piece).is_some() && !begins_like_enveloped_data(&piece);
        }
        digest.update(&piece);
        walker = walker.and_then(|mut walker| match walker.feed(&piece) {
            Ok(()) => Ok(walker),
            Err(error) => Err(error.to_string()),
        });
        len_bytes += piece.len() as u64;
    }
    let walked = walker.and_then(|walker| walker.finish().map_err(|error| error.to_string()));
    Ok(Seen {
        len_bytes,
        sha256: digest.finish(),
        walked,
        is_plain_media,
    })
}

fn judge(
    seen: Seen,
    envelope: Option<&str>,
    state: &EntryState,
    noted: Option<[u8; 32]>,
    plain: PlainMedia,
) -> InPlace {
    let Seen {
        len_bytes,
        sha256,
        walked,
        is_plain_media,
    } = seen;
    let whole = |check: &str, recipients| InPlace::Whole {
        len_bytes,
        sha256,
        check: check.to_owned(),
        recipients,
    };
    let damaged = |reason: &str| InPlace::Damaged {
        reason: reason.to_owned(),
    };
    let nobody = || vec![NOBODY.to_owned()];
    if let EntryState::Publishing {
        len_bytes: noted_bytes,
        sha256: noted,
        check,
        ..
    } = state
    {
        let is_noted = *noted == sha256 && *noted_bytes == len_bytes;
        return match walked {
            _ if !is_noted => damaged("its content is not what was about to be published"),
            Ok(walked) => whole(check, walked.recipients),
            Err(_) => whole(check, nobody()),
        };
    }
    // A damaged ciphertext has a sound structure: what is known of the content counts before what it looks like.
    let (by_structure, by_digest) = match (state, noted) {
        (EntryState::Verified { sha256: known, .. }, _) if *known != sha256 => {
            return damaged("its content is not what was verified");
        }
        (EntryState::Verified { .. }, _) => ("envelope", Some("length")),
        (_, Some(noted)) if noted != sha256 => {
            return damaged("its content is not what was stored");
        }
        (_, Some(_)) => ("manifest", Some("manifest")),
        (_, None) => ("envelope", None),
    };
    match (walked, envelope.map(Envelope::from_text), by_digest) {
        // An envelope that cannot be read proves nothing either way; the structure does.
        (Ok(walked), Some(Err(_)) | None, _) => whole(by_structure, walked.recipients),
        (Ok(walked), Some(Ok(announced)), _) if announced.to_der() == walked.envelope.to_der() => {
            whole(by_structure, walked.recipients)
        }
        // It may well be what was stored: the cloud has replaced it since.
        (Ok(_), Some(Ok(_)), _) => damaged("its envelope is not the announced one"),
        (Err(_), Some(Err(_)) | None, Some(check)) => whole(check, nobody()),
        (Err(_), None, None) if is_plain_media && plain == PlainMedia::Store => {
            whole("beginning", nobody())
        }
        (Err(reason), ..) => InPlace::Damaged { reason },
    }
}
