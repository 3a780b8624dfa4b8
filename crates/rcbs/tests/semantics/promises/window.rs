//! Chapter "The window".

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use rcbs_sim::Cloud;
use serde_json::Value;

use crate::stage::{Stage, cloud, days_ago, events};

/// A stage whose window is told by `lines` alone.
fn stage(cloud: Cloud, lines: &str) -> Stage {
    let mut stage = Stage::new(cloud);
    stage.unset("maxDate").unset("minDate").set(lines);
    stage
}

/// The window of a backup and the moment it was planned at.
struct Planned {
    now: Timestamp,
    since: Timestamp,
    until: Timestamp,
}

fn planned(stage: &Stage, code: i32) -> Planned {
    let (finished, lines) = stage.backup_json();
    finished.expect_code(code);
    let planned = events(&lines, "planned");
    Planned {
        now: moment(&planned[0]["now"]),
        since: moment(&planned[0]["since"]),
        until: moment(&planned[0]["until"]),
    }
}

fn moment(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// So long before, by the calendar in UTC.
fn before(at: Timestamp, span: Span) -> Timestamp {
    let zoned = at.to_zoned(TimeZone::UTC);
    zoned.checked_sub(span).unwrap().timestamp()
}

fn ids(stage: &Stage) -> Vec<String> {
    let mut ids: Vec<String> = stage
        .archive()
        .into_keys()
        .filter_map(|path| Some(path.rsplit('/').next()?.strip_suffix(".json")?.to_owned()))
        .collect();
    ids.sort();
    ids
}

/// D10.
#[test]
fn the_window_compares_the_start_of_a_recording() {
    let cloud = [
        ("a-last-moment-before", "2018-02-11T23:59:59.999Z"),
        ("b-first-moment", "2018-02-12T00:00:00Z"),
        ("c-last-moment", "2018-02-12T23:59:59.999Z"),
        ("d-first-moment-after", "2018-02-13T00:00:00Z"),
    ]
    .iter()
    .fold(cloud(), |cloud, (id, start)| {
        // Each lasts into the next day.
        cloud
            .recording(id)
            .at(start)
            .lasting_s(24 * 3_600)
            .audio()
            .build()
    });
    let stage = stage(cloud, "maxDate=2018-02-12\nminDate=2018-02-13");
    stage.backup().expect_code(0);
    assert_eq!(ids(&stage), ["b-first-moment", "c-last-moment"]);
}

#[test]
fn mindate_is_the_newer_edge() {
    let dates = ("2018-01-02T00:00:00Z", "2018-01-04T00:00:00Z");
    let cases: [(&str, &[&str]); 3] = [
        ("maxDate=2018-01-02\nminDate=2018-01-04", &[]),
        ("", &["--since", "2018-01-02", "--until", "2018-01-04"]),
        (
            "maxDate=2010-01-01\nminDate=2030-01-01",
            &["--since", "2018-01-02", "--until", "2018-01-04"],
        ),
    ];
    for (lines, options) in cases {
        let plan = stage(cloud(), lines).plan(options);
        assert_eq!(
            (&plan["since"], &plan["until"]),
            (&dates.0.into(), &dates.1.into())
        );
    }
    let ages = planned(&stage(cloud(), "maxAge=5\nminAge=3"), 0);
    assert_eq!(ages.since, before(ages.now, Span::new().days(5)));
    assert_eq!(ages.until, before(ages.now, Span::new().days(3)));
    // Crossed edges are an error, not an empty backup.
    stage(cloud(), "maxDate=2018-01-04\nminDate=2018-01-02")
        .backup()
        .expect_code(2);
    stage(cloud(), "maxAge=3\nminAge=5").backup().expect_code(2);
}

#[test]
fn days_are_midnights_in_gmt_and_ages_follow_the_calendar() {
    for zone in ["America/New_York", "Asia/Kolkata", "UTC"] {
        let mut stage = stage(cloud(), "maxDate=2018-03-11\nminDate=1520899200123");
        let plan = stage.env("TZ", zone).plan(&[]);
        assert_eq!(plan["since"], "2018-03-11T00:00:00Z", "{zone}");
        assert_eq!(plan["until"], "2018-03-13T00:00:00.123Z", "{zone}");
    }
    for (age, span) in [
        ("7", Span::new().days(7)),
        ("P1M", Span::new().months(1)),
        ("P1Y2M", Span::new().years(1).months(2)),
        ("P2W", Span::new().weeks(2)),
        ("PT36H", Span::new().hours(36)),
    ] {
        let mut stage = stage(cloud(), &format!("maxAge={age}\nshardBy=P1Y"));
        stage.env("TZ", "America/New_York");
        let window = planned(&stage, 0);
        assert_eq!(window.since, before(window.now, span), "{age}");
        assert_eq!(window.until, window.now, "{age}");
    }
}

#[test]
fn any_age_begins_where_the_recordings_begin() {
    let cloud = [400, 3, 1].iter().fold(cloud(), |cloud, days| {
        let recording = cloud.recording(&format!("{days}-days"));
        recording.at_time(days_ago(*days)).audio().build()
    });
    let stage = stage(cloud, "maxAge=0\nshardBy=P30D");
    stage.backup().expect_code(0);
    assert_eq!(ids(&stage), ["1-days", "3-days", "400-days"]);
    // The slices of 400 days, and a few questions for the beginning; since 1970 there would be hundreds.
    let lists = stage.server.requests().counts().lists;
    assert!((14..80).contains(&lists), "{lists}");
    // A cloud without recordings is complete, too.
    self::stage(self::cloud(), "maxAge=0")
        .backup()
        .expect_code(0);
}

/// An archive whose checkpoint lies ten days back, and a cloud with a recording of eight days ago.
fn after_an_outage() -> Stage {
    let cloud = cloud()
        .recording("in-the-gap")
        .at_time(days_ago(8))
        .audio()
        .build();
    let edges = (days_ago(12).as_millisecond(), days_ago(10).as_millisecond());
    let mut stage = stage(cloud, &format!("maxDate={}\nminDate={}", edges.0, edges.1));
    stage.backup().expect_code(0);
    assert_eq!(
        moment(&stage.status()["checkpoint"]).as_millisecond(),
        edges.1
    );
    stage.unset("maxDate").unset("minDate").set("maxAge=2");
    stage
}

#[test]
fn an_outage_widens_the_window() {
    let stage = after_an_outage();
    stage.backup().expect_code(0);
    assert_eq!(ids(&stage), ["in-the-gap"]);
    let fixed = format!(
        "maxDate={}\nminDate={}",
        days_ago(2).as_millisecond(),
        days_ago(1).as_millisecond()
    );
    for lines in ["skipLastRecordingCheck=true", &fixed] {
        let mut stage = after_an_outage();
        stage
            .unset(if lines == fixed { "maxAge" } else { "" })
            .set(lines);
        stage.backup().expect_code(0);
        assert_eq!(ids(&stage), [""; 0], "{lines}");
    }
    // A fixed range elsewhere does not say that the gap is filled.
    let mut stage = after_an_outage();
    stage.unset("maxAge").set(&fixed);
    stage.backup().expect_code(0);
    stage.unset("maxDate").unset("minDate").set("maxAge=2");
    stage.backup().expect_code(0);
    assert_eq!(ids(&stage), ["in-the-gap"]);
    // The older of the two counts: an older time in the file is believed, a newer one is not.
    for (file, expected) in [(days_ago(20), days_ago(20)), (days_ago(5), days_ago(10))] {
        let stage = after_an_outage();
        let path = stage.target().join("last_recording_endtime.txt");
        std::fs::write(path, file.as_millisecond().to_string()).unwrap();
        let since = planned(&stage, 0).since;
        let expected = before(expected, Span::new().hours(6));
        let apart = since.duration_since(expected).abs();
        assert!(
            apart < SignedDuration::from_mins(5),
            "{since} is not about {expected}"
        );
    }
}

#[test]
fn the_overlap_reaches_back_on_runs_after_the_first() {
    let stage = stage(cloud(), "maxAge=2\noverlap=P3D");
    let first = planned(&stage, 0);
    assert_eq!(first.since, before(first.now, Span::new().days(2)));
    let second = planned(&stage, 0);
    assert_eq!(second.since, before(second.now, Span::new().days(5)));
    // After an outage it is counted from the checkpoint.
    let mut stage = after_an_outage();
    let checkpoint = moment(&stage.status()["checkpoint"]);
    stage.set("overlap=5");
    assert_eq!(
        planned(&stage, 0).since,
        before(checkpoint, Span::new().hours(5))
    );
    // Without the look at the last run it is counted from the age, also after an outage.
    stage.set("skipLastRecordingCheck=true");
    let skipping = planned(&stage, 0);
    let edge = before(skipping.now, Span::new().days(2));
    assert_eq!(skipping.since, before(edge, Span::new().hours(5)));
    // A fixed edge stays where it is.
    let mut stage = after_an_outage();
    stage
        .unset("maxAge")
        .set("maxDate=2018-02-12\nminDate=2018-02-13");
    assert_eq!(planned(&stage, 0).since.to_string(), "2018-02-12T00:00:00Z");
}

/// F6.
#[test]
fn the_old_program_s_end_time_is_read() {
    let at = days_ago(6);
    let iso = at.to_string();
    let offset = at.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string();
    let ms = format!("{}\r\n", at.as_millisecond());
    for text in [&ms, &iso, &offset] {
        for in_target in [true, false] {
            let cloud = cloud()
                .recording("in-the-gap")
                .at_time(days_ago(5))
                .audio()
                .build();
            let stage = stage(cloud, "maxAge=2\noverlap=0");
            let folder = if in_target {
                stage.target()
            } else {
                stage.folder().to_owned()
            };
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("last_recording_endtime.txt"), text).unwrap();
            assert_eq!(planned(&stage, 0).since, at, "{text} {in_target}");
            assert_eq!(ids(&stage), ["in-the-gap"]);
        }
    }
    // An older one that somebody writes later is followed too, and stands until it has been.
    let gap = cloud().recording("in-the-gap").at_time(days_ago(5)).audio();
    let mut stage = stage(gap.build(), "maxAge=2\noverlap=0");
    stage.backup().expect_code(0);
    assert_eq!(ids(&stage), [""; 0]);
    let file = stage.target().join("last_recording_endtime.txt");
    std::fs::write(&file, &ms).unwrap();
    stage.set("skipLastRecordingCheck=true");
    stage.backup().expect_code(0);
    assert_eq!(stage.endtime_ms(), Some(at.as_millisecond()));
    stage.unset("skipLastRecordingCheck");
    stage.backup().expect_code(0);
    assert_eq!(ids(&stage), ["in-the-gap"]);
    assert!(stage.endtime_ms() > Some(at.as_millisecond()));
    // The one in the target wins; one that cannot be read is told and not used.
    let stage = self::stage(cloud(), "maxAge=2\noverlap=0");
    std::fs::create_dir_all(stage.target()).unwrap();
    std::fs::write(stage.target().join("last_recording_endtime.txt"), &ms).unwrap();
    std::fs::write(stage.folder().join("last_recording_endtime.txt"), "1").unwrap();
    assert_eq!(planned(&stage, 0).since, at);
    for in_target in [true, false] {
        let stage = self::stage(cloud(), "maxAge=2");
        let folder = if in_target {
            stage.target()
        } else {
            stage.folder().to_owned()
        };
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("last_recording_endtime.txt"), "yesterday").unwrap();
        let (finished, lines) = stage.backup_json();
        finished.expect_code(0);
        assert_eq!(
            events(&lines, "warning").len(),
            1,
            "in the target: {in_target}"
        );
    }
}
