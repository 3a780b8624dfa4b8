//! `docs/faults.md` names every row of the fault matrix, and only tests that exist and say which rows they hold.

use std::collections::BTreeMap;

use regex::Regex;

use crate::root;

/// How many rows each group has.
const ROWS: [(char, usize); 9] = [
    ('A', 12),
    ('B', 22),
    ('C', 8),
    ('D', 13),
    ('E', 14),
    ('F', 6),
    ('G', 7),
    ('H', 9),
    ('I', 6),
];

/// Groups that no test can show yet.
const UNPROVEN: &str = "CH";

#[test]
fn every_fault_is_held_by_tests_that_exist_or_said_to_be_unproven() {
    let table = std::fs::read_to_string(root().join("docs/faults.md")).unwrap();
    let read = |path: &str| std::fs::read_to_string(root().join("crates").join(path)).ok();
    let found = wrong(&table, read, &ROWS);
    assert!(found.is_empty(), "{found:#?}");
}

/// What is wrong with the table.
fn wrong(
    table: &str,
    read: impl Fn(&str) -> Option<String>,
    groups: &[(char, usize)],
) -> Vec<String> {
    let rows: Vec<(&str, &str)> = table.lines().filter_map(row).collect();
    let wanted = groups
        .iter()
        .flat_map(|(group, count)| (1..=*count).map(move |number| format!("{group}{number}")));
    let wanted: Vec<String> = wanted.collect();
    let ids: Vec<&str> = rows.iter().map(|(id, _)| *id).collect();
    let mut found = Vec::new();
    if ids != wanted {
        found.push(format!("the rows are {ids:?}"));
    }
    let mut texts = BTreeMap::new();
    for (id, cells) in rows {
        let tests: Vec<_> = tests(cells).collect();
        let excused = cells.contains("*not built yet*: ")
            || UNPROVEN.contains(&id[..1]) && cells.contains("*designed, not proven*");
        if tests.is_empty() != excused {
            found.push(format!("{id}: tests, or the reason why there are none"));
        }
        for (path, name) in tests {
            let text = texts.entry(path.to_owned()).or_insert_with(|| read(path));
            match text.as_deref().and_then(|text| words_above(text, name)) {
                None => found.push(format!("{id}: there is no test {path}::{name}")),
                Some(words) if !names(&words, id) => {
                    found.push(format!("{path}::{name} does not say that it holds {id}"));
                }
                Some(_) => {}
            }
        }
    }
    found
}

/// The id of a row and the cells behind it.
fn row(line: &str) -> Option<(&str, &str)> {
    let (id, cells) = line.strip_prefix("| ")?.split_once(" |")?;
    let is_id = Regex::new("^[A-Z][0-9]+$").unwrap().is_match(id);
    is_id.then_some((id, cells))
}

/// The tests that are named in a row, by file and function.
fn tests(cells: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = cells.split('`').skip(1).step_by(2);
    words.filter_map(|word| word.split_once("::"))
}

/// What stands above a test; `None` when there is no test of this name.
fn words_above(text: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let starts = [format!("fn {name}("), format!("async fn {name}(")];
    let at = lines
        .iter()
        .position(|line| starts.iter().any(|start| line.starts_with(start)))?;
    let above = lines[..at]
        .iter()
        .rev()
        .take_while(|line| line.starts_with("///") || line.starts_with("#["));
    let above: Vec<&str> = above.copied().collect();
    let is_test = above
        .iter()
        .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
    is_test.then(|| above.join("\n"))
}

/// Whether a comment names this row.
fn names(words: &str, id: &str) -> bool {
    let row = Regex::new(&format!(r"///.*\b{id}\b")).unwrap();
    row.is_match(words)
}

#[test]
fn what_is_wrong_with_the_table_is_found() {
    let text = "/// A1, A3.\n#[test]\nfn there() {}\nfn helper() {}";
    let read = |path: &str| (path == "a/b.rs").then(|| text.to_owned());
    let wrong_in = |rows: &str| wrong(rows, read, &[('A', 1)]).len();
    assert_eq!(wrong_in("| A1 | x | y | `a/b.rs::there` |"), 0);
    assert_eq!(wrong_in("| A1 | x | *not built yet*: why |  |"), 0);
    for bad in [
        "",
        "| A1 | x | y |  |",
        "| A1 | x | *designed, not proven* |  |",
        "| A1 | x | *not built yet*: why | `a/b.rs::there` |",
        "| A1 | x | y | `a/b.rs::gone` |",
        "| A1 | x | y | `a/b.rs::helper` |",
        "| A1 | x | y | `a/c.rs::there` |",
        "| A2 | x | y | `a/b.rs::there` |\n| A1 | x | y | `a/b.rs::there` |",
    ] {
        assert!(wrong_in(bad) > 0, "{bad}");
    }
    assert!(!names("/// A1, A3.", "A2") && !names("/// A12.", "A1"));
}
