//! Rules of the source tree that no compiler checks; each has its reason here, and in `rules` a case that breaks it.
#![expect(
    clippy::unwrap_used,
    reason = "a test program may stop at anything odd"
)]

mod faults;
mod rules;

use std::path::{Path, PathBuf};

use rules::{
    dependencies, folders_of_people, is_declared, is_test, names_against_the_order, words,
};

/// The longest a source file may be.
const MOST_LINES: usize = 600;

/// Files that are longer, and why.
const LONGER: [(&str, &str); 2] = [
    (
        "crates/rcbs-io/tests/gws.rs",
        "one table of answers for the whole protocol",
    ),
    (
        "crates/rcbs-io/tests/s3.rs",
        "one table of answers for the whole protocol",
    ),
];

#[test]
fn no_stage_of_core_names_a_later_one() {
    check(&root().join("crates/rcbs-core/src"), |path, text| {
        let part = path
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let part = part.trim_end_matches(".rs");
        if is_test(path) {
            vec![]
        } else {
            names_against_the_order(part, text)
        }
    });
}

#[test]
fn every_source_file_says_in_its_first_line_what_it_is_for() {
    check(&root(), |_, text| {
        let first = text.lines().next().unwrap_or_default();
        let says = first.starts_with("//! ") && !first.contains("Placeholder");
        if says {
            vec![]
        } else {
            vec!["line 1 is no `//!` sentence".to_owned()]
        }
    });
}

#[test]
fn source_files_that_the_architecture_names_exist() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let named: Vec<&str> = text
        .split('`')
        .filter(|word| word.contains('/') && word.ends_with(".rs") && !word.contains(' '))
        .collect();
    assert!(named.len() > 5, "{named:?}");
    for name in named {
        // A file of core is named by its place in there, any other with its crate in front.
        let places = [
            format!("crates/rcbs-core/src/{name}"),
            format!("crates/rcbs-{name}"),
            format!("crates/{name}"),
        ];
        assert!(
            places.iter().any(|place| root().join(place).is_file()),
            "{name}"
        );
    }
}

#[test]
fn source_files_stay_short() {
    check(&root(), |path, text| {
        let lines = text.lines().count();
        let listed = LONGER.iter().any(|(long, _)| Path::new(long) == path);
        match (lines > MOST_LINES, listed) {
            (true, false) => vec![format!("{lines} lines; {MOST_LINES} is the most")],
            (false, true) => vec!["is short again: take it off the list".to_owned()],
            _ => vec![],
        }
    });
}

#[test]
fn every_source_file_belongs_to_a_program() {
    let files: Vec<_> = source_files(&root())
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect();
    let forgotten: Vec<_> = files
        .iter()
        .map(|(path, _)| path)
        .filter(|path| !is_declared(path, &files))
        .collect();
    assert!(
        forgotten.is_empty(),
        "no `mod` names these, so nothing compiles or runs them: {forgotten:#?}"
    );
}

#[test]
fn only_the_reader_of_the_configuration_says_min_or_max() {
    // In the old program's language `minDate` is the newest edge. Inside there is `since` and `until`. The words may
    // stand in messages of the crate that talks: there a setting is named as its user wrote it.
    check(&root().join("crates"), |path, text| {
        if path.starts_with("rcbs/src/config") || is_test(path) {
            return vec![];
        }
        let mut found = words(text, r"\b(min|max)_(age|date)s?\b|\b(Min|Max)(Age|Date)");
        // The pretend cloud writes a configuration file for whoever rehearses.
        let talks = path.starts_with("rcbs") || path.starts_with("rcbs-sim/src/program");
        if !talks {
            found.extend(words(text, r"\b(min|max)(Age|Date)\b"));
        }
        found
    });
}

#[test]
fn the_crate_that_talks_knows_no_sql_and_no_http_client() {
    check(&root().join("crates/rcbs/src"), |path, text| {
        let libraries = "rusqlite|tokio_postgres|reqwest|hyper|hyper_util|http|aws_sigv4|aws_credential_types|quick_xml";
        let statements = "SELECT|INSERT INTO|CREATE TABLE|PRAGMA";
        if is_test(path) {
            vec![]
        } else {
            // Our own crates have modules of such names: `rcbs_io::http` is fine.
            words(
                text,
                &format!(r"(^|[^\w:])({libraries})::|\b({statements}) "),
            )
        }
    });
}

#[test]
fn only_the_crate_that_talks_reads_the_environment() {
    check(&root().join("crates"), |path, text| {
        let may = ["rcbs/src/config", "rcbs/src/main.rs", "rcbs-sim"];
        if is_test(path) || may.iter().any(|may| path.starts_with(may)) {
            return vec![];
        }
        words(text, r"\benv::(var|var_os|vars|vars_os|args|args_os)\b")
    });
}

#[test]
fn the_pretend_cloud_is_no_part_of_the_program() {
    for owner in ["rcbs", "rcbs-io", "rcbs-core"] {
        let manifest = manifest(owner);
        assert!(
            dependencies(&manifest).all(|name| name != "rcbs-sim"),
            "{owner}"
        );
    }
    let manifest = manifest("rcbs");
    for library in ["rusqlite", "reqwest", "hyper", "aws-sigv4", "quick-xml"] {
        assert!(
            dependencies(&manifest).all(|name| name != library),
            "{library}"
        );
    }
}

#[test]
fn nothing_in_the_tree_names_somebodys_folder() {
    let endings = [
        "rs",
        "toml",
        "md",
        "sh",
        "yml",
        "json",
        "properties",
        "conf",
        "py",
        "",
    ];
    let mut found = Vec::new();
    for path in files_below(&root()) {
        let ending = path.extension().unwrap_or_default().to_str().unwrap();
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        if endings.contains(&ending) {
            found
                .extend(folders_of_people(&text).map(|line| format!("{}: {line}", path.display())));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

fn manifest(member: &str) -> String {
    std::fs::read_to_string(root().join("crates").join(member).join("Cargo.toml")).unwrap()
}

/// Fails with everything that `rule` says of the Rust files below a folder; it is given paths relative to that.
fn check(top: &Path, rule: impl Fn(&Path, &str) -> Vec<String>) {
    let files = source_files(top);
    assert!(!files.is_empty(), "no source files below {}", top.display());
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(top).unwrap();
        found.extend(
            rule(path, &text)
                .into_iter()
                .map(|what| format!("{}: {what}", path.display())),
        );
    }
    assert!(found.is_empty(), "{found:#?}");
}

fn source_files(top: &Path) -> Vec<PathBuf> {
    let mut files = files_below(top);
    files.retain(|path| path.extension().is_some_and(|ending| ending == "rs"));
    files
}

/// The files of the tree without what is built, in order of their names.
fn files_below(top: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(top).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let built = name == "target" || name == ".git" || (name == "demo" && top == root());
        match entry.file_type().unwrap() {
            _ if built => {}
            kind if kind.is_dir() => files.extend(files_below(&entry.path())),
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files.sort();
    files
}
