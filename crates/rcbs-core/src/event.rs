//! What a run says while it works. Terminal, JSON lines, metrics and tests are listeners; the engine never prints.

mod bus;

use std::time::Duration;

use jiff::Timestamp;

pub(crate) use bus::Events;

use crate::encryption::Encryption;
use crate::failure::FailureClass;
use crate::plan::{Plan, Slice};
use crate::ports::MediaKey;
use crate::recording::RecordingId;
use crate::retention::Forecast;
use crate::space::SpaceForecast;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The run begins.
    Planned {
        /// What it intends to do.
        plan: Plan,
    },
    /// Something an operator should know that is no failure.
    Warning {
        /// In words, one sentence.
        text: String,
    },
    /// Listing of a slice begins.
    SliceBegun {
        /// Which one.
        slice: Slice,
    },
    /// Recordings were taken in; the counts are those of this page, after filters.
    Announced {
        /// Recordings that are ours.
        recordings: u64,
        /// Their media files.
        media: u64,
        /// Media files among them that have to be fetched.
        to_fetch: u64,
        /// Estimate of their bytes, where the server tells sizes.
        told_bytes: u64,
    },
    /// All pages of a slice are listed; its media may still be on their way.
    SliceListed {
        /// Which one.
        slice: Slice,
        /// Recordings found in it.
        recordings: u64,
        /// Pages asked for.
        pages: u64,
    },
    /// A slice could not be listed completely. The checkpoint stops before it.
    SliceFailed {
        /// Which one.
        slice: Slice,
        /// Class of the failure.
        class: FailureClass,
        /// In words.
        reason: String,
    },
    /// Everything announced in the slice is settled.
    SliceSettled {
        /// Which one.
        slice: Slice,
    },
    /// All of the window is listed and everything left over is looked up again: the total no longer grows.
    ListingEnded,
    /// Bytes of a media file arrived.
    Received {
        /// How many.
        bytes: u64,
    },
    /// A request failed and will be sent again.
    Retrying {
        /// Which file; `None` for a request to the API.
        key: Option<MediaKey>,
        /// Class of the failure.
        class: FailureClass,
        /// In words.
        reason: String,
        /// After this wait.
        wait: Duration,
    },
    /// A media file is in the archive, durable and checked.
    Verified {
        /// Which one.
        key: MediaKey,
        /// Its file, relative to the target.
        path: String,
        /// Length of the stored file.
        len_bytes: u64,
        /// How it was checked.
        check: String,
        /// False when it was found on disk and taken over.
        fetched: bool,
        /// Who encrypted it; `None` where that is not known, because it was found on disk.
        encryption: Option<Encryption>,
    },
    /// A media file was in place already.
    Unchanged {
        /// Which one.
        key: MediaKey,
    },
    /// A media file is not wanted.
    Skipped {
        /// Which one.
        key: MediaKey,
        /// The rule.
        rule: String,
    },
    /// A media file failed for now.
    Waiting {
        /// Which one.
        key: MediaKey,
        /// Class of the failure.
        class: FailureClass,
        /// In words.
        reason: String,
        /// Not before.
        next_attempt: Timestamp,
    },
    /// A media file is gone from the cloud.
    Lost {
        /// Which one.
        key: MediaKey,
        /// In words.
        reason: String,
    },
    /// A recording's metadata was stored, anew or changed.
    MetadataStored {
        /// The recording.
        recording: RecordingId,
        /// Its file, relative to the target.
        path: String,
        /// True when it replaces an older one.
        changed: bool,
    },
    /// The server announced something unusable.
    ServerFault {
        /// The recording, where it has an id.
        recording: Option<RecordingId>,
        /// In words.
        reason: String,
    },
    /// The checkpoint moved.
    Checkpoint {
        /// To here.
        at: Timestamp,
    },
    /// A manifest was written, anew or with more lines than before.
    ManifestWritten {
        /// Its file, relative to the target.
        path: String,
        /// Lines in it: files of recordings, and the manifest before it.
        files: u64,
        /// Its SHA-256 in hexadecimal digits. Whoever keeps it elsewhere can prove that nothing was taken back.
        sha256: String,
    },
    /// With a retention that is known: what the cloud deletes before it is here. The last one of a run counts, and comes
    /// also when nothing is endangered; earlier ones only when something is.
    Endangered {
        /// What is endangered.
        forecast: Forecast,
        /// What is deleted up to then is called soon.
        soon_until: Timestamp,
    },
    /// What is still to be fetched, as far as it is known and estimated, does not fit into the target. Comes again when
    /// clearly more is missing.
    TooSmall {
        /// What is to come, and the space there is.
        forecast: SpaceForecast,
    },
    /// The next file does not fit into the target: the run waits for space.
    NoSpace {
        /// Length of that file, as far as it is known.
        needed_bytes: u64,
        /// Bytes free in the target; `None` where only writing showed that there are too few.
        free_bytes: Option<u64>,
        /// Bytes of these that stay free.
        reserve_bytes: u64,
        /// What the disk said, in words; `None` when it is the reserve that is kept.
        full: Option<String>,
        /// The run ends when it has waited for so long.
        wait: Duration,
    },
    /// There is space again, and the run goes on.
    SpaceAgain {
        /// Length of the file that did not fit.
        needed_bytes: u64,
        /// Bytes free in the target at the last look; `None` where it does not tell.
        free_bytes: Option<u64>,
        /// Bytes of these that stay free.
        reserve_bytes: u64,
        /// After so long.
        waited: Duration,
    },
    /// Nothing of ours was in the target: this backup is the first of a new archive.
    ArchiveBegun {
        /// The target.
        path: String,
    },
    /// The run is over.
    Ended {
        /// Everything counted.
        summary: Summary,
    },
}

/// All events of a run, folded. Counts are media files unless the name says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Recordings announced in the window that are ours.
    pub recordings: u64,
    /// Media files announced.
    pub announced: u64,
    /// In the archive, durable and checked: fetched in this run.
    pub fetched: u64,
    /// Among them: encrypted here, because the cloud holds them unencrypted.
    pub sealed_here: u64,
    /// Among them: encrypted by nobody.
    pub stored_plain: u64,
    /// In the archive: found on disk and taken over.
    pub adopted: u64,
    /// In the archive: in place already.
    pub unchanged: u64,
    /// Not wanted.
    pub skipped: u64,
    /// To be tried again.
    pub waiting: u64,
    /// Gone from the cloud.
    pub lost: u64,
    /// Recordings whose metadata was written.
    pub metadata_stored: u64,
    /// Unusable announcements.
    pub server_faults: u64,
    /// Slices that could not be listed.
    pub slices_failed: u64,
    /// Bytes of media received.
    pub received_bytes: u64,
    /// Warnings given.
    pub warnings: u64,
    /// Recordings that the cloud deletes before they are here, by the last forecast.
    pub endangered: Forecast,
}

impl Summary {
    /// Takes one more event in.
    pub fn add(&mut self, event: &Event) {
        match event {
            Event::Warning { .. } => self.warnings += 1,
            Event::Announced {
                recordings, media, ..
            } => {
                self.recordings += recordings;
                self.announced += media;
            }
            Event::SliceFailed { .. } => self.slices_failed += 1,
            Event::Received { bytes } => self.received_bytes += bytes,
            Event::Verified {
                fetched: true,
                encryption,
                ..
            } => {
                self.fetched += 1;
                self.sealed_here += u64::from(*encryption == Some(Encryption::Here));
                self.stored_plain += u64::from(*encryption == Some(Encryption::Nobody));
            }
            Event::Verified { fetched: false, .. } => self.adopted += 1,
            Event::Unchanged { .. } => self.unchanged += 1,
            Event::Skipped { .. } => self.skipped += 1,
            Event::Waiting { .. } => self.waiting += 1,
            Event::Lost { .. } => self.lost += 1,
            Event::MetadataStored { .. } => self.metadata_stored += 1,
            Event::ServerFault { .. } => self.server_faults += 1,
            Event::Endangered { forecast, .. } => self.endangered = *forecast,
            Event::Planned { .. }
            | Event::SliceBegun { .. }
            | Event::SliceListed { .. }
            | Event::ListingEnded
            | Event::SliceSettled { .. }
            | Event::Retrying { .. }
            | Event::Checkpoint { .. }
            | Event::ManifestWritten { .. }
            | Event::TooSmall { .. }
            | Event::NoSpace { .. }
            | Event::SpaceAgain { .. }
            | Event::ArchiveBegun { .. }
            | Event::Ended { .. } => {}
        }
    }

    /// Media files in the archive at the end of the run.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.fetched + self.adopted + self.unchanged
    }

    /// Media files that have come to an end in this run, whatever end.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.stored() + self.skipped + self.waiting + self.lost
    }

    /// Media files announced of which nothing is known yet; 0 at the end of a run that was not stopped.
    #[must_use]
    pub fn unsettled(&self) -> u64 {
        self.announced.saturating_sub(self.settled())
    }
}

/// Takes events as they come. Must return quickly: it is called from the middle of the work.
pub trait Listener: Send + Sync {
    /// One event.
    fn on(&self, event: &Event);
}
