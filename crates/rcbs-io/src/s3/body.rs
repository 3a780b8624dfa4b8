//! The bytes of an object as they arrive, neither fewer nor more than announced.

use futures_util::StreamExt as _;
use futures_util::stream;
use rcbs_core::ports::{ObjectBody, StoreError};

use super::broken;
use crate::http::Timed;

/// The body, ending with an error unless exactly `announced_bytes` arrive. Nothing follows an error.
pub(super) fn exactly(body: Timed, announced_bytes: u64) -> ObjectBody {
    let state = Some((body, 0_u64));
    let pieces = stream::unfold(state, move |state| async move {
        let (mut body, got_bytes) = state?;
        let wrong = |got_bytes| StoreError::WrongLength {
            announced_bytes,
            got_bytes,
        };
        match body.next().await {
            Err(cause) => Some((Err(broken(cause)), None)),
            Ok(None) if got_bytes == announced_bytes => None,
            Ok(None) => Some((Err(wrong(got_bytes)), None)),
            Ok(Some(piece)) => {
                let got_bytes = got_bytes + piece.len() as u64;
                if got_bytes > announced_bytes {
                    return Some((Err(wrong(got_bytes)), None));
                }
                Some((Ok(piece), Some((body, got_bytes))))
            }
        }
    });
    ObjectBody(pieces.boxed())
}
