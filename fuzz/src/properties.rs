//! Any bytes as `config.properties`: read as Java reads them, every line accounted for.

use std::collections::HashMap;

use rcbs::config::properties::{Encoding, MAX_BYTES, Note, Properties, PropertiesError, parse};

/// Whether the reader agrees with Java, and what it read comes back from what would be written.
pub fn holds(bytes: &[u8]) {
    let is_utf_16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    match parse(bytes) {
        Err(PropertiesError::TooLarge) => assert!(bytes.len() > MAX_BYTES),
        Err(PropertiesError::Utf16) => assert!(is_utf_16),
        Ok(properties) => {
            assert!(bytes.len() <= MAX_BYTES && !is_utf_16);
            check_lines(&properties, bytes);
            check_against_java(&properties, bytes);
            check_round_trip(&properties);
        }
    }
}

fn check_lines(properties: &Properties, bytes: &[u8]) {
    let lines = 1 + bytes.iter().filter(|b| matches!(b, b'\n' | b'\r')).count();
    let mut before = 0;
    let mut read_bytes = 0;
    for entry in &properties.entries {
        assert!(before < entry.line && entry.line <= lines);
        before = entry.line;
        assert!(entry.replaces.is_sorted());
        assert!(entry.replaces.iter().all(|line| *line < entry.line));
        read_bytes += entry.key.len() + entry.value.len();
        assert!(entry.value.len() <= entry.raw_value.len());
    }
    // No escape is shorter than what it stands for, but a letter of Latin-1 becomes two bytes.
    assert!(read_bytes <= 2 * bytes.len());
}

fn check_against_java(properties: &Properties, bytes: &[u8]) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match properties.encoding {
        Encoding::Utf8 => std::str::from_utf8(bytes).expect("UTF-8").to_owned(),
        Encoding::Latin1 => bytes.iter().copied().map(char::from).collect(),
    };
    let Some(java) = crate::java::load(&text) else {
        return;
    };
    for entry in &properties.entries {
        assert!(!entry.notes.contains(&Note::BadUnicode), "{entry:?}");
    }
    assert_eq!(as_map(properties), java);
}

fn check_round_trip(properties: &Properties) {
    let written: String = properties
        .entries
        .iter()
        .map(|entry| format!("{}={}\n", escaped(&entry.key), escaped(&entry.value)))
        .collect();
    if written.len() <= MAX_BYTES {
        let read = parse(written.as_bytes()).expect("text is a properties file");
        assert_eq!(as_map(&read), as_map(properties));
    }
}

fn as_map(properties: &Properties) -> HashMap<String, String> {
    let all: HashMap<_, _> = properties
        .entries
        .iter()
        .map(|entry| (entry.key.clone(), entry.value.clone()))
        .collect();
    assert_eq!(all.len(), properties.entries.len(), "each key once");
    all
}

fn escaped(text: &str) -> String {
    text.encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect()
}
