//! One recording of the cloud as the core sees it: strict ids, times, media files and where they lie.
//!
//! The served JSON is kept byte for byte in [`Recording::json`]; everything else here is read from a copy.

mod endpoint;
mod id;
mod json;
pub(crate) mod kind;
mod location;
mod media;
mod metadata;
mod s3_uri;
mod time;

pub use endpoint::Endpoint;
pub use id::{EmptyId, MediaId, RecordingId};
pub use location::{Descriptor, Located, Location, LocationError, LocationSource, locate};
pub use metadata::{MetadataError, parse, parse_at};
pub use time::parse_time;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

/// One call interaction with its media files (`genesys.md` 3).
#[derive(Debug, Clone)]
pub struct Recording {
    /// The CallUUID, unique per contact centre.
    pub id: RecordingId,
    /// When the call began; `None` when neither the recording nor its media files give a readable time.
    pub start: Option<Timestamp>,
    /// When the call ended, where the server says so.
    pub stop: Option<Timestamp>,
    /// `callerPhoneNumber` as served; may be masked or absent.
    pub caller: Option<String>,
    /// `dialedPhoneNumber` as served; may be masked or absent.
    pub dialed: Option<String>,
    /// User names of the agents seen in media parameters and events, sorted, each once.
    pub agents: Vec<String>,
    /// The media files, in the order served, each id once.
    pub media: Vec<Media>,
    /// Whether the object has a list of media files at all (it may be empty). A list of recordings may carry
    /// summaries only; without this they would look like recordings that have no media.
    pub has_media_list: bool,
    /// Whether that list is an explicit `null`: none, in the word of the recording itself; a list of recordings may have
    /// left it out.
    pub media_list_is_null: bool,
    /// Media entries that cannot be used (no id, or one id for two files), as sentences for the report.
    pub faults: Vec<String>,
    /// The object exactly as the server sent it.
    pub json: Bytes,
    /// SHA-256 of that.
    pub json_sha256: [u8; 32],
}

impl Recording {
    /// Whether it says which media files it has, so that one it does not name is not there any more.
    #[must_use]
    pub fn says_which_media(&self) -> bool {
        let is_list = self.has_media_list && !self.media_list_is_null;
        is_list && (self.faults.is_empty() || !self.media.is_empty())
    }
}

/// One media file of a recording.
#[derive(Debug, Clone)]
pub struct Media {
    /// The file's identity within its recording.
    pub id: MediaId,
    /// The MIME type as served (`type`, else another name of that field); empty when absent, and then unknown.
    pub content_type: String,
    /// Where the object lies, or why that cannot be said.
    pub location: Result<Located, LocationError>,
    /// The detached CMS envelope (`pkcs7`, PEM text) when the cloud holds the file encrypted.
    pub envelope: Option<Arc<str>>,
    /// Whether a certificate is named that the file is encrypted for (`certAlias`).
    pub names_certificate: bool,
    /// The size the recorder told, in bytes of clear media; an estimate, never a check.
    pub told_bytes: Option<u64>,
}
