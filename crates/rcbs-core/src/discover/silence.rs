//! Decides whether an answer without any list is an empty list.

use super::learned::{Learned, Lists};
use crate::ports::{ApiError, ListRequest, Page, RecordingApi};

/// Asks for a page. An answer that says nothing is an empty page only if it comes twice, from a server that has shown
/// lists of recordings and never one that is empty and says so: mappers that leave out empty members are like that.
///
/// # Errors
/// [`ApiError`] of the port, and [`ApiError::Malformed`] when silence is no proof that there is nothing.
pub(super) async fn list(
    api: &dyn RecordingApi,
    request: &ListRequest,
    learned: &mut Learned,
) -> Result<Page, ApiError> {
    let mut page = api.list(request).await?;
    if page.is_silent && learned.lists == Lists::Filled {
        // Once may be a slip.
        page = api.list(request).await?;
    }
    if page.is_silent && learned.lists != Lists::Filled {
        let reason = "it reports success and holds no list of recordings, \
                      and nothing proves that it means an empty one";
        return Err(ApiError::Malformed {
            reason: reason.to_owned(),
        });
    }
    if !page.entries.is_empty() {
        learned.lists = match learned.lists {
            Lists::Unseen => Lists::Filled,
            lists @ (Lists::Filled | Lists::Empty) => lists,
        };
    } else if !page.is_silent {
        learned.lists = Lists::Empty;
    }
    Ok(page)
}
