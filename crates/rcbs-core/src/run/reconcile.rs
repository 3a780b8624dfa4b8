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
use crate::ports::{MediaKey, Period};
use crate::proof::day_of;
use crate::recording::{Recording, RecordingId};

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
}

impl CloudDay {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        self.recordings += other.recordings;
        self.media += other.media;
        self.unknown_recordings += other.unknown_recordings;
        self.unknown_media += other.unknown_media;
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

    /// Whether the cloud announces nothing that the ledger has never heard of.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.total().unknown_media == 0 && self.total().unknown_recordings == 0
    }
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
            let known = context.ports.ledger.recording(&recording.id).await;
            let known = known.map_err(RunError::Ledger)?;
            let is_known = |media: &&crate::recording::Media| {
                known
                    .iter()
                    .any(|entry| entry.media.iter().any(|(id, _)| *id == media.id))
            };
            let unknown: Vec<MediaKey> = recording
                .media
                .iter()
                .filter(|media| !is_known(media))
                .map(|media| MediaKey {
                    recording: recording.id.clone(),
                    media: media.id.clone(),
                })
                .collect();
            let mut found = self.found();
            let day = CloudDay {
                recordings: 1,
                media: recording.media.len() as u64,
                unknown_recordings: u64::from(known.is_none()),
                unknown_media: unknown.len() as u64,
            };
            let start = recording.start.map(day_of);
            found.days.entry(start).or_default().add(&day);
            if known.is_none() && found.unknown_recordings.len() < NAMED_MOST {
                found.unknown_recordings.push(recording.id.clone());
            }
            let room = NAMED_MOST - found.unknown_media.len();
            if known.is_some() {
                found.unknown_media.extend(unknown.into_iter().take(room));
            }
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
