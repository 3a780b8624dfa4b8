//! How far a verification has come, as the ledger remembers it between runs.

use serde::{Deserialize, Serialize};

use crate::recording::RecordingId;

/// Recordings with harm are looked at again by whoever goes on, so that each run tells everything. With more than so
/// many the mark stays where it is: they are found again from there.
const HARMED_MOST: usize = 100;

/// A mark behind which everything was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Which files were to be read.
    what: String,
    after: Option<String>,
    harmed: Vec<String>,
}

impl Progress {
    /// At the beginning.
    pub(crate) fn new(what: String) -> Self {
        Self {
            what,
            after: None,
            harmed: Vec::new(),
        }
    }

    /// What was remembered, if it is of a verification of the same files.
    pub(crate) fn recalled(text: &str, what: &str) -> Option<Self> {
        serde_json::from_str(text)
            .ok()
            .filter(|known: &Self| known.what == what && known.after.is_some())
    }

    /// What to remember.
    pub(crate) fn to_text(&self) -> String {
        // A struct of strings has nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Where to go on.
    pub(crate) fn after(&self) -> Option<RecordingId> {
        RecordingId::new(self.after.as_ref()?).ok()
    }

    /// Recordings to be looked at again; from now on they are noted anew.
    pub(crate) fn take_harmed(&mut self) -> Vec<RecordingId> {
        let ids = std::mem::take(&mut self.harmed);
        ids.iter()
            .filter_map(|id| RecordingId::new(id).ok())
            .collect()
    }

    /// A recording is done. Told in the order of their ids, except those of [`Self::take_harmed`].
    pub(crate) fn done(&mut self, id: &RecordingId, is_harmed: bool) {
        if is_harmed && self.harmed.len() <= HARMED_MOST {
            self.harmed.push(id.as_str().to_owned());
        }
        let is_next = self
            .after
            .as_ref()
            .is_none_or(|after| id.as_str() > after.as_str());
        if is_next && self.harmed.len() <= HARMED_MOST {
            self.after = Some(id.as_str().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> RecordingId {
        RecordingId::new(&format!("r{number:04}")).unwrap()
    }

    #[test]
    fn it_goes_on_behind_what_was_done_and_looks_at_the_harmed_again() {
        let mut progress = Progress::new("all".to_owned());
        assert_eq!(Progress::recalled(&progress.to_text(), "all"), None);
        progress.done(&id(1), false);
        progress.done(&id(2), true);
        progress.done(&id(3), false);
        let text = progress.to_text();
        let mut again = Progress::recalled(&text, "all").unwrap();
        assert_eq!(again.after(), Some(id(3)));
        assert_eq!(again.take_harmed(), [id(2)]);
        again.done(&id(2), true);
        assert_eq!(again.after(), Some(id(3)), "the mark never goes back");
        assert_eq!(again.take_harmed(), [id(2)]);
        for text in [text.as_str(), "", "{}", "rubbish"] {
            assert_eq!(Progress::recalled(text, "1/7"), None);
        }
    }

    #[test]
    fn harm_without_end_holds_the_mark() {
        let mut progress = Progress::new("all".to_owned());
        (0..500).for_each(|number| progress.done(&id(number), true));
        let after = progress.after().unwrap();
        assert!(after < id(200) && after > id(50), "{after}");
        assert!(progress.take_harmed().len() <= HARMED_MOST + 1);
    }
}
