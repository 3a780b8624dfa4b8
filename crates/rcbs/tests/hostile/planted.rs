//! Links that somebody planted inside the target before the run.

use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::Path;

use crate::scene::with_neighbours;
use crate::stage::{Stage, cloud};
use crate::support::snapshot::snapshot;

fn folder(path: &Path) {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .unwrap();
}

#[test]
fn a_link_in_place_of_the_ledger_or_the_lock_is_not_written_through() {
    for place in [".rcbs/ledger.db", ".rcbs/lock"] {
        let stage = Stage::new(with_neighbours(cloud()));
        folder(&stage.target().join(".rcbs"));
        let outside = stage.folder().join("outside");
        symlink(&outside, stage.target().join(place)).unwrap();
        let finished = stage.backup();
        assert!(!outside.exists(), "{place}: {}", finished.stderr);
        assert_ne!(finished.code, Some(0), "{place}");
        assert!(finished.stderr.contains("hint: "), "{}", finished.stderr);
    }
}

/// Plants a link at `place` in the target of a fresh stage, runs, and shows that nothing changed behind the link.
fn planted(place: &str, code: i32, words: &str) -> Stage {
    let stage = Stage::new(with_neighbours(cloud()));
    let outside = stage.folder().join("outside");
    folder(&outside);
    std::fs::write(outside.join("precious"), "precious").unwrap();
    let link = stage.target().join(place);
    folder(link.parent().unwrap());
    let is_file = Path::new(place).extension().is_some();
    symlink(
        if is_file {
            outside.join("precious")
        } else {
            outside.clone()
        },
        &link,
    )
    .unwrap();
    let program = stage.program(&["backup"]);
    let before = snapshot(stage.folder(), &["target"]);
    let finished = program.run().expect_code(code);
    assert!(finished.stderr.contains(words), "{}", finished.stderr);
    assert_eq!(snapshot(stage.folder(), &["target"]), before, "{place}");
    stage
}

/// B20.
#[test]
fn a_link_in_place_of_a_folder_is_not_walked_through() {
    for place in ["2018", "2018/02/12/00", "2018/02/12/00/NEIGHBOUR0BEFORE"] {
        planted(place, 6, "is not a plain folder or file");
    }
}

#[test]
fn a_link_in_place_of_the_programs_own_folder_is_not_walked_through() {
    for place in [".rcbs", ".rcbs/staging"] {
        planted(place, 6, ".rcbs is not a plain folder or file");
    }
}

#[test]
fn a_link_in_place_of_a_metadata_file_is_replaced_and_not_written_through() {
    let stage = planted(
        "2018/02/12/00/NEIGHBOUR0BEFORE/NEIGHBOUR0BEFORE.json",
        0,
        "",
    );
    let stored = stage
        .target()
        .join("2018/02/12/00/NEIGHBOUR0BEFORE/NEIGHBOUR0BEFORE.json");
    assert!(stored.symlink_metadata().unwrap().is_file());
}

/// B20.
#[test]
fn a_link_in_place_of_a_media_file_is_left_alone_and_told() {
    let stage = Stage::new(with_neighbours(cloud()));
    stage.backup().expect_code(0);
    let media = stage.media_files();
    let name = media
        .iter()
        .find(|path| path.contains("BEFORE"))
        .unwrap()
        .clone();
    let stage = planted(&name, 3, "exists already");
    assert_eq!(stage.media_files().len(), 3 + 1);
}
