//! Chapter "The archive".

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::stage::{Stage, cloud, expect_fields, summary};

/// B19.
#[test]
fn names_are_safe_on_every_platform() {
    let ids = [
        (
            "01F62DGIBGD8369P7GC362LAES00000G",
            "01F62DGIBGD8369P7GC362LAES00000G",
        ),
        ("a:b*c?d\"e<f>g|h", "a%3Ab%2Ac%3Fd%22e%3Cf%3Eg%7Ch"),
        ("../up", "%2E.%2Fup"),
        ("back\\slash", "back%5Cslash"),
        ("CON", "%43ON"),
        ("nul.txt", "%6Eul.txt"),
        ("dot.", "dot%2E"),
        ("space ", "space%20"),
        ("100%~", "100%25%7E"),
        ("Zürich", "Z%C3%BCrich"),
    ];
    let cloud = ids.iter().fold(cloud(), |cloud, (id, _)| {
        cloud
            .recording(id)
            .audio()
            .media_id(id)
            .stored_as("calls", &id.len().to_string())
            .build()
    });
    let stage = Stage::new(cloud);
    stage.backup().expect_code(0);
    let expected: BTreeMap<String, &str> = ids
        .iter()
        .flat_map(|(id, name)| {
            // An ending takes the last dot or space into the middle, and a reserved name is one with an ending, too.
            let inner = match *id {
                "dot." | "space " => id,
                _ => name,
            };
            let folder = format!("2018/02/12/12/{name}");
            [
                (format!("{folder}/{inner}.json"), *id),
                (format!("{folder}/{inner}.bin"), *id),
            ]
        })
        .collect();
    let files = stage.archive();
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".json")) {
        let json: Value = serde_json::from_slice(bytes).unwrap();
        assert_eq!(json["id"], expected[path]);
    }
    // Ids that differ by letter case only, and a long one.
    let long = "x".repeat(400);
    let cloud = self::cloud()
        .recording("one")
        .audio()
        .media_id("Same")
        .screen()
        .media_id("same")
        .recording(&long)
        .audio()
        .media_id(&long)
        .stored_as("calls", "long")
        .build();
    let stage = Stage::new(cloud);
    stage.backup().expect_code(0);
    let names: Vec<String> = stage
        .media_files()
        .iter()
        .map(|path| path.rsplit('/').next().unwrap().to_lowercase())
        .collect();
    assert_eq!(names.len(), 3);
    assert!(
        names[0] != names[1] && names.iter().all(|name| name.len() <= 255),
        "{names:?}"
    );
}

/// G1.
#[test]
fn a_lost_ledger_is_rebuilt_from_the_archive() {
    let cloud = ["a", "b"].iter().fold(cloud(), |cloud, id| {
        cloud.recording(id).audio().screen().build()
    });
    let stage = Stage::new(cloud);
    stage.backup().expect_code(0);
    let before = (stage.archive(), states(&stage));
    stage.object_requests();
    for command in ["backup", "adopt"] {
        std::fs::remove_dir_all(stage.target().join(".rcbs")).unwrap();
        let finished = stage.program(&[command, "--json"]).run().expect_code(0);
        let lines: Vec<Value> = finished
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        expect_fields(
            summary(&lines),
            &[("adopted", 4), ("fetched", 0), ("percent", 100)],
        );
        assert_eq!(stage.object_requests(), 0, "{command}");
        assert_eq!((stage.archive(), states(&stage)), before, "{command}");
    }
    // An archive that is adopted is in place for the next run.
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    expect_fields(summary(&lines), &[("unchanged", 4), ("metadata_stored", 0)]);
    // What is not wanted was never there, and nothing waits for it; what another instance owns is left to it.
    let mut choosy = Stage::new(self::cloud().recording("a").audio().screen().build());
    choosy.set("mediaTypePattern=audio/.*");
    choosy.backup().expect_code(0);
    std::fs::remove_dir_all(choosy.target().join(".rcbs")).unwrap();
    choosy.program(&["adopt"]).run().expect_code(0);
    let mut states = choosy.states("a");
    states.sort();
    assert_eq!(states, ["skipped", "verified"]);
    std::fs::remove_dir_all(choosy.target().join(".rcbs")).unwrap();
    choosy.set("totalRcbsInstances=2\nrcbsInstanceId=0");
    choosy.program(&["adopt"]).run().expect_code(0);
    // "a" has the hash 97.
    expect_fields(&choosy.status(), &[("recordings", 0)]);
    // What does not hold is fetched again.
    let path = stage.target().join(&stage.media_files()[0]);
    std::fs::remove_dir_all(stage.target().join(".rcbs")).unwrap();
    std::fs::write(&path, b"0\x83\x01\x00\x00 not what it was").unwrap();
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    expect_fields(summary(&lines), &[("adopted", 3), ("fetched", 1)]);
    assert_eq!(stage.archive(), before.0);
    assert_eq!(stage.own_files("quarantine").len(), 1);
}

/// Flips one bit in the middle of a file: of a media file in its ciphertext, where its structure stays sound.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// G2.
#[test]
fn a_lost_ledger_hides_no_damage() {
    for ending in [".bin", ".json"] {
        for adopts in [false, true] {
            let stage = Stage::new(
                ["a", "b"]
                    .iter()
                    .fold(cloud(), |cloud, id| cloud.recording(id).audio().build()),
            );
            stage.backup().expect_code(0);
            let before = stage.archive();
            let path = before.keys().find(|it| it.ends_with(ending)).unwrap();
            flip(&stage.target().join(path));
            let harmed = stage.archive();
            std::fs::remove_dir_all(stage.target().join(".rcbs")).unwrap();
            stage.object_requests();
            if adopts {
                // Told by name, left where it is, and never called whole.
                let finished = stage.program(&["adopt"]).run().expect_code(3);
                let told = finished.stdout + &finished.stderr;
                assert!(told.contains(path) && told.contains("damaged"), "{told}");
                assert!(stage.archive() == harmed, "{ending}");
                assert_eq!(stage.object_requests(), 0);
                let verified = stage.status()["verified"].as_u64().unwrap();
                assert_eq!(verified, if ending == ".bin" { 1 } else { 2 });
                stage
                    .program(&["verify", "--manifests"])
                    .run()
                    .expect_code(9);
            }
            let (finished, lines) = stage.backup_json();
            finished.expect_code(0);
            let fetched = i32::from(ending == ".bin");
            expect_fields(summary(&lines), &[("fetched", fetched), ("percent", 100)]);
            assert!(stage.archive() == before, "{ending}");
            let aside: Vec<_> = stage.own_files("quarantine").into_values().collect();
            assert!(aside == [harmed[path].clone()], "{ending}");
            for how in ["--read-data", "--manifests"] {
                stage.program(&["verify", how]).run().expect_code(0);
            }
        }
    }
}

/// What the ledger knows of the content, whatever it was checked by.
fn states(stage: &Stage) -> Vec<(String, Value)> {
    let media = ["a", "b"].map(|id| stage.explain(id)["media"].take());
    let all = media.iter().flat_map(|media| media.as_array().unwrap());
    all.map(|one| {
        (
            one["state"].as_str().unwrap().to_owned(),
            one["sha256"].clone(),
        )
    })
    .collect()
}
