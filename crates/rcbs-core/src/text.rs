//! Text from outside made fit to print: no control characters, no endless lines.

use std::fmt;

/// The longest piece of foreign text that a message repeats, in characters.
const SHOWN_CHARS: usize = 200;

/// Writes foreign text with control and direction-changing characters escaped, cut after 200 characters.
///
/// # Errors
/// Only those of the formatter.
pub fn write_printable(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let cut = text.char_indices().nth(SHOWN_CHARS).map(|(at, _)| at);
    write_escaped(f, cut.map_or(text, |at| &text[..at]))?;
    if cut.is_some() {
        f.write_str("…")?;
    }
    Ok(())
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        if c.is_control() || is_direction_mark(c) {
            write!(f, "{}", c.escape_default())?;
        } else {
            fmt::Write::write_char(f, c)?;
        }
    }
    Ok(())
}

/// Foreign text as [`write_printable`] shows it.
#[must_use]
pub fn printable(text: &str) -> String {
    struct Shown<'a>(&'a str);
    impl fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_printable(f, self.0)
        }
    }
    Shown(text).to_string()
}

/// A text of our own making, in which all foreign text is cut already, with the same characters escaped and never cut:
/// the path at its end is what its reader needs.
#[must_use]
pub fn escaped(text: &str) -> String {
    struct Shown<'a>(&'a str);
    impl fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_escaped(f, self.0)
        }
    }
    Shown(text).to_string()
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        push_hex(&mut text, *byte, b"0123456789abcdef");
    }
    text
}

/// Adds the two digits of a byte.
pub(crate) fn push_hex(text: &mut String, byte: u8, digits: &[u8; 16]) {
    for nibble in [byte >> 4, byte & 15] {
        text.push(char::from(digits[usize::from(nibble)]));
    }
}

/// Unicode marks that change the direction of the text after them and so can disguise a name.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_direction_marks_are_escaped() {
        assert_eq!(
            printable("a\u{1b}[31m\r\n\u{202e}b"),
            "a\\u{1b}[31m\\r\\n\\u{202e}b"
        );
        assert_eq!(printable("Zürich"), "Zürich");
    }

    #[test]
    fn text_of_our_own_is_escaped_and_never_cut() {
        let long = format!("{}\u{1b}end", "x".repeat(5_000));
        assert!(escaped(&long).ends_with("x\\u{1b}end"));
        assert_eq!(escaped(&long).chars().count(), 5_000 + 6 + 3);
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(
            printable(&"x".repeat(5_000)).chars().count(),
            SHOWN_CHARS + 1
        );
    }
}
