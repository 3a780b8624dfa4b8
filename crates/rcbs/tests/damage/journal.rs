//! A ledger whose journal is gone, that is read for long, or that somebody else holds.

use rcbs_sim::{Cloud, Content};
use rusqlite::Connection;

use crate::stage::{Stage, cloud};
use crate::support::snapshot::files;

fn day() -> Cloud {
    (0..6).fold(cloud(), |cloud, number| {
        let recording = cloud.recording(&format!("RECORDING{number}"));
        recording
            .at(&format!("2018-02-12T{number:02}:30:00Z"))
            .audio_of(Content::pattern(50_000, number))
            .build()
    })
}

/// G4.
#[test]
fn a_journal_that_is_deleted_after_a_kill_costs_another_look_and_no_file() {
    let undisturbed = Stage::new(day());
    undisturbed.backup().expect_code(0);
    let whole = undisturbed.archive();
    for lost in [&["shm"][..], &["wal"], &["wal", "shm"]] {
        let mut stage = Stage::with_faults(day(), &["object from-4: stall after=1000"]);
        stage.set("shardBy=PT1H\nmaxConnections=1");
        let run = stage.program(&["backup", "--json"]).start();
        drop(run.kill_at_text("\"verified\""));
        let before = stage.archive();
        assert!(!before.is_empty());
        for end in lost {
            let path = stage.target().join(format!(".rcbs/ledger.db-{end}"));
            std::fs::remove_file(path).unwrap();
        }
        stage.server.faults().clear();
        stage.server.requests().clear();
        stage.backup().expect_code(0);
        assert!(stage.archive() == whole, "{lost:?}");
        let fetched = stage.server.requests().counts().complete_objects;
        let stored = before.keys().filter(|path| path.ends_with(".bin")).count();
        assert_eq!(fetched, whole.len() / 2 - stored, "{lost:?}");
        assert_eq!(stage.own_files("quarantine").len(), 0, "{lost:?}");
        stage
            .program(&["verify", "--read-data"])
            .run()
            .expect_code(0);
    }
}

/// G5.
#[test]
fn a_reader_that_takes_its_time_holds_up_no_run() {
    let stage = Stage::new(day());
    stage.backup().expect_code(0);
    let ledger = stage.target().join(".rcbs/ledger.db");
    let reader = Connection::open(&ledger).unwrap();
    let count = "SELECT count(*) FROM recording";
    let counted = |reader: &Connection| {
        reader
            .query_row(count, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(counted(&reader), 6);
    for number in 0..20 {
        stage.server.cloud().change(|cloud| {
            cloud.change("RECORDING0", |one| one.caller = format!("+1555{number}"));
        });
        stage.backup().expect_code(0);
    }
    assert_eq!(counted(&reader), 6);
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    stage.backup().expect_code(0);
    let own = files(&stage.target().join(".rcbs"));
    let journal = own.get(std::path::Path::new("ledger.db-wal"));
    assert_eq!(journal.map_or(0, Vec::len), 0, "it is emptied at the end");
}

/// G7.
#[test]
fn a_ledger_that_somebody_holds_is_waited_for_and_then_told() {
    let stage = Stage::new(day());
    stage.backup().expect_code(0);
    let archive = stage.archive();
    let other = Connection::open(stage.target().join(".rcbs/ledger.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let finished = stage.backup().expect_code(7);
    assert!(finished.stderr.contains("in use"), "{finished:?}");
    assert!(finished.stderr.contains("hint: "), "{finished:?}");
    assert!(finished.wall.as_secs() >= 29, "{finished:?}");
    assert!(stage.archive() == archive);
    other.execute_batch("ROLLBACK").unwrap();
    stage.backup().expect_code(0);
}
