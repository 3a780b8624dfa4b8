//! `docs/json.md` names every event and every field, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use rcbs_core::failure::FailureClass;
use rcbs_core::plan::{Instance, SinceReason, Window};
use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_core::retention::Forecast;

use super::*;

type Fields = BTreeMap<String, BTreeSet<String>>;

fn key() -> MediaKey {
    MediaKey {
        recording: RecordingId::new("r").unwrap(),
        media: MediaId::new("m").unwrap(),
    }
}

fn plan() -> Plan {
    let at = Timestamp::UNIX_EPOCH;
    Plan {
        now: at,
        window: Window {
            since: None,
            until: at,
            because: SinceReason::Configured,
        },
        since: None,
        slice_length: jiff::Span::new().days(1),
        instance: Instance::all(),
    }
}

/// One of each; [`number`] sees to it that none is forgotten.
fn samples() -> Vec<Event> {
    let at = Timestamp::UNIX_EPOCH;
    let slice = Slice {
        since: at,
        until: at,
    };
    let class = FailureClass::Transient;
    let text = String::new;
    vec![
        Event::Planned { plan: plan() },
        Event::Warning { text: text() },
        Event::SliceBegun { slice },
        Event::Announced {
            recordings: 1,
            media: 1,
            to_fetch: 1,
            told_bytes: 0,
        },
        Event::SliceListed {
            slice,
            recordings: 1,
            pages: 1,
        },
        Event::SliceFailed {
            slice,
            class,
            reason: text(),
        },
        Event::SliceSettled { slice },
        Event::ListingEnded,
        Event::Received { bytes: 1 },
        Event::Retrying {
            key: Some(key()),
            class,
            reason: text(),
            wait: Duration::ZERO,
        },
        Event::Verified {
            key: key(),
            path: text(),
            len_bytes: 1,
            check: text(),
            fetched: true,
            encryption: None,
        },
        Event::Unchanged { key: key() },
        Event::Skipped {
            key: key(),
            rule: text(),
        },
        Event::Waiting {
            key: key(),
            class,
            reason: text(),
            next_attempt: at,
        },
        Event::Lost {
            key: key(),
            reason: text(),
        },
        Event::MetadataStored {
            recording: key().recording,
            path: text(),
            changed: false,
        },
        Event::ServerFault {
            recording: None,
            reason: text(),
        },
        Event::Checkpoint { at },
        Event::ManifestWritten {
            path: text(),
            files: 1,
            sha256: text(),
        },
        Event::Ended {
            summary: Summary::default(),
        },
        Event::Endangered {
            forecast: Forecast::default(),
            soon_until: at,
        },
        Event::TooSmall {
            forecast: SpaceForecast {
                expected_bytes: 1,
                free_bytes: 0,
                reserve_bytes: 0,
            },
        },
        Event::NoSpace {
            needed_bytes: 1,
            free_bytes: None,
            reserve_bytes: 0,
            full: None,
            wait: Duration::ZERO,
        },
        Event::SpaceAgain {
            needed_bytes: 1,
            free_bytes: None,
            reserve_bytes: 0,
            waited: Duration::ZERO,
        },
        Event::ArchiveBegun { path: text() },
    ]
}

/// A new kind of event does not compile until it has a number here, and fails until it has a sample above.
fn number(event: &Event) -> usize {
    match event {
        Event::Planned { .. } => 0,
        Event::Warning { .. } => 1,
        Event::SliceBegun { .. } => 2,
        Event::Announced { .. } => 3,
        Event::SliceListed { .. } => 4,
        Event::SliceFailed { .. } => 5,
        Event::SliceSettled { .. } => 6,
        Event::ListingEnded => 7,
        Event::Received { .. } => 8,
        Event::Retrying { .. } => 9,
        Event::Verified { .. } => 10,
        Event::Unchanged { .. } => 11,
        Event::Skipped { .. } => 12,
        Event::Waiting { .. } => 13,
        Event::Lost { .. } => 14,
        Event::MetadataStored { .. } => 15,
        Event::ServerFault { .. } => 16,
        Event::Checkpoint { .. } => 17,
        Event::ManifestWritten { .. } => 18,
        Event::Ended { .. } => 19,
        Event::Endangered { .. } => 20,
        Event::TooSmall { .. } => 21,
        Event::NoSpace { .. } => 22,
        Event::SpaceAgain { .. } => 23,
        Event::ArchiveBegun { .. } => 24,
    }
}

fn fields_of_the_code() -> Fields {
    let lines = samples().iter().filter_map(line).collect::<Vec<_>>();
    let progress = progress_json(&Progress::default().snapshot());
    let summary = summary_json(&Summary::default(), 0, 100);
    lines
        .into_iter()
        .chain([progress, summary])
        .map(|line| {
            let Value::Object(map) = line else {
                panic!("a line is an object")
            };
            let event = map["event"].as_str().unwrap().to_owned();
            let fields = map.into_iter().map(|(name, _)| name);
            (event, fields.filter(|name| name != "event").collect())
        })
        .collect()
}

/// What the chapter on lines has: headings in back-quotes, each with a table of fields.
fn fields_of_the_document() -> Fields {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (_, chapter) = document.split_once("\n## Lines of a run\n").unwrap();
    let chapter = chapter.split("\n## ").next().unwrap();
    let parts = chapter.split("\n### `").skip(1);
    parts
        .map(|part| {
            let (event, text) = part.split_once('`').unwrap();
            let fields = text.lines().filter_map(|line| {
                let name = line.strip_prefix("| `")?.split('`').next()?;
                Some(name.to_owned())
            });
            (event.to_owned(), fields.collect())
        })
        .collect()
}

#[test]
fn the_document_names_every_event_and_field() {
    let numbers: Vec<usize> = samples().iter().map(number).collect();
    assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>());
    assert_eq!(fields_of_the_document(), fields_of_the_code());
}

#[test]
fn a_retry_of_the_api_names_no_file() {
    let retry = Event::Retrying {
        key: None,
        class: FailureClass::Transient,
        reason: String::new(),
        wait: Duration::from_millis(1500),
    };
    let line = line(&retry).unwrap();
    assert_eq!(line["wait_ms"], 1500);
    assert_eq!(line.get("media"), None);
}
