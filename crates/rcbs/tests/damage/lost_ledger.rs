//! A ledger that is lost or restored: the manifests say what the files were, and damage does not pass for whole.

use std::path::Path;

use rcbs_sim::Content;
use rcbs_sim::quirks::{Quirks, Settings};
use serde_json::Value;

use crate::manifests::{sign, yesterday};
use crate::stage::{Stage, cloud, customer, events, expect_fields, summary};

fn stage() -> Stage {
    let stage = Stage::new(cloud().recording("one").audio().build());
    stage.backup().expect_code(0);
    stage
}

fn lose_ledger(stage: &Stage) {
    for entry in std::fs::read_dir(stage.target().join(".rcbs")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("ledger.db")
        {
            std::fs::remove_file(path).unwrap();
        }
    }
}

/// Flips one bit in the middle of a file: of a media file in its ciphertext, where its structure stays sound.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn json(stage: &Stage, args: &[&str], code: i32) -> Vec<Value> {
    let args = [args, &["--json"]].concat();
    let finished = stage.program(&args).run().expect_code(code);
    let lines = finished.stdout.lines();
    lines.map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn warnings(lines: &[Value]) -> Vec<String> {
    let texts = events(lines, "warning").into_iter();
    texts
        .map(|it| it["text"].as_str().unwrap().to_owned())
        .collect()
}

/// The cloud no longer has the object of the first media file.
fn take_from_cloud(stage: &Stage, id: &str) {
    stage.server.cloud().change(|cloud| {
        cloud.change(id, |recording| {
            recording.media[0].object_gone_at = Some(jiff::Timestamp::MIN);
        });
    });
}

#[test]
fn the_last_copy_of_a_damaged_file_stays_and_is_never_taken_for_whole() {
    let stage = stage();
    let path = stage.media_files()[0].clone();
    flip(&stage.target().join(&path));
    let harmed = stage.archive();
    lose_ledger(&stage);
    take_from_cloud(&stage, "one");
    for _ in 0..2 {
        let lines = json(&stage, &["backup"], 4);
        let told = warnings(&lines);
        assert!(
            told.iter()
                .any(|it| it.contains(&path) && it.contains("stays where it is")),
            "{told:?}"
        );
        assert_eq!(stage.states("one"), ["lost"]);
        assert!(stage.archive() == harmed);
        assert!(stage.own_files("quarantine").is_empty());
        stage
            .program(&["verify", "--manifests"])
            .run()
            .expect_code(9);
    }
}

#[test]
fn a_damaged_file_that_cannot_be_replaced_now_stays_and_is_replaced_later() {
    let stage = stage();
    let before = stage.archive();
    let path = stage.media_files()[0].clone();
    flip(&stage.target().join(&path));
    let harmed = stage.archive()[&path].clone();
    // Its entry is opened again, because it has to be compared with what is announced now.
    stage
        .server
        .cloud()
        .change(|cloud| cloud.change("one", |recording| recording.caller = "+15550199".to_owned()));
    let refused = "object always: 403 code=AccessDenied";
    stage.server.faults().add(refused.parse().unwrap());
    for _ in 0..2 {
        let finished = stage.backup();
        assert!(
            finished.stderr.contains("stays where it is"),
            "{finished:?}"
        );
        assert_eq!(stage.states("one"), ["waiting"]);
        assert!(stage.archive()[&path] == harmed);
        assert!(stage.own_files("quarantine").is_empty());
    }
    stage.server.faults().clear();
    stage.backup().expect_code(0);
    assert!(stage.archive()[&path] == before[&path]);
    assert_eq!(
        stage
            .own_files("quarantine")
            .into_values()
            .collect::<Vec<_>>(),
        [harmed]
    );
    // And a file of another length the same.
    std::fs::write(stage.target().join(&path), "short").unwrap();
    take_from_cloud(&stage, "one");
    for _ in 0..2 {
        stage.backup().expect_code(4);
        assert!(stage.archive()[&path] == b"short");
    }
}

/// G2.
#[test]
fn damage_behind_the_end_of_a_restored_ledger_is_found() {
    let stage = stage();
    let ledger = stage.target().join(".rcbs/ledger.db");
    let kept = std::fs::read(&ledger).unwrap();
    for id in ["two", "three"] {
        stage.server.cloud().change(|cloud| {
            let added = self::cloud().recording(id).audio().build();
            cloud.add(added.recording_by_id(id).unwrap().clone());
        });
        // The first goes into the manifest that the kept ledger knows, the second into one that it does not.
        stage.backup().expect_code(0);
        if id == "two" {
            let connection = rusqlite::Connection::open(&ledger).unwrap();
            connection
                .execute("DELETE FROM manifest_backlog", [])
                .unwrap();
        }
    }
    assert_eq!(stage.manifests().len(), 2);
    let before = stage.archive();
    let files = stage.media_files();
    for path in files.iter().filter(|path| !path.contains("/one/")) {
        flip(&stage.target().join(path));
    }
    lose_ledger(&stage);
    std::fs::write(&ledger, kept).unwrap();
    let lines = json(&stage, &["backup"], 0);
    expect_fields(summary(&lines), &[("fetched", 2), ("unchanged", 1)]);
    assert!(stage.archive() == before);
    assert_eq!(stage.own_files("quarantine").len(), 2);
}

#[test]
fn files_stored_unencrypted_are_taken_over_by_their_manifest_line() {
    for (content, setting) in [
        (
            b"ID3\x03\0\0\0\0\0\0 some words".repeat(90),
            "plainMedia=encrypt",
        ),
        (
            b"nothing that anybody knows".repeat(90),
            "plainMedia=refuse",
        ),
    ] {
        let quirks = Quirks {
            settings: Settings::Missing,
            ..Quirks::default()
        };
        let plain = cloud()
            .recording("plain")
            .audio_of(Content::bytes(content))
            .plain();
        let mut stage = Stage::with(plain.build(), quirks, &[]);
        stage.set("plainMedia=store");
        stage.backup().expect_code(0);
        let before = stage.archive();
        stage.object_requests();
        stage.set(setting);
        for command in ["backup", "adopt"] {
            lose_ledger(&stage);
            let lines = json(&stage, &[command], 0);
            expect_fields(events(&lines, "verified")[0], &[("check", "manifest")]);
            assert!(stage.archive() == before, "{command}");
            assert_eq!(stage.object_requests(), 0);
            let keys = stage.program(&["keys"]).run().expect_code(0).stdout;
            assert!(keys.contains("nobody: stored unencrypted"), "{keys}");
        }
        // A flip of it is no longer what was stored.
        lose_ledger(&stage);
        flip(&stage.target().join(&stage.media_files()[0]));
        stage.program(&["adopt"]).run().expect_code(3);
        stage.backup().expect_code(3);
        stage.set("plainMedia=store");
        stage.backup().expect_code(0);
        assert!(stage.archive() == before);
    }
}

#[test]
fn a_manifest_that_does_not_fit_is_told_once_and_takes_no_good_file() {
    type Harm = fn(&Path);
    let cut: Harm = |path| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() - 30]).unwrap();
    };
    let garbled: Harm = |path| {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[40] = 0xff;
        std::fs::write(path, bytes).unwrap();
    };
    let longer: Harm = |path| {
        let text = std::fs::read_to_string(path).unwrap();
        std::fs::write(path, text + &format!("{}  x\n", "0".repeat(64))).unwrap();
    };
    let no_text: Harm = |path| {
        std::fs::remove_file(path).unwrap();
        std::fs::create_dir(path).unwrap();
    };
    let unsigned: Harm = |path| std::fs::write(path.with_extension("txt.sig"), [7; 64]).unwrap();
    for (case, harm) in [
        ("cut", cut),
        ("garbled", garbled),
        ("another line", longer),
        ("a folder", no_text),
        ("signature", unsigned),
    ] {
        let mut stage = stage();
        sign(&mut stage);
        yesterday(&stage);
        stage.server.cloud().change(|cloud| {
            let added = self::cloud().recording("two").audio().build();
            cloud.add(added.recording_by_id("two").unwrap().clone());
        });
        stage.backup().expect_code(0);
        let before = stage.archive();
        stage.object_requests();
        let newest = stage
            .manifests()
            .into_keys()
            .rfind(|it| it.ends_with(".txt"))
            .unwrap();
        let first = "manifests/2018/2018-02-12-001/manifest-sha256.txt".to_owned();
        let path = if case == "signature" { newest } else { first };
        harm(&stage.target().join(&path));
        lose_ledger(&stage);
        for command in ["backup", "adopt"] {
            let lines = json(&stage, &[command], 0);
            let told: Vec<_> = warnings(&lines)
                .into_iter()
                .filter(|it| it.contains("does not fit"))
                .collect();
            let once = usize::from(command == "backup");
            assert_eq!(told.len(), once, "{case}, {command}: {told:?}");
            assert!(
                told.iter()
                    .all(|it| it.contains("2018-02-12-001") || it.contains(&path)),
                "{told:?}"
            );
            let taken = if command == "backup" {
                ("adopted", 2)
            } else {
                ("unchanged", 2)
            };
            expect_fields(summary(&lines), &[taken, ("fetched", 0), ("lost", 0)]);
            assert!(stage.archive() == before, "{case}");
            assert!(stage.own_files("quarantine").is_empty(), "{case}");
        }
        assert_eq!(stage.object_requests(), 0);
    }
}

#[test]
fn what_a_manifest_says_counts_until_its_file_is_stored_anew() {
    let words = Content::bytes(b"ID3\x03\0\0\0\0\0\0 some words".repeat(90));
    let plain = cloud().recording("plain").audio_of(words).plain();
    let mut stage = Stage::new(plain.build());
    let pem = stage.folder().join("recipients.pem");
    std::fs::write(&pem, &customer().certificate_pem).unwrap();
    stage.set(&format!("certificateFile={}", pem.display()));
    stage.backup().expect_code(0);
    yesterday(&stage);
    lose_ledger(&stage);
    let path = stage.media_files()[0].clone();
    let first = stage.archive()[&path].clone();
    flip(&stage.target().join(&path));
    stage.program(&["adopt"]).run().expect_code(3);
    // Sealed anew, with another content key: the old line does not hold any more.
    stage.backup().expect_code(0);
    assert!(stage.archive()[&path] != first);
    let lines = json(&stage, &["verify", "--manifests"], 0);
    let changed = events(&lines, "changed");
    assert_eq!(changed.len(), 1);
    expect_fields(changed[0], &[("path", path.as_str())]);
    assert!(
        changed[0]["before"]
            .as_str()
            .unwrap()
            .contains("2018-02-12-001")
    );
    assert_eq!(lines.last().unwrap()["changed"], 1);
    let told = stage
        .program(&["verify", "--manifests"])
        .run()
        .expect_code(0)
        .stdout;
    assert!(
        told.contains("changed: ") && told.contains("sound: "),
        "{told}"
    );
    // And not when it is opened again either.
    stage.server.cloud().change(|cloud| {
        cloud.change("plain", |recording| {
            recording.caller = "+15550199".to_owned();
        })
    });
    stage.backup().expect_code(0);
    lose_ledger(&stage);
    let lines = json(&stage, &["adopt"], 0);
    expect_fields(events(&lines, "verified")[0], &[("check", "manifest")]);
}

#[test]
fn nothing_stays_noted_of_what_was_taken_over() {
    let stage = stage();
    let noted = || -> i64 {
        let ledger = rusqlite::Connection::open(stage.target().join(".rcbs/ledger.db")).unwrap();
        let sql = "SELECT count(*) FROM noted";
        ledger.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let path = stage.target().join(&stage.media_files()[0]);
    for command in ["adopt", "backup"] {
        lose_ledger(&stage);
        stage.program(&[command]).run().expect_code(0);
        assert_eq!(noted(), 0, "{command}");
    }
    // Not before.
    flip(&path);
    lose_ledger(&stage);
    stage.program(&["adopt"]).run().expect_code(3);
    assert_eq!(noted(), 1);
    stage.backup().expect_code(0);
    assert_eq!(noted(), 0);
}

#[test]
fn damaged_metadata_of_a_recording_that_is_gone_do_not_become_what_was_stored() {
    let stage = stage();
    let metadata = stage
        .archive()
        .into_keys()
        .find(|it| it.ends_with(".json"))
        .unwrap();
    // Something of it is left to do, so the metadata are read again: from the archive, where the cloud has none.
    std::fs::remove_file(stage.target().join(&stage.media_files()[0])).unwrap();
    stage
        .server
        .faults()
        .add("object always: 403 code=AccessDenied".parse().unwrap());
    stage.backup();
    assert_eq!(stage.states("one"), ["waiting"]);
    flip(&stage.target().join(&metadata));
    stage.server.cloud().change(|cloud| {
        cloud.change("one", |recording| {
            recording.gone_at = Some(jiff::Timestamp::UNIX_EPOCH);
        });
    });
    let told = stage.backup().expect_code(4).stderr;
    assert!(told.contains(&metadata), "{told}");
    let lines = json(&stage, &["verify"], 9);
    expect_fields(events(&lines, "damaged")[0], &[("path", metadata.as_str())]);
}

/// B2.
#[test]
fn what_a_crash_left_damaged_stays_until_it_is_replaced() {
    let stage = stage();
    let before = stage.archive();
    let path = stage.media_files()[0].clone();
    flip(&stage.target().join(&path));
    let ledger = rusqlite::Connection::open(stage.target().join(".rcbs/ledger.db")).unwrap();
    // As if the run had ended before it could confirm the file.
    let publishing = "UPDATE media SET state = 1;
        UPDATE recording SET open = 1;
        UPDATE tally SET files = 1 WHERE what = 'publishing';
        UPDATE tally SET files = 0, bytes = 0 WHERE what = 'verified';";
    ledger.execute_batch(publishing).unwrap();
    drop(ledger);
    let refused = "object always: 403 code=AccessDenied";
    stage.server.faults().add(refused.parse().unwrap());
    for _ in 0..2 {
        stage.backup();
        assert_eq!(stage.states("one"), ["waiting"]);
        assert!(stage.archive()[&path] != before[&path]);
        assert!(stage.own_files("quarantine").is_empty());
    }
    stage.server.faults().clear();
    stage.backup().expect_code(0);
    assert!(stage.archive() == before);
    assert_eq!(stage.own_files("quarantine").len(), 1);
}
