//! Recordings that read like a sentence: a call at four past seven, lasting six minutes, with audio and a late screen.

use std::sync::OnceLock;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{Change, Cloud, Content, Form, SimMedia, SimRecording};
use crate::clock::saturating_add;
use crate::samples;
use crate::seal::{Cipher, KeyTransport, Recipient};
use crate::seed::Seed;

/// The contact centre whose name is the folder of all objects.
const CCID: &str = "b4f3a1de-7c1b-4c58-9d0e-8f2f6d1a0c77";

/// A recording that is being described; [`RecordingBuilder::build`] or the next [`RecordingBuilder::recording`] adds it.
///
/// What is said after a media file was added (`plain`, `of`, `late_by` …) is about that file.
#[derive(Debug)]
#[must_use = "the recording is added by build() only"]
pub struct RecordingBuilder {
    cloud: Cloud,
    recording: SimRecording,
    agents_are_invented: bool,
}

impl Cloud {
    /// Begins a recording with this id: a call of a minute on 12 February 2018 at noon, until more is said.
    pub fn recording(self, id: &str) -> RecordingBuilder {
        let recording = new_recording(&self, id, noon());
        RecordingBuilder {
            cloud: self,
            recording,
            agents_are_invented: true,
        }
    }
}

/// A recording without media, with numbers and agent that follow from seed and id.
pub(crate) fn new_recording(cloud: &Cloud, id: &str, start: Timestamp) -> SimRecording {
    let seed = cloud.seed();
    SimRecording {
        id: id.to_owned(),
        start,
        stop: saturating_add(start, SignedDuration::from_secs(60)),
        caller: format!(
            "+1555{:07}",
            seed.below(&format!("caller {id}"), 10_000_000)
        ),
        dialed: "+15550199000".to_owned(),
        agents: vec![format!(
            "agent{}@example.com",
            6_001 + seed.below(&format!("agent {id}"), 20)
        )],
        attached_data: Map::from_iter([("GSIP_RECORD".to_owned(), "ON".into())]),
        region: cloud.region.clone(),
        extra: Map::new(),
        raw: None,
        visible_after: cloud.visible_after,
        gone_at: None,
        listed_times: 1,
        changes: Vec::new(),
        media: Vec::new(),
    }
}

/// A voice file as the recorder names it, in the form seen in the field.
pub(crate) fn new_audio(seed: Seed, recording: &SimRecording, content: Content) -> SimMedia {
    let started = recording.start.strftime("%Y-%m-%d_%H-%M-%S");
    let number = recording.media.len();
    let part = seed.below(
        &format!("part {} {number}", recording.id),
        u64::from(u32::MAX),
    );
    let file = format!(
        "{}_{started}-{part:08X}-10004AA1-{:08}.mp3.bin",
        recording.id,
        number + 1
    );
    new_media(&file, "audio/mp3", "sim-callrecordings", &file, content)
}

/// A muxed screen file.
pub(crate) fn new_screen(seed: Seed, recording: &SimRecording, content: Content) -> SimMedia {
    let name = seed.uuid(&format!(
        "screen {} {}",
        recording.id,
        recording.media.len()
    ));
    let file = format!("{name}.mp4");
    new_media(
        &file,
        "video/mp4",
        "sim-screenrecordings",
        &format!("{file}.bin"),
        content,
    )
}

fn new_media(id: &str, content_type: &str, bucket: &str, file: &str, content: Content) -> SimMedia {
    SimMedia {
        id: id.to_owned(),
        content_type: content_type.to_owned(),
        bucket: bucket.to_owned(),
        key: format!("{CCID}/{file}"),
        content,
        form: Form::default(),
        recipients: None,
        cipher: None,
        transport: None,
        appears_after: SignedDuration::ZERO,
        superseded_after: None,
        object_gone_at: None,
        extra: Map::new(),
        version: 1,
        sealed: OnceLock::new(),
    }
}

impl RecordingBuilder {
    /// Ends this recording and begins the next.
    pub fn recording(self, id: &str) -> Self {
        self.build().recording(id)
    }

    /// Ends this recording.
    #[must_use]
    pub fn build(mut self) -> Cloud {
        self.cloud.add(self.recording);
        self.cloud
    }

    /// When the call began, as in RFC 3339.
    ///
    /// # Panics
    /// When the text is no time: it stands in a test.
    pub fn at(self, start: &str) -> Self {
        let start = start
            .parse()
            .expect("the start of a pretend recording is written as in RFC 3339");
        self.at_time(start)
    }

    /// When the call began.
    pub fn at_time(mut self, start: Timestamp) -> Self {
        let length = self.recording.stop.duration_since(self.recording.start);
        self.recording.start = start;
        self.lasting(length)
    }

    /// How long the call was.
    pub fn lasting(mut self, length: SignedDuration) -> Self {
        self.recording.stop = saturating_add(self.recording.start, length);
        self
    }

    /// How long the call was, in seconds.
    pub fn lasting_s(self, length_s: i64) -> Self {
        self.lasting(SignedDuration::from_secs(length_s))
    }

    /// The caller's number.
    pub fn from_caller(mut self, number: &str) -> Self {
        number.clone_into(&mut self.recording.caller);
        self
    }

    /// The dialed number.
    pub fn to_dialed(mut self, number: &str) -> Self {
        number.clone_into(&mut self.recording.dialed);
        self
    }

    /// One of its agents, by user name. The first one named replaces the invented one.
    pub fn agent(mut self, user_name: &str) -> Self {
        if std::mem::take(&mut self.agents_are_invented) {
            self.recording.agents.clear();
        }
        self.recording.agents.push(user_name.to_owned());
        self
    }

    /// Attached data of the call.
    pub fn attached(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.recording
            .attached_data
            .insert(name.to_owned(), value.into());
        self
    }

    /// A field at the top level of the metadata.
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.recording.extra.insert(name.to_owned(), value.into());
        self
    }

    /// Serve these bytes as the recording, whatever they are.
    pub fn raw(mut self, bytes: impl Into<Bytes>) -> Self {
        self.recording.raw = Some(bytes.into());
        self
    }

    /// Made in another Genesys region than the API's.
    pub fn in_region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.recording.region);
        self
    }

    /// Shows up that long after its stop.
    pub fn visible_after(mut self, wait: SignedDuration) -> Self {
        self.recording.visible_after = wait;
        self
    }

    /// The API no longer knows it from this time on.
    pub fn gone_at(mut self, time: Timestamp) -> Self {
        self.recording.gone_at = Some(time);
        self
    }

    /// Each list has it twice: in its place, and once more at the end.
    pub fn listed_twice(mut self) -> Self {
        self.recording.listed_times = 2;
        self
    }

    /// Its metadata change that long after its stop.
    pub fn later(mut self, after: SignedDuration, change: Change) -> Self {
        self.recording.changes.push((after, change));
        self
    }

    /// Adds a voice file with spoken sample.
    pub fn audio(self) -> Self {
        let number = self.cloud.seed().number(&self.recording.id);
        self.audio_of(samples::speech(number))
    }

    /// Adds a voice file of this content.
    pub fn audio_of(mut self, content: Content) -> Self {
        let media = new_audio(self.cloud.seed(), &self.recording, content);
        self.recording.media.push(media);
        self
    }

    /// Adds a screen file with sample pictures.
    pub fn screen(self) -> Self {
        let number = self.cloud.seed().number(&self.recording.id);
        self.screen_of(samples::screen(number))
    }

    /// Adds a screen file of this content.
    pub fn screen_of(mut self, content: Content) -> Self {
        let media = new_screen(self.cloud.seed(), &self.recording, content);
        self.recording.media.push(media);
        self
    }

    /// Adds a screen file that appears that long after the stop.
    pub fn screen_late_by(self, wait: SignedDuration) -> Self {
        self.screen().late_by(wait)
    }

    /// Adds a media file described from scratch.
    pub fn media(mut self, media: SimMedia) -> Self {
        self.recording.media.push(media);
        self
    }

    /// The last media file appears that long after the stop.
    pub fn late_by(self, wait: SignedDuration) -> Self {
        self.last_media(|media| media.appears_after = wait)
    }

    /// The last media file is gone from metadata and store that long after the stop.
    pub fn superseded_after(self, wait: SignedDuration) -> Self {
        self.last_media(|media| media.superseded_after = Some(wait))
    }

    /// The last media file has no object from this time on, although the metadata still name it.
    pub fn object_gone_at(self, time: Timestamp) -> Self {
        self.last_media(|media| media.object_gone_at = Some(time))
    }

    /// The last media file never had an object.
    pub fn without_object(self) -> Self {
        self.object_gone_at(Timestamp::MIN)
    }

    /// The last media file has this id.
    pub fn media_id(self, id: &str) -> Self {
        self.last_media(|media| id.clone_into(&mut media.id))
    }

    /// The last media file has this MIME type.
    pub fn content_type(self, content_type: &str) -> Self {
        self.last_media(|media| content_type.clone_into(&mut media.content_type))
    }

    /// The last media file lies in the bucket `sim-` and this name, under this key.
    pub fn stored_as(self, bucket: &str, key: &str) -> Self {
        let bucket = format!("sim-{}", bucket.trim_start_matches("sim-"));
        self.last_media(|media| {
            media.bucket = bucket;
            key.clone_into(&mut media.key);
        })
    }

    /// The last media file is kept in this form.
    pub fn kept_as(self, form: Form) -> Self {
        self.last_media(|media| media.form = form)
    }

    /// The last media file is kept unencrypted.
    pub fn plain(self) -> Self {
        self.kept_as(Form::Plain)
    }

    /// The last media file is encrypted for these recipients.
    pub fn encrypted_for(self, recipients: impl IntoIterator<Item = Recipient>) -> Self {
        let recipients = recipients.into_iter().collect();
        self.last_media(|media| media.recipients = Some(recipients))
    }

    /// The last media file is encrypted in this way.
    pub fn encrypted_with(self, cipher: Cipher, transport: KeyTransport) -> Self {
        self.last_media(|media| {
            media.cipher = Some(cipher);
            media.transport = Some(transport);
        })
    }

    /// A field of the last media file's metadata.
    pub fn media_field(self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.last_media(|media| {
            media.extra.insert(name.to_owned(), value);
        })
    }

    fn last_media(mut self, change: impl FnOnce(&mut SimMedia)) -> Self {
        let media = self
            .recording
            .media
            .last_mut()
            .expect("a media file was added before it is described");
        change(media);
        self
    }
}

fn noon() -> Timestamp {
    Timestamp::constant(1_518_436_800, 0)
}
