//! `mediaTypePattern`: a Java regular expression that a media type must match as a whole.

use regex::{Regex, RegexBuilder};

use crate::recording::kind;

/// Limit of the compiled pattern, so that a configuration cannot exhaust memory.
const COMPILED_BYTES: usize = 1 << 20;

/// Which media types are wanted.
#[derive(Debug, Clone)]
pub struct MediaTypePattern {
    /// Matches the whole type, as Java's `matches()` does.
    regex: Regex,
    source: String,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaTypeError {
    /// Java knows it, but it cannot be matched in linear time.
    #[error("uses {0}, which only Java's regular expressions have")]
    JavaOnly(&'static str),
    /// Not a regular expression.
    #[error("is not a regular expression: {0}")]
    Syntax(String),
    /// Above the limit of compiled size.
    #[error("is too large a regular expression")]
    TooLarge,
}

impl MediaTypePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`MediaTypeError`] when it is no regular expression that can be matched in linear time.
    pub fn parse(source: &str) -> Result<Self, MediaTypeError> {
        if let Some(feature) = java_only(source) {
            return Err(MediaTypeError::JavaOnly(feature));
        }
        // Alone first: inside the group below, an unbalanced `a)|(b` would become legal.
        compile(source)?;
        let regex = compile(&format!(r"\A(?:{source})\z"))?;
        Ok(Self {
            regex,
            source: source.to_owned(),
        })
    }

    /// Whether a media type matches as a whole, in capitals or not (RFC 2045, 5.1); one with parameters
    /// (`audio/mp3; rate=8000`) also without them, one with several names (`audio/mpeg`) by any of them.
    #[must_use]
    pub fn matches(&self, content_type: &str) -> bool {
        let bare = kind::bare(content_type);
        self.regex.is_match(content_type)
            || self.regex.is_match(bare)
            || kind::names(bare)
                .iter()
                .any(|name| self.regex.is_match(name))
    }

    /// The pattern as the operator wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

fn compile(source: &str) -> Result<Regex, MediaTypeError> {
    RegexBuilder::new(source)
        .case_insensitive(true)
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(COMPILED_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => MediaTypeError::TooLarge,
            other => MediaTypeError::Syntax(last_line(&other.to_string())),
        })
}

/// The library draws the pattern over several lines; the last one says what is wrong.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// Finds what Java accepts and this library refuses, or, worse, reads as something else (`a++` is possessive in Java).
fn java_only(source: &str) -> Option<&'static str> {
    let mut chars = source.chars().peekable();
    let mut class_depth = 0_u32;
    let mut repeated = false;
    while let Some(c) = chars.next() {
        let after_repetition = std::mem::take(&mut repeated);
        match c {
            '\\' => match chars.next() {
                Some('1'..='9' | 'k') => return Some("a back-reference"),
                Some('Q') => return Some("quoting with \\Q"),
                _ => {}
            },
            '[' => class_depth += 1,
            ']' => class_depth = class_depth.saturating_sub(1),
            _ if class_depth > 0 => {}
            '+' if after_repetition => return Some("a possessive repetition"),
            '*' | '+' | '?' | '}' => repeated = true,
            '(' if chars.next_if_eq(&'?').is_some() => match chars.next() {
                Some('=' | '!') => return Some("look-ahead"),
                Some('>') => return Some("an atomic group"),
                Some('<') if matches!(chars.peek(), Some('=' | '!')) => return Some("look-behind"),
                _ => {}
            },
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_matches_as_a_whole() {
        let check = |source, text, expected| {
            assert_eq!(
                MediaTypePattern::parse(source).unwrap().matches(text),
                expected,
                "{source} {text}"
            );
        };
        check("audio/mp3|video/mp4", "audio/mp3", true);
        check("audio/mp3|video/mp4", "video/mp4", true);
        check("audio/mp3|video/mp4", "video/mp4x", false);
        check("audio/mp3|video/mp4", "xaudio/mp3", false);
        check("audio/mp3|video/mp4", "audio/mp3; rate=8000", true);
        check("audio/mp3|video/mp4", "audio/mp3\nx", false);
        check("a|ab", "ab", true);
        check(r"audio\/.*", "audio/opus", true);
        check("(?i)AUDIO/mp3", "audio/MP3", true);
        check("audio/mp3", "Audio/MP3", true);
        check("AUDIO/MP3", "audio/mp3", true);
        check("audio/mp3", " Audio/MP3 ; codecs=mp3", true);
        check("audio/mp3|video/mp4", "audio/mpeg", true);
        check("audio/mp3|video/mp4", "audio/mpeg3", true);
        check("audio/mpeg", "audio/MP3; rate=8000", true);
        check("audio/mp3|video/mp4", "application/mp4", true);
        check("audio/mp3|video/mp4", "audio/wav", false);
        check("audio/wav", "audio/x-wav", true);
        check("audio/mp3", "video/mp4", false);
        check("a+?b", "aab", true);
        check("[+]+b", "++b", true);
    }

    #[test]
    fn what_only_java_knows_is_named() {
        for (source, feature) in [
            ("(?=a)a", "look-ahead"),
            ("(?!audio).*", "look-ahead"),
            ("(?<=a)b", "look-behind"),
            ("(?<!a)b", "look-behind"),
            ("(?>a)b", "an atomic group"),
            (r"(a)\1", "a back-reference"),
            (r"(?<x>a)\k<x>", "a back-reference"),
            ("a++", "a possessive repetition"),
            ("a*+", "a possessive repetition"),
            ("a{2}+", "a possessive repetition"),
            (r"\Qaudio/mp3\E", "quoting with \\Q"),
        ] {
            assert_eq!(
                MediaTypePattern::parse(source).unwrap_err(),
                MediaTypeError::JavaOnly(feature),
                "{source}"
            );
        }
    }

    #[test]
    fn broken_and_huge_patterns_are_refused() {
        assert_eq!(
            MediaTypePattern::parse("audio/(mp3")
                .unwrap_err()
                .to_string(),
            "is not a regular expression: unclosed group"
        );
        for source in ["a)|(b", "[a", "*", "(?x)a#"] {
            assert!(
                matches!(
                    MediaTypePattern::parse(source),
                    Err(MediaTypeError::Syntax(_))
                ),
                "{source}"
            );
        }
        assert_eq!(
            MediaTypePattern::parse(r"(\w{500}){500}").unwrap_err(),
            MediaTypeError::TooLarge
        );
    }
}
