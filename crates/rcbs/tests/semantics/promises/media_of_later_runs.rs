//! Chapter "Media": what later runs do about what earlier ones left.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::stage::{Stage, cloud, days_ago, events, expect_fields, summary};

/// D7, D13.
#[test]
fn late_media_are_fetched_by_later_runs() {
    let cloud = cloud()
        .recording("one")
        .at_time(days_ago(3))
        .audio()
        .screen_late_by(SignedDuration::from_hours(24 * 365))
        .build();
    let mut stage = Stage::new(cloud);
    stage
        .unset("maxDate")
        .unset("minDate")
        .set("maxAge=4\noverlap=P3D");
    stage.backup().expect_code(0);
    assert_eq!(stage.states("one"), ["verified"]);
    let appear = |after| {
        stage.server.cloud().change(|cloud| {
            cloud.change("one", |recording| recording.media[1].appears_after = after)
        })
    };
    appear(SignedDuration::ZERO);
    // Not in the window itself any more, but in the overlap.
    stage.set("maxAge=1\noverlap=P3D");
    stage.object_requests();
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    expect_fields(
        summary(&lines),
        &[("fetched", 1), ("unchanged", 1), ("metadata_stored", 1)],
    );
    assert_eq!(stage.object_requests(), 1);
    assert_eq!(stage.states("one"), ["verified", "verified"]);
}

#[test]
fn what_waits_is_tried_in_every_run() {
    let cloud = cloud()
        .recording("old")
        .at("2018-02-12T12:00:00Z")
        .audio()
        .recording("new")
        .at("2018-03-12T12:00:00Z")
        .audio()
        .build();
    let stage = &mut Stage::with_faults(cloud, &["object~/old_ always: html"]);
    stage.set("minDate=2018-04-01");
    stage.backup().expect_code(3);
    // Inside the window, and before its next attempt is due.
    stage.backup().expect_code(3);
    expect_fields(&stage.explain("old")["media"][0], &[("attempts", 2)]);
    // Outside the window.
    stage.set("maxDate=2018-03-01");
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    expect_fields(summary(&lines), &[("waiting", 1), ("unchanged", 1)]);
    stage.server.faults().clear();
    stage.backup().expect_code(0);
    assert_eq!(stage.states("old"), ["verified"]);
    // Metadata that say nothing about media any more end no wait; metadata that leave one out do.
    for (json, code, state) in [
        (
            r#"{"id":"one","startTime":"2018-02-12T12:00:00Z"}"#,
            3,
            "waiting",
        ),
        (
            r#"{"id":"one","startTime":"2018-02-12T12:00:00Z","mediaFiles":null}"#,
            3,
            "waiting",
        ),
        (
            r#"{"id":"one","startTime":"2018-02-12T12:00:00Z","mediaFiles":[]}"#,
            4,
            "lost",
        ),
    ] {
        let cloud = self::cloud().recording("one").at("2018-02-12T12:00:00Z");
        let stage = Stage::with_faults(cloud.audio().build(), &["object always: html"]);
        stage.backup().expect_code(3);
        let raw = Some(json.as_bytes().to_vec().into());
        stage
            .server
            .cloud()
            .change(|cloud| cloud.change("one", |recording| recording.raw = raw));
        stage.backup().expect_code(code);
        assert_eq!(stage.states("one"), [state], "{json}");
    }
    // A run that wants no media has not tried, and ends no wait.
    let plain = self::cloud().recording("plain").audio().plain().build();
    let mut stage = Stage::new(plain);
    stage.set("plainMedia=refuse");
    stage.backup().expect_code(3);
    stage.set("maxDate=2018-03-01\nminDate=2018-03-02\nmetadataOnly=true");
    stage.backup();
    stage.set("metadataOnly=false");
    crate::stage::heal(&stage, "plain");
    stage.backup().expect_code(0);
    assert_eq!(stage.states("plain"), ["verified"]);
    // Nor does it hide a loss.
    let mut stage = Stage::new(
        self::cloud()
            .recording("gone")
            .audio()
            .without_object()
            .build(),
    );
    stage.backup().expect_code(4);
    stage.set("metadataOnly=true");
    stage.backup().expect_code(0);
    assert_eq!(stage.states("gone"), ["lost"]);
}

/// D13.
#[test]
fn changed_metadata_replaces_the_old() {
    let stage = Stage::new(cloud().recording("one").audio().build());
    stage.backup().expect_code(0);
    let path = "2018/02/12/12/one/one.json";
    let before = stage.archive()[path].clone();
    stage.server.cloud().change(|cloud| {
        cloud.change("one", |recording| {
            recording.extra.insert("mark".to_owned(), json!("later"));
        })
    });
    stage.object_requests();
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    let stored = events(&lines, "metadata_stored");
    assert_eq!((stored.len(), &stored[0]["changed"]), (1, &true.into()));
    assert_eq!(stage.object_requests(), 0);
    let after = stage.archive()[path].clone();
    assert_ne!(before, after);
    assert_eq!(
        serde_json::from_slice::<Value>(&after).unwrap()["mark"],
        "later"
    );
    let entry = stage.explain("one");
    let moment = |name: &str| -> Timestamp { entry[name].as_str().unwrap().parse().unwrap() };
    assert!(moment("last_changed") > moment("first_seen"), "{entry}");
    // The old one is kept in the ledger, with what changed after it.
    let versions = entry["metadata_versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0]["changed"], json!(["mark"]));
    let print = ["explain", "one", "--metadata-version", "1"];
    let printed = stage.program(&print).run().expect_code(0).stdout;
    assert_eq!(printed.as_bytes(), before);
    let none = ["explain", "one", "--metadata-version", "2"];
    stage.program(&none).run().expect_code(2);
    // What did not change is not written again.
    let (_, lines) = stage.backup_json();
    assert!(events(&lines, "metadata_stored").is_empty());
    // A media file that the cloud has sealed anew under the same id follows; what lay there is kept aside.
    let old = stage.archive();
    crate::stage::heal(&stage, "one");
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    expect_fields(summary(&lines), &[("fetched", 1), ("metadata_stored", 1)]);
    let media = &stage.media_files()[0];
    assert_ne!(stage.archive()[media], old[media]);
    let aside = stage.own_files("quarantine");
    assert!(aside.values().any(|bytes| *bytes == old[media]));
    let now = stage
        .server
        .cloud()
        .read(|cloud| cloud.sealed(&cloud.recordings()[0].media[0]).file());
    assert!(stage.archive()[media] == now);
}
