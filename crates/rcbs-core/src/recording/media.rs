//! Reads the media files of a recording: each id once, and a sentence for whatever cannot be used.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::json::Cursor;
use super::metadata::{time, user_name, word};
use super::{Descriptor, Endpoint, Located, LocationError, Media, MediaId, kind, locate};
use crate::text::printable;

/// Media files of one recording that are read. Real ones have a handful; without a bound one answer of the server could
/// fill the memory with them.
const MEDIA_MAX: usize = 10_000;

/// Sentences kept for one recording; further ones are counted.
const FAULTS_MAX: usize = 64;

/// What a media list holds.
#[derive(Debug)]
pub(super) struct MediaList<'a> {
    /// Whether there is a list at all.
    pub(super) is_present: bool,
    /// Whether it is an explicit `null`.
    pub(super) is_null: bool,
    /// The files that can be told apart, in the order served.
    pub(super) media: Vec<Media>,
    /// What cannot be used.
    pub(super) faults: Faults,
    /// The earliest `startTime`.
    pub(super) earliest_start: Option<Timestamp>,
    /// The earliest `parameters.dateTime`.
    pub(super) earliest_date: Option<Timestamp>,
    /// The agents that parameters name.
    pub(super) agents: BTreeSet<Cow<'a, str>>,
    endpoint: Option<&'a Endpoint>,
    name: &'static str,
    known: HashMap<MediaId, usize>,
    entries: usize,
}

impl<'a> MediaList<'a> {
    /// No list. Sentences will call it `name`.
    pub(super) fn new(name: &'static str, endpoint: Option<&'a Endpoint>) -> Self {
        Self {
            is_present: false,
            is_null: false,
            media: Vec::new(),
            faults: Faults::default(),
            earliest_start: None,
            earliest_date: None,
            agents: BTreeSet::new(),
            endpoint,
            name,
            known: HashMap::new(),
            entries: 0,
        }
    }

    /// Reads an array of media files, one media file without its array, an object that holds the list in a field of
    /// its own (`items`), or one whose values are media files or arrays of them (how converters from XML write a list
    /// of one). `null` is a list of none.
    pub(super) fn read(
        name: &'static str,
        list: &mut Cursor<'a>,
        endpoint: Option<&'a Endpoint>,
    ) -> Self {
        let mut read = Self::new(name, endpoint);
        read.is_present = true;
        read.is_null = list.is_null();
        if list.is_null() {
            return read;
        }
        if list.is_object() {
            let (mut is_media, mut has_items) = (false, false);
            let mut bookmark = *list;
            bookmark.fields(|key, _| {
                is_media |= key == "mediaId";
                has_items |= is_list_inside(key);
            });
            if is_media {
                read.entry(list);
            } else {
                // Beside the list stand counts and links, which are no media files.
                list.fields(|key, value| {
                    if !has_items || is_list_inside(key) {
                        read.one_or_many(value);
                    }
                });
            }
        } else if list.is_array() {
            read.one_or_many(list);
        } else {
            read.faults.add(format!("{name} is not a list"));
        }
        read
    }

    fn one_or_many(&mut self, value: &mut Cursor<'a>) {
        if value.is_array() {
            value.entries(|entry| self.entry(entry));
        } else if !value.is_null() {
            self.entry(value);
        }
    }

    /// Notes what of the lists is not read.
    pub(super) fn refuse(&mut self, sentence: String) {
        self.faults.add(sentence);
    }

    /// Adds what another list of the same recording holds.
    pub(super) fn append(&mut self, mut other: Self) {
        // A null beside a list says nothing.
        self.is_null = match (self.is_present, other.is_present) {
            (true, true) => self.is_null && other.is_null,
            _ => self.is_null || other.is_null,
        };
        self.is_present |= other.is_present;
        self.earliest_start = earlier(self.earliest_start, other.earliest_start);
        self.earliest_date = earlier(self.earliest_date, other.earliest_date);
        self.agents.append(&mut other.agents);
        for media in other.media {
            self.add(other.name, media);
        }
        self.faults.append(other.faults);
    }

    fn entry(&mut self, entry: &mut Cursor<'a>) {
        let (name, index) = (self.name, self.entries);
        self.entries += 1;
        if index >= MEDIA_MAX {
            if index == MEDIA_MAX {
                self.faults.add(format!(
                    "{name} is longer than {MEDIA_MAX}; {name}[{index}] and what follows is not read"
                ));
            }
            return;
        }
        let at = format!("{name}[{index}]");
        if !entry.is_object() {
            self.faults.add(format!("{at} is not an object"));
            return;
        }
        let entry = Entry::read(entry);
        self.earliest_start = earlier(self.earliest_start, entry.start);
        self.earliest_date = earlier(self.earliest_date, entry.parameters.date);
        let id = entry.id.as_deref().and_then(|id| MediaId::new(id).ok());
        match id {
            Some(id) => self.add(&at, entry.media(id, self.endpoint)),
            None => self.faults.add(format!("{at} has no mediaId")),
        }
        self.agents
            .extend(entry.parameters.names.into_iter().flatten());
    }

    /// An id that comes again must mean the same file. If it does not, one of the two could overwrite the other in the
    /// archive; the first is kept, unless only the later one can be fetched at all.
    fn add(&mut self, at: &str, media: Media) {
        let Some(earlier) = self.known.get(&media.id).map(|&at| &mut self.media[at]) else {
            self.known.insert(media.id.clone(), self.media.len());
            self.media.push(media);
            return;
        };
        let same_place = match (&earlier.location, &media.location) {
            (Ok(a), Ok(b)) => a.location == b.location,
            (Err(_), Err(_)) => true,
            _ => false,
        };
        if same_place && earlier.envelope == media.envelope {
            return;
        }
        let what = if same_place {
            "another envelope".to_owned()
        } else {
            let (other, first) = (place(&media.location), place(&earlier.location));
            format!("another place ({other}, first {first})")
        };
        let is_rescue = earlier.location.is_err() && media.location.is_ok();
        let kept = if is_rescue { "this one" } else { "the first" };
        self.faults.add(format!(
            "{at} has the id {} again with {what}; {kept} is used",
            media.id
        ));
        if is_rescue {
            *earlier = media;
        }
    }
}

/// The name of a list of media files in a recording; `None` for any other field.
pub(super) fn list_name(key: &str) -> Option<&'static str> {
    ["mediaFiles", "mediaFile", "media"]
        .into_iter()
        .find(|name| name.eq_ignore_ascii_case(key))
}

/// Whether a field of an object in a list's place holds the list itself.
fn is_list_inside(key: &str) -> bool {
    ["items", "elements", "entries", "list", "values"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(key))
        || list_name(key).is_some()
}

/// The earlier of two times, where there are any: `None` is less than any time and must not take part in a minimum.
fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

/// Sentences about unusable entries, at most [`FAULTS_MAX`] and one that counts the others.
#[derive(Debug, Default)]
pub(super) struct Faults {
    sentences: Vec<String>,
    more: usize,
}

impl Faults {
    fn add(&mut self, sentence: String) {
        if self.sentences.len() < FAULTS_MAX {
            self.sentences.push(sentence);
        } else {
            self.more += 1;
        }
    }

    fn append(&mut self, other: Self) {
        self.more += other.more;
        for sentence in other.sentences {
            self.add(sentence);
        }
    }

    pub(super) fn into_sentences(mut self) -> Vec<String> {
        if self.more > 0 {
            self.sentences
                .push(format!("and {} more faults in the media list", self.more));
        }
        self.sentences
    }
}

/// The fields of a media file that we read.
#[derive(Default)]
struct Entry<'a> {
    id: Option<Cow<'a, str>>,
    uri: Option<Cow<'a, str>>,
    /// The type, by each of the names that the field has.
    types: [Option<Cow<'a, str>>; 4],
    told_bytes: Option<u64>,
    start: Option<Timestamp>,
    envelope: Option<Arc<str>>,
    names_certificate: bool,
    parameters: Parameters<'a>,
    original: Option<Descriptor>,
    plain: Option<Descriptor>,
}

impl<'a> Entry<'a> {
    fn read(entry: &mut Cursor<'a>) -> Self {
        let mut read = Self::default();
        entry.fields(|key, value| match key {
            "mediaId" => read.id = value.filled_text(),
            "mediaUri" => read.uri = value.filled_text(),
            "type" => read.types[0] = word(value),
            "mimeType" | "mimetype" | "mime_type" => read.types[1] = word(value),
            "contentType" | "contenttype" | "content_type" | "Content-Type" | "content-type" => {
                read.types[2] = word(value);
            }
            "mediaType" | "mediatype" | "media_type" => read.types[3] = word(value),
            "size" => read.told_bytes = whole_number(value),
            "startTime" => read.start = time(value),
            "pkcs7" => read.envelope = envelope(value),
            "certAlias" => read.names_certificate = is_filled(value),
            "parameters" => read.parameters = Parameters::read(value),
            "originalMediaDescriptor" => read.original = descriptor(value),
            "mediaDescriptor" => read.plain = descriptor(value),
            _ => {}
        });
        read
    }

    /// The first type that says what the file is, else whatever is there.
    fn content_type(&self) -> &str {
        let mut served = self.types.iter().flatten();
        let told = served.clone().find(|served| kind::is_told(served));
        told.or(served.next()).map_or("", |found| found)
    }

    fn media(&self, id: MediaId, endpoint: Option<&Endpoint>) -> Media {
        Media {
            id,
            content_type: self.content_type().to_owned(),
            location: locate(
                self.original.as_ref(),
                self.plain.as_ref(),
                self.uri.as_deref(),
                endpoint,
            ),
            envelope: self.envelope.clone(),
            names_certificate: self.names_certificate,
            told_bytes: self.told_bytes,
        }
    }
}

/// The time and the names of agents in a media file's `parameters`.
#[derive(Default)]
struct Parameters<'a> {
    date: Option<Timestamp>,
    names: [Option<Cow<'a, str>>; 4],
}

impl<'a> Parameters<'a> {
    fn read(parameters: &mut Cursor<'a>) -> Self {
        let mut read = Self::default();
        parameters.fields(|key, value| match key {
            "dateTime" => read.date = time(value),
            "username" => read.names[0] = word(value),
            "agentId" => read.names[1] = word(value),
            "contact.userName" => read.names[2] = word(value),
            "contact" => read.names[3] = user_name(value),
            _ => {}
        });
        read
    }
}

/// A descriptor, with the names that its parts have elsewhere too; a text in its place is its path. A WebDAV path
/// relative to `data.storagePath` is completed, so that a refusal can name the host.
fn descriptor(value: &mut Cursor<'_>) -> Option<Descriptor> {
    let owned = |value: &mut Cursor<'_>| value.filled_text().map(Cow::into_owned);
    let mut read = Descriptor::default();
    if !value.is_object() {
        read.path = owned(value);
        return read.path.is_some().then_some(read);
    }
    let (mut inside, mut beside, mut folder) = (Parts::default(), Parts::default(), None);
    value.fields(|key, value| match key {
        "storage" => read.storage = owned(value),
        "data" => {
            (inside, folder) = (Parts::default(), None);
            value.fields(|key, value| match key {
                "storagePath" => folder = owned(value),
                _ => inside.take(key, owned(value)),
            });
        }
        _ => beside.take(key, owned(value)),
    });
    read.bucket = inside.bucket.or(beside.bucket);
    // `path` beside `data` is where every sample has it.
    read.path = beside.path.or(inside.path).or(beside.key).or(inside.key);
    if let (Some(folder), Some(path)) = (folder, &mut read.path)
        && !path.contains("://")
    {
        *path = format!("{}/{path}", folder.trim_end_matches('/'));
    }
    Some(read)
}

/// Bucket and key of an object, by the names that their fields have.
#[derive(Default)]
struct Parts {
    bucket: Option<String>,
    path: Option<String>,
    key: Option<String>,
}

impl Parts {
    fn take(&mut self, field: &str, text: Option<String>) {
        let part = match field {
            "bucket" | "bucketName" => &mut self.bucket,
            "path" => &mut self.path,
            "key" | "objectKey" => &mut self.key,
            _ => return,
        };
        *part = text.or(part.take());
    }
}

/// The text of `pkcs7`; lines in an array are joined. `None` when it is absent or empty, for then the file is not
/// encrypted. Anything else is given as the JSON it is: it will be refused as an envelope, whereas `None` would let
/// the file pass as one that needs no envelope.
fn envelope(value: &mut Cursor<'_>) -> Option<Arc<str>> {
    if value.is_null() {
        return None;
    }
    let mut bookmark = *value;
    let as_written = bookmark.raw();
    let mut text = value.text();
    if value.is_array() {
        let mut lines = Some(String::new());
        value.entries(|line| {
            lines = match (lines.take(), line.text()) {
                (Some(lines), Some(line)) => Some(lines + &line + "\n"),
                _ => None,
            };
        });
        text = lines.map(Cow::Owned);
    }
    let text = text.unwrap_or(Cow::Borrowed(as_written));
    (!text.trim().is_empty()).then(|| text.into())
}

/// Whether a value says anything: neither null nor an empty text, list or object.
fn is_filled(value: &Cursor<'_>) -> bool {
    let mut bookmark = *value;
    let spoken = bookmark.raw().bytes();
    let is_empty = |byte: u8| byte.is_ascii_whitespace() || b"[]{}\"".contains(&byte);
    !value.is_null() && !spoken.into_iter().all(is_empty)
}

/// A size in bytes, also with a fraction or an exponent. `None` when it is negative or no number.
fn whole_number(value: &mut Cursor<'_>) -> Option<u64> {
    let text = value.text()?;
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        // Below 2^53 every whole number has its own double; no recording is larger than eight pebibytes.
        (0.0..9_007_199_254_740_992.0)
            .contains(&number)
            .then(|| format!("{number:.0}").parse().ok())?
    })
}

fn place(location: &Result<Located, LocationError>) -> String {
    match location {
        Ok(found) => printable(&format!(
            "s3://{}/{}",
            found.location.bucket, found.location.key
        )),
        Err(error) => error.to_string(),
    }
}
