//! The promises of `RecordingApi` as tests for every implementation.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;

use crate::ports::{ApiError, Cursor, Entry, ListRequest, Page, RecordingApi};
use crate::recording::RecordingId;

/// What the server behind the implementation holds, served without tricks and faults.
#[derive(Debug, Clone)]
pub struct Held {
    /// The beginning of a window in which every recording begins and ends.
    pub since: Timestamp,
    /// The end of that window.
    pub until: Timestamp,
    /// The recordings: at least three, the ids with as many odd characters as the server takes (`/`, `%`, blanks),
    /// each with its JSON exactly as it is served.
    pub recordings: Vec<(RecordingId, Bytes)>,
    /// A time around which, a day to either side, no recording begins, goes on or ends.
    pub quiet: Timestamp,
    /// An id that the server does not have.
    pub absent: RecordingId,
}

/// Runs the whole suite.
///
/// # Panics
/// Where a promise is broken; so do all functions here.
pub async fn all(api: &dyn RecordingApi, held: &Held) {
    every_recording_is_announced_once(api, held).await;
    a_page_is_no_longer_than_asked_for(api, held).await;
    the_same_request_gives_the_same_page(api, held).await;
    nothing_is_announced_where_nothing_is(api, held).await;
    nothing_lies_behind_the_last_recording(api, held).await;
    each_recording_is_read_byte_for_byte(api, held).await;
    an_absent_recording_is_not_found(api, held).await;
    an_id_is_never_a_walk_to_another_path(api).await;
    settings_are_there_or_not(api).await;
}

/// Paging, by links where the server gives them and else by offsets, shows each recording once, byte for byte.
pub async fn every_recording_is_announced_once(api: &dyn RecordingApi, held: &Held) {
    for limit in [1, 2, 100] {
        let mut announced = BTreeMap::new();
        let mut cursor = Cursor::First;
        let mut offset = 0;
        for _ in 0..held.recordings.len() + 2 {
            let page = list(api, held, cursor.clone(), limit).await;
            assert_eq!(
                page.refused_link, None,
                "the server's own links stay on its origin"
            );
            if let Some(total) = page.total {
                assert_eq!(
                    total,
                    held.recordings.len() as u64,
                    "the total is that of the list"
                );
            }
            offset += page.entries.len() as u64;
            let ended = page.entries.is_empty();
            for entry in page.entries {
                let (id, json) = whole(api, entry).await;
                let again = announced.insert(id.clone(), json);
                assert!(again.is_none(), "{id} was announced twice");
            }
            cursor = match page.next {
                Some(link) => Cursor::Link(link),
                None if ended => break,
                None => Cursor::Offset(offset),
            };
        }
        assert_eq!(
            announced.len(),
            held.recordings.len(),
            "with pages of {limit}"
        );
        for (id, json) in &held.recordings {
            assert_eq!(
                announced.get(id),
                Some(json),
                "{id} is announced as it is served"
            );
        }
    }
}

/// The limit bounds the page.
pub async fn a_page_is_no_longer_than_asked_for(api: &dyn RecordingApi, held: &Held) {
    let page = list(api, held, Cursor::First, 2).await;
    assert_eq!(
        page.entries.len(),
        2,
        "there are enough recordings for a full page"
    );
}

/// A request may be repeated.
pub async fn the_same_request_gives_the_same_page(api: &dyn RecordingApi, held: &Held) {
    let first = list(api, held, Cursor::First, 2).await;
    let second = list(api, held, Cursor::First, 2).await;
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
}

/// A window without recordings is an empty page, not an error.
pub async fn nothing_is_announced_where_nothing_is(api: &dyn RecordingApi, held: &Held) {
    let request = ListRequest {
        since: held.quiet,
        until: held.quiet + jiff::SignedDuration::from_secs(1),
        caller_pattern: None,
        cursor: Cursor::First,
        limit: 100,
    };
    let page = api
        .list(&request)
        .await
        .expect("an empty window is no error");
    assert!(page.entries.is_empty(), "{:?}", page.entries);
    assert_eq!(page.next, None);
}

/// An offset at the end of the list is an empty page.
pub async fn nothing_lies_behind_the_last_recording(api: &dyn RecordingApi, held: &Held) {
    let end = Cursor::Offset(held.recordings.len() as u64);
    let page = list(api, held, end, 100).await;
    assert!(page.entries.is_empty(), "{:?}", page.entries);
}

/// A single recording is given exactly as it is served in lists.
pub async fn each_recording_is_read_byte_for_byte(api: &dyn RecordingApi, held: &Held) {
    for (id, json) in &held.recordings {
        let read = api
            .recording(id)
            .await
            .expect("an announced recording can be read");
        assert_eq!(read, json, "{id}");
    }
}

/// Not there is told apart from every other failure.
pub async fn an_absent_recording_is_not_found(api: &dyn RecordingApi, held: &Held) {
    let read = api.recording(&held.absent).await;
    assert!(matches!(read, Err(ApiError::NotFound)), "{read:?}");
}

/// An id is data: one that looks like a path gives an error, never another resource.
pub async fn an_id_is_never_a_walk_to_another_path(api: &dyn RecordingApi) {
    for id in [
        ".",
        "..",
        "../recordings",
        "x/../../settings",
        "?startTime=0",
        "a#b",
        "%2e%2e",
    ] {
        let id = RecordingId::new(id).expect("it is not empty");
        let read = api.recording(&id).await;
        assert!(
            matches!(
                read,
                Err(ApiError::NotFound | ApiError::Malformed { .. } | ApiError::Refused { .. })
            ),
            "{id}: {read:?}"
        );
    }
}

/// Absent settings are no error.
pub async fn settings_are_there_or_not(api: &dyn RecordingApi) {
    let settings = api.settings().await;
    assert!(settings.is_ok(), "{settings:?}");
}

async fn list(api: &dyn RecordingApi, held: &Held, cursor: Cursor, limit: u16) -> Page {
    let request = ListRequest {
        since: held.since,
        until: held.until,
        caller_pattern: None,
        cursor,
        limit,
    };
    api.list(&request).await.expect("a window can be listed")
}

/// The recording behind an entry, with its id.
async fn whole(api: &dyn RecordingApi, entry: Entry) -> (RecordingId, Bytes) {
    match entry {
        Entry::Whole(json) => {
            let value: serde_json::Value =
                serde_json::from_slice(&json).expect("a recording is JSON");
            let id = value["id"].as_str().expect("a recording has an id");
            (RecordingId::new(id).expect("the id is not empty"), json)
        }
        Entry::Id(id) => {
            let json = api
                .recording(&id)
                .await
                .expect("an announced recording can be read");
            (id, json)
        }
        Entry::Fault(fault) => panic!("a server without faults announced: {fault}"),
    }
}
