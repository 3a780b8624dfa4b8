//! The life of a recording in order: what its entries say, what they said before, and what became of its metadata.

use jiff::Timestamp;
use rcbs_core::ledger::state::StateName;
use rcbs_core::ports::{EntryState, Happened, Happening, HeldRecording, History, MetadataVersion};
use rcbs_core::recording::MediaId;
use rcbs_core::text::escaped;
use serde_json::{Map, Value, json};

use crate::report::{human_bytes, human_time};

/// One thing that happened.
struct Event {
    at: Timestamp,
    media: Option<MediaId>,
    what: &'static str,
    words: String,
    fields: Value,
}

/// All that is known, in the order in which it happened.
pub(super) struct LifeStory {
    events: Vec<Event>,
    left_out: u64,
}

impl LifeStory {
    pub(super) fn of(
        held: &HeldRecording,
        history: &History,
        versions: &[MetadataVersion],
    ) -> Self {
        let mut events = vec![Event::new(held.entry.first_seen, None, "announced")];
        for version in versions {
            let stored = version.stored.into_iter();
            events.extend(stored.map(|at| Event::new(at, None, "metadata_stored")));
            events.push(Event::new(version.replaced, None, "metadata_replaced"));
        }
        events.extend(history.happened.iter().map(past));
        for (id, known) in &held.entry.media {
            events.extend(present(id, &known.state));
        }
        // Stable: what happened at the same moment stays in the order of the ledger.
        events.sort_by_key(|event| event.at);
        Self {
            events,
            left_out: history.left_out,
        }
    }

    pub(super) fn as_text(&self) -> Vec<String> {
        let mut lines = vec!["what happened".to_owned()];
        for event in &self.events {
            let media = event
                .media
                .as_ref()
                .map_or_else(String::new, |id| format!(" {id}"));
            let words = match event.words.as_str() {
                "" => String::new(),
                words => format!(": {}", escaped(words)),
            };
            let what = event.what.replace('_', " ");
            lines.push(format!("  {}  {what}{media}{words}", human_time(event.at)));
        }
        if self.left_out > 0 {
            lines.push(format!(
                "  {} more between these were not kept",
                self.left_out
            ));
        }
        lines
    }

    pub(super) fn as_json(&self) -> Vec<Value> {
        let one = |event: &Event| {
            let mut map = Map::new();
            map.insert("at".to_owned(), json!(event.at.to_string()));
            map.insert("what".to_owned(), json!(event.what));
            map.insert(
                "media".to_owned(),
                json!(event.media.as_ref().map(MediaId::as_str)),
            );
            if let Value::Object(more) = &event.fields {
                map.extend(more.clone());
            }
            Value::Object(map)
        };
        self.events.iter().map(one).collect()
    }

    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl Event {
    fn new(at: Timestamp, media: Option<MediaId>, what: &'static str) -> Self {
        Self {
            at,
            media,
            what,
            words: String::new(),
            fields: Value::Null,
        }
    }

    fn with(self, words: String, fields: Value) -> Self {
        Self {
            words,
            fields,
            ..self
        }
    }
}

/// What the entry of a media file says now, where it says when.
fn present(id: &MediaId, state: &EntryState) -> Option<Event> {
    let event = |at, what| Event::new(at, Some(id.clone()), what);
    match state {
        EntryState::Verified {
            len_bytes,
            check,
            etag,
            at,
            ..
        } => {
            let (what, words, fields) = stored(*len_bytes, check, etag.is_some());
            Some(event(*at, what).with(words, fields))
        }
        EntryState::Lost { reason, at } => {
            Some(event(*at, "lost").with(reason.clone(), json!({"reason": reason})))
        }
        // A failure stands in the history; the others say no time.
        EntryState::Announced
        | EntryState::Publishing { .. }
        | EntryState::Skipped { .. }
        | EntryState::Waiting { .. } => None,
    }
}

fn stored(len_bytes: u64, check: &str, is_fetched: bool) -> (&'static str, String, Value) {
    let what = if is_fetched { "stored" } else { "in_place" };
    let words = format!("{}, checked by {check}", human_bytes(len_bytes));
    (what, words, json!({"len_bytes": len_bytes, "check": check}))
}

fn past(one: &Happened) -> Event {
    let event = |what| Event::new(one.at, one.media.clone(), what);
    match &one.what {
        Happening::Failed { class, reason } => {
            let times = match one.times {
                1 => String::new(),
                times => format!(", {times} times up to {}", human_time(one.last)),
            };
            let words = format!("{reason} ({}){times}", class.name());
            let fields = json!({
                "class": class.name(), "reason": reason, "times": one.times, "last": one.last.to_string(),
            });
            event("failed").with(words, fields)
        }
        Happening::Stored {
            len_bytes,
            check,
            fetched,
        } => {
            let (what, words, fields) = stored(*len_bytes, check, *fetched);
            event(what).with(words, fields)
        }
        Happening::Damaged { harm, reason } => {
            event("found_damaged").with(reason.clone(), json!({"harm": harm, "reason": reason}))
        }
        Happening::FoundWhole => event("found_whole"),
        Happening::MovedAside { path } => {
            event("moved_aside").with(path.clone(), json!({"path": path}))
        }
        Happening::Lost { reason } => event("lost").with(reason.clone(), json!({"reason": reason})),
        Happening::AnnouncedAgain { from } => {
            event("announced_again").with(why_again(from).to_owned(), json!({"from": from}))
        }
    }
}

fn why_again(from: &str) -> &'static str {
    match StateName::parse(from) {
        Some(StateName::Verified) => "it was no longer whole in the archive",
        Some(StateName::Publishing) => "a run was interrupted before the file had its name",
        Some(StateName::Waiting) => "it was announced at another place",
        Some(StateName::Lost) => "it was asked for once more, or announced at another place",
        Some(StateName::Skipped) => "it is wanted now",
        Some(StateName::Announced) | None => "",
    }
}
