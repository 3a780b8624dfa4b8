//! The rules as functions of a file's path and text, so that each can be shown to find what breaks it.

use std::path::{Path, PathBuf};

use regex::Regex;

/// What every stage of core may name, each also the ones before it: words and tools, no decision of a stage.
const VOCABULARY: [&str; 14] = [
    "text",
    "digest",
    "identity",
    "failure",
    "encryption",
    "cms",
    "media_kind",
    "recording",
    "ports",
    "retry",
    "rate",
    "space",
    "event",
    "patience",
];

/// The stages of core in the order in which a recording meets them. None names a later one.
const STAGES: [&str; 13] = [
    "plan",
    "discover",
    "select",
    "fetch",
    "store",
    "ledger",
    "retention",
    "readiness",
    "manifest",
    "verify",
    "proof",
    "run",
    "decrypt",
];

/// What core names against that order, and why it may.
const AGAINST_THE_ORDER: [(&str, &str, &str); 5] = [
    (
        "ports",
        "store",
        "`Target` speaks of folders and safe names, which only `store` makes",
    ),
    ("event", "plan", "a run says what it intends to do"),
    (
        "event",
        "retention",
        "a run says what is deleted before it is here",
    ),
    (
        "select",
        "store",
        "a job says under which names its file will lie",
    ),
    (
        "fetch",
        "store",
        "a file is staged under a name that `store` makes of its ids",
    ),
];

/// What part `part` of core names though it comes later.
pub(crate) fn names_against_the_order(part: &str, text: &str) -> Vec<String> {
    if ["lib", "contract"].contains(&part) {
        return vec![];
    }
    let order: Vec<&str> = VOCABULARY.into_iter().chain(STAGES).collect();
    let place = |part: &str| order.iter().position(|other| *other == part);
    let Some(own) = place(part) else {
        return vec![format!(
            "`{part}` is in neither table: say what it may name, and what may name it"
        )];
    };
    let excused = |named: &str| {
        AGAINST_THE_ORDER
            .iter()
            .any(|(from, to, _)| (*from, *to) == (part, named))
    };
    Regex::new(r"\bcrate::(?:\{\s*)?(\w+)")
        .unwrap()
        .captures_iter(&code(text))
        .map(|found| found[1].to_owned())
        .filter(|named| place(named).is_none_or(|at| at > own) && !excused(named))
        .map(|named| format!("`{part}` names `{named}`, which comes after it"))
        .collect()
}

/// Whether a file is the root of a program, or some file beside or above it declares it.
pub(crate) fn is_declared(file: &Path, files: &[(PathBuf, String)]) -> bool {
    if is_root(file) {
        return true;
    }
    let dir = file.parent().unwrap();
    // `a/mod.rs` is declared where `a.rs` would be.
    let (name, home) = if file.ends_with("mod.rs") {
        (last(dir), dir.parent().unwrap())
    } else {
        (file.file_stem().unwrap().to_str().unwrap(), dir)
    };
    let declares = Regex::new(&format!(r"(?m)^\s*(pub(\([a-z]+\))?\s+)?mod {name};")).unwrap();
    let beside = format!("/{}/{}\"]", last(dir), last(file));
    let here = format!("#[path = \"{}\"]", last(file));
    files.iter().any(|(other, text)| {
        let near = other.parent() == Some(home) && (is_root(other) || other.ends_with("mod.rs"));
        let above = *other == home.with_extension("rs");
        ((near || above) && declares.is_match(text))
            || (other.parent() == Some(dir) && text.contains(&here))
            || text
                .lines()
                .any(|line| line.starts_with("#[path") && line.ends_with(&beside))
    })
}

fn is_root(file: &Path) -> bool {
    let stem = file.file_stem().unwrap().to_str().unwrap();
    let programs = ["tests", "examples", "benches", "bin", "fuzz_targets"];
    let of_its_own = file
        .parent()
        .is_some_and(|dir| programs.contains(&last(dir)));
    ["lib", "main", "build"].contains(&stem) || (of_its_own && stem != "mod")
}

fn last(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

/// Lines of code (no comments, no tests at the end) in which the pattern is found.
pub(crate) fn words(text: &str, pattern: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    code(text)
        .lines()
        .filter(|line| pattern.is_match(line))
        .map(|line| line.trim().to_owned())
        .collect()
}

/// The text up to the tests at its end, without lines that are comments.
fn code(text: &str) -> String {
    let tests = Regex::new(r"(?m)^#\[cfg\(test\)\]\nmod \w+ \{").unwrap();
    let end = tests.find(text).map_or(text.len(), |found| found.start());
    text[..end]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// The names under `[dependencies]`; those for tests are not meant.
pub(crate) fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
}

/// Lines that name a folder which exists on one machine only.
pub(crate) fn folders_of_people(text: &str) -> impl Iterator<Item = &str> {
    // In two pieces, or this line would find itself.
    let pattern = Regex::new(concat!(r#"(^|[\s"'`=(:])/(work|root|ho"#, r"me|Users)/")).unwrap();
    text.lines().filter(move |line| pattern.is_match(line))
}

/// Whether a file holds nothing but tests.
pub(crate) fn is_test(path: &Path) -> bool {
    let stem = path.file_stem().unwrap().to_str().unwrap();
    stem == "tests"
        || stem.ends_with("_tests")
        || path.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn a_stage_may_name_what_comes_before_it() {
    let found = |part, text| names_against_the_order(part, text).len();
    assert_eq!(found("plan", "use crate::recording::RecordingId;"), 0);
    assert_eq!(found("plan", "use crate::discover::x;"), 1);
    assert_eq!(
        found(
            "select",
            "use crate::{ledger::x};\nlet a = crate::run::y();"
        ),
        2
    );
    assert_eq!(found("fetch", "use crate::store::stage_name;"), 0);
    assert_eq!(
        found(
            "fetch",
            "// use crate::run;\nx();\n#[cfg(test)]\nmod tests {\nuse crate::run;"
        ),
        0
    );
    assert_eq!(
        found("fetch", "#[cfg(test)]\nmod tests;\nuse crate::run;"),
        1
    );
    assert_eq!(found("ports", "use crate::event::Event;"), 1);
    assert_eq!(found("surprise", ""), 1);
}

#[test]
fn comments_and_test_dependencies_do_not_count() {
    assert_eq!(
        words("let max_age = 1; // fine\n// max_age", r"\bmax_age\b"),
        ["let max_age = 1; // fine"]
    );
    let manifest = "[dependencies]\na.workspace = true\nb = 1\n[dev-dependencies]\nc = 1";
    assert_eq!(dependencies(manifest).collect::<Vec<_>>(), ["a", "b"]);
    assert!(
        is_test(Path::new("a/tests/b.rs"))
            && is_test(Path::new("a/tests.rs"))
            && !is_test(Path::new("a/b.rs"))
    );
}

#[test]
fn a_folder_of_one_machine_is_found() {
    let folder = format!("cd {}", ["", "work", "x"].join("/"));
    assert_eq!(folders_of_people(&folder).count(), 1);
    assert_eq!(
        folders_of_people("see a/work/b and https://example.com/root/").count(),
        0
    );
}

#[test]
fn a_file_that_nobody_declares_is_found() {
    let tree = [
        ("t/src/lib.rs", "pub mod a;\nmod c;\n"),
        ("t/src/a/mod.rs", "mod b;\nmod lost;"),
        ("t/src/a/b.rs", ""),
        (
            "t/src/c.rs",
            "pub(crate) mod d;\n#[path = \"other.rs\"]\nmod e;",
        ),
        ("t/src/c/d.rs", ""),
        ("t/src/other.rs", ""),
        ("t/src/lost.rs", ""),
        ("t/tests/one.rs", ""),
        (
            "t/tests/two/main.rs",
            "mod e;\n#[path = \"../support/mod.rs\"]\nmod support;",
        ),
        ("t/tests/two/e.rs", ""),
        ("t/tests/support/mod.rs", ""),
    ];
    let files = tree.map(|(path, text)| (PathBuf::from(path), text.to_owned()));
    let lost: Vec<_> = files
        .iter()
        .map(|(path, _)| path)
        .filter(|path| !is_declared(path, &files))
        .collect();
    assert_eq!(lost, [Path::new("t/src/lost.rs")]);
}
