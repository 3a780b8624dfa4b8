//! Checks a file that has its final name already, without the cloud: is it whole, and is it the one announced?

use crate::cms::{Envelope, Walker};
use crate::fetch::FileDigest;
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

/// Reads the file once, from beginning to end, in constant memory.
///
/// Three proofs count: the digest that the ledger noted before the file got its name; else the announced envelope
/// around a complete ciphertext; else, for an object that was CMS itself, its complete structure. A file that was
/// verified before must still have the digest that it had then.
pub(crate) async fn check_in_place(
    target: &dyn Target,
    folder: &Folder,
    name: &SafeName,
    envelope: Option<&str>,
    state: &EntryState,
) -> Result<InPlace, TargetError> {
    let mut digest = FileDigest::new();
    let mut walker = Some(Walker::new());
    let mut broken = None;
    let mut len_bytes = 0_u64;
    while let Some(piece) = target.read(folder, name, len_bytes, PIECE_BYTES).await? {
        if piece.is_empty() {
            break;
        }
        digest.update(&piece);
        if let Some(Err(error)) = walker.as_mut().map(|walker| walker.feed(&piece)) {
            broken = Some(error.to_string());
            walker = None;
        }
        len_bytes += piece.len() as u64;
    }
    let sha256 = digest.finish();
    let walked = match (walker.map(Walker::finish), broken) {
        (Some(Ok(walked)), _) => walked,
        (Some(Err(error)), _) => {
            return Ok(InPlace::Damaged {
                reason: error.to_string(),
            });
        }
        (None, reason) => {
            return Ok(InPlace::Damaged {
                reason: reason.unwrap_or_default(),
            });
        }
    };
    let recipients = walked.recipients;
    if let EntryState::Publishing {
        len_bytes: noted_bytes,
        sha256: noted,
        check,
        ..
    } = state
    {
        return Ok(if *noted == sha256 && *noted_bytes == len_bytes {
            InPlace::Whole {
                len_bytes,
                sha256,
                check: check.clone(),
                recipients,
            }
        } else {
            InPlace::Damaged {
                reason: "its content is not what was about to be published".to_owned(),
            }
        });
    }
    // A damaged ciphertext has a sound structure: what the ledger knows of the content counts before what it looks like.
    if let EntryState::Verified { sha256: noted, .. } = state
        && *noted != sha256
    {
        return Ok(InPlace::Damaged {
            reason: "its content is not what was verified".to_owned(),
        });
    }
    let fits = match envelope.map(Envelope::from_text) {
        Some(Ok(announced)) => announced.to_der() == walked.envelope.to_der(),
        // An envelope that cannot be read proves nothing either way; the structure does.
        Some(Err(_)) | None => true,
    };
    Ok(if fits {
        InPlace::Whole {
            len_bytes,
            sha256,
            check: "envelope".to_owned(),
            recipients,
        }
    } else {
        InPlace::Damaged {
            reason: "its envelope is not the announced one".to_owned(),
        }
    })
}
