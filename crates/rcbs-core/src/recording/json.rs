//! Walks over JSON text that is known to be valid, in one pass and without a tree.
//!
//! An odd value costs one field and never the recording: what is not looked at may be as deep as it likes, out of range
//! (`1e999`) or half a surrogate pair. Skipping counts brackets and needs no stack.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// A place in JSON text, at the beginning of a value. A copy is a bookmark.
///
/// Whoever is handed a cursor reads its value with one of the methods that take `&mut self`, or leaves it: the walk goes
/// on behind the value either way. On text that is not valid JSON a walk ends early; it never panics.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// At the one value that `text` is.
    ///
    /// # Errors
    /// When `text` is not JSON from its first to its last byte. The words of the error repeat nothing of the text.
    pub(super) fn new(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<IgnoredAny>(text)?;
        let rest = text.trim_ascii_start();
        Ok(Self { rest })
    }

    /// Hands each field of an object to `take`, in order, a repeated key each time. Does nothing to another value.
    pub(super) fn fields(&mut self, mut take: impl FnMut(&str, &mut Self)) {
        if !self.is_object() {
            return;
        }
        self.step(1);
        while self.rest.starts_with('"') {
            // No key we look for has half a surrogate pair in it, so one that cannot be read is as good as unknown.
            let key = self.string().text().unwrap_or_default();
            self.step(1);
            self.value(|cursor| take(&key, cursor));
        }
        self.step(1);
    }

    /// Hands each entry of an array to `take`, in order. Does nothing to another value.
    pub(super) fn entries(&mut self, mut take: impl FnMut(&mut Self)) {
        if !self.is_array() {
            return;
        }
        self.step(1);
        while !self.rest.is_empty() && !self.rest.starts_with(']') {
            self.value(&mut take);
        }
        self.step(1);
    }

    /// The text of a string, or a number as it is written; `None` for another value, and for a string that is not
    /// Unicode.
    pub(super) fn text(&mut self) -> Option<Cow<'a, str>> {
        match self.rest.as_bytes().first()? {
            b'"' => self.string().text(),
            b'-' | b'0'..=b'9' => Some(Cow::Borrowed(self.raw())),
            _ => None,
        }
    }

    /// [`Self::text`] that says something: not empty, not all blanks.
    pub(super) fn filled_text(&mut self) -> Option<Cow<'a, str>> {
        self.text().filter(|text| !text.trim().is_empty())
    }

    /// The value as it is written.
    pub(super) fn raw(&mut self) -> &'a str {
        let from = self.rest;
        let mut depth = 0_usize;
        loop {
            match self.rest.as_bytes().first() {
                Some(b'"') => {
                    self.string();
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.rest = &self.rest[1..];
                }
                Some(b'}' | b']') => {
                    depth = depth.saturating_sub(1);
                    self.rest = &self.rest[1..];
                }
                _ => {
                    // A number or a word; inside brackets also the marks and blanks between values.
                    let is_end = |b: u8| match b {
                        b'"' | b'{' | b'[' | b'}' | b']' => true,
                        b',' | b' ' | b'\n' | b'\r' | b'\t' => depth == 0,
                        _ => false,
                    };
                    let end = self.rest.bytes().position(is_end);
                    self.rest = &self.rest[end.unwrap_or(self.rest.len())..];
                }
            }
            if depth == 0 || self.rest.is_empty() {
                return &from[..from.len() - self.rest.len()];
            }
        }
    }

    pub(super) fn is_object(&self) -> bool {
        self.rest.starts_with('{')
    }

    pub(super) fn is_array(&self) -> bool {
        self.rest.starts_with('[')
    }

    pub(super) fn is_null(&self) -> bool {
        self.rest.starts_with('n')
    }

    /// Lets `take` read the value here, skips it if that left it, and goes on to the next key or entry.
    fn value(&mut self, take: impl FnOnce(&mut Self)) {
        let before = self.rest.len();
        take(self);
        if self.rest.len() == before && self.raw().is_empty() {
            // Not valid JSON after all. Ending is better than turning on the spot.
            self.rest = "";
        }
        self.rest = self.rest.trim_ascii_start();
        if self.rest.starts_with(',') {
            self.step(1);
        }
    }

    /// Goes on over a mark of so many bytes and the blanks around it.
    fn step(&mut self, bytes: usize) {
        self.rest = self.rest.trim_ascii_start();
        self.rest = self.rest.get(bytes..).unwrap_or_default();
        self.rest = self.rest.trim_ascii_start();
    }

    /// The string here.
    fn string(&mut self) -> Quoted<'a> {
        let inner = self.rest.get(1..).unwrap_or_default();
        let bytes = inner.as_bytes();
        let (mut end, mut has_escapes) = (0, false);
        // Most strings are so short that looking at each byte is faster than a search.
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'"' => break,
                b'\\' => {
                    has_escapes = true;
                    end += 2;
                }
                _ => end += 1,
            }
        }
        self.rest = inner.get(end + 1..).unwrap_or_default();
        Quoted {
            inner: inner.get(..end).unwrap_or_default(),
            has_escapes,
        }
    }
}

/// What stands between two quotes.
struct Quoted<'a> {
    inner: &'a str,
    has_escapes: bool,
}

impl<'a> Quoted<'a> {
    /// The text that is meant; `None` when it is not Unicode.
    fn text(&self) -> Option<Cow<'a, str>> {
        if self.has_escapes {
            let text: String = serde_json::from_str(&format!("\"{}\"", self.inner)).ok()?;
            Some(Cow::Owned(text))
        } else {
            Some(Cow::Borrowed(self.inner))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a walk over everything sees, written as JSON without blanks.
    fn walked(cursor: &mut Cursor<'_>) -> String {
        let mut parts = Vec::new();
        if cursor.is_object() {
            cursor.fields(|key, value| parts.push(format!("{key:?}:{}", walked(value))));
            format!("{{{}}}", parts.join(","))
        } else if cursor.is_array() {
            cursor.entries(|value| parts.push(walked(value)));
            format!("[{}]", parts.join(","))
        } else {
            cursor.raw().to_owned()
        }
    }

    #[test]
    fn a_walk_sees_every_value() {
        let json = r#" { "a" : [ 1 , -2.5e3,"x\"y\\" , [ ] ,{ } ] ,"b":{"c":null,"d":[true,[false]]}
            , "e":"" } "#;
        assert_eq!(
            walked(&mut Cursor::new(json).unwrap()),
            r#"{"a":[1,-2.5e3,"x\"y\\",[],{}],"b":{"c":null,"d":[true,[false]]},"e":""}"#
        );
    }

    #[test]
    fn values_that_are_left_alone_are_skipped() {
        let json = r#"{"a":[1,{"z":"]}"}, "\\"],"b":"x\"}","c":{"z":[]},"d":1e999 ,"e":null,"f":"\ud800","g":"end"}"#;
        let mut seen = Vec::new();
        Cursor::new(json).unwrap().fields(|key, value| {
            seen.push(match key {
                "g" => value.text().unwrap_or_default().into_owned(),
                _ => key.to_owned(),
            });
        });
        assert_eq!(seen, ["a", "b", "c", "d", "e", "f", "end"]);
    }

    #[test]
    fn text_is_a_string_or_a_number() {
        for (json, expected) in [
            (r#""aü""#, Some("aü")),
            (r#""\u00fc\n\/""#, Some("ü\n/")),
            ("12.50", Some("12.50")),
            ("1e999", Some("1e999")),
            (r#""\ud800""#, None),
            ("null", None),
            ("true", None),
            ("[]", None),
        ] {
            assert_eq!(
                Cursor::new(json).unwrap().text().as_deref(),
                expected,
                "{json}"
            );
        }
    }

    #[test]
    fn text_that_is_no_json_ends_a_walk() {
        for rest in [
            "{",
            "[",
            "\"",
            "{\"",
            "{\"a",
            "{\"a\"",
            "{\"a\":",
            "[1",
            "[,",
            "[:]",
            "[}]",
            "{\"a\"}",
            "{]",
            "é",
            "[é",
            "{\"a\" é:é}",
            "[\"\\",
            "[1 2 3",
            "}",
            "[[",
            "{\"\\\":1}",
        ] {
            drop(walked(&mut Cursor { rest }));
            let _ = Cursor { rest }.raw();
            drop(Cursor { rest }.text());
        }
    }
}
