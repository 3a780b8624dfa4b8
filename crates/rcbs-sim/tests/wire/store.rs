//! The store: signatures, ranges, versions, checksums, regions, clocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use rcbs_core::ports::ChecksumKind;
use rcbs_sim::faults::Faults;
use rcbs_sim::quirks::Quirks;
use rcbs_sim::server::{BlockingSimServer, SimServer};
use rcbs_sim::{Cloud, Content, digest};

use crate::client::{Ask, get};

const PATH: &str = "/sim-calls/tenant/a%2Bb%20c.mp3.bin";

fn cloud() -> Cloud {
    Cloud::new(1)
        .recording("ONE")
        .at("2018-02-12T10:00:00Z")
        .audio_of(Content::pattern(100_000, 1))
        .stored_as("calls", "tenant/a+b c.mp3.bin")
        .build()
}

fn serve(settings: &[&str], faults: &[&str]) -> BlockingSimServer {
    let quirks = Quirks::from_settings(settings.iter().copied()).unwrap();
    SimServer::start_blocking(
        cloud(),
        quirks,
        Faults::from_texts(faults.iter().copied()).unwrap(),
    )
    .unwrap()
}

/// The stored bytes.
fn stored(server: &SimServer) -> Vec<u8> {
    server.cloud().read(|cloud| {
        cloud
            .sealed(&cloud.recordings()[0].media[0])
            .object
            .to_vec()
    })
}

#[test]
fn a_signed_request_gets_the_object() {
    let server = serve(&[], &[]);
    let answer = Ask::new(&server).get(&server, PATH);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.body, stored(&server));
    assert_eq!(answer.header("content-length"), Some("100016"));
    assert_eq!(answer.header("server"), Some("rcbs-sim (pretend cloud)"));
    let md5 = rcbs_sim::hex(&digest(
        ChecksumKind::Md5,
        std::iter::once(answer.body.clone().into()),
    ));
    assert_eq!(answer.header("etag"), Some(format!("\"{md5}\"").as_str()));
    assert_eq!(server.requests().complete_bodies("tenant/a+b c.mp3.bin"), 1);
}

#[test]
fn wrong_secret_no_signature_and_other_operations_are_403() {
    let server = serve(&[], &[]);
    let mut ask = Ask::new(&server);
    ask.secret_key.push('x');
    let answer = ask.get(&server, PATH);
    assert_eq!(answer.status, 403);
    assert!(
        answer.text().contains("<Code>SignatureDoesNotMatch</Code>"),
        "{}",
        answer.text()
    );
    assert_eq!(get(server.s3_port(), PATH, &[]).status, 403);
    for operation in [
        "/",
        "/sim-calls",
        "/sim-calls?list-type=2",
        "/sim-calls?location=",
        "/sim-calls/key?acl=",
    ] {
        let answer = Ask::new(&server).get(&server, operation);
        assert_eq!(answer.status, 403, "{operation}: {}", answer.text());
        assert!(
            answer.text().contains("<Code>AccessDenied</Code>"),
            "{operation}: {}",
            answer.text()
        );
    }
}

#[test]
fn what_is_not_there_is_404() {
    let server = serve(&[], &[]);
    let answer = Ask::new(&server).get(&server, "/sim-calls/other");
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("<Code>NoSuchKey</Code>"));
    let answer = Ask::new(&server).get(&server, "/sim-other/key");
    assert!(answer.text().contains("<Code>NoSuchBucket</Code>"));
}

#[test]
fn the_bucket_may_stand_in_the_host_name() {
    let server = serve(&[], &[]);
    for host in [
        "sim-calls.s3.us-east-1.amazonaws.com",
        "sim-calls.s3.localhost:9000",
    ] {
        let mut ask = Ask::new(&server);
        ask.host = Some(host.to_owned());
        assert_eq!(
            ask.get(&server, "/tenant/a%2Bb%20c.mp3.bin").body,
            stored(&server),
            "{host}"
        );
    }
    let mut ask = Ask::new(&server);
    ask.host = Some("s3.us-east-1.amazonaws.com".to_owned());
    assert_eq!(ask.get(&server, PATH).body, stored(&server));
}

#[test]
fn ranges() {
    let server = serve(&[], &[]);
    let whole = stored(&server);
    for (range, expected, header) in [
        ("bytes=0-", 0..100_016, "bytes 0-100015/100016"),
        ("bytes=70000-", 70_000..100_016, "bytes 70000-100015/100016"),
        ("bytes=5-9", 5..10, "bytes 5-9/100016"),
        (
            "bytes=100000-999999",
            100_000..100_016,
            "bytes 100000-100015/100016",
        ),
        ("bytes=-16", 100_000..100_016, "bytes 100000-100015/100016"),
    ] {
        let answer = Ask::new(&server).with("range", range).get(&server, PATH);
        assert_eq!(
            (answer.status, answer.header("content-range")),
            (206, Some(header))
        );
        assert!(answer.body == whole[expected], "{range}");
    }
    assert_eq!(
        Ask::new(&server)
            .with("range", "bytes=100016-")
            .get(&server, PATH)
            .status,
        416
    );
}

#[test]
fn a_replaced_object_no_longer_matches() {
    let server = serve(&[], &["object 3: replace"]);
    let first = Ask::new(&server).get(&server, PATH);
    let etag = first.header("etag").unwrap().to_owned();
    let part = |ask: Ask| {
        ask.with("range", "bytes=16-")
            .with("if-match", &etag)
            .get(&server, PATH)
    };
    assert_eq!(part(Ask::new(&server)).status, 206);
    assert_eq!(part(Ask::new(&server)).status, 412);
    let second = Ask::new(&server).get(&server, PATH);
    assert_ne!(second.header("etag"), Some(etag.as_str()));
    assert_ne!(second.body, first.body);
}

#[test]
fn checksums_are_told_when_asked_for() {
    for (value, kind, header) in [
        (
            "crc64nvme",
            ChecksumKind::Crc64Nvme,
            "x-amz-checksum-crc64nvme",
        ),
        ("crc32", ChecksumKind::Crc32, "x-amz-checksum-crc32"),
        ("crc32c", ChecksumKind::Crc32c, "x-amz-checksum-crc32c"),
        ("sha1", ChecksumKind::Sha1, "x-amz-checksum-sha1"),
        ("sha256", ChecksumKind::Sha256, "x-amz-checksum-sha256"),
    ] {
        let server = serve(&[&format!("checksums={value}")], &[]);
        let ask = || Ask::new(&server).with("x-amz-checksum-mode", "ENABLED");
        let answer = ask().get(&server, PATH);
        let expected = STANDARD.encode(digest(kind, std::iter::once(answer.body.clone().into())));
        assert_eq!(answer.header(header), Some(expected.as_str()));
        assert_eq!(answer.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
        assert_eq!(
            ask()
                .with("range", "bytes=5-")
                .get(&server, PATH)
                .header(header),
            None
        );
        assert_eq!(Ask::new(&server).get(&server, PATH).header(header), None);
    }
    let server = serve(&["checksums=composite-crc32c"], &[]);
    let answer = Ask::new(&server)
        .with("x-amz-checksum-mode", "ENABLED")
        .get(&server, PATH);
    assert_eq!(answer.header("x-amz-checksum-type"), Some("COMPOSITE"));
    assert!(
        answer
            .header("x-amz-checksum-crc32c")
            .unwrap()
            .ends_with("-2")
    );
}

#[test]
fn etags_in_every_form() {
    let etag = |value: &str| {
        let server = serve(&[&format!("etags={value}")], &[]);
        let answer = Ask::new(&server).get(&server, PATH);
        (
            answer.header("etag").map(str::to_owned),
            answer
                .header("x-amz-server-side-encryption")
                .map(str::to_owned),
        )
    };
    assert!(etag("multipart").0.unwrap().ends_with("-1\""));
    assert!(etag("weak").0.unwrap().starts_with("W/\""));
    assert_eq!(etag("none").0, None);
    assert_eq!(etag("kms").1.as_deref(), Some("aws:kms"));
    assert_eq!(etag("usual").1, None);
}

#[test]
fn a_request_for_another_region_is_told_the_right_one() {
    for (value, status) in [("400", 400), ("301", 301)] {
        let server = serve(&[&format!("region-check={value}")], &[]);
        server
            .cloud()
            .change(|cloud| cloud.store_region = "eu-west-1".to_owned());
        let mut ask = Ask::new(&server);
        let wrong = ask.get(&server, PATH);
        assert_eq!(
            (wrong.status, wrong.header("x-amz-bucket-region")),
            (status, Some("eu-west-1"))
        );
        assert!(wrong.text().contains("<Region>eu-west-1</Region>"));
        ask.region = "eu-west-1";
        assert_eq!(ask.get(&server, PATH).status, 200);
    }
}

#[test]
fn a_skewed_clock_is_told_and_can_be_corrected_for() {
    let server = serve(&[], &["object 1: skewed ahead=1200"]);
    let mut ask = Ask::new(&server);
    let refused = ask.get(&server, PATH);
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("<Code>RequestTimeTooSkewed</Code>"));
    let told = jiff::fmt::rfc2822::parse(refused.header("date").unwrap())
        .unwrap()
        .timestamp();
    let off = told.duration_since(Timestamp::now());
    assert!(
        (SignedDuration::from_secs(1_195)..SignedDuration::from_secs(1_205)).contains(&off),
        "{off}"
    );
    ask.at = told;
    assert_eq!(ask.get(&server, PATH).status, 200);
}

#[test]
fn a_request_of_yesterday_is_refused() {
    let server = serve(&[], &[]);
    let mut ask = Ask::new(&server);
    ask.at = Timestamp::now() - SignedDuration::from_mins(20);
    assert!(
        ask.get(&server, PATH)
            .text()
            .contains("RequestTimeTooSkewed")
    );
}
