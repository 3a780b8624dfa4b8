//! Asks every parser's promises about its seeds and about many bent copies of them, the same in every run.
#![expect(
    clippy::unwrap_used,
    reason = "a test program may stop at anything odd"
)]

mod bend;

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use bend::Bender;
use rcbs_fuzz::{Holds, TARGETS};

/// Bent copies for each parser: together some seconds without optimization.
const COPIES: u32 = 20_000;

/// The same where many copies cost operations with a private key.
const COPIES_WITH_KEYS: u32 = 4_000;

/// Seeds longer than this are asked about, but not bent: their copies would take the time of all others.
const BENT_BYTES_MAX: usize = 8 * 1024;

#[test]
fn an_answer_to_a_list_request() {
    holds_for_seeds("api_page");
}

#[test]
fn the_json_of_a_recording() {
    holds_for_seeds("api_recording");
}

#[test]
fn an_envelope() {
    holds_for_seeds("cms_envelope");
}

#[test]
fn a_stored_file() {
    holds_for_seeds("cms_walk");
}

#[test]
fn a_stored_file_and_a_key() {
    holds_for_seeds("cms_open");
}

#[test]
fn a_folder_pattern() {
    holds_for_seeds("folder_format");
}

#[test]
fn a_key_file() {
    holds_for_seeds("key_file");
}

#[test]
fn a_configuration_file() {
    holds_for_seeds("properties");
}

#[test]
fn every_parser_has_a_program_that_searches() {
    let mut programs: Vec<String> = files_of(&root().join("fuzz_targets"))
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    programs.sort();
    assert_eq!(programs, TARGETS.map(|(name, _)| name));
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        let path = format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"");
        assert!(manifest.contains(&path), "{name}");
        let text = std::fs::read_to_string(root().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(
            text.contains(&format!("rcbs_fuzz::{name}::holds")),
            "{name}"
        );
    }
}

fn holds_for_seeds(name: &str) {
    let (_, holds) = TARGETS.into_iter().find(|target| target.0 == name).unwrap();
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for seed in &seeds {
        ask(name, holds, seed);
    }
    let bent: Vec<_> = seeds
        .iter()
        .filter(|seed| seed.len() <= BENT_BYTES_MAX)
        .collect();
    let mut bender = Bender::new(name);
    let copies = match name {
        "cms_open" | "key_file" => COPIES_WITH_KEYS,
        _ => COPIES,
    };
    for _ in 0..copies {
        ask(name, holds, &bender.bent(&bent));
    }
}

fn ask(name: &str, holds: Holds, bytes: &[u8]) {
    if catch_unwind(|| holds(bytes)).is_err() {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.broken"));
        std::fs::write(&file, bytes).unwrap();
        panic!(
            "{name} breaks on {}: {}",
            file.display(),
            bytes.escape_ascii()
        );
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut folders = vec![root().join("seeds").join(name)];
    match name {
        "cms_envelope" | "cms_open" | "cms_walk" => folders.push(root().join("../testdata/cms")),
        "properties" => folders.push(root().join("../testdata/config")),
        _ => {}
    }
    folders
        .iter()
        .filter(|folder| folder.exists())
        .flat_map(|folder| files_of(folder))
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// In the order of their names, or a run would not be like another.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
