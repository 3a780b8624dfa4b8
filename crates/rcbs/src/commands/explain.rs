//! `rcbs explain ID`: the whole life of one recording, from the ledger.

use std::collections::BTreeSet;
use std::io::Write as _;

use bytes::Bytes;
use rcbs_core::ledger::state::StateName;
use rcbs_core::ports::{
    EntryState, HeldRecording, Ledger as _, LedgerError, MetadataVersion, RecordingEntry,
    Target as _,
};
use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_core::store::{Folder, metadata_file_name};
use rcbs_core::text::{escaped, hex};
use serde_json::{Map, Value, json};

use super::life::LifeStory;
use super::work::runtime;
use super::{Show, say};
use crate::args::ExplainArgs;
use crate::assemble::{self, Refusal};
use crate::config::{Loaded, Settings};
use crate::exit::Exit;
use crate::explain::{Explanation, explain_ledger};
use crate::report::{human_bytes, human_time};

/// More than any metadata that were listed.
const METADATA_BYTES: usize = 32 << 20;

/// Tells what is known of a recording.
///
/// # Errors
/// What to tell the operator when the id or the ledger cannot be read.
pub(super) fn explain(loaded: &Loaded, args: &ExplainArgs, show: Show) -> Result<Exit, Refusal> {
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
    let id = RecordingId::new(&args.id).map_err(|error| unknown(&error.to_string()))?;
    let ledger = assemble::open_ledger(&loaded.settings)?;
    let runtime = runtime(&loaded.settings)?;
    let found = runtime.block_on(async {
        let versions = ledger.metadata_versions(&id).await?;
        Ok((
            ledger.held(&id).await?,
            versions,
            ledger.history(&id).await?,
        ))
    });
    let (found, versions, history) = found.map_err(|error: LedgerError| {
        let exit = Exit::of(rcbs_core::run::ledger_outcome(&error));
        (explain_ledger(&error), exit)
    })?;
    let Some(held) = found else {
        return Err(unknown(&format!("the ledger has never heard of {id}")));
    };
    if let Some(number) = args.metadata_version {
        let Some(version) = number.checked_sub(1).and_then(|at| versions.get(at)) else {
            let cause = format!("{id} has {} replaced versions of metadata", versions.len());
            return Err(unknown(&cause));
        };
        drop(std::io::stdout().write_all(&version.json));
        return Ok(Exit::Complete);
    }
    let current = runtime.block_on(stored_json(&loaded.settings, &held.entry));
    let life = Life {
        story: LifeStory::of(&held, &history, &versions),
        changes: changes(&versions, current.as_deref()),
        held,
    };
    let text = if show.json {
        format!("{}\n", as_json(&life))
    } else {
        as_text(&life)
    };
    if show.json || !show.quiet {
        say(&text);
    }
    Ok(Exit::Complete)
}

/// What is known of one recording.
struct Life {
    held: HeldRecording,
    story: LifeStory,
    changes: Vec<Change>,
}

/// Metadata that were replaced, and what the next version has otherwise.
struct Change {
    version: MetadataVersion,
    /// Members of the JSON that are new, gone or of another value; `None` where that cannot be told.
    members: Option<Vec<String>>,
}

/// What the archive holds of the metadata now, as far as it can be read.
async fn stored_json(settings: &Settings, entry: &RecordingEntry) -> Option<Bytes> {
    let view = assemble::look(settings).ok()?;
    let folder = Folder::from_text(&entry.folder)?;
    let name = metadata_file_name(&entry.id);
    let read = view.target.read(&folder, &name, 0, METADATA_BYTES).await;
    read.ok().flatten()
}

fn changes(versions: &[MetadataVersion], current: Option<&[u8]>) -> Vec<Change> {
    let next = versions
        .iter()
        .skip(1)
        .map(|version| Some(&version.json[..]));
    versions
        .iter()
        .zip(next.chain([current]))
        .map(|(version, next)| Change {
            version: version.clone(),
            members: next.and_then(|next| changed_members(&version.json, next)),
        })
        .collect()
}

fn changed_members(before: &[u8], after: &[u8]) -> Option<Vec<String>> {
    let object = |json: &[u8]| serde_json::from_slice::<Map<String, Value>>(json).ok();
    let (before, after) = (object(before)?, object(after)?);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name));
    Some(changed.cloned().collect())
}

fn as_text(life: &Life) -> String {
    let entry = &life.held.entry;
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
    lines.extend(harm_line(life, None));
    for (change, number) in life.changes.iter().zip(1..) {
        let members = match change.members.as_deref() {
            Some([]) => "in form only".to_owned(),
            Some(members) => escaped(&members.join(", ")).to_string(),
            None => "in what cannot be told".to_owned(),
        };
        lines.push(format!(
            "  version {number}        replaced {}, changed {members}",
            human_time(change.version.replaced)
        ));
    }
    for ((id, known), recipients) in entry.media.iter().zip(&life.held.recipients) {
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
        lines.extend(harm_line(life, Some(id)));
        for recipient in recipients {
            lines.push(format!("  encrypted for    {}", escaped(recipient)));
        }
    }
    lines.extend(life.story.as_text());
    if !life.changes.is_empty() {
        lines.push(format!(
            "\"rcbs explain {} --metadata-version 1\" prints the oldest version",
            escaped(entry.id.as_str())
        ));
    }
    lines.join("\n") + "\n"
}

/// What a verification found of a media file, or of the metadata.
fn harm_line(life: &Life, media: Option<&MediaId>) -> Option<String> {
    let harm = harm(life, media)?;
    Some(format!(
        "  found damaged    {harm}; \"rcbs verify --repair\" fetches it again while the cloud has it"
    ))
}

fn harm<'a>(life: &'a Life, media: Option<&MediaId>) -> Option<&'a str> {
    let mut harms = life.held.damaged.iter();
    let found = harms.find(|(of, _)| of.as_ref() == media);
    found.map(|(_, harm)| harm.as_str())
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
                "  next attempt     in any run; a scheduler may wait until {}",
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

fn as_json(life: &Life) -> Value {
    let entry = &life.held.entry;
    let versions: Vec<Value> = life
        .changes
        .iter()
        .map(|Change { version, members }| {
            json!({
                "sha256": hex(&version.sha256), "stored": version.stored.map(|at| at.to_string()),
                "replaced": version.replaced.to_string(), "changed": members,
            })
        })
        .collect();
    let media: Vec<Value> = entry
        .media
        .iter()
        .zip(&life.held.recipients)
        .map(|((id, known), recipients)| {
            let mut value = json!({
                "media": id.as_str(), "state": StateName::from(&known.state).as_str(),
                "attempts": known.attempts, "location": known.location, "recipients": recipients,
                "harm": harm(life, Some(id)),
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
        "metadata_sha256": entry.stored_metadata_sha256.map(|sha256| hex(&sha256)), "metadata_harm": harm(life, None),
        "metadata_versions": versions, "media": media,
        "history": life.story.as_json(), "left_out": life.story.left_out(),
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
