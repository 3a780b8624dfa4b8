//! Ids that want to be paths, devices, terminal commands or nothing at all.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::scene::{assert_printable, run, with_neighbours};
use crate::stage::{Stage, cloud};
use crate::support::snapshot::files;

/// Longest name of a file or folder that every usual file system takes.
const NAME_BYTES: usize = 255;

/// Ids that hold something, however nasty: each is data, and its recording is stored.
fn nasty() -> Vec<String> {
    let climbs = (1..12).map(|steps| format!("{}outside{steps}", "../".repeat(steps)));
    let others = [
        "/absolute/rcbs-hostile",
        "C:\\x",
        "c:/x",
        "\\\\host\\share\\x",
        "nul\0nul",
        "CON",
        "con",
        "NUL.bin",
        "aux.mp3",
        "COM1",
        ".",
        "..",
        "...",
        ".rcbs",
        "last_recording_endtime.txt",
        "trailing dot.",
        "trailing blank ",
        " leading blank",
        "%2e%2e%2fencoded",
        "line\nfeed\rreturn\ttab",
        "\u{1b}]0;title\u{7}\u{1b}[2J",
        "\u{9b}31m",
        "\u{202e}3pm.exe",
        "\u{2066}isolated\u{2069}",
        "caf\u{e9}",
        "cafe\u{301}",
        "*?<>|\":",
        "a/b/c",
        "-rf",
        "\u{fffd}\u{10ffff}",
        "{\"id\":\"x\"}",
        "$(id)`id`",
    ];
    climbs
        .chain(others.map(str::to_owned))
        .chain([long('A'), long('\u{1f600}'), "x/".repeat(2_000)])
        .collect()
}

fn long(letter: char) -> String {
    letter.to_string().repeat(4_096 / letter.len_utf8())
}

/// A stage with one recording for each nasty id, whose media file has the same id.
fn nasty_stage() -> Stage {
    let mut cloud = with_neighbours(cloud());
    for (number, id) in nasty().iter().enumerate() {
        cloud = cloud
            .recording(id)
            .at("2018-02-12T12:00:00Z")
            .audio()
            .media_id(id)
            .stored_as("nasty", &format!("{number}.bin"))
            .build();
    }
    Stage::new(cloud)
}

/// B19.
#[test]
fn an_id_is_data_and_never_a_path() {
    let stage = nasty_stage();
    let report = run(&stage).expect_code(0).expect_neighbours();
    for id in nasty() {
        assert_eq!(report.of("verified", &id).len(), 1, "{id:?}");
        // The climbing ones would land at the top of the stage's folder, which `run` looks at, or further up.
        let name = id.trim_start_matches("../");
        assert!(!std::env::temp_dir().join(name).exists() || !name.starts_with("outside"));
    }
    assert!(!PathBuf::from("/absolute").exists());
    for path in files(&stage.target()).into_keys() {
        assert!(
            !path.starts_with(".rcbs/..") && path.components().count() <= 6,
            "{path:?}"
        );
        for part in &path {
            let part = part.to_str().unwrap();
            assert!(
                part.len() <= NAME_BYTES && !part.contains(['\\', ':', '\0', '\n', '\u{1b}']),
                "{part:?}"
            );
        }
    }
    // They are known by their names again.
    let again = run_again(&stage);
    assert_eq!(again, 0, "objects fetched by the second run");
}

fn run_again(stage: &Stage) -> usize {
    stage.object_requests();
    stage.backup().expect_code(0);
    stage.object_requests()
}

#[test]
fn nothing_that_a_server_says_commands_the_terminal() {
    // Each nasty recording misses its object, so that its ids stand in a line of their own.
    let mut cloud = with_neighbours(cloud());
    let ids: Vec<String> = nasty()
        .into_iter()
        .filter(|id| id.chars().any(|c| c.is_control() || !c.is_ascii()))
        .collect();
    for (number, id) in ids.iter().enumerate() {
        cloud = cloud
            .recording(id)
            .at("2018-02-12T12:00:00Z")
            .audio()
            .media_id(id)
            .stored_as("nasty", &format!("{number}.bin"))
            .without_object()
            .build();
    }
    let stage = Stage::new(cloud);
    let finished = stage.backup().expect_code(4);
    assert_printable(&finished.stdout);
    assert_printable(&finished.stderr);
    assert!(finished.stderr.contains("lost: "), "{}", finished.stderr);
    let explained = stage
        .program(&["explain", "\u{202e}3pm.exe"])
        .run()
        .expect_code(0);
    assert_printable(&explained.stdout);
    let status = stage.program(&["status"]).run();
    assert_ne!(status.stdout, "");
    assert_printable(&status.stdout);
}

#[test]
fn what_has_no_id_is_told_and_harms_nobody() {
    let ids: [Value; 8] = [
        json!(""),
        json!("   "),
        json!("\u{3000}"),
        json!(null),
        json!({}),
        json!([]),
        json!(true),
        json!(["../x"]),
    ];
    let mut cloud = with_neighbours(cloud());
    for (number, id) in ids.iter().enumerate() {
        cloud = cloud
            .recording(&format!("HIDDEN{number}"))
            .at("2018-02-12T12:00:00Z")
            .audio()
            .field("id", id.clone())
            .recording(&format!("KNOWN{number}"))
            .at("2018-02-12T13:00:00Z")
            .audio()
            .media_field("mediaId", id.clone())
            .screen()
            .build();
    }
    let report = run(&Stage::new(cloud)).expect_code(3).expect_neighbours();
    let nameless = report.all("server_fault").into_iter();
    let nameless = nameless.filter(|fault| fault["recording"].is_null());
    assert_eq!(nameless.count(), ids.len(), "{:#?}", report.lines);
    for number in 0..ids.len() {
        // The other media file of the same recording is stored.
        let known = format!("KNOWN{number}");
        assert_eq!(report.of("verified", &known).len(), 1, "{known}");
        assert_eq!(report.of("server_fault", &known).len(), 1, "{known}");
    }
}

/// B19.
#[test]
fn media_ids_that_are_alike_do_not_overwrite_each_other() {
    let mut recording = with_neighbours(cloud())
        .recording("ALIKE")
        .at("2018-02-12T12:00:00Z");
    let ids = ["a", "A", "a.bin", "a.BIN", "A.bin", "a%2Ebin", "a."];
    for (number, id) in ids.iter().enumerate() {
        recording = recording
            .audio_of(rcbs_sim::Content::pattern(1_000, number as u64))
            .media_id(id)
            .stored_as("alike", &number.to_string());
    }
    let stage = Stage::new(recording.build());
    let report = run(&stage).expect_code(0).expect_neighbours();
    assert_eq!(report.of("verified", "ALIKE").len(), ids.len());
    assert_eq!(run_again(&stage), 0);
}

#[test]
fn one_id_for_two_files_keeps_the_first_and_says_so() {
    let cloud = with_neighbours(cloud())
        .recording("TWICE")
        .at("2018-02-12T12:00:00Z")
        .audio_of(rcbs_sim::Content::pattern(1_000, 1))
        .media_id("same")
        .stored_as("twice", "first")
        .audio_of(rcbs_sim::Content::pattern(1_000, 2))
        .media_id("other")
        .media_field("mediaId", "same")
        .stored_as("twice", "second")
        .build();
    run(&Stage::new(cloud))
        .expect_code(3)
        .expect_neighbours()
        .expect_reason("server_fault", "the first is used");
}

#[test]
fn a_look_alike_that_comes_later_takes_no_name_and_costs_no_file() {
    let cloud = with_neighbours(cloud())
        .recording("ALIKE")
        .at("2018-02-12T12:00:00Z")
        .audio_of(rcbs_sim::Content::pattern(1_000, 1))
        .media_id("x.mp3")
        .stored_as("alike", "first")
        .audio_of(rcbs_sim::Content::pattern(1_000, 2))
        .media_id("x.mp3.bin")
        .stored_as("alike", "second")
        .late_by(jiff::SignedDuration::from_hours(1_000_000))
        .build();
    let stage = Stage::new(cloud);
    run(&stage).expect_code(0).expect_neighbours();
    let first = stage.archive();
    // The second appears, and the object of the first is gone.
    stage.server.cloud().change(|cloud| {
        cloud.change("ALIKE", |recording| {
            recording.media[0].object_gone_at = Some(jiff::Timestamp::UNIX_EPOCH);
            recording.media[1].appears_after = jiff::SignedDuration::ZERO;
        })
    });
    stage.object_requests();
    stage.backup().expect_code(0);
    assert_eq!(stage.object_requests(), 1);
    assert_eq!(stage.states("ALIKE"), ["verified"; 2]);
    for (path, bytes) in first.iter().filter(|(path, _)| path.ends_with(".bin")) {
        assert!(stage.archive()[path] == *bytes, "{path}");
    }
    // So it stays, also when the ledger is lost.
    let before = stage.archive();
    for _ in 0..2 {
        stage.backup().expect_code(0);
        assert_eq!(stage.object_requests(), 0);
        assert_eq!(stage.archive(), before);
        std::fs::remove_dir_all(stage.target().join(".rcbs")).unwrap();
    }
}
