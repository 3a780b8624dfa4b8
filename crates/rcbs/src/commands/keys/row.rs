//! One recipient: what is sealed for it, what is known of its certificate, and which keys proved to be its.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rcbs_core::cms::KeyRing;
use rcbs_core::decrypt::{Evidence, Harm, Verdict};
use rcbs_core::ports::MediaKey;
use rcbs_core::readiness::{KeyUse, Standing};
use serde_json::{Value, json};

use crate::report::{counted, human_time};

/// One recipient of the archive.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) of: &'a KeyUse,
    pub(super) standing: Standing,
    /// What keys made of its files; `None` where none was given, or none is needed.
    pub(super) proof: Option<Proof>,
}

/// What keys made of the files for a recipient.
#[derive(Debug)]
pub(super) struct Proof {
    /// The keys that opened a file for it, each with the path of one.
    keys: BTreeMap<String, String>,
    /// What is true of all its files.
    state: State,
}

/// The worst first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// A file is damaged, or does not open with any key that it names.
    Failed { path: String, reason: String },
    /// Keys might fit, but nobody knows which.
    Ambiguous,
    /// No key given is its, and its files do not open for another recipient either.
    NoKey,
    /// A key of it opens each kind of file.
    Opened,
    /// No key given is its, but its files open, as sealed for another.
    Elsewhere { recipient: String },
}

/// What is known of a recipient after the trials.
pub(super) fn proof(of: &KeyUse, proofs: &[(MediaKey, Evidence)], ring: &KeyRing) -> Option<Proof> {
    let mut keys = BTreeMap::new();
    let mut worst: Option<State> = None;
    for (sample, evidence) in proofs {
        if !of.samples.contains(sample) {
            continue;
        }
        let state = state(of, evidence, ring, &mut keys);
        worst = Some(match worst {
            Some(worst) => worst.min(state),
            None => state,
        });
    }
    worst.map(|state| Proof { keys, state })
}

fn state(
    of: &KeyUse,
    evidence: &Evidence,
    ring: &KeyRing,
    keys: &mut BTreeMap<String, String>,
) -> State {
    let failed = |Harm { path, reason }| State::Failed { path, reason };
    let (mut is_opened, mut unproven, mut other) = (false, None, None);
    for pair in evidence.pairs() {
        // Files taken over without their envelopes: the files themselves say whose they are.
        let is_own = of.recipient.is_empty() || pair.recipient == of.recipient;
        match evidence.verdict(&pair) {
            Verdict::Proven { path } if is_own => {
                is_opened = true;
                let source = ring.keys().get(pair.key).map_or("", |key| key.source());
                keys.entry(source.to_owned()).or_insert(path);
            }
            Verdict::Proven { .. } => other = Some(pair.recipient),
            Verdict::Unproven { path, reason } if is_own => unproven = Some(Harm { path, reason }),
            Verdict::Unproven { .. } => {}
        }
    }
    if let Some(harm) = evidence.damage() {
        return failed(harm);
    }
    if let (true, Some(path)) = (is_opened, evidence.shut()) {
        return failed(Harm {
            path: path.to_owned(),
            reason: "no key given opens it".to_owned(),
        });
    }
    match (is_opened, unproven.or(evidence.unread()), other) {
        (true, _, _) => State::Opened,
        (false, Some(harm), _) => failed(harm),
        (false, None, Some(recipient)) => State::Elsewhere { recipient },
        (false, None, None) if evidence.is_ambiguous() => State::Ambiguous,
        (false, None, None) => State::NoKey,
    }
}

impl Row<'_> {
    pub(super) fn is_ambiguous(&self) -> bool {
        let state = self.proof.as_ref().map(|proof| &proof.state);
        state == Some(&State::Ambiguous)
    }

    pub(super) fn as_text(&self) -> String {
        let day = |at: Option<Timestamp>| {
            at.map_or_else(
                || "undated".to_owned(),
                |at| at.strftime("%Y-%m-%d").to_string(),
            )
        };
        let of = self.of;
        let name = match of.recipient.as_str() {
            "" => "unknown recipients (taken over without their envelopes)",
            known => known,
        };
        let mut lines = vec![
            name.to_owned(),
            format!(
                "    {}, first {}, last {}",
                counted(of.files, "media file", "media files"),
                day(of.first),
                day(of.last)
            ),
        ];
        match self.standing {
            Standing::Untold => {}
            Standing::Known { until: Some(until) } => lines.push(format!(
                "    certificate known, valid until {}",
                human_time(until)
            )),
            Standing::Known { until: None } => lines.push("    certificate known".to_owned()),
            Standing::Expired { since } => lines.push(format!(
                "    certificate expired {}; its key is still needed for these files",
                human_time(since)
            )),
            Standing::Unknown => lines.push("    certificate not in certificateFile".to_owned()),
            Standing::Nobody => lines.push("    no key is needed (plainMedia=store)".to_owned()),
        }
        if let Some(proof) = &self.proof {
            let opened = |(key, path)| format!("    {key} opens it, proven with {path}");
            lines.extend(proof.keys.iter().map(opened));
            match &proof.state {
                State::Opened => {}
                State::Failed { path, reason } => {
                    lines.push(format!("    not proven: {path}: {reason}"));
                }
                State::Ambiguous => lines.push(
                    "    which key given fits cannot be told without certificates".to_owned(),
                ),
                State::NoKey => lines.push("    no key given fits".to_owned()),
                State::Elsewhere { recipient } => lines.push(format!(
                    "    no key given is its; the same files open as sealed for {recipient}"
                )),
            }
        }
        lines.join("\n") + "\n"
    }

    pub(super) fn as_json(&self) -> Value {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let (certificate, until) = match self.standing {
            Standing::Untold => (None, None),
            Standing::Known { until } => (Some("known"), until),
            Standing::Expired { since } => (Some("expired"), Some(since)),
            Standing::Unknown => (Some("unknown"), None),
            Standing::Nobody => (Some("none"), None),
        };
        let state = self.proof.as_ref().map(|proof| &proof.state);
        let opened = self.proof.as_ref().and_then(|proof| {
            let first = proof.keys.iter().next();
            first.filter(|_| proof.state == State::Opened)
        });
        let (word, path, reason) = match state {
            None => (None, None, None),
            Some(State::Opened) => (Some("opened"), opened.map(|(_, path)| path), None),
            Some(State::Failed { path, reason }) => (Some("failed"), Some(path), Some(reason)),
            Some(State::Ambiguous) => (Some("ambiguous"), None, None),
            Some(State::NoKey) => (Some("no_key"), None, None),
            Some(State::Elsewhere { .. }) => (Some("not_tried"), None, None),
        };
        let of = self.of;
        json!({
            "recipient": (!of.recipient.is_empty()).then_some(&of.recipient), "files": of.files,
            "first": time(of.first), "last": time(of.last), "certificate": certificate,
            "until": time(until), "proof": word, "key": opened.map(|(key, _)| key), "path": path,
            "reason": reason,
        })
    }
}

#[cfg(test)]
mod tests;
