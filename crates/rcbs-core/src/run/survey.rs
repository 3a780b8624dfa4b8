//! Looks at the window without touching anything: what a run would find, and what it would fetch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::listing::{Taker, list};
use super::{
    Ports, RunEnd, RunError, RunOptions, planning, remote_settings, unless_stopped, until_end,
};
use crate::event::{Event, Listener};
use crate::plan::{Plan, Slice};
use crate::ports::{DiskSpace, MediaEntry, UnsettledHour};
use crate::recording::Recording;
use crate::select::{Choice, find_on_disk, names_on_disk, select};
use crate::space::{SpaceForecast, Stored, ToCome};
use crate::store::{Folder, recording_folder};

/// What a run would do now.
#[derive(Debug, Clone)]
pub struct Survey {
    /// The plan that a run would execute; `None` when it could not be made.
    pub plan: Option<Plan>,
    /// What was counted.
    pub counts: SurveyCounts,
    /// Recordings of which something would be fetched, by the hour of their start.
    pub to_fetch_by_hour: Vec<UnsettledHour>,
    /// Bytes free in the target; `None` when the target does not tell.
    pub free_bytes: Option<u64>,
    /// What is to be downloaded and the space for it; `None` when the target does not tell.
    pub space: Option<SpaceForecast>,
}

/// Counts of a survey.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SurveyCounts {
    /// Recordings of the window that are ours.
    pub recordings: u64,
    /// Their media files.
    pub media: u64,
    /// Media files that would be fetched, or checked in place.
    pub to_fetch: u64,
    /// Their size as the server tells it, where it does.
    pub told_bytes: u64,
    /// Of these: on disk already, to be checked in place.
    pub to_check: u64,
    /// Their size as the server tells it, where it does.
    pub to_check_bytes: u64,
    /// Media files that are verified and in place.
    pub in_place: u64,
    /// Media files that are not wanted.
    pub skipped: u64,
    /// Slices of the window.
    pub slices: u64,
}

/// Lists the window and counts; writes nothing, fetches nothing.
pub async fn survey(
    ports: Ports,
    options: RunOptions,
    listener: Arc<dyn Listener>,
    interrupt: CancellationToken,
) -> (Survey, RunEnd) {
    let context = Arc::new(Context::new(ports, options, listener));
    let counter = Counter::default();
    let mut plan = None;
    let listing = async {
        remote_settings::ask(&context).await;
        let made = planning::plan(&context).await?.plan;
        context.events.emit(&Event::Planned { plan: made.clone() });
        list(&context, plan.insert(made), &counter).await?;
        context.events.emit(&Event::ListingEnded);
        Ok(())
    };
    let end = until_end(&context, interrupt, unless_stopped(&context, listing)).await;
    let disk = context.ports.target.disk_space().await.ok();
    let (counts, by_hour, to_come) = counter
        .0
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    (
        Survey {
            plan,
            counts,
            to_fetch_by_hour: by_hour.into_values().collect(),
            free_bytes: disk.map(|disk| disk.free_bytes),
            space: space(&context, to_come, disk).await,
        },
        end,
    )
}

#[derive(Debug, Default)]
struct Counter(Mutex<(SurveyCounts, BTreeMap<i64, UnsettledHour>, ToCome)>);

/// Whether what would be downloaded fits; where the ledger does not answer, by what the server tells alone.
async fn space(
    context: &Context,
    to_come: ToCome,
    disk: Option<DiskSpace>,
) -> Option<SpaceForecast> {
    let tally = context.ports.ledger.tally().await.unwrap_or_default();
    let stored = Stored {
        files: tally.verified,
        bytes: tally.verified_bytes,
    };
    let rules = context.options.space;
    Some(rules.forecast(to_come.bytes(stored), disk?))
}

impl Counter {
    fn count(&self, add: impl FnOnce(&mut SurveyCounts)) {
        add(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).0);
    }

    /// Notes a media file that would be downloaded.
    fn note_download(&self, told_bytes: Option<u64>) {
        let mut counter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counter.2.add(told_bytes);
    }

    /// Notes a recording of which something would be fetched.
    fn note_hour(&self, start: Timestamp) {
        let mut counter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = start.as_second().div_euclid(3_600);
        let known = counter.1.entry(hour).or_insert(UnsettledHour {
            first: start,
            recordings: 0,
        });
        known.first = known.first.min(start);
        known.recordings += 1;
    }
}

#[async_trait]
impl Taker for Counter {
    async fn take(
        &self,
        context: &Context,
        recordings: Vec<Recording>,
        _slice: usize,
    ) -> Result<(), RunError> {
        for recording in recordings {
            let known = context
                .ports
                .ledger
                .recording(&recording.id)
                .await
                .map_err(RunError::Ledger)?;
            let format = &context.options.folder_format;
            let folder = known
                .as_ref()
                .and_then(|entry| Folder::from_text(&entry.folder))
                .unwrap_or_else(|| recording_folder(format, recording.start, &recording.id));
            let files = context
                .ports
                .target
                .list(&[folder])
                .await
                .map_err(RunError::Target)?;
            let files = files.into_iter().next().unwrap_or_default();
            // As the ledger will have them: those known already, in their order, then the new ones.
            let mut entries = known.map(|entry| entry.media).unwrap_or_default();
            for media in &recording.media {
                if !entries.iter().any(|(id, _)| *id == media.id) {
                    entries.push((media.id.clone(), MediaEntry::announced()));
                }
            }
            let names = names_on_disk(&entries, &files);
            self.count(|counts| counts.recordings += 1);
            let mut is_to_fetch = false;
            for ((id, entry), name) in entries.into_iter().zip(names) {
                let Some(media) = recording.media.iter().find(|media| media.id == id) else {
                    continue;
                };
                let choice = select(
                    media,
                    &entry,
                    find_on_disk(&files, &name),
                    &context.options.wanted,
                );
                self.count(|counts| add(counts, &choice, media.told_bytes));
                if matches!(choice, Choice::Fetch { .. }) {
                    self.note_download(media.told_bytes);
                }
                is_to_fetch |= !matches!(choice, Choice::Keep | Choice::Skip { .. });
            }
            if let (true, Some(start)) = (is_to_fetch, recording.start) {
                self.note_hour(start);
            }
        }
        Ok(())
    }

    async fn listed(
        &self,
        _context: &Context,
        _number: usize,
        _slice: Slice,
        _recordings: u64,
        _complete: bool,
    ) {
        self.count(|counts| counts.slices += 1);
    }
}

fn add(counts: &mut SurveyCounts, choice: &Choice, told_bytes: Option<u64>) {
    counts.media += 1;
    match choice {
        Choice::Keep => counts.in_place += 1,
        Choice::Skip { .. } => counts.skipped += 1,
        Choice::Check { .. } | Choice::Fetch { .. } | Choice::PutOff { .. } => {
            counts.to_fetch += 1;
            counts.told_bytes += told_bytes.unwrap_or_default();
            if matches!(choice, Choice::Check { .. }) {
                counts.to_check += 1;
                counts.to_check_bytes += told_bytes.unwrap_or_default();
            }
        }
    }
}
