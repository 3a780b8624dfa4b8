//! Places, redirects and links that lead to somebody else, who must not hear a word.

use serde_json::{Value, json};

use crate::scene::{run, with_neighbours};
use crate::stage::{Stage, cloud};
use crate::support::listener::Listener;

fn descriptor(bucket: &Value, path: &str) -> Value {
    json!({"storage": "awsS3", "path": path, "data": {"bucket": bucket}})
}

#[test]
fn media_on_another_host_are_not_asked_for() {
    let stranger = Listener::start();
    let (url, host) = (stranger.url(), stranger.authority());
    let places = [
        ("mediaUri", json!(format!("{url}/x.mp3"))),
        ("mediaUri", json!(format!("//{host}/x.mp3"))),
        (
            "mediaUri",
            json!(format!("http://bucket.s3.amazonaws.com@{host}/x")),
        ),
        (
            "mediaUri",
            json!(format!("{url}/bucket.s3.amazonaws.com/x")),
        ),
        (
            "mediaUri",
            json!("https://bucket.s3.amazonaws.com.evil.example/x"),
        ),
        (
            "mediaUri",
            json!("https://bucket.s3.us-east-1.amazonaws.com:444/x"),
        ),
        ("mediaUri", json!("file:///etc/passwd")),
        (
            "mediaDescriptor",
            descriptor(&json!("sim-bucket"), &format!("{url}/x.mp3")),
        ),
        ("mediaDescriptor", descriptor(&json!(host), "x.mp3")),
        (
            "mediaDescriptor",
            descriptor(&json!(format!("x@{host}")), "x.mp3"),
        ),
        (
            "mediaDescriptor",
            descriptor(&json!("../../bucket"), "x.mp3"),
        ),
        (
            "mediaDescriptor",
            descriptor(&json!("169.254.169.254"), "latest/meta-data"),
        ),
        (
            "mediaDescriptor",
            json!({"storage": "webDAV", "path": format!("{url}/x.mp3"), "data": {}}),
        ),
        (
            "mediaDescriptor",
            descriptor(&json!("sim-bucket"), "../../sim-other/x.mp3"),
        ),
        (
            "mediaDescriptor",
            descriptor(&json!("sim-bucket"), "./../x.mp3"),
        ),
    ];
    let mut cloud = with_neighbours(cloud());
    for (number, (field, value)) in places.iter().enumerate() {
        cloud = cloud
            .recording(&format!("ELSEWHERE{number}"))
            .at("2018-02-12T12:00:00Z")
            .audio()
            .media_field("mediaUri", Value::Null)
            .media_field("originalMediaDescriptor", Value::Null)
            .media_field(field, value.clone())
            .build();
    }
    let stage = Stage::new(cloud);
    let report = run(&stage).expect_code(3).expect_neighbours();
    for (number, (_, place)) in places.iter().enumerate() {
        let id = format!("ELSEWHERE{number}");
        let waiting = report.of("waiting", &id);
        assert_eq!(waiting.len(), 1, "{place}: {:#?}", report.lines);
        assert_eq!(waiting[0]["class"], "unexpected", "{place}: {}", waiting[0]);
    }
    assert_eq!(stranger.heard(), [""; 0]);
    // What may not be asked for was not asked of the store either: four files of the neighbours, nothing else.
    assert_eq!(stage.object_requests(), 4);
    report.expect_reason("waiting", &format!("lies on {}", "127.0.0.1"));
}

#[test]
fn a_redirect_of_the_store_is_not_followed() {
    let stranger = Listener::start();
    let cloud = with_neighbours(cloud())
        .recording("MOVED")
        .at("2018-02-12T12:00:00Z")
        .audio()
        .stored_as("moved", "away")
        .build();
    let fault = format!(
        "object~away always: redirect to={}/sim-moved/away",
        stranger.url()
    );
    let stage = Stage::with_faults(cloud, &[&fault]);
    let report = run(&stage).expect_code(3).expect_neighbours();
    assert_eq!(report.of("waiting", "MOVED").len(), 1);
    assert_eq!(stranger.heard(), [""; 0]);
}

#[test]
fn a_redirect_of_the_api_to_another_origin_ends_the_slice() {
    let stranger = Listener::start();
    for to in [
        format!("{}/api/v2/recordings", stranger.url()),
        format!("//{}/api/v2/recordings", stranger.authority()),
        format!("http://a:b@{}/", stranger.authority()),
    ] {
        let fault = format!("list always: redirect to={to}");
        let stage = Stage::with_faults(with_neighbours(cloud()), &[&fault]);
        run(&stage)
            .expect_code(1)
            .expect_reason("slice_failed", &stranger.authority());
        assert_eq!(stranger.heard(), [""; 0]);
    }
}

#[test]
fn a_redirect_without_end_ends() {
    let cloud = with_neighbours(cloud());
    let stage = Stage::with_faults(cloud, &["list always: redirect to=/api/v2/recordings"]);
    run(&stage)
        .expect_code(1)
        .expect_reason("slice_failed", "without end");
}

#[test]
fn a_link_to_another_origin_is_not_followed_and_nothing_is_lost() {
    let stranger = Listener::start();
    for to in [
        format!("{}/api/v2/recordings?offset=1", stranger.url()),
        format!("//{}/x", stranger.authority()),
        format!("http://a:b@{}/", stranger.authority()),
        "https://127.0.0.1/api/v2/recordings".to_owned(),
        "javascript:alert(1)".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://".to_owned(),
    ] {
        let fault = format!("list always: link to={to}");
        let stage = Stage::with_faults(with_neighbours(cloud()), &[&fault]);
        run(&stage).expect_neighbours();
        assert_eq!(stranger.heard(), [""; 0], "{to}");
    }
}

#[test]
fn uris_of_another_origin_are_not_asked_for() {
    let stranger = Listener::start();
    let page = json!({"statusCode": 0, "uris": [
        format!("{}/api/v2/recordings/STOLEN", stranger.url()),
        format!("//{}/api/v2/recordings/STOLEN", stranger.authority()),
        "file:///etc/passwd",
    ]});
    // The page comes from a server of its own that is the API itself, so only its uris lead away.
    let api = Listener::answering(&page.to_string());
    let mut stage = Stage::new(cloud());
    stage.set(&format!("gwsUriPrefix={}/api/v2", api.url()));
    let report = run(&stage);
    assert!(
        !report.finished.stdout.contains("\"percent\":100,"),
        "{}",
        report.finished.stdout
    );
    assert_ne!(report.finished.code, Some(0));
    assert_eq!(stranger.heard(), [""; 0]);
    assert!(
        api.heard()
            .iter()
            .all(|head| !head.contains("STOLEN") || head.contains("/api/v2/recordings/STOLEN"))
    );
}
