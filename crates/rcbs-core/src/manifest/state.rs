//! What the ledger remembers of the chain: its newest manifest, and the one that is about to be written.

use serde::{Deserialize, Serialize};

use super::lines::Line;
use super::name::PartName;
use crate::text::hex;

/// One manifest as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    name: String,
    /// Hexadecimal digits.
    pub(crate) sha256: String,
    /// Of its signature, where it has one.
    pub(crate) signature_sha256: Option<String>,
}

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// The newest manifest.
    pub(crate) head: Option<Link>,
    /// The one before it: what stands in the head.
    pub(crate) before_head: Option<Link>,
    /// About to be written: noted before, so that a run that ends in between leaves a manifest that is recognised.
    pub(crate) intent: Option<Link>,
}

impl Link {
    pub(crate) fn new(name: PartName, sha256: &[u8; 32], signature: Option<&[u8; 32]>) -> Self {
        Self {
            name: name.to_string(),
            sha256: hex(sha256),
            signature_sha256: signature.map(|sha256| hex(sha256)),
        }
    }

    /// Which one it is; `None` only when somebody has changed the ledger.
    pub(crate) fn name(&self) -> Option<PartName> {
        PartName::parse(&self.name)
    }

    /// As it stands in the manifest after it.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let Some(name) = self.name() else {
            return Vec::new();
        };
        let text = format!("{}  {}\n", self.sha256, name.path());
        let signature = self
            .signature_sha256
            .as_ref()
            .map(|sha256| format!("{sha256}  {}\n", name.signature_path()));
        let text = text + &signature.unwrap_or_default();
        super::Manifest::parse(text.as_bytes())
            .map(|manifest| manifest.lines)
            .unwrap_or_default()
    }
}

impl State {
    /// What was remembered; nothing of it when it cannot be read.
    pub(crate) fn recalled(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    /// What to remember.
    pub(crate) fn to_text(&self) -> String {
        // Structs of strings have nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What was intended has come to be.
    pub(crate) fn fulfil(&mut self) {
        if let Some(written) = self.intent.take() {
            let is_new = self
                .head
                .as_ref()
                .is_none_or(|head| head.name != written.name);
            if is_new {
                self.before_head = self.head.take();
            }
            self.head = Some(written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_is_written_anew_keeps_its_place_in_the_chain() {
        let link =
            |name: &str, digest| Link::new(PartName::parse(name).unwrap(), &[digest; 32], None);
        let mut state = State::default();
        for (name, digest) in [
            ("2018-02-12-001", 1),
            ("2018-02-13-001", 2),
            ("2018-02-13-001", 3),
        ] {
            state.intent = Some(link(name, digest));
            state.fulfil();
        }
        assert_eq!(state.head, Some(link("2018-02-13-001", 3)));
        assert_eq!(state.before_head, Some(link("2018-02-12-001", 1)));
        assert_eq!(State::recalled(Some(&state.to_text())), state);
        assert_eq!(State::recalled(Some("rubbish")), State::default());
        assert_eq!(state.head.unwrap().lines()[0].sha256, [3; 32]);
    }
}
