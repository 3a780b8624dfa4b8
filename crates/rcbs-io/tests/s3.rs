//! The S3 client against loopback servers that behave, break and attack.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod wire;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use rcbs_core::contract::media_store as contract;
use rcbs_core::ports::{ChecksumKind, ETag, GetRequest, MediaStore, Object, StoreError};
use rcbs_core::recording::Location;
use rcbs_io::http::{HttpOptions, ProxyOptions, Timeouts};
use rcbs_io::s3::{S3, S3Options};
use url::Url;
use wire::{Act, Request, Server, raw_head, reply};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYcanaryKEY";

fn options(endpoint: Option<Url>) -> S3Options {
    S3Options {
        access_key_id: ID.to_owned(),
        secret_access_key: SECRET.into(),
        endpoint,
        region: None,
        payload_signing: false,
        http: HttpOptions::default(),
    }
}

fn s3(server: &Server) -> S3 {
    S3::new(options(Some(server.url()))).expect("the options are fine")
}

fn hasty(server: &Server) -> S3 {
    let timeouts = Timeouts {
        idle: Duration::from_millis(150),
        ..Timeouts::default()
    };
    S3::with_timeouts(options(Some(server.url())), timeouts).expect("the options are fine")
}

fn location(key: &str) -> Location {
    Location {
        bucket: "acme-rec".to_owned(),
        key: key.to_owned(),
    }
}

fn request(key: &str, from: u64) -> GetRequest {
    GetRequest {
        location: location(key),
        from,
        if_match: None,
    }
}

async fn read(object: Object) -> Result<Vec<u8>, StoreError> {
    let mut body = object.body.0;
    let mut all = Vec::new();
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => all.extend_from_slice(&piece),
            Err(error) => {
                assert!(body.next().await.is_none(), "nothing follows an error");
                return Err(error);
            }
        }
    }
    Ok(all)
}

fn error(status: u16, headers: &[(&str, &str)], code: &str) -> Vec<Act> {
    reply(
        status,
        headers,
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>"),
    )
}

/// Signs what the server got once more, with another implementation, and compares.
fn assert_signed(request: &Request, region: &str, at: Timestamp) {
    let authorization = request.header("authorization").expect("it is signed");
    let names = authorization
        .split("SignedHeaders=")
        .nth(1)
        .and_then(|rest| rest.split(',').next());
    let signed: Vec<(&str, &str)> = names
        .expect("names of headers")
        .split(';')
        .map(|name| (name, request.header(name).expect("a signed header is sent")))
        .collect();
    for name in [
        "host",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-checksum-mode",
    ] {
        assert!(
            signed.iter().any(|(found, _)| *found == name),
            "{name} has to be signed"
        );
    }
    for name in ["range", "if-match"] {
        assert_eq!(
            request.header(name).is_some(),
            signed.iter().any(|(found, _)| *found == name)
        );
    }
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let identity = Credentials::new(ID, SECRET, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(SystemTime::from(at))
        .settings(settings)
        .build()
        .expect("complete")
        .into();
    let host = request.header("host").expect("a host");
    let body = match request.header("x-amz-content-sha256").expect("a hash") {
        "UNSIGNED-PAYLOAD" => SignableBody::UnsignedPayload,
        hash => SignableBody::Precomputed(hash.to_owned()),
    };
    let uri = format!("http://{host}{}", request.target());
    let by_library =
        SignableRequest::new("GET", uri, signed.iter().copied(), body).expect("signable");
    let by_library = sign(by_library, &params)
        .expect("signable")
        .signature()
        .to_owned();
    assert!(
        authorization.ends_with(&by_library),
        "{authorization}\n{by_library}\n{}",
        request.head
    );
}

fn signed_at(request: &Request) -> Timestamp {
    let date = request.header("x-amz-date").expect("a date");
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC))
        .expect("a date")
        .timestamp()
}

/// A small store that honours ranges and versions, with full checksums for some objects.
async fn store(objects: Vec<(Location, Bytes)>) -> Server {
    Server::start(move |request| {
        let path = percent_encoding::percent_decode_str(request.target()).decode_utf8_lossy();
        let Some((bucket, key)) = path[1..].split_once('/') else {
            return error(400, &[], "InvalidRequest");
        };
        if !objects
            .iter()
            .any(|(location, _)| location.bucket == bucket)
        {
            return error(404, &[], "NoSuchBucket");
        }
        let found = objects
            .iter()
            .find(|(location, _)| location.bucket == bucket && location.key == key);
        let Some((_, content)) = found else {
            return error(404, &[], "NoSuchKey");
        };
        let hex: String = contract::checksum(ChecksumKind::Md5, content)
            .value
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let etag = format!("\"{hex}\"");
        if request
            .header("if-match")
            .is_some_and(|asked| asked != etag)
        {
            return error(412, &[], "PreconditionFailed");
        }
        let crc = STANDARD.encode(contract::checksum(ChecksumKind::Crc64Nvme, content).value);
        let mut headers = vec![("ETag", etag.as_str())];
        if content.len() % 2 == 0 {
            headers.push(("x-amz-checksum-crc64nvme", &crc));
            headers.push(("x-amz-checksum-type", "FULL_OBJECT"));
        }
        let Some(range) = request.header("range") else {
            return reply(200, &headers, content);
        };
        let from: usize = range
            .strip_prefix("bytes=")
            .and_then(|range| range.strip_suffix('-'))
            .and_then(|from| from.parse().ok())
            .expect("a range to the end");
        if from >= content.len() {
            return error(416, &[], "InvalidRange");
        }
        let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
        headers.push(("Content-Range", &range));
        reply(206, &headers, &content[from..])
    })
    .await
}

#[tokio::test]
async fn every_promise_of_the_port_is_kept() {
    let big: Vec<u8> = (0..300_001_u32).map(|i| (i % 251) as u8).collect();
    let objects = [
        ("empty", Bytes::new()),
        (
            "tenant/a b+c//d%2Fä.mp3.bin",
            Bytes::from_static(b"0123456789"),
        ),
        ("~!*'();:@&=$,[]|\\^`{}<>\"#?", Bytes::from_static(b"odd")),
        ("big", Bytes::from(big)),
    ];
    let objects: Vec<_> = objects
        .into_iter()
        .map(|(key, content)| (location(key), content))
        .collect();
    let server = store(objects.clone()).await;
    let held = contract::Held {
        objects,
        absent: location("absent"),
        no_bucket: Location {
            bucket: "no-such-bucket".to_owned(),
            key: "k".to_owned(),
        },
    };
    contract::all(&s3(&server), &held).await;
    for request in server.requests() {
        assert_eq!(request.method(), "GET", "no HEAD, ever");
        assert_signed(&request, "us-east-1", signed_at(&request));
    }
}

#[tokio::test]
async fn keys_arrive_exactly() {
    let server = Server::start(|_| reply(200, &[], "x")).await;
    for payload_signing in [false, true] {
        let store = S3::new(S3Options {
            payload_signing,
            region: Some("eu-west-1".to_owned()),
            ..options(Some(server.url()))
        })
        .expect("the options are fine");
        for (key, path) in [
            ("a/b.mp3.bin", "/acme-rec/a/b.mp3.bin"),
            ("a//b/ c+d", "/acme-rec/a//b/%20c%2Bd"),
            ("/lead", "/acme-rec//lead"),
            ("ü\u{202e}", "/acme-rec/%C3%BC%E2%80%AE"),
            ("%2e%2e/%", "/acme-rec/%252e%252e/%25"),
            ("a\\b\tc", "/acme-rec/a%5Cb%09c"),
        ] {
            drop(store.get(&request(key, 7)).await);
            let requests = server.requests();
            let seen = requests.last().expect("a request");
            assert_eq!(seen.target(), path);
            assert_eq!(seen.header("range"), Some("bytes=7-"));
            assert_eq!(seen.header("accept-encoding"), Some("identity"));
            assert_signed(seen, "eu-west-1", signed_at(seen));
        }
    }
    let asked = server.requests().len();
    for key in ["a/../b", ".", "a/./b", ""] {
        let refused = s3(&server).get(&request(key, 0)).await;
        assert!(
            matches!(refused, Err(StoreError::Unexpected { .. })),
            "{key}: {refused:?}"
        );
    }
    assert_eq!(
        server.requests().len(),
        asked,
        "another object is never asked for"
    );
}

#[tokio::test]
async fn a_body_cut_anywhere_says_how_far_it_came() {
    for cut in [0_usize, 1, 4_095, 9_999] {
        let server = Server::start(move |_| {
            let head = raw_head(200, &[("Content-Length", "10000"), ("ETag", "\"a-2\"")]);
            vec![Act::Send(head), Act::Send(vec![7; cut]), Act::Close]
        })
        .await;
        let object = s3(&server)
            .get(&request("k", 0))
            .await
            .expect("the head is fine");
        assert_eq!(
            (object.total_bytes, object.checksum.clone()),
            (10_000, None)
        );
        let error = read(object).await.expect_err("cut");
        let told = format!("connection cut after {cut} of 10000 bytes");
        assert!(
            matches!(&error, StoreError::Cut { reason } if *reason == told),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_body_has_its_announced_length_or_none() {
    let longer = Server::start(|_| {
        vec![Act::Send(
            [&raw_head(200, &[("Content-Length", "3")])[..], b"0123456"].concat(),
        )]
    })
    .await;
    let object = s3(&longer).get(&request("k", 0)).await.expect("an object");
    assert_eq!(read(object).await.expect("whole"), b"012");
}

/// Chunks of a few bytes, ended or not.
fn chunks(bytes: &[u8], is_ended: bool) -> Vec<u8> {
    let mut chunks = Vec::new();
    for piece in bytes.chunks(7) {
        chunks.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunks.extend_from_slice(piece);
        chunks.extend_from_slice(b"\r\n");
    }
    if is_ended {
        chunks.extend_from_slice(b"0\r\n\r\n");
    }
    chunks
}

const UNMEASURED: &[u8] = b"an object whose length no header tells";

/// A store that never tells a length, in chunks or by closing, with ranges or without.
async fn silent(is_chunked: bool, has_ranges: bool, etag: &'static str, cut: usize) -> Server {
    let asked = Arc::new(Mutex::new(0_usize));
    Server::start(move |request| {
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        let (mut status, mut content) = (200, UNMEASURED);
        let mut headers = vec![("ETag", etag)];
        let range = request.header("range").filter(|_| has_ranges);
        let total = UNMEASURED.len();
        let first;
        if let Some(range) = range {
            status = 206;
            let from: usize = match range.strip_prefix("bytes=").unwrap() {
                "0-0" => 0,
                from => from.trim_end_matches('-').parse().unwrap(),
            };
            content = if range.ends_with('-') {
                &content[from..]
            } else {
                &content[..1]
            };
            first = format!("bytes {from}-{}/{total}", from + content.len() - 1);
            headers.push(("Content-Range", &first));
        }
        let is_ended = cut == 0 || range.is_some_and(|range| range.ends_with("-0"));
        let sent = &content[..content.len() - if is_ended { 0 } else { cut }];
        if is_chunked {
            headers.push(("Transfer-Encoding", "chunked"));
        } else {
            headers.push(("Connection", "close"));
        }
        let body = if is_chunked {
            chunks(sent, is_ended)
        } else {
            sent.to_vec()
        };
        let mut acts = vec![Act::Send(raw_head(status, &headers)), Act::Send(body)];
        if !is_chunked || !is_ended {
            acts.push(Act::Close);
        }
        acts
    })
    .await
}

/// The MD5 of [`UNMEASURED`] as an ETag.
fn whole_etag() -> &'static str {
    let sum = contract::checksum(ChecksumKind::Md5, UNMEASURED).value;
    let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"").leak()
}

#[tokio::test]
async fn an_object_without_a_length_is_measured_before_it_is_given() {
    let checked = whole_etag();
    for (is_chunked, has_ranges, etag, requests) in [
        (true, true, "\"a-2\"", 2),
        (true, false, "\"a-2\"", 3),
        (false, true, "\"a-2\"", 2),
        (false, false, checked, 3),
    ] {
        let server = silent(is_chunked, has_ranges, etag, 0).await;
        let case = format!("chunked {is_chunked}, ranges {has_ranges}");
        let object = s3(&server).get(&request("k", 0)).await.expect(&case);
        assert_eq!(object.total_bytes, UNMEASURED.len() as u64, "{case}");
        assert_eq!(object.checksum.is_some(), etag == checked, "{case}");
        assert_eq!(read(object).await.expect(&case), UNMEASURED, "{case}");
        assert_eq!(server.requests().len(), requests, "{case}");
        for request in server.requests() {
            assert_signed(&request, "us-east-1", signed_at(&request));
        }
        // The rest of a cut transfer: its range tells the length.
        let object = s3(&server).get(&request("k", 5)).await.expect(&case);
        assert_eq!(object.from, if has_ranges { 5 } else { 0 }, "{case}");
        assert_eq!(object.total_bytes, UNMEASURED.len() as u64, "{case}");
        let from = usize::try_from(object.from).unwrap();
        assert_eq!(read(object).await.expect(&case), &UNMEASURED[from..]);
    }
}

#[tokio::test]
async fn an_object_without_a_length_that_may_be_cut_is_not_given() {
    // Nothing tells a cut from an end.
    let server = silent(false, false, "\"a-2\"", 0).await;
    let error = s3(&server).get(&request("k", 0)).await.expect_err("cut?");
    assert!(
        matches!(&error, StoreError::Unexpected { reason } if reason.starts_with("no length")),
        "{error:?}"
    );
    // A cut shows in the range, in the framing, or (by the reader) in the checksum.
    for (is_chunked, has_ranges) in [(true, true), (true, false), (false, true)] {
        let server = silent(is_chunked, has_ranges, "\"a-2\"", 3).await;
        let given = match s3(&server).get(&request("k", 0)).await {
            Ok(object) => read(object).await,
            Err(error) => Err(error),
        };
        assert!(
            matches!(
                given,
                Err(StoreError::Cut { .. } | StoreError::WrongLength { .. })
            ),
            "chunked {is_chunked}, ranges {has_ranges}: {given:?}"
        );
    }
    let server = silent(false, false, whole_etag(), 3).await;
    let object = s3(&server).get(&request("k", 0)).await.expect("an object");
    assert_eq!(
        object.checksum.as_ref().map(|sum| sum.kind),
        Some(ChecksumKind::Md5)
    );
    assert_ne!(
        read(object).await.expect("cut twice at the same byte"),
        UNMEASURED
    );
}

#[tokio::test]
async fn an_object_that_changes_while_it_is_measured_is_not_given() {
    let server = Server::start(|request| {
        if request.header("range").is_some() {
            return reply(
                206,
                &[("ETag", "\"new\""), ("Content-Range", "bytes 0-0/9")],
                "x",
            );
        }
        let head = raw_head(
            200,
            &[("ETag", "\"old\""), ("Transfer-Encoding", "chunked")],
        );
        vec![Act::Send([head, chunks(UNMEASURED, true)].concat())]
    })
    .await;
    let given = s3(&server).get(&request("k", 0)).await;
    assert!(matches!(given, Err(StoreError::Changed)), "{given:?}");
}

#[tokio::test]
async fn a_redirect_to_the_same_origin_is_followed_once_and_signed_anew() {
    let server = Server::start(|request| match request.target() {
        "/acme-rec/a%20b" => error(
            307,
            &[("Location", "/node-2/a%20b?x=1&a")],
            "TemporaryRedirect",
        ),
        "/node-2/a%20b?x=1&a" => reply(200, &[], "moved"),
        _ => error(307, &[("Location", "/acme-rec/loop")], "TemporaryRedirect"),
    })
    .await;
    let object = s3(&server)
        .get(&request("a b", 0))
        .await
        .expect("an object");
    assert_eq!(read(object).await.expect("whole"), b"moved");
    for request in server.requests() {
        assert_signed(&request, "us-east-1", signed_at(&request));
    }
    let error = s3(&server)
        .get(&request("loop", 0))
        .await
        .expect_err("a loop");
    assert!(matches!(error, StoreError::Unexpected { .. }), "{error:?}");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_store_that_ignores_versions_or_ranges_is_seen_through() {
    let server = Server::start(|_| reply(200, &[("ETag", "\"new\"")], "0123456789")).await;
    let object = s3(&server).get(&request("k", 5)).await.expect("an object");
    assert_eq!(object.from, 0);
    assert_eq!(read(object).await.expect("whole").len(), 10);
    let old = GetRequest {
        if_match: Some(ETag("\"old\"".to_owned())),
        ..request("k", 5)
    };
    assert!(matches!(
        s3(&server).get(&old).await,
        Err(StoreError::Changed)
    ));
    let broken = GetRequest {
        if_match: Some(ETag("\"a\r\nx: y\"".to_owned())),
        ..request("k", 5)
    };
    assert!(matches!(
        s3(&server).get(&broken).await,
        Err(StoreError::Unexpected { .. })
    ));
}

#[tokio::test]
async fn the_region_is_learned_per_bucket_and_never_the_host() {
    let trap = Server::trap().await;
    let away = format!("{}acme-rec/k", trap.url());
    let server = Server::start(move |request| {
        let scope = request.header("authorization").unwrap_or_default();
        match (request.target(), scope.contains("/eu-west-1/"), scope.contains("/ap-south-1/")) {
            ("/acme-rec/k", true, _) | ("/other-rec/k", _, true) => reply(200, &[], "x"),
            ("/acme-rec/k", ..) => error(301, &[("x-amz-bucket-region", "eu-west-1"), ("Location", &away)], "PermanentRedirect"),
            _ => reply(400, &[], "<Error><Code>AuthorizationHeaderMalformed</Code><Region>ap-south-1</Region></Error>"),
        }
    })
    .await;
    let store = s3(&server);
    let other = GetRequest {
        location: Location {
            bucket: "other-rec".to_owned(),
            key: "k".to_owned(),
        },
        ..request("k", 0)
    };
    for request in [&request("k", 0), &other, &request("k", 0), &other] {
        let object = store.get(request).await.expect("an object");
        assert_eq!(read(object).await.expect("whole"), b"x");
    }
    assert_eq!(server.requests().len(), 6, "one hop for each bucket, once");
    for (index, region) in [
        (1, "eu-west-1"),
        (3, "ap-south-1"),
        (4, "eu-west-1"),
        (5, "ap-south-1"),
    ] {
        let seen = &server.requests()[index];
        assert_signed(seen, region, signed_at(seen));
    }
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn a_region_that_leads_on_is_followed_once() {
    let trap = Server::trap().await;
    for (region, requests) in [
        ("eu-west-1", 2),
        ("127.0.0.1:1/", 1),
        ("us-east-1", 1),
        ("", 1),
    ] {
        let away = format!("{}acme-rec/k?X-Amz-Signature=canary", trap.url());
        let server = Server::start(move |request| {
            let region = match request.header("authorization") {
                Some(scope) if scope.contains("/eu-west-1/") => "eu-west-2",
                _ => region,
            };
            error(
                307,
                &[("x-amz-bucket-region", region), ("Location", &away)],
                "TemporaryRedirect",
            )
        })
        .await;
        let error = s3(&server)
            .get(&request("k", 0))
            .await
            .expect_err("not followed");
        assert!(
            matches!(&error, StoreError::Unexpected { reason } if reason.contains("127.0.0.1")),
            "{error:?}"
        );
        assert!(!format!("{error:?}").contains("canary"));
        assert_eq!(server.requests().len(), requests, "{region}");
    }
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn a_skewed_clock_is_mended_by_the_stores() {
    let ahead = jiff::SignedDuration::from_hours(5);
    let server = Server::start(move |request| {
        let clock = Timestamp::now() + ahead;
        let off = clock.duration_since(signed_at(request)).abs();
        let date = rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&clock)
            .expect("a date");
        match off.as_mins() < 15 {
            true => reply(200, &[], "x"),
            false => error(403, &[("Date", &date)], "RequestTimeTooSkewed"),
        }
    })
    .await;
    let store = s3(&server);
    for _ in 0..2 {
        let object = store.get(&request("k", 0)).await.expect("an object");
        assert_eq!(read(object).await.expect("whole"), b"x");
    }
    assert_eq!(server.requests().len(), 3, "learned once");
    let seen = &server.requests()[2];
    assert_signed(seen, "us-east-1", signed_at(seen));
}

#[tokio::test]
async fn a_clock_that_cannot_be_mended_is_told() {
    for (date, requests, skew_h) in [
        // Mended, and refused all the same.
        (Timestamp::now() - jiff::SignedDuration::from_hours(2), 2, 2),
        // A month off: everything else would be wrong too.
        (
            Timestamp::now() + jiff::SignedDuration::from_hours(720),
            1,
            -720,
        ),
    ] {
        let date = rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&date)
            .expect("a date");
        let server =
            Server::start(move |_| error(403, &[("Date", &date)], "RequestTimeTooSkewed")).await;
        let error = s3(&server).get(&request("k", 0)).await.expect_err("off");
        let StoreError::ClockSkew { skew_s } = error else {
            panic!("{error:?}")
        };
        assert!((skew_s - skew_h * 3_600).abs() < 60, "{skew_s}");
        assert_eq!(server.requests().len(), requests);
    }
}

#[tokio::test]
async fn failures_are_told_apart() {
    for (answer, told) in [
        (
            error(403, &[], "AccessDenied"),
            "Denied { bucket: \"acme-rec\", status: 403, code: \"AccessDenied\" }",
        ),
        (error(404, &[], "NoSuchKey"), "NotFound"),
        (reply(404, &[], "<html>"), "Unexpected"),
        (
            error(503, &[("Retry-After", "3")], "SlowDown"),
            "Throttled { after: Some(3s) }",
        ),
        (
            error(500, &[], "InternalError"),
            "Server { status: 500, code: \"InternalError\" }",
        ),
        (reply(407, &[], ""), "Unreachable"),
        (reply(204, &[], ""), "Unexpected"),
        (
            reply(206, &[("Content-Range", "bytes 0-0/1")], "x"),
            "Unexpected",
        ),
        (
            reply(200, &[("Content-Encoding", "gzip")], "x"),
            "Unexpected",
        ),
    ] {
        let server = Server::start(move |_| answer.clone()).await;
        let error = s3(&server).get(&request("k", 0)).await.expect_err(told);
        assert!(format!("{error:?}").starts_with(told), "{error:?}");
        assert_eq!(server.requests().len(), 1, "no retry in here");
    }
}

#[tokio::test]
async fn an_explanation_without_end_is_cut_short() {
    let server = Server::start(|_| {
        vec![
            Act::Send(raw_head(403, &[("Transfer-Encoding", "chunked")])),
            Act::Send(b"2b\r\n<Error><Code>AccessDenied</Code><Message>xx\r\n".to_vec()),
            Act::Endless([b"10000\r\n", &[b'a'; 0x10000][..], b"\r\n"].concat()),
        ]
    })
    .await;
    let error = s3(&server).get(&request("k", 0)).await.expect_err("denied");
    assert!(
        matches!(&error, StoreError::Denied { code, .. } if code == "AccessDenied"),
        "{error:?}"
    );
    assert!(server.sent_bytes() < 16 << 20, "{}", server.sent_bytes());
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let server = Server::start(|_| vec![Act::Hang]).await;
    let error = hasty(&server)
        .get(&request("k", 0))
        .await
        .expect_err("silence");
    assert!(
        matches!(&error, StoreError::Timeout { reason } if reason == "no answer for 0.15 s"),
        "{error:?}"
    );

    let server = Server::start(|_| {
        vec![
            Act::Send(raw_head(200, &[("Content-Length", "9")])),
            Act::Send(b"xy".to_vec()),
            Act::Hang,
        ]
    })
    .await;
    let object = hasty(&server)
        .get(&request("k", 0))
        .await
        .expect("the head is fine");
    let error = read(object).await.expect_err("silence");
    let told = "nothing came for 0.15 s after 2 of 9 bytes";
    assert!(
        matches!(&error, StoreError::Timeout { reason } if reason == told),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_reader_that_takes_its_time_is_no_timeout() {
    let content = vec![b'x'; 8 << 20];
    let sent = content.clone();
    let server = Server::start(move |_| reply(200, &[], &sent)).await;
    let object = s3(&server).get(&request("k", 0)).await.expect("an object");
    let mut body = object.body.0;
    let mut got = body
        .next()
        .await
        .expect("a piece")
        .expect("a good one")
        .len();
    // The bandwidth limit or a full disk may hold the reader back for longer than a server may be silent.
    tokio::time::pause();
    tokio::time::advance(Duration::from_hours(1)).await;
    tokio::time::resume();
    while let Some(piece) = body.next().await {
        got += piece.expect("a good one").len();
    }
    assert_eq!(got, content.len());
}

#[tokio::test]
async fn a_connection_serves_many_objects() {
    let server = Server::start(|_| reply(200, &[], [b'x'; 1_000])).await;
    let store = s3(&server);
    for _ in 0..50 {
        let object = store.get(&request("k", 0)).await.expect("an object");
        assert_eq!(read(object).await.expect("whole").len(), 1_000);
    }
    // An error does not cost the connection either.
    let failing = Arc::new(Mutex::new(0));
    let turns = Arc::clone(&failing);
    let server = Server::start(move |_| {
        let mut turn = turns.lock().expect("no test panics while it holds this");
        *turn += 1;
        if *turn % 2 == 0 {
            reply(200, &[], "x")
        } else {
            error(404, &[], "NoSuchKey")
        }
    })
    .await;
    let store = s3(&server);
    for turn in 1..=20 {
        let object = store.get(&request("k", 0)).await;
        assert_eq!(object.is_ok(), turn % 2 == 0);
        if let Ok(object) = object {
            assert_eq!(read(object).await.expect("whole"), b"x");
        }
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn aws_is_reached_through_the_proxy_which_sees_no_keys() {
    let proxy = Server::start(|_| reply(407, &[], "")).await;
    let through = |bucket: &str, region: Option<&str>| {
        let mut options = options(None);
        options.region = region.map(str::to_owned);
        options.http.proxy = Some(ProxyOptions {
            url: proxy.url(),
            login: Some(("proxyuser".to_owned(), "proxycanary".into())),
        });
        let location = Location {
            bucket: bucket.to_owned(),
            key: "k".to_owned(),
        };
        (
            S3::new(options).expect("the options are fine"),
            GetRequest {
                location,
                ..request("k", 0)
            },
        )
    };
    for (bucket, region, host) in [
        ("acme-rec", None, "acme-rec.s3.us-east-1.amazonaws.com:443"),
        (
            "acme-rec",
            Some("eu-west-1"),
            "acme-rec.s3.eu-west-1.amazonaws.com:443",
        ),
        (
            "acme.rec",
            Some("eu-west-1"),
            "s3.eu-west-1.amazonaws.com:443",
        ),
        (
            "acme-rec",
            Some("cn-north-1"),
            "acme-rec.s3.cn-north-1.amazonaws.com.cn:443",
        ),
    ] {
        let (store, request) = through(bucket, region);
        let error = store.get(&request).await.expect_err("no tunnel");
        let told = format!(
            "the proxy {} refuses its login (HTTP 407)",
            proxy.url().as_str().trim_end_matches('/')
        );
        assert!(
            matches!(&error, StoreError::Unreachable { reason } if *reason == told),
            "{error:?}"
        );
        let requests = proxy.requests();
        let seen = requests.last().expect("a request");
        assert_eq!((seen.method(), seen.target()), ("CONNECT", host));
        assert_eq!(
            seen.header("proxy-authorization"),
            Some("Basic cHJveHl1c2VyOnByb3h5Y2FuYXJ5")
        );
        assert!(!seen.head.contains(ID), "{}", seen.head);
        assert!(!format!("{error:?} {store:?}").contains("canary"));
    }
}
