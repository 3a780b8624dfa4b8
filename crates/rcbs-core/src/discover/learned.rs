//! What is known of a server beyond one run, as a small text.

use serde::{Deserialize, Serialize};

/// What earlier runs found out about the server. Each fact only saves calls: it is looked at again while listing, and a
/// server that has changed since is found out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// Which time of a recording the bounds are compared with.
    pub reading: Reading,
    /// What the server makes of `offset`.
    pub offsets: Offsets,
    /// The offset it refused for being too deep.
    pub deepest: Option<u64>,
    /// Which lists it was seen to show.
    #[serde(default)]
    pub lists: Lists,
    /// Entries of the longest page it gave.
    #[serde(default)]
    pub longest_page: u32,
}

/// Which lists a server was seen to show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lists {
    /// None yet.
    #[default]
    Unseen,
    /// Some with recordings; none that is empty.
    Filled,
    /// Empty ones that say so. An answer without any list is something else.
    Empty,
}

/// Which time of a recording the server compares with the bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reading {
    /// Nobody has found out.
    #[default]
    Unknown,
    /// The upper bound with the start. The lower one may be compared with start or stop: a recording that starts in a
    /// range is shown for that range either way.
    Start,
    /// The lower bound with the start, the upper one with the stop: only recordings that lie within the range.
    Contained,
    /// Both with the stop.
    Stop,
}

/// What the server makes of `offset`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Offsets {
    /// Nobody has found out.
    #[default]
    Unknown,
    /// It skips so many.
    Honoured,
    /// It gives the first page again.
    Ignored,
    /// It refuses the request.
    Refused,
}

/// Changes whenever a text of the old form would be misread.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Text {
    version: u32,
    learned: Learned,
}

impl Learned {
    /// The facts as a text for [`Learned::from_text`].
    #[must_use]
    pub fn to_text(self) -> String {
        let text = Text {
            version: VERSION,
            learned: self,
        };
        // Three small fields without maps cannot fail to be written; an empty text is read as nothing learned.
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// Reads what [`Learned::to_text`] wrote. A text of another version, or none of ours, is nothing learned.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(Text {
                version: VERSION,
                learned,
            }) => learned,
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_back_and_a_strange_one_is_nothing_learned() {
        let learned = Learned {
            reading: Reading::Stop,
            offsets: Offsets::Refused,
            deepest: Some(9_801),
            lists: Lists::Filled,
            longest_page: 87,
        };
        assert_eq!(Learned::from_text(&learned.to_text()), learned);
        // As texts were before these were learned.
        let old =
            r#"{"version":1,"learned":{"reading":"Stop","offsets":"Refused","deepest":9801}}"#;
        let before = Learned {
            lists: Lists::Unseen,
            longest_page: 0,
            ..learned
        };
        assert_eq!(Learned::from_text(old), before);
        for strange in [
            "",
            "{}",
            "null",
            r#"{"version":2,"learned":{"reading":"Start","offsets":"Unknown","deepest":null}}"#,
            r#"{"version":1,"learned":{"reading":"Sideways","offsets":"Unknown","deepest":null}}"#,
        ] {
            assert_eq!(Learned::from_text(strange), Learned::default(), "{strange}");
        }
    }
}
