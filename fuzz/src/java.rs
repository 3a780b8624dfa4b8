//! `java.util.Properties.load` of Java 8 as it is written there, character by character: what our reader must agree with.

use std::collections::HashMap;

/// Keys and values; `None` where Java refuses the whole file, and where it makes a text of half a surrogate pair.
pub(crate) fn load(text: &str) -> Option<HashMap<String, String>> {
    let mut found = HashMap::new();
    for line in lines(text) {
        let (key, value) = split(&line);
        found.insert(convert(key)?, convert(value)?);
    }
    Some(found)
}

/// `LineReader.readLine` until the end. Two quirks are left out: a backslash that ends a comment is forgotten, and a
/// line of one backslash at the end of the file is no entry.
fn lines(text: &str) -> Vec<Vec<char>> {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    let mut skips_blanks = true;
    let mut is_comment = false;
    let mut is_new = true;
    let mut is_continued = false;
    let mut follows_backslash = false;
    let mut skips_line_feed = false;
    for c in text.chars() {
        if std::mem::take(&mut skips_line_feed) && c == '\n' {
            continue;
        }
        let is_end = matches!(c, '\r' | '\n');
        if skips_blanks {
            if is_blank(c) || (is_end && !is_continued) {
                continue;
            }
            skips_blanks = false;
            is_continued = false;
        }
        if std::mem::take(&mut is_new) && matches!(c, '#' | '!') {
            is_comment = true;
            continue;
        }
        if !is_end {
            line.push(c);
            follows_backslash = c == '\\' && !follows_backslash;
            continue;
        }
        if is_comment || line.is_empty() {
            line.clear();
            (is_comment, is_new, skips_blanks, follows_backslash) = (false, true, true, false);
        } else if follows_backslash {
            line.pop();
            (skips_blanks, is_continued, follows_backslash) = (true, true, false);
            skips_line_feed = c == '\r';
        } else {
            lines.push(std::mem::take(&mut line));
            (is_new, skips_blanks) = (true, true);
        }
    }
    if follows_backslash {
        line.pop();
    }
    if !is_comment && !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The loops of `load0`.
fn split(line: &[char]) -> (&[char], &[char]) {
    let mut key = 0;
    let mut value = line.len();
    let mut has_separator = false;
    let mut follows_backslash = false;
    while let Some(&c) = line.get(key) {
        if !follows_backslash && (matches!(c, '=' | ':') || is_blank(c)) {
            has_separator = !is_blank(c);
            value = key + 1;
            break;
        }
        follows_backslash = c == '\\' && !follows_backslash;
        key += 1;
    }
    while let Some(&c) = line.get(value) {
        if !is_blank(c) {
            if has_separator || !matches!(c, '=' | ':') {
                break;
            }
            has_separator = true;
        }
        value += 1;
    }
    (&line[..key], &line[value..])
}

/// `loadConvert`.
fn convert(escaped: &[char]) -> Option<String> {
    let mut units = Vec::new();
    let mut chars = escaped.iter().copied();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => match chars.next()? {
                'u' => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let all = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                    units.push(u16::from_str_radix(&digits, 16).ok().filter(|_| all)?);
                    continue;
                }
                't' => '\t',
                'r' => '\r',
                'n' => '\n',
                'f' => '\u{c}',
                other => other,
            },
            _ => c,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).ok()
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}
