//! What trials on files for the same recipients prove together: of each key, and of the files.

use std::collections::BTreeSet;

use super::trial::{Found, Tried};
use crate::cms::{Match, NoKey};

/// All trials on files for the same recipients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    trials: Vec<(String, Tried)>,
    unreadable: Vec<Harm>,
}

/// A file of which no key can be the fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Harm {
    /// The file.
    pub path: String,
    /// What is wrong with it, in words.
    pub reason: String,
}

/// A key and the recipient that it was tried for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// The recipient in words.
    pub recipient: String,
    /// The key, from 0.
    pub key: usize,
}

/// What is known of a key that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It opens what is sealed for its recipient.
    Proven {
        /// Such a file.
        path: String,
    },
    /// It was not shown to.
    Unproven {
        /// The file that it was tried on.
        path: String,
        /// Why not, in words.
        reason: String,
    },
}

impl Evidence {
    /// One more trial.
    pub fn add(&mut self, path: &str, tried: Tried) {
        self.trials.push((path.to_owned(), tried));
    }

    /// A file that could not be read.
    pub fn add_unreadable(&mut self, path: &str, reason: String) {
        self.unreadable.push(Harm {
            path: path.to_owned(),
            reason,
        });
    }

    /// Whether another file may say more: some key that was tried has opened nothing yet, or a file is damaged.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        let all_opened = self.pairs().iter().all(|pair| self.opened(pair).is_some());
        !all_opened || self.damage().is_some()
    }

    /// The keys that were tried, each with its recipient.
    #[must_use]
    pub fn pairs(&self) -> BTreeSet<Pair> {
        self.trials.iter().filter_map(|(_, it)| pair(it)).collect()
    }

    /// What is known of one of [`Self::pairs`].
    #[must_use]
    pub fn verdict(&self, of: &Pair) -> Verdict {
        if let Some(path) = self.opened(of) {
            return Verdict::Proven { path: path.clone() };
        }
        let mut own = self.trials.iter().filter(|(_, it)| is(it, of));
        let shut = own.find(|(_, it)| it.found == Found::Shut);
        let (path, reason) = match (shut, self.damage()) {
            (Some((path, tried)), _) if is_named(tried) => (
                path.clone(),
                "it does not open, though its bytes are those that were stored: it is sealed for another key of the same name".to_owned(),
            ),
            (Some((path, _)), _) => (path.clone(), "it does not open".to_owned()),
            (None, Some(harm)) => (harm.path, harm.reason),
            (None, None) => (String::new(), "it was not tried".to_owned()),
        };
        Verdict::Unproven { path, reason }
    }

    /// Whether every file that was tried opens.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.trials.is_empty() && self.unreadable.is_empty() && self.shut().is_none()
    }

    /// A file that no key opens.
    #[must_use]
    pub fn shut(&self) -> Option<&str> {
        let opens = |path: &str| {
            let mut of_it = self.trials.iter().filter(|(other, _)| other == path);
            of_it.any(|(_, it)| is_opened(it))
        };
        let mut paths = self.trials.iter().map(|(path, _)| path.as_str());
        paths.find(|path| !opens(path))
    }

    /// A file that is damaged, or not there.
    #[must_use]
    pub fn damage(&self) -> Option<Harm> {
        let damaged = self.trials.iter().find_map(|(path, it)| match &it.found {
            Found::Damaged(reason) => Some(Harm {
                path: path.clone(),
                reason: reason.clone(),
            }),
            _ => None,
        });
        self.unreadable.first().cloned().or(damaged)
    }

    /// A file in a form that is not read.
    #[must_use]
    pub fn unread(&self) -> Option<Harm> {
        self.trials.iter().find_map(|(path, it)| match &it.found {
            Found::Unread(error) => Some(Harm {
                path: path.clone(),
                reason: error.to_string(),
            }),
            _ => None,
        })
    }

    /// Whether keys might fit, and nobody knows which.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        let is_so = |found: &Found| matches!(found, Found::NoKey(NoKey::Ambiguous { .. }));
        self.trials.iter().any(|(_, it)| is_so(&it.found))
    }

    /// A file that opened with this key for this recipient.
    fn opened(&self, of: &Pair) -> Option<&String> {
        let mut own = self.trials.iter().filter(|(_, it)| is(it, of));
        own.find(|(_, it)| is_opened(it)).map(|(path, _)| path)
    }
}

fn is_opened(tried: &Tried) -> bool {
    matches!(tried.found, Found::Media | Found::Odd)
}

fn pair(tried: &Tried) -> Option<Pair> {
    let (key, _) = tried.key?;
    Some(Pair {
        recipient: tried.recipient.clone(),
        key,
    })
}

fn is(tried: &Tried, of: &Pair) -> bool {
    pair(tried).as_ref() == Some(of)
}

fn is_named(tried: &Tried) -> bool {
    matches!(tried.key, Some((_, Match::Named)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trials of keys on files, each with the path and what was found.
    fn evidence(trials: &[(&str, usize, Found)]) -> Evidence {
        let mut evidence = Evidence::default();
        for (path, key, found) in trials {
            let tried = Tried {
                key: Some((*key, Match::Named)),
                recipient: "one".to_owned(),
                attempts: 1,
                found: found.clone(),
            };
            evidence.add(path, tried);
        }
        evidence
    }

    fn is_proven(evidence: &Evidence, key: usize) -> bool {
        let recipient = "one".to_owned();
        let verdict = evidence.verdict(&Pair { recipient, key });
        matches!(verdict, Verdict::Proven { .. })
    }

    #[test]
    fn a_key_is_proven_by_one_file_and_files_are_open_one_by_one() {
        use Found::{Media, Odd, Shut};
        for (trials, proven, open, doubt) in [
            (vec![("a", 0, Media)], true, true, false),
            (vec![("a", 0, Odd)], true, true, false),
            (vec![("a", 0, Shut)], false, false, true),
            (vec![("a", 0, Shut), ("b", 0, Media)], true, false, false),
        ] {
            let evidence = evidence(&trials);
            assert_eq!(is_proven(&evidence, 0), proven, "{trials:?}");
            assert_eq!(evidence.is_open(), open, "{trials:?}");
            assert_eq!(evidence.is_in_doubt(), doubt, "{trials:?}");
        }
        assert!(!Evidence::default().is_open());
    }

    #[test]
    fn keys_of_one_name_are_judged_one_by_one() {
        use Found::{Media, Shut};
        let first = [("a", 0, Shut), ("a", 1, Media)];
        let one = evidence(&first);
        assert!(one.is_open() && one.is_in_doubt());
        assert!(!is_proven(&one, 0) && is_proven(&one, 1));
        let second = [("b", 0, Media), ("b", 1, Shut)];
        let both = evidence(&[first, second].concat());
        assert!(both.is_open() && !both.is_in_doubt());
        assert!(is_proven(&both, 0) && is_proven(&both, 1));
    }

    #[test]
    fn a_damaged_file_says_nothing_about_keys() {
        let damaged = Found::Damaged("cut".to_owned());
        let one = evidence(&[("a", 0, damaged)]);
        assert!(one.damage().is_some() && one.is_in_doubt() && !one.is_open());
        assert!(!is_proven(&one, 0));
        let mut gone = Evidence::default();
        gone.add_unreadable("a", "it is not there".to_owned());
        assert!(gone.damage().is_some() && gone.is_in_doubt() && !gone.is_open());
    }
}
