//! One recording of the pretend cloud and its media files, with everything that will happen to them.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::content::Content;
use super::object::{Form, StoredObject};
use crate::seal::{Cipher, Envelope, KeyTransport, Recipient};

/// A call as the cloud knows it. Durations count from `stop`.
#[derive(Debug, Clone)]
pub struct SimRecording {
    /// The CallUUID.
    pub id: String,
    /// When the call began.
    pub start: Timestamp,
    /// When it ended.
    pub stop: Timestamp,
    /// The caller's number.
    pub caller: String,
    /// The dialed number.
    pub dialed: String,
    /// User names of the agents.
    pub agents: Vec<String>,
    /// Call attached data.
    pub attached_data: Map<String, Value>,
    /// The Genesys region that made it.
    pub region: String,
    /// Further fields of the metadata, at the top level; they win over the usual ones.
    pub extra: Map<String, Value>,
    /// Serve these bytes as the recording instead, whatever they are.
    pub raw: Option<Bytes>,
    /// How long after its stop it shows up.
    pub visible_after: SignedDuration,
    /// When its metadata vanish, if before retention ends.
    pub gone_at: Option<Timestamp>,
    /// How often a list has it: usually once.
    pub listed_times: usize,
    /// What changes in its metadata, and how long after the stop.
    pub changes: Vec<(SignedDuration, Change)>,
    /// Its media files, in the order served.
    pub media: Vec<SimMedia>,
}

/// Something that changes in a recording's metadata.
#[derive(Debug, Clone)]
pub enum Change {
    /// Attached data appear or get another value.
    AttachedData(String, Value),
    /// A top-level field appears or gets another value.
    Field(String, Value),
}

/// A media file. Durations count from the stop of its recording.
#[derive(Debug, Clone)]
pub struct SimMedia {
    /// The `mediaId`.
    pub id: String,
    /// The MIME type.
    pub content_type: String,
    /// Where the object lies; always begins with `sim-`.
    pub bucket: String,
    /// The key of the object.
    pub key: String,
    /// The clear media.
    pub content: Content,
    /// In which form the object is kept.
    pub form: Form,
    /// For whom it is encrypted; `None` means the cloud's recipients.
    pub recipients: Option<Vec<Recipient>>,
    /// The content cipher; `None` means the cloud's.
    pub cipher: Option<Cipher>,
    /// How the session key is wrapped; `None` means the cloud's way.
    pub transport: Option<KeyTransport>,
    /// How long after the stop the metadata name it and the object is there.
    pub appears_after: SignedDuration,
    /// How long after the stop the metadata no longer name it and the object is gone: the muxer has replaced it.
    pub superseded_after: Option<SignedDuration>,
    /// When the object vanishes although the metadata still name it.
    pub object_gone_at: Option<Timestamp>,
    /// Further fields of its metadata; they win over the usual ones.
    pub extra: Map<String, Value>,
    /// Counts replacements: each version has a session key, an envelope and an ETag of its own.
    pub version: u32,
    pub(crate) sealed: OnceLock<Arc<Sealed>>,
}

/// What the cloud made of a media file: envelope and object of its present version.
#[derive(Debug)]
pub struct Sealed {
    /// The envelope, which the metadata carry in the detached form.
    pub envelope: Envelope,
    /// The object.
    pub object: StoredObject,
}

impl Sealed {
    /// The CMS file that belongs into an archive: the object itself, or envelope and ciphertext joined in definite
    /// lengths.
    #[must_use]
    pub fn file(&self) -> Vec<u8> {
        let object = self.object.to_vec();
        match self.object.form() {
            Form::Detached => {
                let head = self.envelope.complete_head(self.object.len_bytes());
                [&head[..], &object].concat()
            }
            Form::Complete | Form::Streamed | Form::Plain => object,
        }
    }
}

impl SimRecording {
    /// Whether the API knows it at this time, apart from retention.
    #[must_use]
    pub fn is_announced(&self, now: Timestamp) -> bool {
        self.happened(self.visible_after, now) && self.gone_at.is_none_or(|gone| now < gone)
    }

    /// The media files that the metadata name at this time.
    pub fn media_at(&self, now: Timestamp) -> impl Iterator<Item = &SimMedia> {
        self.media
            .iter()
            .filter(move |media| self.has_media(media, now))
    }

    /// Whether the metadata name this media file at this time.
    pub(crate) fn has_media(&self, media: &SimMedia, now: Timestamp) -> bool {
        self.happened(media.appears_after, now)
            && !media
                .superseded_after
                .is_some_and(|after| self.happened(after, now))
    }

    /// Whether that long after the stop has passed.
    pub(crate) fn happened(&self, after: SignedDuration, now: Timestamp) -> bool {
        crate::clock::saturating_add(self.stop, after) <= now
    }
}
