//! One file of the archive: is it what the ledger says it is?

use std::fmt;

use crate::ports::{EntryState, FileFact, RecordingEntry};
use crate::recording::{MediaId, RecordingId};

/// Something that is wrong with a file of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The recording.
    pub recording: RecordingId,
    /// The media file; `None` for the metadata.
    pub media: Option<MediaId>,
    /// Where it lies, or should lie, relative to the target.
    pub path: String,
    /// What is wrong.
    pub harm: Harm,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Harm {
    /// The ledger knows it as verified, and no file has its name.
    Missing,
    /// The metadata of a recording that backups are done with were never stored.
    NeverStored,
    /// It has another length.
    Length {
        /// What lies there.
        found_bytes: u64,
        /// What was verified.
        noted_bytes: u64,
    },
    /// It does not begin like a CMS file.
    Structure {
        /// What is wrong, in words.
        reason: String,
    },
    /// It can be opened by others than the file that was verified.
    Recipients,
    /// Its bytes are not those that were verified.
    Digest,
    /// The system could not read it.
    Unreadable {
        /// The system's words.
        reason: String,
    },
}

impl Harm {
    /// The stable name, as it stands in JSON output.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NeverStored => "never_stored",
            Self::Length { .. } => "length",
            Self::Structure { .. } => "structure",
            Self::Recipients => "recipients",
            Self::Digest => "digest",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// Whether something lies under the name of the file.
    #[must_use]
    pub fn is_in_the_way(&self) -> bool {
        !matches!(self, Self::Missing | Self::NeverStored)
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the file is not there"),
            Self::NeverStored => f.write_str("the metadata were never stored"),
            Self::Length {
                found_bytes,
                noted_bytes,
            } => write!(f, "it has {found_bytes} bytes instead of {noted_bytes}"),
            Self::Structure { reason } => f.write_str(reason),
            Self::Recipients => {
                f.write_str("its recipients are not those of the file that was stored")
            }
            Self::Digest => f.write_str("its content is not what was stored"),
            Self::Unreadable { reason } => write!(f, "it cannot be read: {reason}"),
        }
    }
}

/// Whether a look that found nothing speaks against a harm of this name: what only reading shows, only reading clears.
#[must_use]
pub fn clears(harm: &str, was_read_whole: bool) -> bool {
    was_read_whole || !matches!(harm, "digest" | "unreadable")
}

/// What was read of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing; also where no file is.
    NotRead,
    /// Its head: the recipients in words, or what is wrong with it.
    Head(Result<Vec<String>, String>),
    /// All of it.
    Whole {
        /// Bytes that were read.
        len_bytes: u64,
        /// SHA-256 of these.
        sha256: [u8; 32],
    },
    /// It could not be read.
    Unreadable(String),
}

/// The verdict on a media file. Only a verified one is judged: of any other the ledger claims nothing.
///
/// `recipients` are those that the ledger knows, empty where it knows none.
#[must_use]
pub fn judge_media(
    state: &EntryState,
    recipients: &[String],
    on_disk: Option<&FileFact>,
    content: &Content,
) -> Option<Harm> {
    let EntryState::Verified {
        len_bytes, sha256, ..
    } = state
    else {
        return None;
    };
    if let Content::Unreadable(reason) = content {
        return Some(Harm::Unreadable {
            reason: reason.clone(),
        });
    }
    let Some(fact) = on_disk else {
        return Some(Harm::Missing);
    };
    let length = |found_bytes| {
        (found_bytes != *len_bytes).then_some(Harm::Length {
            found_bytes,
            noted_bytes: *len_bytes,
        })
    };
    length(fact.len_bytes).or_else(|| match content {
        Content::NotRead | Content::Unreadable(_) => None,
        Content::Head(Err(reason)) => Some(Harm::Structure {
            reason: reason.clone(),
        }),
        Content::Head(Ok(found)) => other_recipients(recipients, found).then_some(Harm::Recipients),
        Content::Whole {
            len_bytes,
            sha256: found,
        } => length(*len_bytes).or((found != sha256).then_some(Harm::Digest)),
    })
}

/// The verdict on the metadata of a recording.
///
/// Metadata are written after all media files. So a recording for which something is left to do may have none yet: the
/// next run takes it up again and stores them. The same goes for one that is not `passed` by the checkpoint: it is listed
/// again. Where nothing is left to do, nobody would notice that they are missing.
///
/// Changed metadata get their name before the ledger calls them stored, and after it knows that they were announced. So
/// a run at work, or one that was killed there, leaves what was `announced`, and that is no damage.
#[must_use]
pub fn judge_metadata(
    entry: &RecordingEntry,
    announced: &[u8; 32],
    passed: bool,
    on_disk: Option<&FileFact>,
    content: &Content,
) -> Option<Harm> {
    let Some(stored) = entry.stored_metadata_sha256 else {
        let is_open = |state: &EntryState| {
            matches!(
                state,
                EntryState::Announced | EntryState::Publishing { .. } | EntryState::Waiting { .. }
            )
        };
        let open = entry.media.iter().any(|(_, media)| is_open(&media.state));
        return (passed && !open).then_some(Harm::NeverStored);
    };
    match (on_disk, content) {
        (_, Content::Unreadable(reason)) => Some(Harm::Unreadable {
            reason: reason.clone(),
        }),
        (None, _) => Some(Harm::Missing),
        (Some(_), Content::Whole { sha256, .. }) => {
            let is_known = *sha256 == stored || sha256 == announced;
            (!is_known).then_some(Harm::Digest)
        }
        (Some(_), Content::NotRead | Content::Head(_)) => None,
    }
}

/// Whether two sets differ; what is not known differs from nothing.
fn other_recipients(noted: &[String], found: &[String]) -> bool {
    let sorted = |words: &[String]| {
        let mut words = words.to_vec();
        words.sort_unstable();
        words.dedup();
        words
    };
    !noted.is_empty() && sorted(noted) != sorted(found)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::ports::MediaEntry;

    fn verified() -> EntryState {
        EntryState::Verified {
            len_bytes: 10,
            sha256: [1; 32],
            etag: None,
            check: "envelope".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn file(len_bytes: u64) -> FileFact {
        FileFact {
            name: "a.bin".to_owned(),
            len_bytes,
        }
    }

    fn whole(len_bytes: u64, digest: u8) -> Content {
        Content::Whole {
            len_bytes,
            sha256: [digest; 32],
        }
    }

    fn head(words: &[&str]) -> Content {
        Content::Head(Ok(words.iter().map(|word| (*word).to_owned()).collect()))
    }

    fn length(found_bytes: u64) -> Harm {
        Harm::Length {
            found_bytes,
            noted_bytes: 10,
        }
    }

    #[test]
    fn a_verified_media_file_is_what_was_verified_or_harmed() {
        let unreadable = Content::Unreadable("bad sector".to_owned());
        let torn = Content::Head(Err("it is cut".to_owned()));
        let cases = [
            (Some(file(10)), Content::NotRead, None),
            (Some(file(10)), head(&["one", "two"]), None),
            (Some(file(10)), head(&["two", "one"]), None),
            (Some(file(10)), whole(10, 1), None),
            (None, Content::NotRead, Some(Harm::Missing)),
            (Some(file(9)), Content::NotRead, Some(length(9))),
            (Some(file(0)), torn.clone(), Some(length(0))),
            (
                Some(file(10)),
                torn,
                Some(Harm::Structure {
                    reason: "it is cut".to_owned(),
                }),
            ),
            (Some(file(10)), head(&["one"]), Some(Harm::Recipients)),
            (Some(file(10)), head(&["one", "x"]), Some(Harm::Recipients)),
            (Some(file(10)), whole(10, 2), Some(Harm::Digest)),
            (Some(file(10)), whole(4, 1), Some(length(4))),
            (
                Some(file(10)),
                unreadable,
                Some(Harm::Unreadable {
                    reason: "bad sector".to_owned(),
                }),
            ),
        ];
        let noted = ["one".to_owned(), "two".to_owned()];
        for (on_disk, content, wanted) in cases {
            let found = judge_media(&verified(), &noted, on_disk.as_ref(), &content);
            assert_eq!(found, wanted, "{on_disk:?} {content:?}");
        }
        // What the ledger does not know it cannot be held against.
        let any = judge_media(&verified(), &[], Some(&file(10)), &head(&["x"]));
        assert_eq!(any, None);
    }

    #[test]
    fn of_a_file_that_is_not_verified_nothing_is_claimed() {
        let states = [
            EntryState::Announced,
            EntryState::Skipped {
                rule: String::new(),
            },
            EntryState::Lost {
                reason: String::new(),
                at: Timestamp::UNIX_EPOCH,
            },
        ];
        for state in states {
            assert_eq!(judge_media(&state, &[], None, &Content::NotRead), None);
            let found = judge_media(&state, &[], Some(&file(3)), &whole(3, 9));
            assert_eq!(found, None);
        }
    }

    fn recording(stored: Option<u8>, states: Vec<EntryState>) -> RecordingEntry {
        let media = states.into_iter().enumerate().map(|(number, state)| {
            let entry = MediaEntry {
                state,
                ..MediaEntry::announced()
            };
            (MediaId::new(&format!("m{number}")).unwrap(), entry)
        });
        RecordingEntry {
            id: RecordingId::new("r").unwrap(),
            start: None,
            folder: "r".to_owned(),
            stored_metadata_sha256: stored.map(|digest| [digest; 32]),
            first_seen: Timestamp::UNIX_EPOCH,
            last_seen: Timestamp::UNIX_EPOCH,
            last_changed: Timestamp::UNIX_EPOCH,
            media: media.collect(),
        }
    }

    #[test]
    fn metadata_are_those_that_were_stored_or_announced_or_harmed() {
        let stored = recording(Some(1), vec![verified()]);
        let unreadable = Content::Unreadable("bad sector".to_owned());
        let harm = Some(Harm::Unreadable {
            reason: "bad sector".to_owned(),
        });
        for (on_disk, content, wanted) in [
            (Some(file(10)), whole(10, 1), None),
            (Some(file(10)), whole(10, 2), None),
            (Some(file(10)), whole(10, 3), Some(Harm::Digest)),
            (None, Content::NotRead, Some(Harm::Missing)),
            (Some(file(10)), unreadable, harm),
        ] {
            let found = judge_metadata(&stored, &[2; 32], false, on_disk.as_ref(), &content);
            assert_eq!(found, wanted, "{on_disk:?} {content:?}");
        }
    }

    #[test]
    fn metadata_may_be_missing_only_while_something_is_left_to_do() {
        let judge = |states, passed| {
            let recording = recording(None, states);
            judge_metadata(&recording, &[2; 32], passed, None, &Content::NotRead)
        };
        assert_eq!(judge(vec![verified()], false), None, "listed again");
        assert_eq!(judge(vec![], false), None, "listed again");
        let judged = |states| judge(states, true);
        assert_eq!(judged(vec![verified()]), Some(Harm::NeverStored));
        assert_eq!(judged(vec![]), Some(Harm::NeverStored));
        assert_eq!(judged(vec![verified(), EntryState::Announced]), None);
    }
}
