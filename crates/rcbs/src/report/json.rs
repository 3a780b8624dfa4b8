//! One JSON object a line for programs: stable names, documented in `docs/json.md`, version in the first line.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rcbs_core::encryption::Encryption;
use rcbs_core::event::{Event, Listener, Summary};
use rcbs_core::plan::{Plan, Slice};
use rcbs_core::ports::MediaKey;
use rcbs_core::space::SpaceForecast;
use serde_json::{Map, Value, json};

use super::progress::{Progress, Snapshot};

/// Version of the lines; raised when a field changes its meaning or goes away, not when one is added.
pub(super) const SCHEMA: u32 = 1;
/// Progress lines come at most this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// A listener for programs; writes to standard output.
#[derive(Debug)]
pub struct JsonLines {
    state: Mutex<(Progress, Option<Duration>)>,
    started: Instant,
}

impl JsonLines {
    /// A listener whose clock begins now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Mutex::default(),
            started: Instant::now(),
        }
    }
}

impl Default for JsonLines {
    fn default() -> Self {
        Self::new()
    }
}

impl Listener for JsonLines {
    fn on(&self, event: &Event) {
        let at = self.started.elapsed();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.on(event, at);
        if let Some(line) = line(event) {
            write(&line);
        }
        if state.1.is_none_or(|last| at >= last + PROGRESS_EVERY)
            && matches!(event, Event::Received { .. } | Event::Announced { .. })
        {
            state.1 = Some(at);
            write(&progress_json(&state.0.snapshot()));
        }
    }
}

/// A reader that went away does not end a backup.
fn write(line: &Value) {
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}

/// The line of an event; `None` for those that only move the progress.
fn line(event: &Event) -> Option<Value> {
    Some(match event {
        Event::Planned { plan } => planned(plan),
        Event::Warning { text } => json!({"event": "warning", "text": text}),
        Event::SliceBegun { slice } => sliced("slice_begun", slice, json!({})),
        Event::SliceListed {
            slice,
            recordings,
            pages,
        } => sliced(
            "slice_listed",
            slice,
            json!({"recordings": recordings, "pages": pages}),
        ),
        Event::SliceFailed {
            slice,
            class,
            reason,
        } => sliced(
            "slice_failed",
            slice,
            json!({"class": class.name(), "reason": reason}),
        ),
        Event::SliceSettled { slice } => sliced("slice_settled", slice, json!({})),
        Event::Retrying {
            key,
            class,
            reason,
            wait,
        } => {
            let more = json!({"class": class.name(), "reason": reason, "wait_ms": wait.as_millis() as u64});
            keyed("retrying", key.as_ref(), more)
        }
        Event::Verified {
            key,
            path,
            len_bytes,
            check,
            fetched,
            encryption,
        } => {
            let encryption = encryption.map(|by| match by {
                Encryption::Cloud => "cloud",
                Encryption::Here => "here",
                Encryption::Nobody => "none",
            });
            let more = json!({"path": path, "len_bytes": len_bytes, "check": check, "fetched": fetched, "encryption": encryption});
            keyed("verified", Some(key), more)
        }
        Event::Unchanged { key } => keyed("unchanged", Some(key), json!({})),
        Event::Skipped { key, rule } => keyed("skipped", Some(key), json!({"rule": rule})),
        Event::Waiting {
            key,
            class,
            reason,
            next_attempt,
        } => {
            let more = json!({"class": class.name(), "reason": reason, "next_attempt": next_attempt.to_string()});
            keyed("waiting", Some(key), more)
        }
        Event::Lost { key, reason } => keyed("lost", Some(key), json!({"reason": reason})),
        Event::MetadataStored {
            recording,
            path,
            changed,
        } => {
            json!({"event": "metadata_stored", "recording": recording.as_str(), "path": path, "changed": changed})
        }
        Event::ServerFault { recording, reason } => {
            let recording = recording.as_ref().map(|id| id.as_str());
            json!({"event": "server_fault", "recording": recording, "reason": reason})
        }
        Event::Checkpoint { at } => json!({"event": "checkpoint", "at": at.to_string()}),
        Event::ManifestWritten {
            path,
            files,
            sha256,
        } => {
            json!({"event": "manifest_written", "path": path, "files": files, "sha256": sha256})
        }
        Event::Endangered {
            forecast,
            soon_until,
        } => json!({
            "event": "endangered", "overdue": forecast.overdue, "deleted_soon": forecast.soon,
            "soon_until": soon_until.to_string(), "missed": forecast.missed,
            "first_missed": forecast.first_missed.map(|at| at.to_string()),
            "nothing_stored_s": forecast.idle.map(|idle| idle.as_secs()),
        }),
        Event::TooSmall { forecast } => merged(json!({"event": "too_small"}), space_json(forecast)),
        Event::NoSpace {
            needed_bytes,
            free_bytes,
            reserve_bytes,
            full,
            wait,
        } => json!({
            "event": "no_space", "needed_bytes": needed_bytes, "free_bytes": free_bytes, "reserve_bytes": reserve_bytes,
            "reason": full, "wait_s": wait.as_secs(),
        }),
        Event::SpaceAgain {
            needed_bytes,
            free_bytes,
            reserve_bytes,
            waited,
        } => json!({
            "event": "space_again", "needed_bytes": needed_bytes, "free_bytes": free_bytes,
            "reserve_bytes": reserve_bytes, "waited_s": waited.as_secs(),
        }),
        Event::ArchiveBegun { path } => json!({"event": "archive_begun", "path": path}),
        Event::Announced { .. }
        | Event::Received { .. }
        | Event::ListingEnded
        | Event::Ended { .. } => return None,
    })
}

/// What is to come and the space for it, as lines and answers say it.
#[must_use]
pub fn space_json(forecast: &SpaceForecast) -> Value {
    json!({
        "expected_bytes": forecast.expected_bytes, "free_bytes": forecast.free_bytes,
        "reserve_bytes": forecast.reserve_bytes, "missing_bytes": forecast.missing_bytes(),
    })
}

fn progress_json(snapshot: &Snapshot) -> Value {
    json!({
        "event": "progress", "percent": snapshot.percent, "settled": snapshot.settled,
        "announced": snapshot.announced, "received_bytes": snapshot.received_bytes,
        "rate_bytes_per_s": snapshot.rate_bytes_per_s, "eta_s": snapshot.eta_s, "listing": snapshot.listing,
    })
}

fn planned(plan: &Plan) -> Value {
    json!({
        "event": "planned", "schema": SCHEMA, "version": env!("CARGO_PKG_VERSION"), "now": plan.now.to_string(),
        "since": plan.window.since.as_ref().map(Timestamp::to_string), "until": plan.window.until.to_string(),
    })
}

fn sliced(name: &str, slice: &Slice, more: Value) -> Value {
    merged(
        json!({"event": name, "since": slice.since.to_string(), "until": slice.until.to_string()}),
        more,
    )
}

fn keyed(name: &str, key: Option<&MediaKey>, more: Value) -> Value {
    let first = match key {
        Some(key) => {
            json!({"event": name, "recording": key.recording.as_str(), "media": key.media.as_str()})
        }
        None => json!({"event": name}),
    };
    merged(first, more)
}

fn merged(first: Value, more: Value) -> Value {
    let into_map = |value| match value {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    let mut map = into_map(first);
    map.extend(into_map(more));
    Value::Object(map)
}

/// The last line of a run: everything counted, and the exit code.
#[must_use]
pub fn summary_json(summary: &Summary, exit_code: u8, percent: u8) -> Value {
    json!({
        "event": "summary", "schema": SCHEMA, "exit_code": exit_code, "percent": percent,
        "recordings": summary.recordings, "announced": summary.announced, "fetched": summary.fetched,
        "sealed_here": summary.sealed_here, "stored_plain": summary.stored_plain,
        "adopted": summary.adopted, "unchanged": summary.unchanged, "skipped": summary.skipped,
        "waiting": summary.waiting, "lost": summary.lost, "metadata_stored": summary.metadata_stored,
        "server_faults": summary.server_faults, "slices_failed": summary.slices_failed,
        "received_bytes": summary.received_bytes, "warnings": summary.warnings,
        "overdue": summary.endangered.overdue, "deleted_soon": summary.endangered.soon,
        "missed": summary.endangered.missed,
    })
}

#[cfg(test)]
mod tests;
