//! Reads Java properties files as `java.util.Properties` of Java 8 does, and keeps what an operator should be told.
//!
//! The rules are those of `Properties.load`: `=`, `:` or a blank ends the key, a backslash escapes, a backslash at the
//! end of a line continues it, `#` and `!` begin comments. Two things differ on purpose: valid UTF-8 is read as UTF-8
//! (Java 8 knows only Latin-1), and half of a surrogate pair is malformed because no Rust text can hold it.

use std::collections::HashMap;

/// The largest file that is read.
pub const MAX_BYTES: usize = 1 << 20;

/// White space inside a line, as Java counts it.
const BLANKS: [char; 3] = [' ', '\t', '\u{c}'];

/// Characters that Java itself or the old manual escape although nothing happens: the backslash is no mistake.
const HARMLESS_ESCAPES: &str = "\\/:=#! \"'\t\u{c}";

/// A properties file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// One entry per key, in the order of the lines that count.
    pub entries: Vec<Entry>,
    /// How the bytes were read.
    pub encoding: Encoding,
}

/// How the bytes of a file were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark; plain ASCII too.
    Utf8,
    /// ISO 8859-1, because the bytes are not UTF-8.
    Latin1,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Unescaped.
    pub key: String,
    /// Unescaped, with trailing blanks, as Java gives it.
    pub value: String,
    /// The value as it stands in the file, continuation lines joined.
    pub raw_value: String,
    /// The first physical line of the entry, counted from 1.
    pub line: usize,
    /// Lines that set the same key before; the last one counts.
    pub replaces: Vec<usize>,
    /// What an operator should be told.
    pub notes: Vec<Note>,
}

/// Something legal, or nearly so, that rarely means what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// An escape in the value made a control character: `C:\temp` holds a tab.
    Control(char),
    /// A backslash in the value was dropped because it escapes nothing: `C:\Data` is read as `C:Data`.
    DroppedBackslash(char),
    /// The value ends in a blank.
    TrailingBlank,
    /// `\u` without four hexadecimal digits, or half of a surrogate pair; key or value end before it.
    BadUnicode,
}

/// Why a file is not read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PropertiesError {
    /// Above [`MAX_BYTES`].
    #[error("is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// Some editors' "Unicode".
    #[error("is encoded as UTF-16")]
    Utf16,
}

/// Reads a whole file.
///
/// # Errors
/// [`PropertiesError`]; everything smaller is a [`Note`] of its entry.
pub fn parse(bytes: &[u8]) -> Result<Properties, PropertiesError> {
    if bytes.len() > MAX_BYTES {
        return Err(PropertiesError::TooLarge);
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(PropertiesError::Utf16);
    }
    let (text, encoding) = decode(bytes);
    let entries = logical_lines(&text)
        .into_iter()
        .map(|(line, logical)| entry(line, &logical))
        .collect();
    Ok(Properties {
        entries: last_of_each_key(entries),
        encoding,
    })
}

fn decode(bytes: &[u8]) -> (String, Encoding) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), Encoding::Utf8),
        Err(_) => (
            bytes.iter().map(|&byte| char::from(byte)).collect(),
            Encoding::Latin1,
        ),
    }
}

/// Lines that are neither blank nor comment, continuation lines joined, with the number of their first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut physical = text
        .split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
        .map(|line| line.trim_start_matches(BLANKS))
        .zip(1..);
    let mut found = Vec::new();
    while let Some((line, number)) = physical.next() {
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = line.to_owned();
        while ends_in_continuation(&logical) {
            logical.pop();
            let Some((next, _)) = physical.next() else {
                break;
            };
            logical.push_str(next);
        }
        if !logical.is_empty() {
            found.push((number, logical));
        }
    }
    found
}

/// An even number of backslashes at the end are escaped backslashes; one more continues the line.
fn ends_in_continuation(line: &str) -> bool {
    line.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1
}

fn entry(line: usize, logical: &str) -> Entry {
    let (raw_key, raw_value) = split(logical);
    let key = unescape(raw_key);
    let value = unescape(raw_value);
    let mut notes = value.notes;
    if key.notes.contains(&Note::BadUnicode) {
        notes.push(Note::BadUnicode);
    }
    Entry {
        key: key.text,
        value: value.text,
        raw_value: raw_value.to_owned(),
        line,
        replaces: Vec::new(),
        notes,
    }
}

/// Cuts a logical line into key and value, both still escaped.
fn split(logical: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = logical.find(|c: char| {
        let ends = !escaped && (c == '=' || c == ':' || BLANKS.contains(&c));
        escaped = c == '\\' && !escaped;
        ends
    });
    let (key, rest) = logical.split_at(end.unwrap_or(logical.len()));
    let rest = rest.trim_start_matches(BLANKS);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(BLANKS))
}

struct Unescaped {
    text: String,
    notes: Vec<Note>,
}

fn unescape(raw: &str) -> Unescaped {
    let mut text = String::with_capacity(raw.len());
    let mut notes = Vec::new();
    let mut chars = raw.chars();
    let mut ends_in_blank = false;
    while let Some(c) = chars.next() {
        ends_in_blank = BLANKS.contains(&c);
        if c != '\\' {
            text.push(c);
            continue;
        }
        // A lone backslash at the end of the file escapes nothing and is dropped, as in Java.
        let Some(escape) = chars.next() else { break };
        let meant = match escape {
            't' => Some('\t'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            'f' => Some('\u{c}'),
            'u' => unicode(&mut chars),
            other => {
                if !HARMLESS_ESCAPES.contains(other) {
                    notes.push(Note::DroppedBackslash(other));
                }
                Some(other)
            }
        };
        let Some(meant) = meant else {
            notes.push(Note::BadUnicode);
            break;
        };
        if meant.is_control() {
            notes.push(Note::Control(meant));
        }
        text.push(meant);
    }
    if ends_in_blank {
        notes.push(Note::TrailingBlank);
    }
    Unescaped { text, notes }
}

/// The character after `\u`: one UTF-16 unit, or two of them as `\uD83D\uDE00`.
fn unicode(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let high = unit(chars)?;
    let units = if (0xd800..0xdc00).contains(&high) {
        (chars.next()? == '\\' && chars.next()? == 'u').then_some(())?;
        vec![high, unit(chars)?]
    } else {
        vec![high]
    };
    char::decode_utf16(units).next()?.ok()
}

fn unit(chars: &mut std::str::Chars<'_>) -> Option<u16> {
    let mut value: u32 = 0;
    for _ in 0..4 {
        value = value * 16 + chars.next()?.to_digit(16)?;
    }
    u16::try_from(value).ok()
}

fn last_of_each_key(entries: Vec<Entry>) -> Vec<Entry> {
    let mut lines: HashMap<String, Vec<usize>> = HashMap::new();
    for entry in &entries {
        lines.entry(entry.key.clone()).or_default().push(entry.line);
    }
    entries
        .into_iter()
        .filter_map(|mut entry| {
            let all = lines.get(&entry.key)?;
            let (last, before) = all.split_last()?;
            (*last == entry.line).then(|| {
                entry.replaces = before.to_vec();
                entry
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
