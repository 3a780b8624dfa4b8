//! What is missing in the archive: media files that wait, were not reached or are lost, read from the ledger in pages.

use std::ops::ControlFlow;

use jiff::Timestamp;
use rcbs_core::ledger::state::StateName;
use rcbs_core::ports::{EntryState, Ledger as _, LedgerError, LedgerTally, RecordingEntry};
use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_core::retention::Retention;
use rcbs_core::text::escaped;
use rcbs_io::ledger::SqliteLedger;
use serde_json::{Value, json};

use crate::report::{counted, human_time};

/// Recordings read at once.
const PAGE: usize = 256;

/// One media file that is missing.
#[derive(Debug)]
pub(super) struct Missing<'a> {
    recording: &'a RecordingId,
    media: &'a MediaId,
    state: &'a EntryState,
    /// Runs that tried it and failed.
    attempts: u32,
    /// When the cloud deletes it, where that is known and there is something to delete.
    deletes_at: Option<Timestamp>,
}

/// Hands over one after the other until told to stop: first what may still come, then what is lost, each in the order
/// in which the cloud deletes it; what has no known start comes first.
pub(super) async fn each(
    ledger: &SqliteLedger,
    tally: &LedgerTally,
    retention: Option<Retention>,
    mut take: impl FnMut(&Missing<'_>) -> ControlFlow<()>,
) -> Result<(), LedgerError> {
    let mut hand_over =
        |entry: &RecordingEntry, wanted| hand_over(entry, wanted, retention, &mut take);
    if tally.waiting + tally.announced > 0 {
        // Those that wait as well come below.
        let mut unconfirmed = ledger.unconfirmed().await?;
        unconfirmed.retain(|entry| !is_any(entry, is_unsettled));
        unconfirmed.sort_by(|a, b| age(a).cmp(&age(b)));
        let mut unconfirmed = unconfirmed.into_iter().peekable();
        let mut last: Option<RecordingEntry> = None;
        loop {
            let page = ledger.unsettled_by_age(last.as_ref(), PAGE).await?;
            for entry in &page {
                while let Some(older) = unconfirmed.next_if(|other| age(other) < age(entry)) {
                    if hand_over(&older, is_open).is_break() {
                        return Ok(());
                    }
                }
                if hand_over(entry, is_open).is_break() {
                    return Ok(());
                }
            }
            match page.into_iter().next_back() {
                Some(entry) => last = Some(entry),
                None => break,
            }
        }
        for entry in unconfirmed {
            if hand_over(&entry, is_open).is_break() {
                return Ok(());
            }
        }
    }
    if tally.lost > 0 {
        let mut last: Option<RecordingEntry> = None;
        loop {
            let page = ledger.lost(last.as_ref(), PAGE).await?;
            for entry in &page {
                if hand_over(entry, is_lost).is_break() {
                    return Ok(());
                }
            }
            match page.into_iter().next_back() {
                Some(entry) => last = Some(entry),
                None => break,
            }
        }
    }
    Ok(())
}

fn age(entry: &RecordingEntry) -> (Option<Timestamp>, &RecordingId) {
    (entry.start, &entry.id)
}

fn is_unsettled(state: &EntryState) -> bool {
    matches!(state, EntryState::Announced | EntryState::Waiting { .. })
}

fn is_open(state: &EntryState) -> bool {
    is_unsettled(state) || matches!(state, EntryState::Publishing { .. })
}

fn is_lost(state: &EntryState) -> bool {
    matches!(state, EntryState::Lost { .. })
}

fn is_any(entry: &RecordingEntry, wanted: fn(&EntryState) -> bool) -> bool {
    entry.media.iter().any(|(_, known)| wanted(&known.state))
}

fn hand_over(
    entry: &RecordingEntry,
    wanted: fn(&EntryState) -> bool,
    retention: Option<Retention>,
    take: &mut impl FnMut(&Missing<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let media = entry.media.iter().filter(|(_, known)| wanted(&known.state));
    for (id, known) in media {
        take(&Missing {
            recording: &entry.id,
            media: id,
            state: &known.state,
            attempts: known.attempts,
            deletes_at: deletes_at(&known.state, entry.start, retention),
        })?;
    }
    ControlFlow::Continue(())
}

/// When the cloud deletes what it still has.
fn deletes_at(
    state: &EntryState,
    start: Option<Timestamp>,
    retention: Option<Retention>,
) -> Option<Timestamp> {
    Some(retention?.deadline(start?)).filter(|_| is_open(state))
}

impl Missing<'_> {
    /// One line.
    pub(super) fn as_text(&self) -> String {
        let Self {
            recording, media, ..
        } = self;
        let deleted = self
            .deletes_at
            .map_or_else(String::new, |at| format!(", deleted {}", human_time(at)));
        match self.state {
            EntryState::Waiting {
                class,
                reason,
                next_attempt,
            } => {
                let (due, reason) = (human_time(*next_attempt), escaped(reason));
                let tried = counted(u64::from(self.attempts), "time", "times");
                let class = class.name();
                format!(
                    "  waits  {recording} {media}{deleted}, {class}, tried {tried}, due {due}: {reason}"
                )
            }
            EntryState::Lost { reason, at } => {
                let (found, reason) = (human_time(*at), escaped(reason));
                format!("  lost   {recording} {media}, found {found}: {reason}")
            }
            _ => format!("  waits  {recording} {media}{deleted}: announced, and not fetched yet"),
        }
    }

    /// One object.
    pub(super) fn as_json(&self) -> Value {
        let time = |at: &Timestamp| at.to_string();
        let (class, reason, next_attempt, at) = match self.state {
            EntryState::Waiting {
                class,
                reason,
                next_attempt,
            } => (
                Some(class.name()),
                Some(reason),
                Some(time(next_attempt)),
                None,
            ),
            EntryState::Lost { reason, at } => (None, Some(reason), None, Some(time(at))),
            _ => (None, None, None, None),
        };
        json!({
            "recording": self.recording.as_str(), "media": self.media.as_str(),
            "state": StateName::from(self.state).as_str(), "class": class, "reason": reason,
            "attempts": self.attempts, "next_attempt": next_attempt, "at": at,
            "deletes_at": self.deletes_at.as_ref().map(time),
        })
    }
}
