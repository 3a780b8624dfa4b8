//! Makes a page of the answer to a list request: its entries, the way to the next page, the total.

use bytes::Bytes;
use http::HeaderMap;
use rcbs_core::ports::Page;
use url::Url;

use super::link;
use super::wire::{self, Envelope, Received};

/// Where an answer came from: what a link in it is measured by.
#[derive(Debug, Clone, Copy)]
pub struct PageSource<'a> {
    /// The address that answered, after redirects.
    pub url: &'a Url,
    /// `gwsUriPrefix`: the origin that no link may leave.
    pub prefix: &'a Url,
    /// `gwsRecordingsUri`: links may leave out what stands before it.
    pub recordings_path: &'a str,
}

/// Reads a page as [`super::Gws`] does, without a server: no header, no login whose secrets a fault could repeat.
///
/// # Errors
/// What is wrong with it, as a half sentence.
pub fn read_page(body: Bytes, source: PageSource<'_>) -> Result<Page, String> {
    let envelope = wire::read(&Received::new(body)).map_err(|reason| reason.0)?;
    page(envelope, &HeaderMap::new(), source).map_err(str::to_owned)
}

/// The page that a successful answer is.
pub(super) fn page(
    envelope: Envelope,
    headers: &HeaderMap,
    source: PageSource<'_>,
) -> Result<Page, &'static str> {
    if envelope.is_silent {
        return Ok(Page {
            is_silent: true,
            ..Page::default()
        });
    }
    let entries = envelope
        .entries
        .ok_or("there is no list of recordings in it")?;
    let link = envelope
        .next
        .or_else(|| link::in_headers(headers))
        .map(|link| link::resolve(&link, source.url, source.prefix, source.recordings_path))
        .unwrap_or_default();
    Ok(Page {
        entries,
        next: link.next,
        refused_link: link.refused,
        total: envelope.total,
        is_silent: false,
    })
}
