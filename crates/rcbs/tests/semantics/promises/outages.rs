//! Chapter "Load and outages": who cannot be reached, who refuses, and who has another clock.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rcbs_sim::Cloud;

use crate::stage::{Stage, cloud, side_by_side};
use crate::support::rcbs::Finished;
use crate::support::wire::Wire;

/// A day with so many recordings, one after the other.
fn day_of(count: usize) -> Cloud {
    (0..count).fold(cloud(), |cloud, number| {
        let (hour, minute) = (number / 60, number % 60);
        cloud
            .recording(&format!("of-{number:03}"))
            .at(&format!("2018-02-12T{hour:02}:{minute:02}:00Z"))
            .audio()
            .build()
    })
}

/// Waits until something is true, for at most half a minute.
fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_true() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// E14.
#[test]
fn an_outage_in_the_middle_of_a_run_is_waited_through() {
    side_by_side(&["store", "api"], |side| {
        let faults = ["object always: delay ms=200", "list always: delay ms=200"];
        let mut stage = Stage::with_faults(day_of(20), &faults);
        stage.set("maxConnections=2\nshardBy=PT2H");
        let is_store = *side == "store";
        let (behind, key) = if is_store {
            (stage.server.s3_port(), "awsEndpoint=http://127.0.0.1")
        } else {
            (stage.server.api_port(), "gwsUriPrefix=http://127.0.0.1")
        };
        let wire = Wire::start(behind);
        let path = if is_store { "" } else { "/api/v2" };
        stage.set(&format!("{key}:{}{path}", wire.port()));
        let run = stage.program(&["backup", "--json"]).start();
        wait_until("it has begun", || {
            let counts = stage.server.requests().counts();
            (if is_store {
                counts.objects
            } else {
                counts.lists
            }) >= 4
        });
        wire.go_dark();
        std::thread::sleep(Duration::from_secs(5));
        let refused = wire.refused();
        wire.come_back();
        let finished = run.wait().expect_code(0);
        assert_eq!(stage.media_files().len(), 20, "{side}");
        assert!(
            (2..12).contains(&refused),
            "{side}: {refused} requests in 5 s"
        );
        for told in ["asked again now and then", "answers again, after"] {
            assert!(finished.stdout.contains(told), "{side}: {told}");
        }
        assert!(!finished.stdout.contains("\"waiting\",\"class\""), "{side}");
    });
}

#[test]
fn one_object_that_is_always_cut_off_is_no_outage() {
    let stage = Stage::with_faults(day_of(20), &["object~of-007 always: reset"]);
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    assert_eq!(stage.media_files().len(), 19);
    assert_eq!(stage.states("of-007"), ["waiting"]);
    let said = lines.iter().filter_map(|line| line["text"].as_str());
    let outages: Vec<&str> = said.filter(|text| text.contains("asked again")).collect();
    assert_eq!(outages, [""; 0]);
}

/// D3, E9, E11.
#[test]
fn a_refused_login_ends_the_run_after_a_handful_of_requests() {
    type Case<'a> = (&'a str, &'a str, &'a [&'a str], usize, usize);
    // Many slices and many objects; and what is asked in vain at most.
    let cases: [Case<'_>; 6] = [
        ("GWS_PASSWORD", "wrong", &[], 2, 0),
        ("", "", &["list from-5: 401"], 1, 0),
        ("", "", &["list from-5: status-code code=20"], 0, 0),
        ("AWS_SECRET_ACCESS_KEY", "wrong", &[], 0, 4),
        ("", "", &["object always: 403 code=AccessDenied"], 0, 8),
        ("", "", &["object from-50: 403 code=ExpiredToken"], 0, 64),
    ];
    side_by_side(&cases, |(variable, value, faults, api_most, store_most)| {
        let mut stage = Stage::with_faults(day_of(400), faults);
        stage.set("shardBy=PT1H");
        if !variable.is_empty() {
            stage.env(variable, value);
        }
        stage.backup().expect_code(5);
        let refused = |is_object: bool| {
            let of_kind = stage.server.requests().matching(|seen| {
                let is = seen.kind == rcbs_sim::faults::RequestKind::Object;
                seen.status >= 400 && is == is_object
            });
            of_kind.len()
        };
        let name = format!("{variable} {faults:?}");
        assert!(refused(false) <= *api_most, "{name}: {}", refused(false));
        assert!(refused(true) <= *store_most, "{name}: {}", refused(true));
        let lists = stage.server.requests().counts().lists;
        assert!(lists <= 30, "{name}: {lists} lists");
    });
}

/// A backup on a machine whose clock is so far off, and how many requests for objects were refused.
fn with_clock(stage: &Stage, off: &str) -> (Finished, usize) {
    let faketime = ["/usr/bin/faketime", "-f", off];
    assert!(
        Path::new(faketime[0]).exists(),
        "`scripts/install.sh test` installs faketime"
    );
    // Waits and rates go by a clock that nobody turns.
    let program = stage
        .program(&["backup"])
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let finished = program.under(faketime).run();
    let refused = stage
        .server
        .requests()
        .matching(|seen| seen.status == 403)
        .len();
    (finished, refused)
}

/// E1.
#[test]
fn a_server_that_asks_for_fewer_requests_gets_fewer() {
    let faults = [
        "object always: delay ms=100",
        "object 8: slow-down retry-after=5",
    ];
    let mut stage = Stage::with_faults(day_of(40), &faults);
    stage.set("maxConnections=4");
    let run = stage.program(&["backup"]).start();
    let throttled = || stage.server.requests().matching(|seen| seen.status == 503);
    wait_until("the store has asked for it", || !throttled().is_empty());
    // What was under way comes to its end.
    std::thread::sleep(Duration::from_millis(600));
    let asked = stage.server.requests().counts().objects;
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(stage.server.requests().counts().objects, asked);
    run.wait().expect_code(0);
    assert_eq!(stage.server.requests().counts().objects, 41);
}

/// F5.
#[test]
fn a_clock_that_is_some_hours_off_hides_no_recording() {
    for (off, says) in [
        ("-20h", "20 hours behind that of the recording API"),
        ("+20h", "20 hours ahead of that of the recording API"),
    ] {
        let ten_hours_ago = Timestamp::now() - SignedDuration::from_hours(10);
        let cloud = cloud().recording("TODAY").at(&ten_hours_ago.to_string());
        let cloud = cloud.audio();
        let mut stage = Stage::new(cloud.build());
        stage.unset("maxDate").unset("minDate");
        // Seen from twenty hours later, it is outside the window.
        stage.set("maxAge=P1D\nminAge=PT0S");
        let (finished, _) = with_clock(&stage, off);
        let finished = finished.expect_code(0);
        assert!(finished.stderr.contains(says), "{finished:?}");
        assert_eq!(stage.states("TODAY"), ["verified"], "{off}");
        let now = Timestamp::now().as_millisecond();
        let end = stage.endtime_ms();
        assert!(end.is_none_or(|end| end <= now), "{off}: {end:?}");
    }
}

/// E10.
#[test]
fn a_wrong_clock_of_this_machine_is_made_up_for() {
    for off in ["-20m", "+20m", "-3d"] {
        let mut stage = Stage::new(day_of(100));
        stage.set("maxConnections=4");
        let (finished, refused) = with_clock(&stage, off);
        finished.expect_code(0);
        assert_eq!(stage.media_files().len(), 100);
        // Those that were under way before the first answer; from then on all connections know.
        assert!((1..=4).contains(&refused), "{off}: {refused} refused");
    }
    // Too far off to be made up for: said with the difference, and without a hundred requests.
    let stage = Stage::new(day_of(100));
    let (finished, refused) = with_clock(&stage, "-30d");
    let finished = finished.expect_code(5);
    assert!(
        finished.stderr.contains("this machine is -259"),
        "{finished:?}"
    );
    assert!(refused <= 4, "{refused} refused");
}
