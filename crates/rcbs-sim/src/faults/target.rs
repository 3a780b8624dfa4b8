//! Which requests a fault hits.

use std::fmt;
use std::str::FromStr;

use crate::quirks::NotAChoice;
use crate::quirks::choice;
use crate::seed::Seed;

choice! {
    /// The kinds of request.
    RequestKind {
        /// A page of recordings.
        List = "list",
        /// One recording.
        Recording = "recording",
        /// The settings group.
        Settings = "settings",
        /// The version of the API.
        Version = "version",
        /// An object of the store.
        Object = "object",
        /// Anything else.
        Other = "other",
    }
}

/// Requests of a kind, or all of them, perhaps only those about something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The kind; `None` is any.
    pub kind: Option<RequestKind>,
    /// Only if the id, the key or the query contains this.
    pub containing: Option<String>,
}

/// Which of the requests that fit a target are hit, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Each.
    Always,
    /// Only this one.
    Nth(u64),
    /// The first so many.
    First(u64),
    /// This one and all later ones.
    From(u64),
    /// Each so-many-th.
    Every(u64),
    /// So many of a hundred, chosen by the seed.
    Percent(u64),
}

/// A target or a time that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a kind of request.
    #[error("the request kind {0}, any")]
    Kind(#[from] NotAChoice),
    /// Not a time.
    #[error("{0:?} is not a time: write always, 3, first-3, from-3, every-3 or 30%")]
    When(String),
}

impl Target {
    /// All requests of a kind.
    #[must_use]
    pub fn all(kind: RequestKind) -> Self {
        Self {
            kind: Some(kind),
            containing: None,
        }
    }

    /// Whether a request fits; `about` is its id, key or query.
    #[must_use]
    pub fn fits(&self, kind: RequestKind, about: &str) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind)
            && self
                .containing
                .as_deref()
                .is_none_or(|part| about.contains(part))
    }
}

impl When {
    /// Whether the request with this number is hit.
    #[must_use]
    pub fn hits(self, number: u64, seed: Seed) -> bool {
        match self {
            Self::Always => true,
            Self::Nth(wanted) => number == wanted,
            Self::First(count) => number <= count,
            Self::From(first) => number >= first,
            Self::Every(step) => step > 0 && number.is_multiple_of(step),
            Self::Percent(share) => seed.below(&format!("fault {number}"), 100) < share,
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (kind, containing) = match text.split_once('~') {
            Some((kind, part)) => (kind, Some(part.to_owned())),
            None => (text, None),
        };
        let kind = if kind == "any" {
            None
        } else {
            Some(kind.parse()?)
        };
        Ok(Self { kind, containing })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.map_or("any", RequestKind::name))?;
        match &self.containing {
            Some(part) => write!(f, "~{part}"),
            None => Ok(()),
        }
    }
}

impl FromStr for When {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let number = |digits: &str| {
            digits
                .parse()
                .map_err(|_| TargetError::When(text.to_owned()))
        };
        if text == "always" {
            Ok(Self::Always)
        } else if let Some(digits) = text.strip_prefix("first-") {
            Ok(Self::First(number(digits)?))
        } else if let Some(digits) = text.strip_prefix("from-") {
            Ok(Self::From(number(digits)?))
        } else if let Some(digits) = text.strip_prefix("every-") {
            Ok(Self::Every(number(digits)?))
        } else if let Some(digits) = text.strip_suffix('%') {
            Ok(Self::Percent(number(digits)?))
        } else {
            Ok(Self::Nth(number(text)?))
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Nth(number) => write!(f, "{number}"),
            Self::First(count) => write!(f, "first-{count}"),
            Self::From(first) => write!(f, "from-{first}"),
            Self::Every(step) => write!(f, "every-{step}"),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_from_one() {
        let hit = |text: &str| {
            let when: When = text.parse().unwrap();
            (1..=6)
                .filter(|number| when.hits(*number, Seed::new(1)))
                .collect::<Vec<u64>>()
        };
        assert_eq!(hit("always"), [1, 2, 3, 4, 5, 6]);
        assert_eq!(hit("3"), [3]);
        assert_eq!(hit("first-2"), [1, 2]);
        assert_eq!(hit("from-5"), [5, 6]);
        assert_eq!(hit("every-2"), [2, 4, 6]);
        assert!(hit("0%").is_empty());
        assert_eq!(hit("100%").len(), 6);
    }

    #[test]
    fn a_share_is_about_that_share() {
        let when = When::Percent(30);
        let hits = (0..10_000)
            .filter(|number| when.hits(*number, Seed::new(1)))
            .count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
    }

    #[test]
    fn targets_fit_by_kind_and_by_part() {
        let fits = |text: &str, kind, about| text.parse::<Target>().unwrap().fits(kind, about);
        assert!(fits("any", RequestKind::Object, "b/k.mp4"));
        assert!(fits("object~.mp4", RequestKind::Object, "b/k.mp4"));
        assert!(!fits("object~.mp3", RequestKind::Object, "b/k.mp4"));
        assert!(!fits("list", RequestKind::Object, "b/k.mp4"));
        assert!("objects".parse::<Target>().is_err());
    }
}
