//! What is done with each media file of a recording: fetched, checked in place, kept, skipped or put off.
//!
//! Facts in (metadata, ledger entry, what lies on disk), a choice out; nothing here touches anything.

mod media_type;
mod names;

pub use media_type::{MediaTypeError, MediaTypePattern};
pub use names::names_on_disk;

use crate::ports::{EntryState, FileFact, MediaEntry};
use crate::recording::{Location, LocationError, Media, kind};
use crate::store::SafeName;

/// Rule name of a media file that `mediaTypePattern` leaves out.
pub const RULE_MEDIA_TYPE: &str = "mediaTypePattern";
/// Rule name of a media file that `metadataOnly` leaves out.
pub const RULE_METADATA_ONLY: &str = "metadataOnly";

/// Which media files are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `mediaTypePattern`.
    pub media_type: MediaTypePattern,
    /// False with `metadataOnly=true`.
    pub media: bool,
}

/// What is done with one media file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Verified, and on disk with the right length.
    Keep,
    /// Not wanted.
    Skip {
        /// Why.
        rule: &'static str,
    },
    /// A file has its final name, but the ledger does not know it as verified: it is checked in place.
    Check {
        /// Where it could be fetched from if the check fails.
        location: Result<Location, LocationError>,
    },
    /// It has to be fetched.
    Fetch {
        /// From where.
        location: Location,
        /// A file with the final name is in the way: it is known to be damaged and is moved aside first.
        quarantine: bool,
    },
    /// It cannot be fetched as announced.
    PutOff {
        /// Why.
        error: LocationError,
    },
}

/// Decides about one media file.
///
/// `on_disk` is the file under its final name, `entry` what the ledger knows.
#[must_use]
pub fn select(
    media: &Media,
    entry: &MediaEntry,
    on_disk: Option<&FileFact>,
    wanted: &Wanted,
) -> Choice {
    let place = media
        .location
        .as_ref()
        .map(|located| located.location.clone())
        .map_err(Clone::clone);
    match (&entry.state, on_disk) {
        (EntryState::Verified { len_bytes, .. }, Some(fact)) if fact.len_bytes == *len_bytes => {
            return Choice::Keep;
        }
        _ => {}
    }
    if !wanted.media {
        return Choice::Skip {
            rule: RULE_METADATA_ONLY,
        };
    }
    if !is_wanted_type(media, &wanted.media_type) {
        return Choice::Skip {
            rule: RULE_MEDIA_TYPE,
        };
    }
    match (&entry.state, on_disk) {
        // Known content with another length: no check in place can make it right.
        (EntryState::Verified { .. }, Some(_)) => fetch_or_put_off(place, true),
        (_, Some(_)) => Choice::Check { location: place },
        (_, None) => fetch_or_put_off(place, false),
    }
}

/// Whether a media file may be of a wanted type. A type that is absent or says nothing is unknown, not unwanted: the
/// end of the file's name decides then, and a file of which nothing says what it is, is wanted.
fn is_wanted_type(media: &Media, pattern: &MediaTypePattern) -> bool {
    let served = media.content_type.as_str();
    if kind::is_told(served) {
        return pattern.matches(served);
    }
    (!served.is_empty() && pattern.matches(served))
        || kind::of_file_name(media.id.as_str()).is_none_or(|by_name| pattern.matches(by_name))
}

/// The choice when the recording's metadata has changed: a sealed file that would be kept is checked against the envelope
/// that is announced now, because the cloud may have replaced it under the same id.
#[must_use]
pub fn with_changed_metadata(choice: Choice, media: &Media) -> Choice {
    match choice {
        Choice::Keep if media.envelope.is_some() => Choice::Check {
            location: media
                .location
                .as_ref()
                .map(|located| located.location.clone())
                .map_err(Clone::clone),
        },
        other => other,
    }
}

fn fetch_or_put_off(place: Result<Location, LocationError>, quarantine: bool) -> Choice {
    match place {
        Ok(location) => Choice::Fetch {
            location,
            quarantine,
        },
        Err(error) => Choice::PutOff { error },
    }
}

/// The file of this name among those of a folder.
#[must_use]
pub fn find_on_disk<'a>(files: &'a [FileFact], name: &SafeName) -> Option<&'a FileFact> {
    files.iter().find(|file| file.name == name.as_str())
}

#[cfg(test)]
mod tests;
