//! Reads staged files again after they were made durable: a share may have confirmed what it has not kept.
//!
//! The pages that this machine holds are dropped before, so that the share is asked and not our own memory. What the share
//! itself holds in memory only, or a system that ignores the request, cannot be seen from here.

use std::io;

use aws_lc_rs::digest::{Context, SHA256};
use rcbs_core::ports::{Publication, TargetError};

use super::error::failed;
use super::place::Place;
use super::system;

const PIECE_BYTES: usize = 256 << 10;

/// Looks at each staged file of a batch; what is wrong with it, in order. One that is not there is told when it is
/// renamed.
pub(super) fn compare(place: &Place, batch: &[Publication]) -> Vec<Option<TargetError>> {
    let compared = batch.iter().map(|publication| {
        let path = || place.shown_staged(publication.staged.name.as_str());
        match difference(place, publication) {
            Ok(None) => None,
            Ok(Some(reason)) => Some(TargetError::Altered {
                path: path(),
                reason,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some(failed("read back", path(), &error)),
        }
    });
    compared.collect()
}

/// What is different about a staged file, in words.
fn difference(place: &Place, publication: &Publication) -> io::Result<Option<String>> {
    let staged = &publication.staged;
    let file = place.staging().open_file(&[staged.name.as_str()])?;
    let len_bytes = file.metadata()?.len();
    if len_bytes != staged.len_bytes {
        let wanted = staged.len_bytes;
        return Ok(Some(format!(
            "it has {len_bytes} bytes instead of {wanted}"
        )));
    }
    let Some(wanted) = publication.sha256 else {
        return Ok(None);
    };
    system::forget_pages(&file);
    let mut digest = Context::new(&SHA256);
    let mut from = 0;
    loop {
        let piece = system::read_at(&file, from, PIECE_BYTES)?;
        if piece.is_empty() {
            break;
        }
        digest.update(&piece);
        from += piece.len() as u64;
    }
    let is_same = from == staged.len_bytes && digest.finish().as_ref() == wanted;
    Ok((!is_same).then(|| "its SHA-256 is another one".to_owned()))
}
