//! A damaged, missing or unreadable ledger, and an archive that is not there.

use std::path::Path;

use rusqlite::Connection;

use crate::stage::{Stage, cloud};
use crate::support::small_disk::{ReadOnlyFile, where_disks_can_be_mounted};

/// Changes the ledger behind the program's back.
pub fn sql(ledger: &Path, sql: &str) {
    let connection = Connection::open(ledger).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn stage() -> Stage {
    let stage = Stage::new(cloud().recording("one").audio().screen().build());
    stage.backup().expect_code(0);
    stage
}

/// G3.
#[test]
fn a_damaged_ledger_is_told_and_nothing_is_touched() {
    for (name, damage) in [
        (
            "cut",
            &(|bytes: &mut Vec<u8>| bytes.truncate(5_000)) as &dyn Fn(&mut Vec<u8>),
        ),
        ("another file", &|bytes| {
            *bytes = b"not a ledger at all".repeat(400);
        }),
        ("a flip in the header", &|bytes| bytes[20] ^= 0xff),
    ] {
        let stage = stage();
        let ledger = stage.target().join(".rcbs/ledger.db");
        let mut bytes = std::fs::read(&ledger).unwrap();
        damage(&mut bytes);
        std::fs::write(&ledger, &bytes).unwrap();
        let archive = stage.archive();
        for args in [&["verify"][..], &["verify", "--read-data", "--repair"]] {
            let finished = stage.program(args).run().expect_code(8);
            assert!(finished.stderr.contains("hint: "), "{name}: {finished:?}");
        }
        assert_eq!(stage.archive(), archive, "{name}");
        assert_eq!(
            std::fs::read(&ledger).unwrap(),
            bytes,
            "{name}: it is evidence"
        );
    }
}

#[test]
fn without_a_ledger_or_an_archive_nothing_is_called_sound() {
    let stage = stage();
    std::fs::remove_file(stage.target().join(".rcbs/ledger.db")).unwrap();
    let told = stage.program(&["verify"]).run().expect_code(6).stderr;
    assert!(told.contains("there is no ledger"), "{told}");
    std::fs::remove_dir_all(stage.target()).unwrap();
    let told = stage.program(&["verify"]).run().expect_code(6).stderr;
    assert!(told.contains("hint: "), "{told}");
    assert!(!stage.target().exists());
}

/// Everything would be called missing, and a repair would fetch it all into the mount point.
/// B12.
#[test]
fn an_empty_mount_point_is_no_damaged_archive() {
    let mut stage = Stage::new(cloud().recording("one").audio().build());
    stage.set("stateDir=state");
    stage.backup().expect_code(0);
    std::fs::remove_dir_all(stage.target()).unwrap();
    std::fs::create_dir(stage.target()).unwrap();
    for args in [&["verify"][..], &["verify", "--repair"]] {
        stage.program(args).run().expect_code(6);
        assert_eq!(std::fs::read_dir(stage.target()).unwrap().count(), 0);
    }
    assert_eq!(stage.states("one"), ["verified"]);
}

#[test]
fn damage_is_told_also_where_the_ledger_can_only_be_read() {
    let test = "ledger::damage_is_told_also_where_the_ledger_can_only_be_read";
    where_disks_can_be_mounted(test, || {
        let cloud = (0..6).fold(cloud(), |cloud, number| {
            cloud.recording(&format!("r{number}")).audio().build()
        });
        let stage = Stage::new(cloud);
        stage.backup().expect_code(0);
        for path in [0, 3].map(|number: usize| stage.media_files()[number].clone()) {
            std::fs::remove_file(stage.target().join(path)).unwrap();
        }
        let _ledger = ReadOnlyFile::mount(&stage.target().join(".rcbs/ledger.db"));
        let told = stage.program(&["verify"]).run().expect_code(9).stdout;
        assert!(
            told.contains("6 recordings") && told.contains("2  files damaged"),
            "{told}"
        );
        assert!(told.contains("the ledger could not be told"), "{told}");
    });
}
