//! Any bytes as the JSON of a recording: the bytes are kept, everything read has a bound and a name on disk.

use std::collections::HashSet;

use bytes::Bytes;
use rcbs_core::recording::{self, MediaId, Recording};
use rcbs_core::store::{FolderFormat, SafeName, media_file_names, recording_folder};
use serde_json::Value;

/// Whether a recording that can be read can also be stored, and one that has an id is read.
pub fn holds(bytes: &[u8]) {
    let json = Bytes::copy_from_slice(bytes);
    let served = serde_json::from_slice::<Value>(bytes).ok();
    let named = served
        .as_ref()
        .and_then(|served| served["id"].as_str())
        .filter(|id| !id.trim().is_empty());
    match recording::parse(&json) {
        Ok(found) => {
            assert_eq!(found.json, json);
            if let Some(named) = named {
                assert_eq!(found.id.as_str(), named);
            }
            check_bounds(&found);
            check_names(&found);
        }
        Err(why) => {
            assert_eq!(named, None, "{why}");
            assert!(crate::is_fit_to_show(&why.to_string()), "{why}");
        }
    }
}

fn check_bounds(found: &Recording) {
    assert!(!found.id.as_str().trim().is_empty());
    assert!(found.agents.len() <= 64);
    assert!(found.agents.is_sorted());
    assert!(found.media.len() <= 20_000 && found.faults.len() <= 65);
    assert!(found.has_media_list || found.media.is_empty());
    let words = found
        .agents
        .iter()
        .chain(&found.caller)
        .chain(&found.dialed);
    for word in words.chain(found.media.iter().map(|media| &media.content_type)) {
        assert!(word.len() <= 1024);
    }
    for fault in &found.faults {
        assert!(crate::is_fit_to_show(fault), "{fault:?}");
    }
    for media in &found.media {
        assert!(
            media
                .envelope
                .as_ref()
                .is_none_or(|text| !text.trim().is_empty())
        );
        match &media.location {
            Ok(located) => {
                assert!(!located.location.bucket.contains(['/', '@', ':']));
                assert!((1..=1024).contains(&located.location.key.len()));
            }
            Err(why) => assert!(crate::is_fit_to_show(&why.to_string()), "{why}"),
        }
    }
}

/// No two files of a recording may meet, on any file system.
fn check_names(found: &Recording) {
    let ids: Vec<MediaId> = found.media.iter().map(|media| media.id.clone()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    let names = media_file_names(&ids);
    let folded: HashSet<String> = names
        .iter()
        .map(|name| name.as_str().to_lowercase())
        .collect();
    assert_eq!(folded.len(), ids.len());
    let folder = recording_folder(&FolderFormat::default(), found.start, &found.id);
    for name in names.iter().chain(folder.parts()) {
        assert_eq!(SafeName::from_disk(name.as_str()).as_ref(), Some(name));
    }
}
