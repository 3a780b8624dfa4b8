//! The pretend cloud in process: time, faults, calls.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use rcbs_core::ports::{
    ApiError, Checksum, Clock as _, Cursor, Entry, GetRequest, ListRequest, MediaStore as _, Page,
    RecordingApi as _, StoreError,
};
use rcbs_core::recording::{Location, RecordingId};
use rcbs_sim::faults::Faults;
use rcbs_sim::ports::{Call, SimApi, SimStore};
use rcbs_sim::quirks::Quirks;
use rcbs_sim::{Cloud, Content, SharedCloud, SimClock};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// A call from 10 to 11 o'clock with a late screen.
fn cloud() -> Cloud {
    Cloud::new(1)
        .recording("CALL")
        .at("2018-02-12T10:00:00Z")
        .lasting(hours(1))
        .audio_of(Content::pattern(1_000, 1))
        .stored_as("calls", "voice")
        .screen_of(Content::pattern(1_000, 2))
        .late_by(hours(3))
        .stored_as("calls", "screen")
        .build()
}

fn faults(texts: &[&str]) -> Faults {
    Faults::from_texts(texts.iter().copied()).unwrap()
}

fn settings(texts: &[&str]) -> Quirks {
    Quirks::from_settings(texts.iter().copied()).unwrap()
}

fn day() -> ListRequest {
    ListRequest {
        since: time("2018-02-12T00:00:00Z"),
        until: time("2018-02-13T00:00:00Z"),
        caller_pattern: None,
        cursor: Cursor::First,
        limit: 100,
    }
}

fn object(key: &str) -> GetRequest {
    let location = Location {
        bucket: "sim-calls".to_owned(),
        key: key.to_owned(),
    };
    GetRequest {
        location,
        from: 0,
        if_match: None,
    }
}

fn ids(page: &Page) -> Vec<String> {
    let id = |entry: &Entry| match entry {
        Entry::Whole(json) => {
            let value: serde_json::Value = serde_json::from_slice(json).unwrap();
            value["id"].as_str().unwrap().to_owned()
        }
        Entry::Id(id) => id.as_str().to_owned(),
        Entry::Fault(fault) => panic!("{fault}"),
    };
    page.entries.iter().map(id).collect()
}

async fn body(store: &SimStore, key: &str) -> (Vec<u8>, Option<StoreError>) {
    let mut body = store.get(&object(key)).await.unwrap().body.0;
    let mut got = Vec::new();
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => got.extend_from_slice(&piece),
            Err(error) => return (got, Some(error)),
        }
    }
    (got, None)
}

#[tokio::test(start_paused = true)]
async fn recordings_and_media_appear_and_vanish_in_time() {
    let clock = Arc::new(SimClock::starting_at(time("2018-02-12T10:30:00Z")));
    let cloud = cloud().keeping_for(hours(24));
    let cloud = SharedCloud::new(
        cloud,
        Arc::clone(&clock) as Arc<dyn rcbs_core::ports::Clock>,
    );
    let api = SimApi::new(&cloud, Quirks::default(), Faults::none());
    let store = SimStore::new(&cloud, Quirks::default(), Faults::none());
    let id = RecordingId::new("CALL").unwrap();
    for (sleep_h, is_known, media, has_screen) in [
        (0, false, 0, false),
        (1, true, 1, false),
        (3, true, 2, true),
        (20, true, 2, true),
        (1, false, 0, false),
    ] {
        clock.sleep(Duration::from_secs(sleep_h * 3_600)).await;
        let now = clock.now();
        assert_eq!(
            ids(&api.list(&day()).await.unwrap()).len(),
            usize::from(is_known),
            "{now}"
        );
        let json = api.recording(&id).await.unwrap_or_default();
        assert_eq!(
            String::from_utf8_lossy(&json).matches("mediaId").count(),
            media,
            "{now}"
        );
        assert_eq!(
            store.get(&object("screen")).await.is_ok(),
            has_screen,
            "{now}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn objects_may_go_before_the_metadata() {
    let clock = Arc::new(SimClock::starting_at(time("2018-02-13T09:00:00Z")));
    let mut model = cloud().keeping_for(hours(24));
    model.objects_vanish_earlier = hours(3);
    let cloud = SharedCloud::new(model, clock);
    let api = SimApi::new(&cloud, Quirks::default(), Faults::none());
    let store = SimStore::new(&cloud, Quirks::default(), Faults::none());
    assert_eq!(api.list(&day()).await.unwrap().entries.len(), 1);
    assert!(matches!(
        store.get(&object("voice")).await,
        Err(StoreError::NotFound)
    ));
}

#[tokio::test(start_paused = true)]
async fn pages_follow_links_and_offsets() {
    let cloud: SharedCloud = Cloud::new(1)
        .fill(jiff::civil::date(2018, 2, 12), 250)
        .into();
    let api = SimApi::new(&cloud, settings(&["total=given"]), Faults::none());
    let mut request = day();
    let mut seen = Vec::new();
    loop {
        let page = api.list(&request).await.unwrap();
        assert_eq!(page.total, Some(250));
        seen.extend(ids(&page));
        let Some(next) = page.next else { break };
        request.cursor = Cursor::Link(next);
    }
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), api.calls().lists()), (250, 3));
    request.cursor = Cursor::Offset(240);
    assert_eq!(api.list(&request).await.unwrap().entries.len(), 10);
    let refusing = SimApi::new(&cloud, settings(&["offsets=refused"]), Faults::none());
    assert!(matches!(
        refusing.list(&request).await,
        Err(ApiError::OffsetRefused { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_pile_can_be_divided_by_number() {
    let cloud: SharedCloud = Cloud::new(1).pile(time("2018-02-12T10:00:00Z"), 300).into();
    let api = SimApi::new(
        &cloud,
        settings(&["links=none", "offsets=ignored"]),
        Faults::none(),
    );
    assert_eq!(api.list(&day()).await.unwrap().entries.len(), 100);
    let mut total = 0;
    for digit in 0..10 {
        let caller_pattern = Some(format!("*{digit}"));
        total += api
            .list(&ListRequest {
                caller_pattern,
                ..day()
            })
            .await
            .unwrap()
            .entries
            .len();
    }
    assert_eq!(total, 300);
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_api() {
    type Check = fn(&Result<Page, ApiError>) -> bool;
    let cases: &[(&str, Check)] = &[
        ("500", |page| {
            matches!(page, Err(ApiError::Server { status: 500, .. }))
        }),
        (
            "429 retry-after=7",
            |page| matches!(page, Err(ApiError::Throttled { after }) if *after == Some(Duration::from_secs(7))),
        ),
        (
            "503 retry-after=100000",
            |page| matches!(page, Err(ApiError::Throttled { after }) if *after == Some(Duration::from_secs(900))),
        ),
        ("401", |page| matches!(page, Err(ApiError::Denied { .. }))),
        ("status-code code=20", |page| {
            matches!(page, Err(ApiError::Denied { status: 200, .. }))
        }),
        ("status-code code=4", |page| {
            matches!(page, Err(ApiError::Server { status: 200, .. }))
        }),
        ("html", |page| {
            matches!(page, Err(ApiError::Malformed { .. }))
        }),
        ("cut-json after=5", |page| {
            matches!(page, Err(ApiError::Malformed { .. }))
        }),
        ("nested depth=200000", |page| {
            matches!(page, Err(ApiError::Malformed { .. }))
        }),
        ("cut after=5", |page| {
            matches!(page, Err(ApiError::Unreachable { .. }))
        }),
        ("hang", |page| matches!(page, Err(ApiError::Timeout { .. }))),
        ("redirect to=http://evil.invalid/", |page| {
            matches!(page, Err(ApiError::Redirect { .. }))
        }),
        ("huge-page bytes=3000000000", |page| {
            matches!(page, Err(ApiError::TooLarge { .. }))
        }),
        (
            "huge-page bytes=1000",
            |page| matches!(page, Ok(page) if page.entries.len() == 1),
        ),
        (
            "link to=http://evil.invalid/",
            |page| matches!(page, Ok(page) if page.next.is_none() && page.refused_link.is_some()),
        ),
        (
            "link-to-self",
            |page| matches!(page, Ok(page) if page.next.is_some()),
        ),
        ("delay ms=1000", |page| page.is_ok()),
    ];
    for (fault, check) in cases {
        let cloud: SharedCloud = cloud().into();
        let api = SimApi::new(
            &cloud,
            Quirks::default(),
            faults(&[&format!("list 1: {fault}")]),
        );
        let page = api.list(&day()).await;
        assert!(check(&page), "{fault}: {page:?}");
        assert!(api.list(&day()).await.is_ok(), "the second request is well");
    }
}

#[tokio::test(start_paused = true)]
async fn endless_pages_in_process() {
    for (fresh, distinct) in [(false, 1), (true, 500)] {
        let cloud: SharedCloud = cloud().into();
        let api = SimApi::new(
            &cloud,
            Quirks::default(),
            faults(&[&format!("list always: endless-pages fresh={fresh}")]),
        );
        let mut request = day();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..5 {
            let page = api.list(&request).await.unwrap();
            assert!(!page.entries.is_empty(), "no page is the last");
            seen.extend(ids(&page));
            request.cursor = Cursor::Link(page.next.unwrap());
        }
        assert_eq!(seen.len(), distinct);
    }
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_store_before_the_body() {
    type Check = fn(&StoreError) -> bool;
    let cases: &[(&str, Check)] = &[
        ("500", |error| {
            matches!(error, StoreError::Server { status: 500, .. })
        }),
        ("slow-down", |error| {
            matches!(error, StoreError::Throttled { .. })
        }),
        ("403", |error| {
            matches!(error, StoreError::Denied { status: 403, .. })
        }),
        ("404", |error| matches!(error, StoreError::NotFound)),
        ("404 code=NoSuchBucket", |error| {
            matches!(error, StoreError::NoBucket { .. })
        }),
        ("hang", |error| matches!(error, StoreError::Timeout { .. })),
        ("redirect to=http://evil.invalid/", |error| {
            matches!(error, StoreError::Unexpected { .. })
        }),
        ("no-length", |error| {
            matches!(error, StoreError::Unexpected { .. })
        }),
    ];
    for (fault, check) in cases {
        let cloud: SharedCloud = cloud().into();
        let store = SimStore::new(
            &cloud,
            Quirks::default(),
            faults(&[&format!("object 1: {fault}")]),
        );
        let error = store.get(&object("voice")).await.unwrap_err();
        assert!(check(&error), "{fault}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_store_in_the_body() {
    let cloud: SharedCloud = cloud().into();
    let right = body(
        &SimStore::new(&cloud, Quirks::default(), Faults::none()),
        "voice",
    )
    .await
    .0;
    assert_eq!(right.len(), 1_008);
    type Check = fn(&[u8], &[u8], Option<&StoreError>) -> bool;
    let cases: &[(&str, Check)] = &[
        ("cut after=100", |got, right, error| {
            got == &right[..100] && matches!(error, Some(StoreError::Unreachable { .. }))
        }),
        ("stall after=0", |got, _, error| {
            got.is_empty() && matches!(error, Some(StoreError::Timeout { .. }))
        }),
        ("flip at=7", |got, right, error| {
            error.is_none() && got[7] == right[7] ^ 1 && got[8..] == right[8..]
        }),
        ("longer by=16", |got, right, error| {
            error.is_none() && got[..1_008] == *right && got.len() == 1_024
        }),
        ("shorter by=16", |got, right, error| {
            error.is_none() && *got == right[..992]
        }),
        ("slow rate=100", |got, right, error| {
            error.is_none() && got == right
        }),
        ("xml-error", |got, _, error| {
            error.is_none() && got.starts_with(b"<?xml")
        }),
    ];
    for (fault, check) in cases {
        let store = SimStore::new(
            &cloud,
            Quirks::default(),
            faults(&[&format!("object 1: {fault}")]),
        );
        let (got, error) = body(&store, "voice").await;
        assert!(
            check(&got, &right, error.as_ref()),
            "{fault}: {} bytes, {error:?}",
            got.len()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_replaced_object_has_another_version_and_another_envelope() {
    let cloud: SharedCloud = cloud().into();
    let api = SimApi::new(&cloud, Quirks::default(), Faults::none());
    let store = SimStore::new(&cloud, Quirks::default(), faults(&["object 2: replace"]));
    let id = RecordingId::new("CALL").unwrap();
    let before = api.recording(&id).await.unwrap();
    let etag = store.get(&object("voice")).await.unwrap().etag;
    let again = GetRequest {
        from: 16,
        if_match: etag.clone(),
        ..object("voice")
    };
    assert!(matches!(store.get(&again).await, Err(StoreError::Changed)));
    assert_ne!(store.get(&object("voice")).await.unwrap().etag, etag);
    assert_ne!(api.recording(&id).await.unwrap(), before);
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_etag_changes_with_the_object() {
    for etags in ["usual", "multipart", "kms", "weak"] {
        let cloud: SharedCloud = cloud().into();
        let quirks = settings(&[&format!("etags={etags}")]);
        let store = SimStore::new(&cloud, quirks, faults(&["object 3: replace"]));
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(store.get(&object("voice")).await.unwrap().etag);
        }
        assert_eq!(seen[0], seen[1], "{etags}");
        assert_ne!(seen[1], seen[2], "{etags}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_checksum_is_not_that_of_the_bytes() {
    let cloud: SharedCloud = cloud().into();
    let store = SimStore::new(
        &cloud,
        Quirks::default(),
        faults(&["object 2: wrong-checksum"]),
    );
    let right: Option<Checksum> = store.get(&object("voice")).await.unwrap().checksum;
    let wrong = store.get(&object("voice")).await.unwrap().checksum;
    assert!(right.is_some() && wrong.is_some() && right != wrong);
}

#[tokio::test(start_paused = true)]
async fn calls_are_logged_with_their_arguments() {
    let cloud: SharedCloud = cloud().into();
    let api = SimApi::new(&cloud, Quirks::default(), Faults::none());
    let store = SimStore::new(&cloud, Quirks::default(), Faults::none());
    api.list(&day()).await.unwrap();
    api.settings().await.unwrap();
    drop(store.get(&object("voice")).await);
    assert_eq!(api.calls().all(), [Call::List(day()), Call::Settings]);
    assert_eq!(
        (
            store.calls().gets(),
            store.calls().gets_of("voice"),
            store.calls().gets_of("screen")
        ),
        (1, 1, 0)
    );
    api.calls().clear();
    assert_eq!(api.calls().lists(), 0);
}

#[tokio::test(start_paused = true)]
async fn half_a_gigabyte_is_read_without_being_held() {
    const HALF_A_GIGABYTE: u64 = 500_000_000;
    let cloud = Cloud::new(1)
        .recording("BIG")
        .at("2018-02-12T10:00:00Z")
        .screen_of(Content::pattern(HALF_A_GIGABYTE, 1))
        .stored_as("calls", "big")
        .build();
    let cloud: SharedCloud = cloud.into();
    let quirks = settings(&["checksums=none"]);
    let object = SimStore::new(&cloud, quirks, Faults::none())
        .get(&object("big"))
        .await
        .unwrap();
    assert_eq!(object.total_bytes, HALF_A_GIGABYTE + 16);
    let mut largest = 0;
    let mut total = 0;
    let mut body = object.body.0;
    while let Some(piece) = body.next().await {
        let len = piece.unwrap().len();
        largest = largest.max(len);
        total += len as u64;
    }
    assert_eq!(total, object.total_bytes);
    assert!(largest <= 65_536 + 16);
}
