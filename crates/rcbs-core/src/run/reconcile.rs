//! Lists a period of the cloud once more and compares it with the ledger; writes nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::listing::{Taker, list};
use super::{Ports, RunEnd, RunError, RunOptions, planning, unless_stopped, until_end};
use crate::event::{Event, Listener};
use crate::plan::Slice;
use crate::ports::{EntryState, HeldRecording, MediaKey, Period};
use crate::proof::day_of;
use crate::recording::{MediaId, Recording, RecordingId};

/// So many things that the ledger does not know are named; all of them are counted.
const NAMED_MOST: usize = 1_000;

/// What the cloud announces, beside what the ledger knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// By the day on which recordings began, `None` for those without a start.
    pub days: BTreeMap<Option<Timestamp>, CloudDay>,
    /// The first recordings that the ledger has never heard of.
    pub unknown_recordings: Vec<RecordingId>,
    /// The first media files, of recordings that it knows.
    pub unknown_media: Vec<MediaKey>,
    /// The first media files that the ledger calls lost and the cloud announces.
    pub lost_media: Vec<MediaKey>,
    /// The first recordings whose metadata are not those that the ledger knows.
    pub changed_recordings: Vec<RecordingId>,
    /// The periods that were listed to their end.
    pub listed: Vec<Period>,
}

/// What the cloud announces of one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CloudDay {
    /// Recordings.
    pub recordings: u64,
    /// Their media files.
    pub media: u64,
    /// Of the recordings, those that the ledger has never heard of.
    pub unknown_recordings: u64,
    /// Of the media files, those that it has never heard of; all files of unknown recordings are among them.
    pub unknown_media: u64,
    /// Of the media files, those that it calls lost.
    pub lost_media: u64,
    /// Of the recordings, those with other metadata than it knows.
    pub changed_recordings: u64,
}

impl CloudDay {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        self.recordings += other.recordings;
        self.media += other.media;
        self.unknown_recordings += other.unknown_recordings;
        self.unknown_media += other.unknown_media;
        self.lost_media += other.lost_media;
        self.changed_recordings += other.changed_recordings;
    }
}

impl Reconciliation {
    /// All days, added up.
    #[must_use]
    pub fn total(&self) -> CloudDay {
        let mut total = CloudDay::default();
        self.days.values().for_each(|day| total.add(day));
        total
    }

    /// What it announces of recordings that began in this period of whole days, or in a part of one day; of those
    /// without a start with `None`.
    #[must_use]
    pub fn of(&self, period: Option<Period>) -> CloudDay {
        let mut sum = CloudDay::default();
        let is_in = |day: &Option<Timestamp>| match (day, period) {
            (None, None) => true,
            (Some(day), Some(period)) => day_of(period.since) <= *day && *day < period.until,
            _ => false,
        };
        let days = self.days.iter().filter(|(day, _)| is_in(day));
        days.for_each(|(_, day)| sum.add(day));
        sum
    }

    /// Whether the cloud announces nothing that a backup would have to enter: everything is known as it is. What is
    /// lost is for the proof to tell.
    #[must_use]
    pub fn is_known(&self) -> bool {
        let total = self.total();
        total.unknown_media == 0 && total.unknown_recordings == 0 && total.changed_recordings == 0
    }
}

impl Reconciliation {
    /// Takes in what the cloud announces of one recording, and what the ledger knows of it.
    fn compare(&mut self, recording: &Recording, known: Option<&HeldRecording>) {
        let key = |id: &MediaId| MediaKey {
            recording: recording.id.clone(),
            media: id.clone(),
        };
        let entry = |id: &MediaId| {
            let mut files = known.iter().flat_map(|held| &held.entry.media);
            files.find(|(known, _)| known == id).map(|(_, entry)| entry)
        };
        let announced = recording.media.iter().map(|media| &media.id);
        let (mut unknown, mut lost) = (Vec::new(), Vec::new());
        for id in announced {
            match entry(id).map(|entry| &entry.state) {
                None => unknown.push(key(id)),
                Some(EntryState::Lost { .. }) => lost.push(key(id)),
                Some(_) => {}
            }
        }
        let digest = recording.json_sha256;
        let is_changed = known.is_some_and(|held| held.announced_metadata_sha256 != digest);
        let day = CloudDay {
            recordings: 1,
            media: recording.media.len() as u64,
            unknown_recordings: u64::from(known.is_none()),
            unknown_media: unknown.len() as u64,
            lost_media: lost.len() as u64,
            changed_recordings: u64::from(is_changed),
        };
        let start = recording.start.map(day_of);
        self.days.entry(start).or_default().add(&day);
        if known.is_none() {
            name(&mut self.unknown_recordings, [recording.id.clone()]);
        } else {
            name(&mut self.unknown_media, unknown);
        }
        name(&mut self.lost_media, lost);
        name(
            &mut self.changed_recordings,
            is_changed.then(|| recording.id.clone()),
        );
    }
}

/// Names more, as long as there is room.
fn name<T>(named: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    let room = NAMED_MOST.saturating_sub(named.len());
    named.extend(more.into_iter().take(room));
}

/// Lists the window of the options. What was found so far comes back also when the end tells of an error.
pub async fn reconcile(
    ports: Ports,
    options: RunOptions,
    listener: Arc<dyn Listener>,
    interrupt: CancellationToken,
) -> (Reconciliation, RunEnd) {
    let context = Arc::new(Context::new(ports, options, listener));
    let comparer = Comparer::default();
    let listing = async {
        let plan = planning::plan(&context).await?.plan;
        list(&context, &plan, &comparer).await?;
        context.events.emit(&Event::ListingEnded);
        Ok(())
    };
    let end = until_end(&context, interrupt, unless_stopped(&context, listing)).await;
    let found = std::mem::take(&mut *comparer.found());
    (found, end)
}

/// Compares what is listed.
#[derive(Debug, Default)]
struct Comparer(Mutex<Reconciliation>);

impl Comparer {
    fn found(&self) -> MutexGuard<'_, Reconciliation> {
        // Every update under this lock is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Taker for Comparer {
    async fn take(
        &self,
        context: &Context,
        recordings: Vec<Recording>,
        _slice: usize,
    ) -> Result<(), RunError> {
        for recording in recordings {
            let known = context.ports.ledger.held(&recording.id).await;
            let known = known.map_err(RunError::Ledger)?;
            self.found().compare(&recording, known.as_ref());
        }
        Ok(())
    }

    async fn listed(
        &self,
        _context: &Context,
        _number: usize,
        slice: Slice,
        _recordings: u64,
        complete: bool,
    ) {
        if complete {
            self.found().listed.push(Period {
                since: slice.since,
                until: slice.until,
            });
        }
    }
}
