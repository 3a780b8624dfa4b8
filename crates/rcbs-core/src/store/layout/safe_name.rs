//! A safe name: any text as one part of a path, by a rule that never changes because archives are named by it.

use std::borrow::Cow;
use std::sync::Arc;

use aws_lc_rs::digest;

use crate::text::push_hex;

/// The longest name [`SafeName::encode`] gives, in bytes. With `.json`, or with `.bin` and the mark of a clash, a name
/// stays within the 255 that Linux (bytes) and Windows (UTF-16 units) allow.
const LIMIT_BYTES: usize = 200;

/// The longest name that exists at all.
const LONGEST_BYTES: usize = 255;

/// Stands before the digest in a name that is not its text; in any other name it is written `%7E`.
const MARK: char = '~';

/// Bytes of the mark and of the digest after it: 128 bits of SHA-256 in hex.
const TAIL_BYTES: usize = 1 + 32;

/// One part of a path: never empty, never `.` or `..`, no separator, legal on Linux, Windows and SMB alike.
///
/// [`encode`](Self::encode) is injective: two texts never get one name, and up to 200 bytes the text can be read back
/// from the name. It gives printable ASCII only, so that neither the normal forms of Unicode nor the letter-case tables
/// of a file system can make two names one; what is left is the case of ASCII letters, see
/// [`folds_like`](Self::folds_like).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SafeName(Arc<str>);

impl SafeName {
    /// Makes a name safe by the one reversible, injective rule of `docs/format.md`.
    ///
    /// - Percent-encoded, as the UTF-8 bytes in upper-case hex: all outside printable ASCII, `< > : " / \ | ? * % ~`,
    ///   a dot at the beginning, a dot or space at the end, the first letter of a device name of Windows.
    /// - A name that would be longer than 200 bytes is cut at a character and ends in `~` and 32 hex digits of the
    ///   SHA-256 of the text. It cannot be read back; the true ids stand in the recording's JSON. A shorter name never
    ///   holds a `~`, so it is never mistaken for one that was cut.
    /// - The empty text has nothing that could be written and is treated as one that was cut.
    #[must_use]
    pub fn encode(text: &str) -> Self {
        Self::encode_with(text, "")
    }

    /// The name of a text with a plain suffix (such as `.bin`) after it, which a cut leaves alone.
    pub(super) fn encode_with(text: &str, suffix: &str) -> Self {
        let whole = match suffix {
            "" => Cow::Borrowed(text),
            _ => Cow::Owned([text, suffix].concat()),
        };
        let is_safe = !whole.is_empty() && marked_chars(&whole).all(|(_, plain)| plain);
        if is_safe && whole.len() <= LIMIT_BYTES {
            // Nearly every name of ours.
            return Self((&*whole).into());
        }
        let mut name = String::with_capacity(whole.len());
        for (c, plain) in marked_chars(&whole) {
            push_encoded(&mut name, c, plain);
        }
        if whole.is_empty() || name.len() > LIMIT_BYTES + suffix.len() {
            Self::tagged(text, whole.as_bytes(), suffix)
        } else {
            Self(name.into())
        }
    }

    /// As much of a text as fits, then the mark and the digest of `identity`, then a plain suffix.
    pub(super) fn tagged(text: &str, identity: &[u8], suffix: &str) -> Self {
        let mut name = String::with_capacity(LIMIT_BYTES + suffix.len());
        for (c, plain) in marked_chars(text) {
            let before = name.len();
            push_encoded(&mut name, c, plain);
            if name.len() > LIMIT_BYTES - TAIL_BYTES {
                // Between characters: half of a `%XX` or of a UTF-8 sequence would say something else.
                name.truncate(before);
                break;
            }
        }
        name.push(MARK);
        for byte in &digest::digest(&digest::SHA256, identity).as_ref()[..16] {
            push_hex(&mut name, *byte, b"0123456789abcdef");
        }
        name.push_str(suffix);
        Self(name.into())
    }

    /// A name as it was found on disk or in the ledger, taken as it is; `None` when it is no safe name.
    ///
    /// This accepts more than `encode` gives (any letter of Unicode, `%`, `~`), so that folders made by other programs
    /// can be entered. What is hidden (a dot at the beginning) is never entered.
    #[must_use]
    pub fn from_disk(name: &str) -> Option<Self> {
        let safe = !name.is_empty()
            && name.len() <= LONGEST_BYTES
            && !name.starts_with('.')
            && !name.ends_with(['.', ' '])
            && !name.chars().any(|c| is_separator(c) || is_invisible(c))
            && !is_device_name(name);
        safe.then(|| Self(name.into()))
    }

    /// The text this is the name of; `None` for a name that was cut, or that `encode` does not give.
    #[must_use]
    pub fn decode(&self) -> Option<String> {
        let bytes = self.0.as_bytes();
        let mut text = Vec::with_capacity(bytes.len());
        let mut next = 0;
        while let Some(byte) = bytes.get(next) {
            if *byte == b'%' {
                let digits = self.0.get(next + 1..next + 3)?;
                text.push(u8::from_str_radix(digits, 16).ok()?);
                next += 3;
            } else {
                text.push(*byte);
                next += 1;
            }
        }
        let text = String::from_utf8(text).ok()?;
        // One text, one name: `%41` is not how an `A` is written.
        (Self::encode(&text) == *self).then_some(text)
    }

    /// Whether a file system that ignores letter case takes the two for one name.
    ///
    /// Exact for names that `encode` gives; for others it follows Unicode's lower case, as most such systems do.
    #[must_use]
    pub fn folds_like(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }

    pub(super) fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// The name as it stands on disk.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The characters of a text, each with whether it may stand in a safe name as it is.
fn marked_chars(text: &str) -> impl Iterator<Item = (char, bool)> {
    let device = is_device_name(text);
    text.char_indices().map(move |(at, c)| {
        let first = at == 0;
        let last = at + c.len_utf8() == text.len();
        let plain = (c == ' ' || c.is_ascii_graphic())
            && !is_separator(c)
            && !matches!(c, '%' | MARK)
            && !(first && (c == '.' || device))
            && !(last && matches!(c, '.' | ' '));
        (c, plain)
    })
}

fn push_encoded(name: &mut String, c: char, plain: bool) {
    if plain {
        name.push(c);
        return;
    }
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        name.push('%');
        push_hex(name, byte, b"0123456789ABCDEF");
    }
}

/// What Windows forbids in a name, the separators of both systems among it.
fn is_separator(c: char) -> bool {
    matches!(c, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*')
}

/// Control characters, and marks that change how the text after them is shown.
///
/// A list of its own: what a terminal must not see may grow, what archives are named by may not.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// Whether Windows opens a device under this name, whatever follows a dot: `CON`, `con.txt`, `NUL .bin`, `COM¹`.
fn is_device_name(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end_matches(' ');
    let devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    if devices.iter().any(|name| stem.eq_ignore_ascii_case(name)) {
        return true;
    }
    let (port, number) = stem.split_at_checked(3).unwrap_or_default();
    if !["COM", "LPT"]
        .iter()
        .any(|name| port.eq_ignore_ascii_case(name))
    {
        return false;
    }
    let mut number = number.chars();
    matches!(number.next(), Some('0'..='9' | '¹' | '²' | '³')) && number.next().is_none()
}

#[cfg(test)]
mod tests;
