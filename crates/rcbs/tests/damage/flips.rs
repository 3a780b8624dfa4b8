//! Single bits that flip at rest: in files of the archive every one is found, in the ledger none does harm.

use rcbs_sim::{Content, Seed};
use serde_json::Value;

use crate::stage::{Stage, cloud, events};
use crate::support::invariants::{check_unchanged, public_files};
use crate::support::rcbs::Finished;
use crate::support::rounds::Rounds;

/// Four recordings with a media file of some length each.
fn stage() -> Stage {
    let cloud = (0..4).fold(cloud(), |cloud, number| {
        cloud
            .recording(&format!("RECORDING{number}"))
            .at(&format!("2018-02-12T{number:02}:30:00Z"))
            .audio_of(Content::pattern(3_000 + 2_000 * number, number))
            .build()
    });
    let stage = Stage::new(cloud);
    stage.backup().expect_code(0);
    stage
}

/// Flips one bit of the bytes, as the seed wants.
fn flip(bytes: &mut [u8], seed: Seed) {
    let bit = seed.below("bit", 8 * bytes.len() as u64);
    bytes[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
}

/// B15.
#[test]
fn every_bit_that_flips_in_the_archive_is_found() {
    let rounds = Rounds::of("bit flips at rest", 300, 1_000);
    let stage = stage();
    let archive = stage.archive();
    assert_eq!(archive.len(), 8, "media and metadata");
    rounds.each(|number| {
        let seed = Seed::new(number);
        let place = usize::try_from(seed.below("file", archive.len() as u64)).unwrap();
        let (path, whole) = archive.iter().nth(place).unwrap();
        let mut harmed = whole.clone();
        flip(&mut harmed, seed);
        let file = stage.target().join(path);
        std::fs::write(&file, harmed).unwrap();
        let args = ["verify", "--read-data", "--json"];
        let finished = stage.program(&args).run().expect_code(9);
        let lines = finished.stdout.lines();
        let lines: Vec<Value> = lines.map(|it| serde_json::from_str(it).unwrap()).collect();
        let told = events(&lines, "damaged");
        assert!(told.len() == 1 && told[0]["path"] == *path, "{told:?}");
        std::fs::write(&file, whole).unwrap();
    });
    stage
        .program(&["verify", "--read-data"])
        .run()
        .expect_code(0);
    rounds.done("every one found, and nothing else");
}

/// G3.
#[test]
fn a_bit_that_flips_in_the_ledger_is_found_or_harms_nothing() {
    let rounds = Rounds::of("bit flips in the ledger", 150, 500);
    let stage = stage();
    let ledger = stage.target().join(".rcbs/ledger.db");
    let sound = std::fs::read(&ledger).unwrap();
    let archive = public_files(&stage.target());
    let mut found = 0;
    rounds.each(|number| {
        let mut harmed = sound.clone();
        flip(&mut harmed, Seed::new(number));
        std::fs::write(&ledger, harmed).unwrap();
        for args in [&["verify", "--read-data"][..], &["status"], &["backup"]] {
            let finished = stage.program(args).run();
            found += u32::from(is_found(args[0], &finished));
            // A file may come a second time, where the flip is in the name of a folder.
            if let Err(words) = check_unchanged(&archive, &public_files(&stage.target())) {
                panic!("{args:?}: {words}: {finished:?}");
            }
        }
        for path in public_files(&stage.target()).keys() {
            if !archive.contains_key(path) {
                std::fs::remove_file(stage.target().join(path)).unwrap();
            }
        }
        for own in ["ledger.db-wal", "ledger.db-shm", "quarantine", "staging"] {
            let path = stage.target().join(".rcbs").join(own);
            // Most of them are not there.
            drop(std::fs::remove_file(&path));
            drop(std::fs::remove_dir_all(&path));
        }
        std::fs::write(&ledger, &sound).unwrap();
    });
    assert!(found > 0, "nothing of this was ever found");
    rounds.done(&format!(
        "{found} commands found it, the others met none of it"
    ));
}

/// Whether a command found that the ledger is damaged. It may also find nothing, or that file and ledger differ; it may
/// not end in any other way.
#[track_caller]
fn is_found(command: &str, finished: &Finished) -> bool {
    assert!(!finished.stderr.contains("panicked"), "{finished:?}");
    let code = finished.code.unwrap();
    let differs: &[i32] = match command {
        "verify" => &[9],
        // These two tell what the verification before them has found.
        "status" => &[3, 4, 9],
        _ => &[3, 9],
    };
    let is_answer = [0, 8].contains(&code) || differs.contains(&code);
    assert!(is_answer, "{command}: {finished:?}");
    code == 8
}
