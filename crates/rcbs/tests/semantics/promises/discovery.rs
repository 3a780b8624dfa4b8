//! Chapter "Discovery". The engine's own tests play every reading of the pretend cloud; here the real program meets the
//! ones that its paragraphs name, over the wire.

use jiff::Timestamp;
use rcbs_sim::Cloud;
use rcbs_sim::cloud::MediaSize;
use rcbs_sim::faults::RequestKind;
use rcbs_sim::quirks::{
    BadLogin, Bound, BoundReading, EmptyList, Links, ListForm, NumberFilter, Offsets, Order,
    Precision, Quirks, Settings, TimeForm, Total, UnknownParameters, UpperBound,
};
use serde_json::Value;

use crate::stage::{Stage, cloud, events, expect_fields, side_by_side, summary};

/// Servers of so many readings at the same time are enough for two processors.
const AT_ONCE: usize = 8;

fn recordings(stage: &Stage) -> Vec<String> {
    let files = stage.archive().into_keys();
    let names =
        files.filter_map(|path| Some(path.rsplit('/').next()?.strip_suffix(".json")?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The ids of the recordings that began on the day of the tests.
fn of_the_day(cloud: &Cloud) -> Vec<String> {
    let (since, until): (Timestamp, Timestamp) = (
        "2018-02-12T00:00:00Z".parse().unwrap(),
        "2018-02-13T00:00:00Z".parse().unwrap(),
    );
    let inside = cloud
        .recordings()
        .iter()
        .filter(|one| one.start >= since && one.start < until);
    let mut ids: Vec<String> = inside.map(|one| one.id.clone()).collect();
    ids.sort();
    ids
}

/// Metadata are enough to see what was found.
fn listing_stage(cloud: &Cloud, quirks: &Quirks, faults: &[&str]) -> Stage {
    let mut stage = Stage::with(cloud.clone(), quirks.clone(), faults);
    stage.set("metadataOnly=true");
    stage
}

fn small(cloud: Cloud) -> Cloud {
    cloud.with_media_size(MediaSize::Fixed(100)).with_screens(0)
}

#[test]
fn the_server_s_bounds_only_narrow() {
    let edges = [
        ("before", "2018-02-11T23:59:59.999Z", 1),
        ("into-the-day", "2018-02-11T23:00:00Z", 7_200),
        ("first", "2018-02-12T00:00:00Z", 60),
        ("first-and-long", "2018-02-12T00:00:00.001Z", 86_000),
        ("last", "2018-02-12T23:59:59.999Z", 86_000),
        ("last-and-short", "2018-02-12T23:59:59.998Z", 0),
        ("after", "2018-02-13T00:00:00Z", 60),
    ];
    let cloud = edges.iter().fold(cloud(), |cloud, (id, start, length_s)| {
        cloud
            .recording(id)
            .at(start)
            .lasting_s(*length_s)
            .audio()
            .build()
    });
    let base = Quirks::default;
    let mut readings = Vec::new();
    for bound_reading in [
        BoundReading::Start,
        BoundReading::Stop,
        BoundReading::Contained,
        BoundReading::AnyPart,
    ] {
        for (bound, precision) in [
            (Bound::Inclusive, Precision::Milliseconds),
            (Bound::Exclusive, Precision::Milliseconds),
            (Bound::Exclusive, Precision::Seconds),
        ] {
            readings.push(Quirks {
                bound_reading,
                lower: bound,
                upper: bound,
                precision,
                ..base()
            });
        }
    }
    for upper_bound in [
        UpperBound::EndTime,
        UpperBound::StopTime,
        UpperBound::Neither,
    ] {
        for unknown_parameters in [UnknownParameters::Ignored, UnknownParameters::Rejected] {
            readings.push(Quirks {
                upper_bound,
                unknown_parameters,
                ..base()
            });
        }
    }
    for time_form in [TimeForm::Offset, TimeForm::Zulu, TimeForm::EpochMs] {
        readings.push(Quirks {
            time_form,
            ..base()
        });
    }
    let expected = of_the_day(&cloud);
    assert_eq!(expected.len(), 4);
    for some in readings.chunks(AT_ONCE) {
        side_by_side(some, |quirks| {
            let stage = listing_stage(&cloud, quirks, &[]);
            let finished = stage.backup();
            assert_eq!(finished.code, Some(0), "{quirks:?}: {finished:?}");
            assert_eq!(recordings(&stage), expected, "{quirks:?}");
        });
    }
}

/// D4.
#[test]
fn paging_follows_links_then_offsets_then_divides_time() {
    let cloud = small(cloud()).fill(jiff::civil::date(2018, 2, 12), 60);
    let paged = |links, offsets| Quirks {
        links,
        offsets,
        page_cap: 7,
        ..Quirks::default()
    };
    let readings = [
        paged(Links::Absolute, Offsets::Refused),
        paged(Links::Relative, Offsets::Ignored),
        paged(Links::ApiPath, Offsets::Ignored),
        paged(Links::QueryOnly, Offsets::Refused),
        paged(Links::None, Offsets::Honoured),
        paged(Links::None, Offsets::Ignored),
        paged(Links::None, Offsets::Refused),
        Quirks {
            order: Order::Shuffled,
            ..paged(Links::None, Offsets::Ignored)
        },
        Quirks {
            order: Order::Descending,
            ..paged(Links::None, Offsets::Refused)
        },
    ];
    let expected = of_the_day(&cloud);
    side_by_side(&readings, |quirks| {
        let stage = listing_stage(&cloud, quirks, &[]);
        let finished = stage.backup();
        assert_eq!(finished.code, Some(0), "{quirks:?}: {finished:?}");
        assert_eq!(recordings(&stage), expected, "{quirks:?}");
        let asked = stage.server.requests().of(RequestKind::List);
        let answers = asked.iter().filter(|seen| seen.status < 300).count();
        // A page brings seven; twelve times the pages is what dividing may cost, and far from any loop.
        assert!((9..120).contains(&answers), "{quirks:?}: {answers}");
        let counted = asked
            .iter()
            .any(|seen| seen.query.contains("offset=") && !seen.query.contains("offset=0"));
        if quirks.links == Links::None && quirks.offsets == Offsets::Honoured {
            assert!(counted, "{quirks:?}");
        }
    });
    for fault in [
        "list always: link-to-self",
        "list always: endless-pages fresh=false",
    ] {
        let stage = listing_stage(&cloud, &Quirks::default(), &[fault]);
        let finished = stage.backup();
        assert!(
            matches!(finished.code, Some(0 | 1)),
            "{fault}: {finished:?}"
        );
        if finished.code == Some(0) {
            assert_eq!(recordings(&stage), expected, "{fault}");
        }
    }
}

/// D8.
#[test]
fn what_a_server_writes_otherwise_is_read_all_the_same() {
    let cloud = small(cloud()).fill(jiff::civil::date(2018, 2, 12), 20);
    let expected = of_the_day(&cloud);
    let paged = ["page-cap=6", "offsets=refused"];
    let one = |setting: &str| Quirks::from_settings([&paged[..], &[setting]].concat()).unwrap();
    let mut readings: Vec<(String, Quirks)> = [
        "numbers=text",
        "numbers=number",
        "privacy=masked",
        "privacy=absent",
        "no-parameters=listed",
        "no-parameters=refused",
        "total=given",
        "spacing=pretty",
        "times=zulu",
        "times=epoch-ms",
        "times=epoch-ms-text",
        "list-form=recordings",
    ]
    .iter()
    .map(|setting| ((*setting).to_owned(), one(setting)))
    .collect();
    for links in Links::ALL.iter().filter(|links| **links != Links::None) {
        for name in [
            "next",
            "nextPage",
            "links.next",
            "paging.next.href",
            "_links.next.href",
        ] {
            let quirks = Quirks {
                links: *links,
                link_name: name.to_owned(),
                ..one("numbers=text")
            };
            readings.push((format!("{links} {name}"), quirks));
        }
    }
    for some in readings.chunks(AT_ONCE) {
        side_by_side(some, |(name, quirks)| {
            let stage = Stage::with(cloud.clone(), quirks.clone(), &[]);
            let finished = stage.backup();
            assert_eq!(finished.code, Some(0), "{name}: {finished:?}");
            assert_eq!(recordings(&stage), expected, "{name}");
            assert_eq!(stage.media_files().len(), 20, "{name}");
            let lists = stage.server.requests().of(RequestKind::List);
            // The link is what leads on: an offset is refused, and time is not divided.
            assert!(lists.len() <= 10, "{name}: {} lists", lists.len());
            assert!(
                lists.iter().any(|seen| seen.query.contains("scroll=")),
                "{name}"
            );
        });
    }
}

#[test]
fn a_wrong_login_is_told_however_it_is_refused() {
    side_by_side(BadLogin::ALL, |bad_login| {
        let quirks = Quirks {
            bad_login: *bad_login,
            ..Quirks::default()
        };
        let mut stage = Stage::with(cloud().recording("one").audio().build(), quirks, &[]);
        stage.env("GWS_PASSWORD", "wrong");
        stage.backup().expect_code(5);
        assert!(recordings(&stage).is_empty(), "{bad_login}");
    });
}

/// D4.
#[test]
fn a_link_that_leads_astray_costs_no_recording() {
    let cloud = small(cloud()).fill(jiff::civil::date(2018, 2, 12), 60);
    let expected = of_the_day(&cloud);
    let ways: [&[&str]; 9] = [
        &["list always: link to=eyJvZmYiOjEwMH0"],
        &["list always: link to=2"],
        &["list always: link to=/v2/recordings?scroll=7"],
        &["list always: link to=?astray", "list~astray always: 403"],
        &["list always: link to=?astray", "list~astray always: 404"],
        &["list always: link to=?astray", "list~astray always: 500"],
        &["list always: link to=?astray", "list~astray always: 400"],
        &["list always: link to=?astray", "list~astray always: html"],
        &[
            "list always: link to=?astray",
            "list~astray always: redirect to=https://elsewhere.invalid/",
        ],
    ];
    let offsets = [Offsets::Honoured, Offsets::Ignored];
    let cases: Vec<_> = ways
        .iter()
        .flat_map(|faults| offsets.map(|offsets| (faults, offsets)))
        .collect();
    for some in cases.chunks(AT_ONCE) {
        side_by_side(some, |(faults, offsets)| {
            let quirks = Quirks {
                offsets: *offsets,
                page_cap: 20,
                ..Quirks::default()
            };
            let stage = listing_stage(&cloud, &quirks, faults);
            let finished = stage.backup();
            assert_eq!(finished.code, Some(0), "{faults:?}: {finished:?}");
            assert_eq!(recordings(&stage), expected, "{faults:?} {offsets}");
            let requests = stage.server.requests();
            let astray = requests.matching(|seen| {
                seen.query.contains("astray") || seen.path != "/api/v2/recordings"
            });
            // The settings, and a link that is tried a few times and then never again.
            assert!((2..=4).contains(&astray.len()), "{faults:?}: {astray:#?}");
        });
    }
}

#[test]
fn a_server_may_limit_the_period_it_lists_at_once() {
    let cloud = small(cloud()).fill(jiff::civil::date(2018, 2, 12), 60);
    let expected = of_the_day(&cloud);
    let limited = |hours, links, upper_bound, unknown_parameters| Quirks {
        longest_range: hours,
        links,
        upper_bound,
        unknown_parameters,
        ..Quirks::default()
    };
    let (ignored, rejected) = (UnknownParameters::Ignored, UnknownParameters::Rejected);
    let cases = [
        (limited(49, Links::Absolute, UpperBound::Both, ignored), 8),
        (limited(24, Links::Absolute, UpperBound::Both, ignored), 16),
        (limited(24, Links::None, UpperBound::EndTime, rejected), 24),
        (limited(24, Links::None, UpperBound::StopTime, rejected), 24),
        (limited(5, Links::None, UpperBound::Both, ignored), 40),
    ];
    side_by_side(&cases, |(quirks, most)| {
        let stage = listing_stage(&cloud, quirks, &[]);
        let finished = stage.backup();
        assert_eq!(finished.code, Some(0), "{quirks:?}: {finished:?}");
        assert_eq!(recordings(&stage), expected, "{quirks:?}");
        let lists = stage.server.requests().counts().lists;
        assert!(lists <= *most, "{quirks:?}: {lists} lists");
    });
}

/// D1.
#[test]
fn a_day_that_the_server_cannot_list_keeps_no_other_from_being_listed() {
    let days = [12, 13, 14, 15, 16];
    let cloud = days.iter().fold(cloud(), |cloud, day| {
        let recording = cloud.recording(&format!("of-{day}"));
        let recording = recording.at(&format!("2018-02-{day}T12:00:00Z"));
        recording.audio().build()
    });
    // Lists reach back a day, for calls over midnight: this is the one of the 14th.
    let mut stage = Stage::with_faults(cloud, &["list~startTime=2018-02-13 always: 500"]);
    stage.set("maxDate=2018-02-12\nminDate=2018-02-17\nshardBy=P1D");
    let finished = stage.backup().expect_code(1);
    let failed = finished.stderr.matches("not listed: ").count();
    assert_eq!(failed, 1, "{finished:?}");
    for day in [15, 16] {
        let id = format!("of-{day}");
        let states = stage.states_or_none(&id);
        assert_eq!(states, Some(vec!["verified".to_owned()]), "{id}");
    }
    let end = stage.endtime_ms().unwrap();
    let bad_day: Timestamp = "2018-02-14T00:00:00Z".parse().unwrap();
    assert!(end <= bad_day.as_millisecond(), "{end}");
    stage.server.faults().clear();
    stage.backup().expect_code(0);
    assert_eq!(stage.media_files().len(), days.len());
}

#[test]
fn a_burst_is_complete_or_the_slice_fails() {
    let at: Timestamp = "2018-02-12T10:00:00Z".parse().unwrap();
    let cap = |links, offsets, number_filter| Quirks {
        links,
        offsets,
        number_filter,
        page_cap: 10,
        ..Quirks::default()
    };
    let none = cap(Links::None, Offsets::Ignored, NumberFilter::Ignored);
    // Spread over the milliseconds of a second, or all in one millisecond.
    let burst = small(cloud()).burst(at, 40);
    let pile = small(cloud()).pile(at, 40);
    let found = [
        (
            &burst,
            cap(Links::Absolute, Offsets::Ignored, NumberFilter::Ignored),
        ),
        (&burst, none.clone()),
        (
            &pile,
            cap(Links::Absolute, Offsets::Ignored, NumberFilter::Ignored),
        ),
        (
            &pile,
            cap(Links::None, Offsets::Honoured, NumberFilter::Ignored),
        ),
    ];
    side_by_side(&found, |(cloud, quirks)| {
        let stage = listing_stage(cloud, quirks, &[]);
        let finished = stage.backup();
        assert_eq!(finished.code, Some(0), "{quirks:?}: {finished:?}");
        assert_eq!(recordings(&stage), of_the_day(cloud), "{quirks:?}");
    });
    // Told apart by their numbers alone: found, although nothing proves that nobody called without one.
    let numbers = cap(Links::None, Offsets::Ignored, NumberFilter::Wildcard);
    let stage = listing_stage(&pile, &numbers, &[]);
    let finished = stage.backup();
    assert!(matches!(finished.code, Some(0 | 1)), "{finished:?}");
    assert_eq!(recordings(&stage), of_the_day(&pile));
    let seconds = Quirks {
        precision: Precision::Seconds,
        ..none.clone()
    };
    let lost_in_a_crowd = [(&pile, none), (&burst, seconds)];
    side_by_side(&lost_in_a_crowd, |(cloud, quirks)| {
        let stage = listing_stage(cloud, quirks, &[]);
        let (finished, lines) = stage.backup_json();
        assert_eq!(finished.code, Some(1), "{quirks:?}: {finished:?}");
        assert_eq!(events(&lines, "slice_failed").len(), 1, "{quirks:?}");
        expect_fields(summary(&lines), &[("slices_failed", 1)]);
        assert!(summary(&lines)["percent"].as_u64() < Some(100));
        assert!(
            recordings(&stage).len() >= 10,
            "{quirks:?}: what was seen is stored"
        );
        assert_eq!(stage.status()["checkpoint"], Value::Null, "{quirks:?}");
    });
}

#[test]
fn a_list_of_uris_is_followed_one_by_one() {
    let cloud = small(cloud()).fill(jiff::civil::date(2018, 2, 12), 12);
    for list_form in [ListForm::Uris, ListForm::Summaries] {
        let quirks = Quirks {
            list_form,
            page_cap: 5,
            ..Quirks::default()
        };
        let stage = Stage::with(cloud.clone(), quirks, &[]);
        stage.backup().expect_code(0);
        assert_eq!(recordings(&stage), of_the_day(&cloud), "{list_form:?}");
        assert_eq!(stage.media_files().len(), 12, "{list_form:?}");
        let counts = stage.server.requests().counts();
        if list_form == ListForm::Uris {
            assert_eq!(counts.recordings, 12, "{list_form:?}");
        }
    }
    // One that is gone by the time it is asked for is told; when all are gone, the list is not believed.
    let quirks = || Quirks {
        list_form: ListForm::Uris,
        ..Quirks::default()
    };
    let gone = format!("recording~{} always: 404", of_the_day(&cloud)[5]);
    let stage = Stage::with(cloud.clone(), quirks(), &[&gone]);
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    expect_fields(summary(&lines), &[("fetched", 11), ("server_faults", 1)]);
    let few = small(self::cloud()).fill(jiff::civil::date(2018, 2, 12), 5);
    for cloud in [few, cloud.clone()] {
        let stage = Stage::with(cloud, quirks(), &["recording always: 404"]);
        stage.backup().expect_code(1);
        assert_eq!(stage.endtime_ms(), None, "the checkpoint holds");
    }
    // One recording that may not be read fails its slice, and costs no other.
    let secret = of_the_day(&cloud).remove(5);
    let fault = format!("recording~{secret} always: 403");
    let stage = Stage::with(cloud.clone(), quirks(), &[&fault]);
    let (finished, lines) = stage.backup_json();
    finished.expect_code(1);
    expect_fields(summary(&lines), &[("fetched", 11), ("slices_failed", 1)]);
    stage.server.faults().clear();
    stage.backup().expect_code(0);
    assert_eq!(stage.media_files().len(), 12);
}

#[test]
fn an_empty_list_may_be_left_out() {
    // Calls in the first minutes only: the later slices of the day are empty.
    let cloud = (0..5).fold(small(cloud()), |cloud, minute| {
        let builder = cloud.recording(&format!("EARLY{minute}"));
        let at = format!("2018-02-12T00:0{minute}:00Z");
        builder.at(&at).audio().build()
    });
    let nothing = small(crate::stage::cloud());
    let server = |cloud: &Cloud, empty_list, total| {
        let quirks = Quirks {
            empty_list,
            total,
            links: Links::None,
            ..Quirks::default()
        };
        let mut stage = listing_stage(cloud, &quirks, &[]);
        stage.set("shardBy=PT4H");
        stage
    };
    let expected = of_the_day(&cloud);
    let readings = [
        (EmptyList::List, Total::Absent),
        (EmptyList::Null, Total::Absent),
        (EmptyList::Null, Total::Given),
        (EmptyList::Absent, Total::Absent),
        (EmptyList::Absent, Total::Given),
        (EmptyList::NoContent, Total::Absent),
    ];
    side_by_side(&readings, |(empty_list, total)| {
        let stage = server(&cloud, *empty_list, *total);
        let finished = stage.backup();
        assert_eq!(finished.code, Some(0), "{empty_list} {total}: {finished:?}");
        assert_eq!(recordings(&stage), expected, "{empty_list} {total}");
    });
    // Nothing but silence, from a server that never showed a list: no proof of anything.
    let silent = server(&nothing, EmptyList::Absent, Total::Absent);
    silent.backup().expect_code(1);
    assert_eq!(silent.status()["checkpoint"], Value::Null);
    let counted = server(&nothing, EmptyList::Absent, Total::Given);
    counted.backup().expect_code(0);
    // From a server that was seen to show its empty lists, silence is none of them; from one that was not, it is.
    for (empty_list, code) in [(EmptyList::List, 1), (EmptyList::Absent, 0)] {
        let stage = server(&cloud, empty_list, Total::Absent);
        stage.backup().expect_code(0);
        let silence = "list always: status-code code=0".parse().unwrap();
        stage.server.faults().add(silence);
        stage.backup().expect_code(code);
    }
}

/// D8.
#[test]
fn a_recording_that_says_nothing_about_media_is_a_fault() {
    let raw = |media: &str| {
        format!(r#"{{"id":"ODD","startTime":"2018-02-12T12:00:00.000+0000"{media}}}"#)
    };
    let cases = [
        ("", 3),
        (r#","recordedFiles":[{"mediaId":"a"}]"#, 3),
        (r#","mediaFiles":[]"#, 0),
        (r#","mediaFiles":null"#, 0),
    ];
    side_by_side(&cases, |(media, code)| {
        let odd = cloud().recording("ODD").raw(raw(media)).build();
        let stage = Stage::with(odd.recording("one").audio().build(), Quirks::default(), &[]);
        let (finished, lines) = stage.backup_json();
        finished.expect_code(*code);
        assert_eq!(recordings(&stage), ["ODD", "one"], "{media}");
        let faults = events(&lines, "server_fault");
        let about: Vec<_> = faults.iter().map(|fault| &fault["recording"]).collect();
        assert_eq!(about, vec!["ODD"; usize::from(*code == 3)], "{media}");
        let stored = stage.archive();
        let json = stored.iter().find(|(path, _)| path.ends_with("ODD.json"));
        assert_eq!(json.unwrap().1, raw(media).as_bytes());
        expect_fields(summary(&lines), &[("fetched", 1)]);
    });
}

/// D6.
#[test]
fn what_is_listed_in_more_than_one_slice_is_counted_once() {
    let cloud = small(cloud()).fill(jiff::civil::date(2018, 2, 12), 60);
    for page_cap in [100, 20] {
        let quirks = Quirks {
            page_cap,
            ..Quirks::default()
        };
        let mut stage = Stage::with(cloud.clone(), quirks, &[]);
        stage.set("shardBy=PT4H");
        let (finished, lines) = stage.backup_json();
        finished.expect_code(0);
        expect_fields(
            summary(&lines),
            &[("recordings", 60), ("announced", 60), ("fetched", 60)],
        );
        let (finished, lines) = stage.backup_json();
        finished.expect_code(0);
        expect_fields(summary(&lines), &[("announced", 60), ("unchanged", 60)]);
    }
}

#[test]
fn settings_may_be_absent() {
    for settings in [
        Settings::Array,
        Settings::Object,
        Settings::Empty,
        Settings::Forbidden,
        Settings::Missing,
    ] {
        let quirks = Quirks {
            settings,
            ..Quirks::default()
        };
        let stage = Stage::with(cloud().recording("one").audio().build(), quirks, &[]);
        stage.backup().expect_code(0);
        assert_eq!(stage.server.requests().counts().settings, 1, "{settings:?}");
    }
    for fault in [
        "settings always: 500",
        "settings always: html",
        "settings always: reset after=0",
    ] {
        let stage = Stage::with_faults(cloud().recording("one").audio().build(), &[fault]);
        stage.backup().expect_code(0);
        assert_eq!(stage.server.requests().counts().settings, 1, "{fault}");
    }
}
