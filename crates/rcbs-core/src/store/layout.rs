//! Ids and times into folders and file names: the only maker of paths in the archive.

mod safe_name;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;

pub use safe_name::SafeName;

use super::FolderFormat;
use crate::ports::StageName;
use crate::recording::{MediaId, RecordingId};
use crate::text::hex;

/// Ends every media file: CMS in DER, encrypted.
const MEDIA_SUFFIX: &str = ".bin";

/// Ends every metadata file, so none is ever taken for a media file.
const METADATA_SUFFIX: &str = ".json";

/// The folder of recordings whose start is unknown or cannot be true.
const UNDATED: &str = "undated";

/// A folder of the archive, relative to the target: safe names only. A clone shares them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Folder(Arc<[SafeName]>);

impl Folder {
    /// The target itself.
    #[must_use]
    pub fn top() -> Self {
        Self::default()
    }

    /// Reads what [`to_text`](Self::to_text) wrote; `None` when a part is no safe name. The empty text is the target.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::top());
        }
        text.split('/').map(SafeName::from_disk).collect()
    }

    /// A folder inside this one.
    #[must_use]
    pub fn join(&self, name: SafeName) -> Self {
        self.0.iter().cloned().chain([name]).collect()
    }

    /// Its parts, outermost first.
    #[must_use]
    pub fn parts(&self) -> &[SafeName] {
        &self.0
    }

    /// Its parts with `/` between them.
    #[must_use]
    pub fn to_text(&self) -> String {
        let len_bytes = self.0.iter().map(|name| name.as_str().len() + 1).sum();
        let mut text = String::with_capacity(len_bytes);
        for name in self.parts() {
            if !text.is_empty() {
                text.push('/');
            }
            text.push_str(name.as_str());
        }
        text
    }
}

/// Parts, outermost first.
impl FromIterator<SafeName> for Folder {
    fn from_iter<T: IntoIterator<Item = SafeName>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}

/// The folder of a recording: its start in UTC through the format, then its id.
///
/// Without a start, or with one before 1970 or after 9999, it is `undated/<id>`: a clock that was never set must not
/// scatter recordings over years in which nobody looks. The state folder of the program is never met, because no part
/// begins with a dot.
///
/// Ids that differ only in letter case share a folder where the file system ignores case. A CallUUID has no small
/// letters, so no two are known to.
#[must_use]
pub fn recording_folder(
    format: &FolderFormat,
    start: Option<Timestamp>,
    id: &RecordingId,
) -> Folder {
    // The calendar itself ends with the year 9999.
    let dated = start.filter(|start| *start >= Timestamp::UNIX_EPOCH);
    let mut parts = match dated {
        Some(start) => format.names(start),
        None => vec![SafeName::encode(UNDATED)],
    };
    parts.push(SafeName::encode(id.as_str()));
    parts.into_iter().collect()
}

/// The file name of a media file: its id, with `.bin` unless it ends in that already (in small letters).
///
/// Two ids of one recording may want one name (`a` and `a.bin`, or `a` and `A` where case is ignored); for all files
/// of a recording together use [`media_file_names`].
#[must_use]
pub fn media_file_name(id: &MediaId) -> SafeName {
    SafeName::encode_with(media_stem(id), MEDIA_SUFFIX)
}

/// The file names of all media files of one recording, in the order of the ids, no two of them alike even where letter
/// case is ignored.
///
/// Every file has its [`media_file_name`], except where two or more of these are alike: then each of those gets the
/// digest of its id into its name. The result depends on the set of ids only, not on their order, so it must be asked
/// with *all* ids known of the recording. That none of the alike gets the plain name is on purpose: when a late file
/// turns out to be like an earlier one, nothing new gets the name under which the earlier one already lies. Where files
/// lie already, [`crate::select::names_on_disk`] says which is which.
#[must_use]
pub fn media_file_names(ids: &[MediaId]) -> Vec<SafeName> {
    if let [id] = ids {
        return vec![media_file_name(id)];
    }
    let mut wanted: BTreeMap<String, BTreeSet<&MediaId>> = BTreeMap::new();
    for id in ids {
        wanted
            .entry(media_file_name(id).folded())
            .or_default()
            .insert(id);
    }
    let name = |id: &MediaId| {
        let plain = media_file_name(id);
        match wanted.get(&plain.folded()) {
            Some(alike) if alike.len() > 1 => {
                SafeName::tagged(media_stem(id), &clash_identity(id), MEDIA_SUFFIX)
            }
            _ => plain,
        }
    };
    ids.iter().map(name).collect()
}

/// What a clash is told apart by. The byte FF is in no text, so this is not the identity of any name that was cut.
fn clash_identity(id: &MediaId) -> Vec<u8> {
    [&[0xff], id.as_str().as_bytes()].concat()
}

/// What stands before `.bin` in a media file's name. The id `.bin` has nothing before it and counts as a whole.
fn media_stem(id: &MediaId) -> &str {
    let text = id.as_str();
    match text.strip_suffix(MEDIA_SUFFIX) {
        Some(stem) if !stem.is_empty() => stem,
        _ => text,
    }
}

/// The file name of a recording's metadata: its id and `.json`.
#[must_use]
pub fn metadata_file_name(id: &RecordingId) -> SafeName {
    SafeName::encode_with(id.as_str(), METADATA_SUFFIX)
}

/// The name of the exported checkpoint at the top of the target.
#[must_use]
pub fn endtime_file_name() -> SafeName {
    SafeName::encode("last_recording_endtime.txt")
}

/// The temporary name of a media file (`Some`) or of a recording's metadata (`None`), the same in every run.
///
/// A digest of both ids, because a name made of two ids of any length would not fit.
#[must_use]
pub fn stage_name(recording: &RecordingId, media: Option<&MediaId>) -> StageName {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(b"rcbs stage name 1\0");
    // The length says where one id ends and the other begins.
    hash.update(&(recording.as_str().len() as u64).to_be_bytes());
    hash.update(recording.as_str().as_bytes());
    let kind = match media {
        Some(media) => {
            hash.update(b"media\0");
            hash.update(media.as_str().as_bytes());
            "media"
        }
        None => {
            hash.update(b"metadata");
            "metadata"
        }
    };
    let digits = hex(&hash.finish().as_ref()[..24]);
    StageName(format!("{kind}-{digits}"))
}

/// The temporary name of a manifest or its signature, by its final name.
#[must_use]
pub fn manifest_stage_name(file: &str) -> StageName {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    StageName(file.chars().map(plain).collect())
}

#[cfg(test)]
mod tests;
