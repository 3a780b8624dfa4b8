//! `rcbs explain ID`: the whole life of one recording, from the ledger.

use rcbs_core::ledger::state::StateName;
use rcbs_core::ports::{EntryState, Ledger as _, RecordingEntry};
use rcbs_core::recording::RecordingId;
use rcbs_core::text::escaped;
use serde_json::{Value, json};

use super::work::runtime;
use super::{Show, say};
use crate::assemble::{self, Refusal};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::explain::{Explanation, explain_ledger};
use crate::report::{human_bytes, human_time};

/// Tells what is known of a recording.
///
/// # Errors
/// What to tell the operator when the id or the ledger cannot be read.
pub(super) fn explain(loaded: &Loaded, id: &str, show: Show) -> Result<Exit, Refusal> {
    let unknown = |cause: &str| {
        let hint = "copy the id from a folder name, or from \"rcbs status\"".to_owned();
        let headline = "looking up a recording".to_owned();
        (
            Explanation {
                headline,
                causes: vec![cause.to_owned()],
                hint: Some(hint),
            },
            Exit::Usage,
        )
    };
    let id = RecordingId::new(id).map_err(|error| unknown(&error.to_string()))?;
    let ledger = assemble::open_ledger(&loaded.settings)?;
    let found = runtime(&loaded.settings)?
        .block_on(ledger.recording(&id))
        .map_err(|error| {
            (
                explain_ledger(&error),
                Exit::of(rcbs_core::run::ledger_outcome(&error)),
            )
        })?;
    let Some(entry) = found else {
        return Err(unknown(&format!("the ledger has never heard of {id}")));
    };
    let text = if show.json {
        format!("{}\n", as_json(&entry))
    } else {
        as_text(&entry)
    };
    if show.json || !show.quiet {
        say(&text);
    }
    Ok(Exit::Complete)
}

fn as_text(entry: &RecordingEntry) -> String {
    let mut lines = vec![format!("recording {}", entry.id)];
    if let Some(start) = entry.start {
        lines.push(format!("  began            {}", human_time(start)));
    }
    lines.push(format!(
        "  first announced  {}",
        human_time(entry.first_seen)
    ));
    lines.push(format!(
        "  last changed     {}",
        human_time(entry.last_changed)
    ));
    lines.push(format!("  folder           {}", entry.folder));
    let stored = if entry.stored_metadata_sha256.is_some() {
        "stored"
    } else {
        "not stored yet"
    };
    lines.push(format!("  metadata         {stored}"));
    for (id, known) in &entry.media {
        lines.push(format!("media {id}"));
        lines.push(format!(
            "  state            {}",
            StateName::from(&known.state).as_str()
        ));
        if let Some(location) = &known.location {
            lines.push(format!("  announced at     {}", escaped(location)));
        }
        if known.attempts > 0 {
            lines.push(format!("  failed attempts  {}", known.attempts));
        }
        lines.extend(state_lines(&known.state));
    }
    lines.join("\n") + "\n"
}

fn state_lines(state: &EntryState) -> Vec<String> {
    match state {
        EntryState::Announced => vec!["  next             fetched by the next run".to_owned()],
        EntryState::Publishing { .. } => {
            vec![
                "  next             confirmed by the next run: the last one was interrupted"
                    .to_owned(),
            ]
        }
        EntryState::Verified {
            len_bytes,
            sha256,
            check,
            at,
            ..
        } => vec![
            format!(
                "  stored           {}, {}",
                human_time(*at),
                human_bytes(*len_bytes)
            ),
            format!("  checked by       {check}"),
            format!("  SHA-256          {}", hex(sha256)),
        ],
        EntryState::Skipped { rule } => vec![format!("  because of       {rule}")],
        EntryState::Waiting {
            class,
            reason,
            next_attempt,
        } => vec![
            format!("  because          {} ({})", escaped(reason), class.name()),
            format!(
                "  next attempt     in any run; a service waits until {}",
                human_time(*next_attempt)
            ),
        ],
        EntryState::Lost { reason, at } => {
            vec![format!(
                "  because          {}, found {}",
                escaped(reason),
                human_time(*at)
            )]
        }
    }
}

fn as_json(entry: &RecordingEntry) -> Value {
    let media: Vec<Value> = entry
        .media
        .iter()
        .map(|(id, known)| {
            let mut value = json!({
                "media": id.as_str(), "state": StateName::from(&known.state).as_str(),
                "attempts": known.attempts, "location": known.location,
            });
            if let (Value::Object(map), Value::Object(more)) =
                (&mut value, state_json(&known.state))
            {
                map.extend(more);
            }
            value
        })
        .collect();
    json!({
        "schema": 1, "recording": entry.id.as_str(), "start": entry.start.map(|at| at.to_string()),
        "folder": entry.folder, "first_seen": entry.first_seen.to_string(),
        "last_changed": entry.last_changed.to_string(),
        "metadata_sha256": entry.stored_metadata_sha256.as_ref().map(hex), "media": media,
    })
}

fn state_json(state: &EntryState) -> Value {
    match state {
        EntryState::Announced => json!({}),
        EntryState::Publishing {
            len_bytes,
            sha256,
            check,
            ..
        } => {
            json!({"len_bytes": len_bytes, "sha256": hex(sha256), "check": check})
        }
        EntryState::Verified {
            len_bytes,
            sha256,
            check,
            at,
            ..
        } => {
            json!({"len_bytes": len_bytes, "sha256": hex(sha256), "check": check, "at": at.to_string()})
        }
        EntryState::Skipped { rule } => json!({"rule": rule}),
        EntryState::Waiting {
            class,
            reason,
            next_attempt,
        } => {
            json!({"class": class.name(), "reason": reason, "next_attempt": next_attempt.to_string()})
        }
        EntryState::Lost { reason, at } => json!({"reason": reason, "at": at.to_string()}),
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
