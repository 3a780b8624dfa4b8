//! The model of the cloud: recordings, their media, and what is visible of them when.
//!
//! One model stands behind both faces. It answers questions about a moment; it has no clock of its own.

mod build;
mod content;
mod generate;
mod object;
mod recording;
mod shared;

pub use build::RecordingBuilder;
pub use content::{Content, Pieces};
pub use generate::{MediaSize, MediaSizeError};
pub use object::{Form, StoredObject, digest};
pub use recording::{Change, Sealed, SimMedia, SimRecording};
pub use shared::SharedCloud;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::seal::{Cipher, Envelope, Identity, KeyTransport, Recipient, SessionKey};
use crate::seed::Seed;

/// A pretend cloud, with the settings that hold for all of its recordings.
#[derive(Debug, Clone)]
pub struct Cloud {
    seed: Seed,
    /// The Genesys region that the API belongs to; recordings of other regions are not shown.
    pub region: String,
    /// The region of the buckets, for which requests to the store have to be signed.
    pub store_region: String,
    /// How long after its stop the cloud deletes a recording, metadata and objects; `None` keeps everything.
    pub retention: Option<SignedDuration>,
    /// How much earlier than the metadata the objects go.
    pub objects_vanish_earlier: SignedDuration,
    /// How long after its stop a recording shows up, unless it says otherwise itself.
    pub visible_after: SignedDuration,
    /// For whom media are encrypted, unless they say otherwise themselves.
    pub recipients: Vec<Recipient>,
    /// With which cipher, likewise.
    pub cipher: Cipher,
    /// How session keys are wrapped, likewise.
    pub transport: KeyTransport,
    /// How large the media of generated recordings are.
    pub media_size: MediaSize,
    /// How many of a hundred generated recordings have a screen file too.
    pub screen_percent: u64,
    /// How many of a hundred media files that are generated from now on are kept unencrypted.
    pub plain_percent: u64,
    /// How long after the stop the screen files of generated recordings appear.
    pub screens_late_by: SignedDuration,
    recordings: Vec<SimRecording>,
    /// Places in `recordings`, by start.
    by_start: Vec<usize>,
    by_id: HashMap<String, usize>,
    /// Recording and media by bucket and key.
    by_key: HashMap<(String, String), (usize, usize)>,
    longest: SignedDuration,
}

impl Cloud {
    /// An empty cloud. Its media are encrypted for [`Identity::shared`] 0 until [`Cloud::encrypted_for`] says otherwise.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed: Seed::new(seed),
            region: "sim1".to_owned(),
            store_region: "us-east-1".to_owned(),
            retention: None,
            objects_vanish_earlier: SignedDuration::ZERO,
            visible_after: SignedDuration::ZERO,
            recipients: Vec::new(),
            cipher: Cipher::default(),
            transport: KeyTransport::default(),
            media_size: MediaSize::Samples,
            screen_percent: 20,
            plain_percent: 0,
            screens_late_by: SignedDuration::ZERO,
            recordings: Vec::new(),
            by_start: Vec::new(),
            by_id: HashMap::new(),
            by_key: HashMap::new(),
            longest: SignedDuration::ZERO,
        }
    }

    /// Encrypts media for these recipients.
    #[must_use]
    pub fn encrypted_for(mut self, recipients: impl IntoIterator<Item = Recipient>) -> Self {
        self.recipients = recipients.into_iter().collect();
        self
    }

    /// Encrypts media with this cipher.
    #[must_use]
    pub fn encrypted_with(mut self, cipher: Cipher) -> Self {
        self.cipher = cipher;
        self
    }

    /// Deletes recordings that long after their stop.
    #[must_use]
    pub fn keeping_for(mut self, retention: SignedDuration) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Shows recordings that long after their stop.
    #[must_use]
    pub fn showing_after(mut self, wait: SignedDuration) -> Self {
        self.visible_after = wait;
        self
    }

    /// The number from which everything follows.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Adds a recording; one with the same id is replaced.
    pub fn add(&mut self, recording: SimRecording) {
        self.longest = self
            .longest
            .max(recording.stop.duration_since(recording.start));
        let place = match self.by_id.get(&recording.id) {
            Some(place) => {
                let place = *place;
                self.by_key.retain(|_, (owner, _)| *owner != place);
                self.by_start.retain(|other| *other != place);
                self.recordings[place] = recording;
                place
            }
            None => {
                self.recordings.push(recording);
                self.recordings.len() - 1
            }
        };
        let recording = &self.recordings[place];
        self.by_id.insert(recording.id.clone(), place);
        for (number, media) in recording.media.iter().enumerate() {
            self.by_key
                .insert((media.bucket.clone(), media.key.clone()), (place, number));
        }
        let at = self
            .by_start
            .partition_point(|other| self.recordings[*other].start <= recording.start);
        self.by_start.insert(at, place);
    }

    /// All recordings, whether visible or not, in the order they were added.
    #[must_use]
    pub fn recordings(&self) -> &[SimRecording] {
        &self.recordings
    }

    /// The recording with this id, whether visible or not.
    #[must_use]
    pub fn recording_by_id(&self, id: &str) -> Option<&SimRecording> {
        self.by_id.get(id).map(|place| &self.recordings[*place])
    }

    /// Changes a recording, if there is one with this id. Its id, its times and the keys of its media must stay.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut SimRecording)) -> bool {
        let Some(place) = self.by_id.get(id) else {
            return false;
        };
        change(&mut self.recordings[*place]);
        true
    }

    /// Replaces the object of a media file by a new version, as the muxer does; the envelope changes with it.
    pub fn replace_object(&mut self, bucket: &str, key: &str) -> bool {
        let Some((place, number)) = self.by_key.get(&(bucket.to_owned(), key.to_owned())) else {
            return false;
        };
        let media = &mut self.recordings[*place].media[*number];
        media.version += 1;
        media.sealed = std::sync::OnceLock::new();
        true
    }

    /// Whether the API knows a recording at this time.
    #[must_use]
    pub fn is_visible(&self, recording: &SimRecording, now: Timestamp) -> bool {
        recording.is_announced(now)
            && recording.region == self.region
            && !self.is_past(recording, self.retention, now)
    }

    /// The media file that lies under this key and has an object there at this time.
    #[must_use]
    pub fn object_at(&self, bucket: &str, key: &str, now: Timestamp) -> Option<&SimMedia> {
        let (place, number) = self.by_key.get(&(bucket.to_owned(), key.to_owned()))?;
        let recording = &self.recordings[*place];
        let media = &recording.media[*number];
        let kept_for = self
            .retention
            .map(|retention| retention - self.objects_vanish_earlier);
        let exists = recording.has_media(media, now)
            && media.object_gone_at.is_none_or(|gone| now < gone)
            && !self.is_past(recording, kept_for, now);
        exists.then_some(media)
    }

    /// Whether the cloud ever had a bucket of this name.
    #[must_use]
    pub fn has_bucket(&self, bucket: &str) -> bool {
        self.by_key.keys().any(|(name, _)| name == bucket)
    }

    /// Envelope and object of a media file, made once per version.
    #[must_use]
    pub fn sealed(&self, media: &SimMedia) -> Arc<Sealed> {
        Arc::clone(media.sealed.get_or_init(|| Arc::new(self.seal(media))))
    }

    /// Recordings that may overlap a range of time, by start. Bounds are taken generously.
    pub(crate) fn around(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> impl Iterator<Item = &SimRecording> {
        let first = since.map_or(0, |since| {
            let earliest = crate::clock::saturating_add(since, -self.longest);
            self.by_start
                .partition_point(|place| self.recordings[*place].start < earliest)
        });
        self.by_start[first..]
            .iter()
            .map(|place| &self.recordings[*place])
            .take_while(move |recording| until.is_none_or(|until| recording.start <= until))
    }

    fn is_past(
        &self,
        recording: &SimRecording,
        kept_for: Option<SignedDuration>,
        now: Timestamp,
    ) -> bool {
        kept_for.is_some_and(|kept_for| recording.happened(kept_for, now))
    }

    fn seal(&self, media: &SimMedia) -> Sealed {
        let label = format!("{} {} {}", media.bucket, media.key, media.version);
        let key = SessionKey::derive(media.cipher.unwrap_or(self.cipher), self.seed, &label);
        let recipients = self.recipients_of(media);
        let transport = media.transport.unwrap_or(self.transport);
        let envelope = Envelope::new(&key, recipients, transport, self.seed, &label);
        let object = StoredObject::new(media.form, media.content.clone(), key, &envelope);
        Sealed { envelope, object }
    }

    /// For whom a media file is encrypted.
    #[must_use]
    pub fn recipients_of<'a>(&'a self, media: &'a SimMedia) -> &'a [Recipient] {
        match &media.recipients {
            Some(recipients) => recipients,
            None if self.recipients.is_empty() => {
                std::slice::from_ref(&Identity::shared(0).recipient)
            }
            None => &self.recipients,
        }
    }
}
