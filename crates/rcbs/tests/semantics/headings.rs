//! Every paragraph of `docs/semantics.md` has its test, and every test its paragraph.

use std::collections::BTreeSet;
use std::path::Path;

/// A heading as the name of a test.
fn test_name(heading: &str) -> String {
    let words = heading.to_lowercase();
    let words: String = words
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' })
        .collect();
    words.split_whitespace().collect::<Vec<_>>().join("_")
}

#[test]
fn every_paragraph_has_a_test_of_its_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("../../docs/semantics.md")).unwrap();
    let headings: BTreeSet<String> = document
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(test_name)
        .collect();
    let mut tests = BTreeSet::new();
    for entry in std::fs::read_dir(root.join("tests/semantics/promises")).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let lines: Vec<&str> = source.lines().map(str::trim).collect();
        for pair in lines.windows(2).filter(|pair| pair[0] == "#[test]") {
            let name = pair[1].trim_start_matches("fn ").split('(').next().unwrap();
            tests.insert(name.to_owned());
        }
    }
    assert!(headings.len() > 30, "{headings:?}");
    let missing: Vec<_> = headings.difference(&tests).collect();
    assert!(
        missing.is_empty(),
        "paragraphs without a test: {missing:#?}"
    );
}
