//! The pretend ports keep the promises of the real ones.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use bytes::Bytes;
use futures_util::StreamExt as _;
use rcbs_core::contract;
use rcbs_core::ports::{
    Cursor, Entry, GetRequest, ListRequest, MediaStore as _, RecordingApi as _,
};
use rcbs_core::recording::{Location, RecordingId};
use rcbs_sim::faults::Faults;
use rcbs_sim::ports::{SimApi, SimStore};
use rcbs_sim::quirks::Quirks;
use rcbs_sim::{Cloud, Content, Form, SharedCloud, SimClock};

fn cloud() -> SharedCloud {
    let keys = ["empty", "tenant/small one+two.mp3.bin", "a//b/größe.bin"];
    let cloud = Cloud::new(1)
        .recording("01F62DGIBGD8369P7GC362LAES00000G")
        .at("2018-02-12T10:00:00Z")
        .audio_of(Content::bytes(Bytes::new()))
        .plain()
        .stored_as("calls", keys[0])
        .recording("odd/id %41 with blanks")
        .at("2018-02-12T11:00:00Z")
        .audio_of(Content::pattern(100, 1))
        .stored_as("calls", keys[1])
        .recording("third")
        .at("2018-02-12T12:00:00Z")
        .audio_of(Content::pattern(300_000, 2))
        .kept_as(Form::Complete)
        .stored_as("calls", keys[2])
        .build();
    cloud.into()
}

fn readings() -> impl Iterator<Item = (String, Quirks)> {
    // A shuffled server does not give the same page twice, and one that ignores offsets has no end.
    Quirks::all_readings().into_iter().filter(|(name, quirks)| {
        let is_paged = quirks.offsets.name() == "honoured"
            && quirks.order.name() != "shuffled"
            && quirks.page_cap > 2;
        // These hide what the suite knows to be there, which is what they are for.
        let is_whole = ["both", "endTime", "stopTime"].contains(&quirks.upper_bound.name());
        let is_unlimited = quirks.longest_range == 0;
        is_paged && is_whole && is_unlimited && !name.contains("summaries")
    })
}

#[tokio::test(start_paused = true)]
async fn the_api_in_process_keeps_its_promises() {
    let cloud = cloud();
    let time = |text: &str| text.parse().unwrap();
    for (name, quirks) in readings() {
        println!("{name}");
        let api = SimApi::new(&cloud, quirks, Faults::none());
        let window = ListRequest {
            since: time("2018-02-12T00:00:00Z"),
            until: time("2018-02-13T00:00:00Z"),
            caller_pattern: None,
            cursor: Cursor::First,
            limit: 100,
        };
        let mut recordings = Vec::new();
        for id in [
            "01F62DGIBGD8369P7GC362LAES00000G",
            "odd/id %41 with blanks",
            "third",
        ] {
            let id = RecordingId::new(id).unwrap();
            let json = api.recording(&id).await.unwrap();
            recordings.push((id, json));
        }
        assert!(matches!(
            api.list(&window).await.unwrap().entries[0],
            Entry::Whole(_) | Entry::Id(_)
        ));
        let held = contract::recording_api::Held {
            since: window.since,
            until: window.until,
            recordings,
            quiet: time("2018-06-01T00:00:00Z"),
            absent: RecordingId::new("absent").unwrap(),
        };
        contract::recording_api::all(&api, &held).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_store_in_process_keeps_its_promises() {
    let cloud = cloud();
    let location = |bucket: &str, key: &str| Location {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    };
    let objects = cloud.read(|cloud| {
        let media = cloud
            .recordings()
            .iter()
            .flat_map(|recording| &recording.media);
        media
            .map(|media| {
                (
                    location(&media.bucket, &media.key),
                    cloud.sealed(media).object.to_vec().into(),
                )
            })
            .collect()
    });
    let held = contract::media_store::Held {
        objects,
        absent: location("sim-calls", "absent"),
        no_bucket: location("sim-absent", "key"),
    };
    for (name, quirks) in Quirks::all_readings() {
        println!("{name}");
        contract::media_store::all(&SimStore::new(&cloud, quirks, Faults::none()), &held).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_keeps_its_promises() {
    contract::clock::all(&SimClock::wall()).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_ignores_ranges_says_so() {
    let cloud = cloud();
    let store = SimStore::new(
        &cloud,
        Quirks::default(),
        Faults::from_texts(["object always: ignore-range"]).unwrap(),
    );
    let location = Location {
        bucket: "sim-calls".to_owned(),
        key: "tenant/small one+two.mp3.bin".to_owned(),
    };
    let object = store
        .get(&GetRequest {
            location,
            from: 10,
            if_match: None,
        })
        .await
        .unwrap();
    assert_eq!(object.from, 0);
    let len = object
        .body
        .0
        .map(|piece| piece.unwrap().len())
        .fold(0, |sum, len| async move { sum + len })
        .await;
    assert_eq!(len as u64, object.total_bytes);
}
