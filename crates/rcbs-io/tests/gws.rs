//! The recording API's client against loopback servers that behave, break and attack.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod wire;

use std::time::Duration;

use bytes::Bytes;
use rcbs_core::contract::recording_api as contract;
use rcbs_core::ports::{ApiError, Cursor, Entry, ListRequest, NextLink, RecordingApi};
use rcbs_core::recording::RecordingId;
use rcbs_io::gws::{Gws, GwsOptions};
use rcbs_io::http::{HttpOptions, ProxyOptions, Timeouts};
use url::Url;
use wire::{Act, Request, Server, raw_head, reply};

const PASSWORD: &str = "p+w\"&canary";
/// `backup@acme.com:p+w"&canary` in Base64.
const LOGIN: &str = "Basic YmFja3VwQGFjbWUuY29tOnArdyImY2FuYXJ5";

fn options(prefix: &Url) -> GwsOptions {
    let prefix = format!("{}/api/v2", prefix.as_str().trim_end_matches('/'));
    GwsOptions {
        prefix: Url::parse(&prefix).expect("it is an address"),
        recordings_path: "/recordings".to_owned(),
        settings_path: "/me/settings/rcbs".to_owned(),
        username: "backup@acme.com".to_owned(),
        password: PASSWORD.into(),
        http: HttpOptions::default(),
    }
}

fn gws(server: &Server) -> Gws {
    Gws::new(options(&server.url())).expect("the options are fine")
}

/// Loses patience soon enough for a test.
fn hasty(server: &Server) -> Gws {
    let timeouts = Timeouts {
        connect: Duration::from_secs(5),
        idle: Duration::from_millis(150),
        search: Duration::from_millis(450),
        answer: Duration::from_millis(600),
    };
    Gws::with_timeouts(options(&server.url()), timeouts).expect("the options are fine")
}

fn request(cursor: Cursor) -> ListRequest {
    ListRequest {
        since: "2018-02-12T00:00:00Z".parse().expect("a time"),
        until: "2018-02-13T00:00:00Z".parse().expect("a time"),
        caller_pattern: None,
        cursor,
        limit: 100,
    }
}

fn id(id: &str) -> RecordingId {
    RecordingId::new(id).expect("not empty")
}

/// A query parameter, decoded.
fn parameter(request: &Request, name: &str) -> Option<String> {
    let url = Url::parse("http://x")
        .and_then(|base| base.join(request.target()))
        .ok()?;
    let (_, value) = url.query_pairs().find(|(found, _)| found == name)?;
    Some(value.into_owned())
}

/// A whole answer in JSON.
fn json(body: impl AsRef<[u8]>) -> Vec<Act> {
    reply(200, &[("Content-Type", "application/json")], body)
}

/// A small API that serves recordings from memory, whole or as URIs, with links or without.
async fn api(recordings: Vec<(RecordingId, Bytes)>, uris: bool, links: bool) -> Server {
    Server::start(move |request| {
        let path = request.target().split('?').next().unwrap_or_default();
        let Some(rest) = path.strip_prefix("/api/v2/recordings") else {
            return reply(
                403,
                &[],
                r#"{"statusCode":5,"statusMessage":"Insufficient user roles."}"#,
            );
        };
        if let Some(asked) = rest.strip_prefix('/') {
            let asked = percent_encoding::percent_decode_str(asked).decode_utf8_lossy();
            return match recordings.iter().find(|(id, _)| id.as_str() == asked) {
                Some((_, served)) => {
                    json([br#"{"statusCode":0,"recording":"#, &served[..], b"}"].concat())
                }
                None => reply(
                    404,
                    &[],
                    r#"{"statusCode":6,"statusMessage":"cannot be found"}"#,
                ),
            };
        }
        let number = |name, default| {
            parameter(request, name).map_or(default, |text| text.parse().expect("a number"))
        };
        let (offset, limit): (usize, usize) = (number("offset", 0), number("limit", 100));
        let quiet = parameter(request, "startTime").is_some_and(|time| time.starts_with("2017"));
        let all = if quiet { &[][..] } else { &recordings[..] };
        let page: Vec<_> = all.iter().skip(offset).take(limit).collect();
        let next = offset + page.len();
        let link = if links && next < all.len() {
            format!(
                r#","next":"{}&offset={next}""#,
                request.target().split("&offset").next().unwrap_or_default()
            )
        } else {
            String::new()
        };
        let lines: Vec<String> = page
            .iter()
            .map(|(id, served)| {
                let encoded = percent_encoding::utf8_percent_encode(
                    id.as_str(),
                    percent_encoding::NON_ALPHANUMERIC,
                );
                if uris {
                    format!("\"https://elsewhere/recordings/{encoded}\"")
                } else {
                    String::from_utf8_lossy(served).into_owned()
                }
            })
            .collect();
        let name = if uris { "uris" } else { "recordings" };
        json(format!(
            r#"{{"statusCode":0,"{name}":[{}],"total":"{}"{link}}}"#,
            lines.join(" , "),
            all.len()
        ))
    })
    .await
}

#[tokio::test]
async fn every_promise_of_the_port_is_kept() {
    let recordings: Vec<(RecordingId, Bytes)> = [
        "01F62DGIBGD8369P7GC362LAES00000G",
        "a/b c%2F+?#",
        "ä",
        "x",
        "..x",
    ]
    .iter()
    .map(|name| {
        let served = format!(
            r#"{{"id" : {}, "extra":[1.0, null] }}"#,
            serde_json::json!(name)
        );
        (id(name), Bytes::from(served))
    })
    .collect();
    for (uris, links) in [(false, false), (false, true), (true, false), (true, true)] {
        let server = api(recordings.clone(), uris, links).await;
        let held = contract::Held {
            since: "2018-02-12T00:00:00Z".parse().expect("a time"),
            until: "2018-02-13T00:00:00Z".parse().expect("a time"),
            recordings: recordings.clone(),
            quiet: "2017-01-01T00:00:00Z".parse().expect("a time"),
            absent: id("absent"),
        };
        contract::all(&gws(&server), &held).await;
    }
}

#[tokio::test]
async fn a_request_is_spelled_and_signed_as_documented_on_one_connection() {
    let server = Server::start(|_| json(r#"{"statusCode":0,"recordings":[]}"#)).await;
    let gws = gws(&server);
    for offset in 0..20 {
        gws.list(&request(Cursor::Offset(offset)))
            .await
            .expect("a page");
    }
    let requests = server.requests();
    assert_eq!(
        requests[0].target(),
        "/api/v2/recordings?startTime=2018-02-12T00:00:00.000%2B0000&endTime=2018-02-13T00:00:00.000%2B0000\
         &stopTime=2018-02-13T00:00:00.000%2B0000&limit=100&fields=*"
    );
    assert!(requests[19].target().contains("&offset=19&"));
    assert_eq!(requests[0].header("authorization"), Some(LOGIN));
    assert_eq!(requests[0].header("accept-encoding"), Some("identity"));
    assert_eq!(requests[0].header("cookie"), None);
    assert_eq!(server.connections(), 1);
    assert!(!format!("{gws:?}").contains("canary"));
}

#[tokio::test]
async fn parameters_of_the_configuration_go_with_every_request() {
    let server = Server::start(|request| {
        if request.target().contains("/recordings/") {
            json(r#"{"statusCode":0,"recording":{"id":"a"}}"#)
        } else {
            json(r#"{"statusCode":0,"recordings":[],"next":"/recordings?page=2"}"#)
        }
    })
    .await;
    let mut options = options(&server.url());
    options.recordings_path = "/recordings?region=eu&x=%20".to_owned();
    options.settings_path = "/me/settings?group=rcbs".to_owned();
    let gws = Gws::new(options).expect("the options are fine");
    let page = gws.list(&request(Cursor::First)).await.expect("a page");
    let link = page.next.expect("a link");
    assert_eq!(link.as_str(), "/api/v2/recordings?page=2");
    gws.recording(&id("a/b")).await.expect("a recording");
    gws.settings().await.expect("settings or none");
    let asked = server.requests();
    let targets: Vec<&str> = asked.iter().map(Request::target).collect();
    assert!(
        targets[0].starts_with("/api/v2/recordings?region=eu&x=%20&startTime=2018-"),
        "{targets:?}"
    );
    assert_eq!(targets[1], "/api/v2/recordings/a%2Fb?region=eu&x=%20");
    assert_eq!(targets[2], "/api/v2/me/settings?group=rcbs");
}

#[tokio::test]
async fn a_spelling_is_negotiated_once_and_kept_by_all() {
    let server = Server::start(|request| match parameter(request, "stopTime") {
        Some(_) => reply(
            400,
            &[],
            r#"{"statusCode":2,"statusMessage":"Parameter 'stopTime' is invalid"}"#,
        ),
        None => json(r#"{"statusCode":0,"recordings":[]}"#),
    })
    .await;
    let gws = gws(&server);
    let first = request(Cursor::First);
    let lists = (0..8).map(|_| gws.list(&first));
    for page in futures_util::future::join_all(lists).await {
        page.expect("a page");
    }
    // Eight in the first spelling; for an hour once in that, in two other forms of time, and in the one that is taken;
    // and one each in that.
    assert_eq!(server.requests().len(), 8 + 4 + 8);
    gws.list(&first).await.expect("a page");
    assert_eq!(server.requests().len(), 21);
}

#[tokio::test]
async fn a_range_that_is_too_long_is_told_from_a_spelling_that_is_wrong() {
    for rejects_stop_time in [false, true] {
        let server = Server::start(move |request| {
            let time = |name| {
                let text = parameter(request, name)?.replace("+0000", "Z");
                text.parse::<jiff::Timestamp>().ok()
            };
            let invalid = |name: &str| {
                let message = format!("Parameter '{name}' is invalid");
                let body = format!(r#"{{"statusCode":2,"statusMessage":"{message}"}}"#);
                reply(400, &[], body)
            };
            if rejects_stop_time && parameter(request, "stopTime").is_some() {
                return invalid("stopTime");
            }
            match (time("startTime"), time("endTime")) {
                (Some(since), Some(until))
                    if until.duration_since(since) <= jiff::SignedDuration::from_hours(6) =>
                {
                    json(r#"{"statusCode":0,"recordings":[]}"#)
                }
                _ => invalid("endTime"),
            }
        })
        .await;
        let gws = gws(&server);
        let day = request(Cursor::First);
        let error = gws.list(&day).await.expect_err("too long");
        assert!(matches!(error, ApiError::Refused { .. }), "{error:?}");
        let hours = ListRequest {
            until: day.since + jiff::SignedDuration::from_hours(6),
            ..day.clone()
        };
        gws.list(&hours).await.expect("a page");
        let asked = server.requests();
        assert!(asked.len() < 8, "{asked:#?}");
        let unbounded = asked
            .iter()
            .filter(|request| parameter(request, "endTime").is_none());
        assert_eq!(unbounded.count(), 0);
    }
}

#[tokio::test]
async fn a_server_that_refuses_everything_is_tried_once() {
    let server =
        Server::start(|_| reply(400, &[], r#"{"statusCode":2,"statusMessage":"no"}"#)).await;
    let gws = gws(&server);
    // Every spelling for an hour, beside the day that is wanted.
    for requests in [49, 51, 53] {
        let error = gws
            .list(&request(Cursor::First))
            .await
            .expect_err("it refuses");
        assert!(
            matches!(&error, ApiError::Refused { status: 400, message } if message == "no"),
            "{error}"
        );
        assert_eq!(server.requests().len(), requests);
    }
}

#[tokio::test]
async fn a_deep_offset_that_fails_is_a_refused_offset() {
    let server = Server::start(|request| match parameter(request, "offset").as_deref() {
        Some("9999") => reply(
            500,
            &[],
            r#"{"statusCode":4,"statusMessage":"Internal server error"}"#,
        ),
        Some("200") => reply(400, &[], "Bad Request"),
        _ => json(r#"{"statusCode":0,"recordings":[]}"#),
    })
    .await;
    let gws = gws(&server);
    let early = gws.list(&request(Cursor::Offset(9_999))).await;
    assert!(
        matches!(early, Err(ApiError::Server { .. })),
        "it never answered yet: {early:?}"
    );
    gws.list(&request(Cursor::First)).await.expect("a page");
    for link in ["/x?offset=200", "/x?offset=9999"] {
        let link = NextLink::new(link.to_owned());
        let error = gws.list(&request(Cursor::Link(link))).await;
        assert!(
            matches!(error, Err(ApiError::OffsetRefused { .. })),
            "{error:?}"
        );
    }
    for offset in [200, 9_999] {
        let error = gws.list(&request(Cursor::Offset(offset))).await;
        assert!(
            matches!(error, Err(ApiError::OffsetRefused { .. })),
            "{offset}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_link_is_asked_for_as_it_is() {
    let server = Server::start(|request| match parameter(request, "page") {
        None => reply(
            200,
            &[("Link", "</recordings?page=a%2Fb&x=%20>; rel=next")],
            r#"{"recordings":[]}"#,
        ),
        Some(_) => json(r#"{"recordings":[],"next":""}"#),
    })
    .await;
    let gws = gws(&server);
    let page = gws.list(&request(Cursor::First)).await.expect("a page");
    let link = page.next.expect("a link");
    let page = gws
        .list(&request(Cursor::Link(link)))
        .await
        .expect("a page");
    assert_eq!(page.next, None);
    assert_eq!(
        server.requests()[1].target(),
        "/api/v2/recordings?page=a%2Fb&x=%20"
    );
}

#[tokio::test]
async fn no_link_and_no_redirect_takes_the_login_to_another_origin() {
    let trap = Server::trap().await;
    let away = trap.url();
    let port = away.port().expect("a port");
    for leads in [
        format!("{away}api/v2/recordings"),
        format!("//127.0.0.1:{port}/x"),
        format!("http://localhost:{port}/x"),
        format!("https://127.0.0.1:{port}/x"),
        format!("http://backup@127.0.0.1:{port}/x"),
        format!("\\\\127.0.0.1:{port}\\x"),
    ] {
        let to = leads.clone();
        let server = Server::start(move |_| {
            json(serde_json::json!({"recordings": [], "next": to}).to_string())
        })
        .await;
        let page = gws(&server)
            .list(&request(Cursor::First))
            .await
            .expect("a page");
        assert_eq!(page.next, None, "{leads}");
        assert!(
            page.refused_link
                .expect("a refused link")
                .contains(&port.to_string()),
            "{leads}"
        );

        for status in [301, 302, 303, 307, 308] {
            let to = leads.clone();
            let server = Server::start(move |_| reply(status, &[("Location", &to)], "")).await;
            let error = gws(&server)
                .list(&request(Cursor::First))
                .await
                .expect_err("not followed");
            assert!(
                matches!(&error, ApiError::Redirect { to } if to.contains(&port.to_string())),
                "{leads}: {error:?}"
            );
            assert_eq!(server.requests().len(), 1);
        }
    }
    // A link that was not made here goes nowhere but home.
    let server = Server::start(|_| json(r#"{"recordings":[]}"#)).await;
    let link = NextLink::new(format!("//127.0.0.1:{port}/x"));
    drop(gws(&server).list(&request(Cursor::Link(link))).await);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn redirects_within_the_origin_are_followed_three_times() {
    let server = Server::start(|request| {
        let hops: usize = parameter(request, "hops")
            .and_then(|hops| hops.parse().ok())
            .unwrap_or(9);
        match hops {
            0 => json(r#"{"recordings":[]}"#),
            _ => reply(
                302,
                &[("Location", &format!("/moved?hops={}", hops - 1))],
                "",
            ),
        }
    })
    .await;
    let gws = gws(&server);
    let link = |hops| request(Cursor::Link(NextLink::new(format!("/x?hops={hops}"))));
    gws.list(&link(3)).await.expect("a page");
    assert_eq!(server.requests().len(), 4);
    let error = gws.list(&link(4)).await.expect_err("it does not end");
    assert!(matches!(error, ApiError::Redirect { .. }));
    assert_eq!(server.requests().len(), 8);
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.header("authorization") == Some(LOGIN))
    );
}

#[tokio::test]
async fn failures_are_told_apart() {
    for (answer, told) in [
        (reply(401, &[], ""), "Denied { status: 401"),
        (
            reply(
                200,
                &[],
                r#"{"statusCode":20,"statusMessage":"Access denied"}"#,
            ),
            "Denied { status: 200, message: \"Access denied\"",
        ),
        (reply(404, &[], ""), "Refused { status: 404"),
        (reply(404, &[], r#"{"statusCode":6}"#), "NotFound"),
        (
            reply(429, &[("Retry-After", "7")], ""),
            "Throttled { after: Some(7s)",
        ),
        (
            reply(503, &[("Retry-After", "99999")], ""),
            "Throttled { after: Some(900s)",
        ),
        (
            reply(502, &[], "<h1>\u{1b}bad gateway</h1>"),
            "Server { status: 502, message: \"<h1>\\\\u{1b}bad",
        ),
        (
            reply(
                200,
                &[("Content-Type", "text/html")],
                "<!DOCTYPE html>\n<title>Log in</title>",
            ),
            "Malformed { reason: \"no JSON at line 1 column 1 (text/html, beginning \\\"<!DOCTYPE html> <title>Log in",
        ),
        (
            reply(200, &[], ""),
            "Malformed { reason: \"it ends in the middle (no content type, empty)",
        ),
        (
            reply(200, &[], r#"{"statusCode":0,"items":[]}"#),
            "Malformed { reason: \"there is no list",
        ),
        (
            reply(200, &[("Content-Encoding", "br")], "x"),
            "Malformed { reason: \"its body is encoded (br)",
        ),
        (
            reply(200, &[("Content-Encoding", "gzip")], "x"),
            "Malformed { reason: \"its body is said to be gzip and is not",
        ),
        (reply(302, &[], ""), "Malformed"),
        (
            reply(407, &[], ""),
            "Unreachable { reason: \"a proxy that is not configured",
        ),
    ] {
        let server = Server::start(move |_| answer.clone()).await;
        let error = gws(&server)
            .list(&request(Cursor::First))
            .await
            .expect_err(told);
        assert!(format!("{error:?}").starts_with(told), "{error:?}");
    }
}

#[tokio::test]
async fn a_login_that_is_echoed_does_not_get_into_a_message() {
    let echoes = [
        format!("<html>{LOGIN} was refused for {PASSWORD}</html>"),
        serde_json::json!({"statusCode": 20, "statusMessage": format!("{LOGIN}, {PASSWORD}")})
            .to_string(),
        serde_json::json!({"statusCode": 0, "uris": [format!("/{PASSWORD}/..")]}).to_string(),
    ];
    for (status, echo) in [200, 401, 500]
        .iter()
        .flat_map(|status| echoes.iter().map(move |echo| (*status, echo.clone())))
    {
        let repeated = status == 200 || !echo.starts_with("{\"statusCode\":0");
        let server = Server::start(move |_| {
            reply(
                status,
                &[("Content-Type", &format!("text/{PASSWORD}"))],
                &echo,
            )
        })
        .await;
        let told = match gws(&server).list(&request(Cursor::First)).await {
            Ok(page) => format!("{page:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        assert_eq!(told.contains("***"), repeated, "{told}");
        assert!(
            !told.contains("canary") && !told.contains("YmFja3Vw"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_page_without_end_is_left_after_32_mib() {
    let endless = Server::start(|_| {
        vec![
            Act::Send(raw_head(200, &[("Transfer-Encoding", "chunked")])),
            Act::Send(b"10\r\n{\"recordings\":[\"\r\n".to_vec()),
            Act::Endless([b"10000\r\n", &[b'a'; 0x10000][..], b"\r\n"].concat()),
        ]
    })
    .await;
    let error = gws(&endless)
        .list(&request(Cursor::First))
        .await
        .expect_err("too large");
    assert!(
        matches!(
            error,
            ApiError::TooLarge {
                limit_bytes: 33_554_432
            }
        ),
        "{error:?}"
    );
    assert!(endless.sent_bytes() < 48 << 20, "{}", endless.sent_bytes());

    let boasting = Server::start(|_| {
        vec![
            Act::Send(raw_head(200, &[("Content-Length", "3000000000")])),
            Act::Endless(vec![b' '; 0x10000]),
        ]
    })
    .await;
    let error = gws(&boasting)
        .list(&request(Cursor::First))
        .await
        .expect_err("too large");
    assert!(matches!(error, ApiError::TooLarge { .. }), "{error:?}");
    assert!(
        boasting.sent_bytes() < 16 << 20,
        "{}",
        boasting.sent_bytes()
    );
}

#[tokio::test]
async fn nesting_without_end_is_harmless() {
    let deep = "[".repeat(200_000);
    let page = format!(
        r#"{{"recordings":[{{"id":"a","x":{deep}{}}}]}}"#,
        "]".repeat(200_000)
    );
    let server = Server::start(move |_| json(&page)).await;
    let page = gws(&server)
        .list(&request(Cursor::First))
        .await
        .expect("a page");
    assert!(matches!(&page.entries[..], [Entry::Whole(json)] if json.len() > 400_000));
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let head = raw_head(200, &[("Content-Length", "100")]);
    let trickle: Vec<Act> = vec![Act::Send(head.clone()), Act::Send(b"{".to_vec()), Act::Hang];
    for (acts, told) in [
        (vec![Act::Hang], "no answer for 0.45 s"),
        (
            vec![Act::Send(head), Act::Hang],
            "nothing came for 0.15 s after 0 of 100 bytes",
        ),
        (trickle, "nothing came for 0.15 s after 1 of 100 bytes"),
    ] {
        let server = Server::start(move |_| acts.clone()).await;
        let error = hasty(&server)
            .list(&request(Cursor::First))
            .await
            .expect_err("silence");
        assert!(
            matches!(&error, ApiError::Timeout { reason } if reason == told),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_search_may_take_its_time_and_a_single_recording_may_not() {
    let server = Server::start(|request| {
        let answer = if request.target().contains('?') {
            json(r#"{"statusCode":0,"recordings":[]}"#)
        } else {
            json(r#"{"statusCode":0,"recording":{"id":"a"}}"#)
        };
        // Twice the silence that is borne between two pieces.
        let wait = Act::Wait(Duration::from_millis(300));
        [vec![wait], answer].concat()
    })
    .await;
    let gws = hasty(&server);
    gws.list(&request(Cursor::First)).await.expect("a page");
    let error = gws.recording(&id("a")).await.expect_err("late");
    assert!(
        matches!(&error, ApiError::Timeout { reason } if reason == "no answer for 0.15 s"),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_answer_that_never_ends_is_a_timeout_of_its_own() {
    // Each redirect comes in time; two together do not.
    let server = Server::start(|_| {
        let wait = Act::Wait(Duration::from_millis(60));
        [vec![wait], reply(302, &[("Location", "/again")], "")].concat()
    })
    .await;
    let mut options = options(&server.url());
    options.recordings_path = "/recordings".to_owned();
    let timeouts = Timeouts {
        answer: Duration::from_millis(100),
        ..Timeouts::default()
    };
    let gws = Gws::with_timeouts(options, timeouts).expect("the options are fine");
    let error = gws.list(&request(Cursor::First)).await.expect_err("late");
    assert!(
        matches!(&error, ApiError::Timeout { reason } if reason == "no whole answer within 0.1 s"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_cut_answer_is_no_answer() {
    let page = br#"{"statusCode":0,"recordings":[{"id":"a"}]}"#;
    for cut in [0, 1, 20, page.len() - 1] {
        let server = Server::start(move |_| {
            let head = raw_head(200, &[("Content-Length", &page.len().to_string())]);
            vec![Act::Send([&head[..], &page[..cut]].concat()), Act::Close]
        })
        .await;
        let error = gws(&server)
            .list(&request(Cursor::First))
            .await
            .expect_err("cut");
        let told = format!("connection cut after {cut} of {} bytes", page.len());
        assert!(
            matches!(&error, ApiError::Cut { reason } if *reason == told),
            "{error:?}"
        );

        // Without a length only the JSON shows that something is missing.
        let server = Server::start(move |_| {
            vec![
                Act::Send([&raw_head(200, &[("Connection", "close")])[..], &page[..cut]].concat()),
                Act::Close,
            ]
        })
        .await;
        let error = gws(&server)
            .list(&request(Cursor::First))
            .await
            .expect_err("cut");
        assert!(matches!(error, ApiError::Malformed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_id_is_one_segment_of_the_path() {
    let server = Server::start(|_| json(r#"{"statusCode":0,"recording":{"id":"x"}}"#)).await;
    let gws = gws(&server);
    for (name, segment) in [
        (
            "01F62DGIBGD8369P7GC362LAES00000G",
            "01F62DGIBGD8369P7GC362LAES00000G",
        ),
        ("../../admin", "..%2F..%2Fadmin"),
        ("a?b#c", "a%3Fb%23c"),
        ("%2e%2e", "%252e%252e"),
        ("a b+ä\\", "a%20b%2B%C3%A4%5C"),
        ("...", "..."),
    ] {
        assert_eq!(
            &gws.recording(&id(name)).await.expect("a recording")[..],
            br#"{"id":"x"}"#
        );
        let requests = server.requests();
        assert_eq!(
            requests.last().expect("a request").target(),
            format!("/api/v2/recordings/{segment}")
        );
    }
    let asked = server.requests().len();
    for name in [".", ".."] {
        assert!(matches!(
            gws.recording(&id(name)).await,
            Err(ApiError::Malformed { .. })
        ));
    }
    assert_eq!(
        server.requests().len(),
        asked,
        "no address can hold such an id"
    );
}

#[tokio::test]
async fn settings_are_optional_but_the_login_is_not() {
    for (answer, told) in [
        (
            json(r#"{"statusCode":0,"settings":[{"name":"a","value":1}]}"#),
            Ok(Some(1)),
        ),
        (json(r#"{"statusCode":0,"settings":[]}"#), Ok(Some(0))),
        (reply(403, &[], ""), Ok(None)),
        (reply(404, &[], r#"{"statusCode":6}"#), Ok(None)),
        (json(r#"{"statusCode":5}"#), Ok(None)),
        (reply(401, &[], ""), Err("Denied")),
        (reply(403, &[], r#"{"statusCode":20}"#), Err("Denied")),
        (json(r#"{"statusCode":20}"#), Err("Denied")),
        (reply(500, &[], ""), Err("Server")),
        (json("<html>"), Err("Malformed")),
    ] {
        let server = Server::start(move |_| answer.clone()).await;
        match (gws(&server).settings().await, told) {
            (Ok(settings), Ok(count)) => assert_eq!(settings.map(|found| found.names.len()), count),
            (Err(error), Err(told)) => assert!(format!("{error:?}").starts_with(told), "{error:?}"),
            (found, told) => panic!("{found:?} instead of {told:?}"),
        }
        assert_eq!(server.requests()[0].target(), "/api/v2/me/settings/rcbs");
    }
}

fn through(proxy: &Url, prefix: &str) -> Gws {
    let mut options = options(&Url::parse(prefix).expect("an address"));
    options.http.proxy = Some(ProxyOptions {
        url: proxy.clone(),
        login: Some(("proxyuser".to_owned(), "proxycanary".into())),
    });
    Gws::new(options).expect("the options are fine")
}

const PROXY_LOGIN: &str = "Basic cHJveHl1c2VyOnByb3h5Y2FuYXJ5";

#[tokio::test]
async fn everything_goes_through_the_proxy_with_its_own_login() {
    let origin = Server::trap().await;
    let proxy = Server::start(|request: &Request| match request.method() {
        "CONNECT" => reply(503, &[], ""),
        _ => json(r#"{"recordings":[]}"#),
    })
    .await;
    let gws = through(&proxy.url(), origin.url().as_str());
    gws.list(&request(Cursor::First)).await.expect("a page");
    let seen = &proxy.requests()[0];
    assert!(
        seen.target().starts_with(origin.url().as_str()),
        "{}",
        seen.target()
    );
    assert_eq!(seen.header("proxy-authorization"), Some(PROXY_LOGIN));
    assert_eq!(origin.connections(), 0);

    let gws = through(&proxy.url(), "https://api.example.com");
    let error = gws
        .list(&request(Cursor::First))
        .await
        .expect_err("no tunnel");
    let seen = &proxy.requests()[1];
    assert_eq!(
        (seen.method(), seen.target()),
        ("CONNECT", "api.example.com:443")
    );
    assert_eq!(seen.header("proxy-authorization"), Some(PROXY_LOGIN));
    assert_eq!(
        seen.header("authorization"),
        None,
        "the API's login is not the proxy's business"
    );
    let told = format!(
        "the proxy {} refuses to connect to api.example.com",
        proxy.url().as_str().trim_end_matches('/')
    );
    assert!(
        matches!(&error, ApiError::Unreachable { reason } if *reason == told),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_proxy_that_fails_is_named_and_not_gone_around() {
    let origin = Server::trap().await;
    let refusing = Server::start(|_| reply(407, &[], "")).await;
    let vacated = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        Url::parse(&format!(
            "http://{}",
            listener.local_addr().expect("an address")
        ))
        .expect("an address")
    };
    for (proxy, prefix, told) in [
        (
            refusing.url(),
            origin.url().to_string(),
            "refuses its login (HTTP 407)",
        ),
        (
            refusing.url(),
            "https://127.0.0.1:1/".to_owned(),
            "refuses its login (HTTP 407)",
        ),
        (
            vacated.clone(),
            origin.url().to_string(),
            ": connection refused",
        ),
        (
            vacated,
            "https://127.0.0.1:1/".to_owned(),
            ": connection refused",
        ),
    ] {
        let error = through(&proxy, &prefix)
            .list(&request(Cursor::First))
            .await
            .expect_err("no way");
        let ApiError::Unreachable { reason } = &error else {
            panic!("{error:?}")
        };
        let name = format!("the proxy {}", proxy.as_str().trim_end_matches('/'));
        assert!(
            reason.starts_with(&name) && reason.ends_with(told),
            "{reason}"
        );
        assert!(!format!("{error:?}").contains("canary"));
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_by_its_cause() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("an address").port()
    };
    let gws = Gws::new(options(
        &Url::parse(&format!("http://127.0.0.1:{port}")).expect("an address"),
    ))
    .expect("the options are fine");
    let error = gws
        .list(&request(Cursor::First))
        .await
        .expect_err("nobody there");
    assert!(
        matches!(&error, ApiError::Unreachable { reason } if reason == "127.0.0.1: connection refused"),
        "{error:?}"
    );

    let slammed = Server::start(|_| vec![Act::Close]).await;
    let error = self::gws(&slammed)
        .list(&request(Cursor::First))
        .await
        .expect_err("slammed");
    assert!(matches!(&error, ApiError::Cut { .. }), "{error:?}");
}

#[tokio::test]
async fn garbage_is_an_error_and_never_a_page() {
    for garbage in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"HTTP/1.1 99999 X\r\n\r\n",
        b"HTTP/1.1 200 X\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 X\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n{}",
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"220 ftp ready\r\n\r\n",
    ] {
        let server = Server::start(move |_| vec![Act::Send(garbage.to_vec()), Act::Close]).await;
        let error = gws(&server)
            .list(&request(Cursor::First))
            .await
            .expect_err("garbage");
        assert!(matches!(error, ApiError::Cut { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_never_answers_is_out_of_reach_and_named() {
    let proxy = Server::start(|_| vec![Act::Hang]).await;
    let mut options = options(&Url::parse("https://api.example.com").expect("an address"));
    options.http.proxy = Some(ProxyOptions {
        url: proxy.url(),
        login: None,
    });
    let timeouts = Timeouts {
        connect: Duration::from_millis(150),
        ..Timeouts::default()
    };
    let gws = Gws::with_timeouts(options, timeouts).expect("the options are fine");
    let error = gws
        .list(&request(Cursor::First))
        .await
        .expect_err("silence");
    let name = proxy.url().as_str().trim_end_matches('/').to_owned();
    let told = format!("no connection to api.example.com through the proxy {name} within 0.15 s");
    assert!(
        matches!(&error, ApiError::Unreachable { reason } if *reason == told),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_answer_without_a_list_is_empty_only_where_it_says_so() {
    for (status, body, found) in [
        (204, "", Some(false)),
        (200, r#"{"statusCode":0,"total":0}"#, Some(false)),
        (200, r#"{"statusCode":0}"#, Some(true)),
        (200, "", None),
        (200, r#"{"statusCode":0,"total":3}"#, None),
        (200, r#"{"statusCode":0,"items":[{"id":"a"}]}"#, None),
    ] {
        let server = Server::start(move |_| reply(status, &[], body)).await;
        let answer = gws(&server).list(&request(Cursor::First)).await;
        match (answer, found) {
            (Ok(page), Some(is_silent)) => {
                assert_eq!(
                    (page.entries.len(), page.is_silent),
                    (0, is_silent),
                    "{body}"
                );
            }
            (Err(ApiError::Malformed { .. }), None) => {}
            (answer, _) => panic!("{status} {body}: {answer:?}"),
        }
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, plain).expect("into memory");
    encoder.finish().expect("into memory")
}

#[tokio::test]
async fn gzip_that_nobody_asked_for_is_undone() {
    let packed = |status, body: &[u8]| {
        let headers = [
            ("Content-Encoding", "gzip"),
            ("Content-Type", "application/json"),
        ];
        reply(status, &headers, gzip(body))
    };
    let server = Server::start(move |request| match request.target() {
        "/api/v2/recordings/a" => packed(200, br#"{"statusCode":0,"recording":{"id": "a"}}"#),
        "/api/v2/recordings/b" => packed(404, br#"{"statusCode":6}"#),
        _ => packed(200, br#"{"statusCode":0,"recordings":[{"id": "a"}]}"#),
    })
    .await;
    let gws = gws(&server);
    let page = gws.list(&request(Cursor::First)).await.expect("a page");
    assert!(matches!(&page.entries[..], [Entry::Whole(json)] if &json[..] == br#"{"id": "a"}"#));
    let json = gws.recording(&id("a")).await.expect("a recording");
    assert_eq!(&json[..], br#"{"id": "a"}"#);
    let error = gws.recording(&id("b")).await.expect_err("not found");
    assert!(matches!(error, ApiError::NotFound), "{error:?}");
}

#[tokio::test]
async fn a_bomb_in_gzip_is_unpacked_up_to_a_limit() {
    let bomb = gzip(&vec![b' '; 65 << 20]);
    assert!(bomb.len() < 100_000);
    let server = Server::start(move |_| reply(200, &[("Content-Encoding", "gzip")], &bomb)).await;
    let error = gws(&server)
        .list(&request(Cursor::First))
        .await
        .expect_err("too large");
    assert!(matches!(error, ApiError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn the_clock_of_the_server_is_learned_from_any_answer_that_comes_from_it() {
    let in_an_hour = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&in_an_hour)
        .expect("a date");
    for (status, extra, is_learned) in [
        (200, None, true),
        (403, None, true),
        (500, None, true),
        // From a cache: it is the date of another time.
        (200, Some(("Age", "86400")), false),
    ] {
        let date = date.clone();
        let server = Server::start(move |_| {
            let mut headers = vec![("Date", date.as_str())];
            headers.extend(extra);
            reply(status, &headers, r#"{"statusCode":0,"recordings":[]}"#)
        })
        .await;
        let api = gws(&server);
        assert_eq!(api.clock_ahead(), None);
        let _answer = api.list(&request(Cursor::First)).await;
        let ahead_min = api.clock_ahead().map(|ahead| ahead.as_secs_f64() / 60.0);
        assert_eq!(ahead_min.is_some(), is_learned, "{status}");
        assert!(ahead_min.is_none_or(|ahead| (59.0..61.0).contains(&ahead)));
    }
}
