//! Small values: booleans, numbers in a range, one of a few words, a region.

use rcbs_io::s3::is_region;

use super::finding::Refusal;

/// Why a small value is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScalarError {
    /// Not `true` or `false`.
    #[error("is neither true nor false")]
    Boolean,
    /// Not a whole number in its range.
    #[error("is not a whole number from {least} to {most}")]
    Number {
        /// The least one allowed.
        least: u32,
        /// The greatest one allowed.
        most: u32,
    },
    /// None of the words that are understood.
    #[error("is none of {}", .0.join(", "))]
    Word(&'static [&'static str]),
    /// Not of the form of a region's name.
    #[error("is not the name of a region")]
    Region,
    /// A colon in a user's name.
    #[error("contains a colon")]
    User,
}

impl Refusal for ScalarError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Region => {
                Some("write for example eu-central-1, or remove it: the store is asked".into())
            }
            Self::User => {
                Some("give the user alone; the password belongs in the environment".into())
            }
            Self::Boolean => Some("write true or false".into()),
            Self::Number { .. } | Self::Word(_) => None,
        }
    }
}

/// Reads `true` or `false` in any case.
pub(super) fn boolean(text: &str) -> Result<bool, ScalarError> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ScalarError::Boolean),
    }
}

/// Reads a whole number from `least` to `most`.
pub(super) fn number(text: &str, least: u32, most: u32) -> Result<u32, ScalarError> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
        .filter(|number| (least..=most).contains(number))
        .ok_or(ScalarError::Number { least, most })
}

/// Reads one of a few words in any case and gives its place among them.
pub(super) fn word(text: &str, words: &'static [&'static str]) -> Result<usize, ScalarError> {
    words
        .iter()
        .position(|word| word.eq_ignore_ascii_case(text))
        .ok_or(ScalarError::Word(words))
}

/// Reads the name of a region. What is one is said by the store's client alone: a name that passed here and was refused
/// there would fail in the middle of the night.
pub(super) fn region(text: &str) -> Result<String, ScalarError> {
    is_region(text)
        .then(|| text.to_owned())
        .ok_or(ScalarError::Region)
}

/// Reads a user of a proxy. A colon would end it in a Basic login (RFC 7617), and usually a password follows.
pub(super) fn user(text: &str) -> Result<String, ScalarError> {
    (!text.contains(':'))
        .then(|| text.to_owned())
        .ok_or(ScalarError::User)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_read_in_any_case_and_nothing_else_is_false() {
        for (text, expected) in [
            ("true", Ok(true)),
            ("TRUE", Ok(true)),
            ("False", Ok(false)),
            ("yes", Err(ScalarError::Boolean)),
            ("1", Err(ScalarError::Boolean)),
            ("", Err(ScalarError::Boolean)),
        ] {
            assert_eq!(boolean(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_keep_to_their_range() {
        let refused = Err(ScalarError::Number {
            least: 1,
            most: 256,
        });
        for (text, expected) in [
            ("1", Ok(1)),
            ("256", Ok(256)),
            ("0", refused.clone()),
            ("257", refused.clone()),
            ("+4", refused.clone()),
            ("-4", refused.clone()),
            ("4.0", refused.clone()),
            ("", refused.clone()),
            ("99999999999", refused.clone()),
        ] {
            assert_eq!(number(text, 1, 256), expected, "{text}");
        }
    }

    #[test]
    fn words_and_regions_have_a_closed_form() {
        assert_eq!(word("Single", &["single", "multithread"]), Ok(0));
        assert!(word("double", &["single", "multithread"]).is_err());
        assert_eq!(region("eu-central-1"), Ok("eu-central-1".into()));
        let (longest, longer) = ("a".repeat(63), "a".repeat(64));
        assert_eq!(region(&longest), Ok(longest.clone()));
        for text in ["", "EU", "a.b", "a/b", "-a", "a-", "a b", &longer] {
            assert_eq!(region(text), Err(ScalarError::Region), "{text}");
        }
    }
}
