//! The keys that were given: what each of them opened, or why it opened nothing.

use rcbs_core::cms::{KeyRing, PrivateKey};
use rcbs_core::decrypt::{Evidence, Verdict};
use rcbs_core::ports::MediaKey;
use serde_json::{Value, json};

/// A key and what is known of it now.
#[derive(Debug)]
pub(super) struct Given<'a> {
    key: &'a PrivateKey,
    state: State,
    /// A certificate of it would help.
    pub(super) wants_certificate: bool,
}

#[derive(Debug)]
enum State {
    Proven {
        recipient: String,
        path: String,
    },
    /// It was tried, and did not open what it should.
    Failed {
        path: String,
        reason: String,
    },
    /// There was nothing to try it on.
    Untried {
        reason: String,
    },
}

/// All of them, in the order in which they were given.
pub(super) fn all<'a>(ring: &'a KeyRing, proofs: &[(MediaKey, Evidence)]) -> Vec<Given<'a>> {
    let one = |(number, key)| {
        let state = state(number, key, proofs);
        let is_known = key.all_certificates().next().is_some();
        Given {
            key,
            wants_certificate: !is_known && !matches!(state, State::Proven { .. }),
            state,
        }
    };
    ring.keys().iter().enumerate().map(one).collect()
}

fn state(number: usize, key: &PrivateKey, proofs: &[(MediaKey, Evidence)]) -> State {
    let mut failed = None;
    for (_, evidence) in proofs {
        for pair in evidence.pairs() {
            if pair.key != number {
                continue;
            }
            match evidence.verdict(&pair) {
                Verdict::Proven { path } => {
                    let recipient = pair.recipient;
                    return State::Proven { recipient, path };
                }
                Verdict::Unproven { path, reason } => {
                    failed.get_or_insert(State::Failed { path, reason });
                }
            }
        }
    }
    failed.unwrap_or_else(|| State::Untried {
        reason: untried(key),
    })
}

fn untried(key: &PrivateKey) -> String {
    let names: Vec<_> = key.all_certificates().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "no certificate of it is known, so nothing says for which files it is".to_owned(),
        names => format!(
            "no file of the archive is sealed for {}",
            names.join(" or ")
        ),
    }
}

impl Given<'_> {
    /// Whether it opened something.
    pub(super) fn is_proven(&self) -> bool {
        matches!(self.state, State::Proven { .. })
    }

    /// A line for a key that opened nothing, or that was given more than once.
    pub(super) fn as_text(&self) -> Option<String> {
        let key = self.key.source();
        let told = match &self.state {
            State::Proven { .. } => None,
            State::Failed { path, reason } => {
                Some(format!("the key {key} opened nothing: {path}: {reason}\n"))
            }
            State::Untried { reason } => Some(format!("the key {key} opened nothing: {reason}\n")),
        };
        let copies = self.key.copies().iter();
        let copies: String = copies
            .map(|copy| format!("{copy} holds the same key as {key}\n"))
            .collect();
        let text = told.unwrap_or_default() + &copies;
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn as_json(&self) -> Value {
        let (recipient, path, reason) = match &self.state {
            State::Proven { recipient, path } => (Some(recipient), Some(path), None),
            State::Failed { path, reason } => (None, Some(path), Some(reason)),
            State::Untried { reason } => (None, None, Some(reason)),
        };
        json!({
            "key": self.key.source(), "proven": self.is_proven(), "recipient": recipient,
            "path": path, "reason": reason, "copies": self.key.copies(),
        })
    }
}
