//! What the faults look like on the wire.

use rcbs_sim::faults::Faults;
use rcbs_sim::quirks::Quirks;
use rcbs_sim::server::{BlockingSimServer, SimServer};
use rcbs_sim::{Cloud, Content};

use crate::client::{Answer, Ask, End, SILENCE, api, get, login, number};

const LIST: &str = "/recordings?startTime=2018-02-12T00:00:00Z&limit=10&fields=*";
const PATH: &str = "/sim-calls/key";
const STORED_BYTES: usize = 50_000;

fn serve(faults: &[&str]) -> BlockingSimServer {
    let cloud = Cloud::new(1)
        .recording("ONE")
        .at("2018-02-12T10:00:00Z")
        .audio_of(Content::pattern(STORED_BYTES as u64, 1))
        .plain()
        .stored_as("calls", "key")
        .build();
    SimServer::start_blocking(
        cloud,
        Quirks::default(),
        Faults::from_texts(faults.iter().copied()).unwrap(),
    )
    .unwrap()
}

fn list(fault: &str) -> Answer {
    api(&serve(&[&format!("list 1: {fault}")]), LIST)
}

fn object(fault: &str) -> Answer {
    let server = serve(&[&format!("object 1: {fault}")]);
    Ask::new(&server).get(&server, PATH)
}

fn right() -> Vec<u8> {
    Content::pattern(STORED_BYTES as u64, 1).to_vec()
}

#[test]
fn statuses() {
    for status in [429, 500, 502, 503] {
        let answer = list(&format!("{status} retry-after=7"));
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (status, Some("7"))
        );
        assert_eq!(object(&status.to_string()).status, status);
    }
    let slow = object("slow-down");
    assert_eq!(slow.status, 503);
    assert!(slow.text().contains("<Code>SlowDown</Code>"));
    assert_eq!(list("status-code code=20").json()["statusCode"], 20);
}

#[test]
fn only_the_request_that_was_meant_fails() {
    let server = serve(&["list 2: 500"]);
    let statuses = [(); 3].map(|()| api(&server, LIST).status);
    assert_eq!(statuses, [200, 500, 200]);
}

#[test]
fn pages_that_are_none() {
    assert!(list("html").text().contains("<html>"));
    assert_eq!(list("cut-json after=20").body.len(), 20);
    assert!(serde_json::from_slice::<serde_json::Value>(&list("cut-json after=20").body).is_err());
    assert!(
        object("xml-error")
            .text()
            .contains("<Code>InternalError</Code>")
    );
    let nested = list("nested depth=200000");
    assert!(nested.body.len() > 400_000);
    assert!(nested.text().contains(&"[".repeat(200_000)));
}

#[test]
fn a_cut_body_arrives_exactly_so_far() {
    for place in 0..20 {
        let after = usize::try_from(number(&format!("cut {place}"), STORED_BYTES as u64)).unwrap();
        let answer = object(&format!("cut after={after}"));
        assert_eq!(answer.header("content-length"), Some("50000"));
        assert_eq!(answer.end, End::Closed);
        assert!(answer.body == right()[..after], "{after}");
    }
    assert_eq!(list("cut after=10").body.len(), 10);
}

#[test]
fn a_reset_is_a_reset_and_a_stall_stays_open() {
    assert_eq!(object("reset after=1000").end, End::Reset);
    let silent = |fault: &str| {
        let server = serve(&[&format!("object 1: {fault}")]);
        Ask::new(&server).with(SILENCE, "yes").get(&server, PATH)
    };
    let stalled = silent("stall after=1000");
    assert_eq!((stalled.body.len(), stalled.end), (1_000, End::Silent));
    let hanging = silent("hang");
    assert_eq!((hanging.status, hanging.end), (0, End::Silent));
}

#[test]
fn lengths_that_are_wrong() {
    let longer = object("longer by=16");
    assert_eq!(
        (longer.header("content-length"), longer.body.len()),
        (Some("50016"), 50_016)
    );
    let shorter = object("shorter by=16");
    assert_eq!(
        (shorter.header("content-length"), shorter.body.len()),
        (Some("49984"), 49_984)
    );
    let trailing = object("trailing by=5");
    assert_eq!(
        (trailing.header("content-length"), trailing.body.len()),
        (Some("50000"), 50_005)
    );
    let chunked = object("no-length");
    assert_eq!(
        (
            chunked.header("content-length"),
            chunked.header("transfer-encoding")
        ),
        (None, Some("chunked"))
    );
}

#[test]
fn one_bit_is_flipped_and_no_more() {
    let answer = object("flip at=30000");
    let differing: Vec<usize> = right()
        .iter()
        .zip(&answer.body)
        .enumerate()
        .filter(|(_, (a, b))| a != b)
        .map(|(place, _)| place)
        .collect();
    assert_eq!(differing, [30_000]);
}

#[test]
fn ranges_that_are_not_heeded() {
    let part = |fault: &str| {
        let server = serve(&[&format!("object 1: {fault}")]);
        Ask::new(&server)
            .with("range", "bytes=100-")
            .get(&server, PATH)
    };
    let ignored = part("ignore-range");
    assert_eq!((ignored.status, ignored.body.len()), (200, STORED_BYTES));
    let shifted = part("wrong-range shift=1");
    assert_eq!(
        (shifted.status, shifted.header("content-range")),
        (206, Some("bytes 101-49999/50000"))
    );
}

#[test]
fn redirects_and_links_lead_where_the_script_says() {
    let redirect = list("redirect to=http://127.0.0.1:1/elsewhere");
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (302, Some("http://127.0.0.1:1/elsewhere"))
    );
    assert_eq!(
        list("link to=http://evil.invalid/x").json()["next"],
        "http://evil.invalid/x"
    );
    let to_self = list("link-to-self").json()["next"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(to_self.contains("scroll=0"), "{to_self}");
}

#[test]
fn endless_pages_repeat_themselves_or_never_do() {
    for (fresh, distinct) in [("false", 1), ("true", 30)] {
        let server = serve(&[&format!("list always: endless-pages fresh={fresh}")]);
        let mut target = LIST.to_owned();
        let mut ids = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let page = api(&server, &target).json();
            for recording in page["recordings"].as_array().unwrap() {
                ids.insert(recording["id"].as_str().unwrap().to_owned());
            }
            let next = page["next"].as_str().unwrap();
            target = format!("/recordings?{}", next.split_once('?').unwrap().1);
        }
        assert_eq!(ids.len(), distinct);
    }
}

#[test]
fn a_huge_page_is_sent_without_being_held() {
    let page = list("huge-page bytes=3000000");
    assert_eq!(page.header("content-length"), None);
    assert!(page.body.len() > 3_000_000);
}

#[test]
fn a_wrong_checksum_differs_from_the_right_one() {
    let checksum = |faults: &[&str]| {
        let server = serve(faults);
        let answer = Ask::new(&server)
            .with("x-amz-checksum-mode", "ENABLED")
            .get(&server, PATH);
        answer
            .header("x-amz-checksum-crc64nvme")
            .unwrap()
            .to_owned()
    };
    assert_ne!(checksum(&["object 1: wrong-checksum"]), checksum(&[]));
    assert_eq!(object("encoded").header("content-encoding"), Some("gzip"));
}

#[test]
fn a_slow_body_and_a_late_answer_come_all_the_same() {
    assert_eq!(object("slow rate=500000").body, right());
    assert_eq!(list("delay ms=50").status, 200);
}

#[test]
fn hanging_connections_do_not_hold_up_the_end() {
    let server = serve(&["any always: hang"]);
    let answer = get(
        server.api_port(),
        "/api/v2/recordings?limit=1",
        &[
            ("authorization", login(&server)),
            (SILENCE, "yes".to_owned()),
        ],
    );
    assert_eq!(answer.end, End::Silent);
    drop(server);
}
