//! Turns a page into recordings and facts; asks for those by themselves that are listed without their content.

use futures_util::{StreamExt, stream};

use super::error::DiscoverError;
use super::facts::{EntryFacts, Key, PageFacts, first_bytes, floor_ms};
use super::seen::{NOTHING, Novelty, Seen, digest};
use crate::ports::{ApiError, Entry, Page, RecordingApi};
use crate::recording::{Endpoint, Recording, RecordingId, parse_at};
use crate::text::printable;

/// Refused logins in a row that are no longer a matter of single recordings.
const DENIED_IN_A_ROW: u32 = 3;
/// Failures in a row of any kind that are none of single recordings.
const FAILED_IN_A_ROW: u32 = 16;

/// A recording that is announced.
#[derive(Debug, Clone)]
pub struct Found {
    /// The recording.
    pub recording: Recording,
    /// It was handed on already, with other content: more media, for example.
    pub is_changed: bool,
}

/// How recordings are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// A store of one's own: URLs below its address name objects too.
    pub(super) endpoint: Option<&'a Endpoint>,
    /// Most of them asked for at the same time, where they have to be asked for by themselves.
    pub(super) at_once: usize,
}

/// Counts over the pages of a slice.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Listed by their id, and gone when asked for; the first of them.
    vanished: Option<(u64, RecordingId)>,
    /// Some recording was given.
    given: bool,
    /// Listed by their id, and not to be read; the first of them.
    unread: Option<(u64, RecordingId, ApiError)>,
    in_a_row: u32,
}

/// What a page holds.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) facts: PageFacts,
    /// Recordings that were not handed on before, in the server's order.
    pub(super) found: Vec<Found>,
    pub(super) faults: Vec<String>,
}

/// One entry before and after it was asked for by itself.
struct Line {
    facts: EntryFacts,
    found: Option<Found>,
    /// To be asked for, with the digest of what it was listed with and whether it was seen otherwise before.
    wanted: Option<(RecordingId, u64, bool)>,
    /// What is wrong with it, and what it is told apart from others by.
    fault: Option<(String, u128)>,
}

/// Reads a page. Recordings listed without their content are asked for, so many at once, unless they were seen before.
pub(super) async fn resolve(
    api: &dyn RecordingApi,
    page: Page,
    seen: &mut Seen,
    tally: &mut Tally,
    reading: Reading<'_>,
) -> Result<Resolved, DiscoverError> {
    let mut len_bytes = 0;
    let mut lines = Vec::with_capacity(page.entries.len());
    for entry in page.entries {
        len_bytes += match &entry {
            Entry::Whole(json) => json.len() as u64,
            Entry::Id(id) => id.as_str().len() as u64,
            Entry::Fault(text) => text.len() as u64,
        };
        lines.push(read(entry, seen, reading.endpoint));
    }
    ask_for_wanted(api, &mut lines, seen, tally, reading).await?;
    let mut resolved = Resolved {
        facts: PageFacts {
            entries: lines.iter().map(|line| line.facts).collect(),
            next: page.next,
            total: page.total,
            len_bytes,
        },
        ..Resolved::default()
    };
    tally.given |= lines.iter().any(|line| line.found.is_some());
    for line in lines {
        resolved.found.extend(line.found);
        let fault = line
            .fault
            .filter(|(_, identity)| seen.is_new_fault(*identity));
        resolved.faults.extend(fault.map(|(text, _)| text));
    }
    Ok(resolved)
}

/// Reads a page for its times only: nothing is asked for, nothing remembered.
pub(super) fn resolve_without_asking(page: Page) -> PageFacts {
    let mut seen = Seen::default();
    let lines = page
        .entries
        .into_iter()
        .map(|entry| read(entry, &mut seen, None));
    PageFacts {
        entries: lines.map(|line| line.facts).collect(),
        next: page.next,
        total: page.total,
        len_bytes: 0,
    }
}

fn read(entry: Entry, seen: &mut Seen, endpoint: Option<&Endpoint>) -> Line {
    match entry {
        Entry::Whole(json) => match parse_at(&json, endpoint) {
            Ok(recording) => read_whole(recording, seen),
            // Told apart by their bytes: lists overlap, and eight nameless recordings are eight faults.
            Err(error) => Line::fault(
                &format!("an entry of a list cannot be used: {error}"),
                first_bytes(&json),
            ),
        },
        Entry::Id(id) => {
            let key = Key::of(id.as_str());
            match seen.novelty(key, NOTHING) {
                Novelty::Known(facts) => Line::known(facts),
                novelty => Line::wanted(key, id, NOTHING, novelty == Novelty::Changed),
            }
        }
        Entry::Fault(text) => Line::fault(&text, first_bytes(text.as_bytes())),
    }
}

fn read_whole(recording: Recording, seen: &mut Seen) -> Line {
    let listed = digest(&recording.json_sha256);
    let facts = facts_of(&recording);
    let key = Key::of(recording.id.as_str());
    let is_changed = match seen.novelty(key, listed) {
        Novelty::Known(_) => return Line::known(facts),
        Novelty::Changed => true,
        Novelty::New => false,
    };
    if !recording.has_media_list || recording.media_list_is_null {
        // A summary, or what may be one: what is to be stored is the recording itself.
        return Line {
            facts,
            ..Line::wanted(key, recording.id, listed, is_changed)
        };
    }
    seen.enter(key, listed, facts);
    Line {
        found: Some(Found {
            recording,
            is_changed,
        }),
        ..Line::known(facts)
    }
}

async fn ask_for_wanted(
    api: &dyn RecordingApi,
    lines: &mut [Line],
    seen: &mut Seen,
    tally: &mut Tally,
    Reading { endpoint, at_once }: Reading<'_>,
) -> Result<(), DiscoverError> {
    let wanted: Vec<(usize, RecordingId)> = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| Some((at, line.wanted.as_ref()?.0.clone())))
        .collect();
    let mut answers = stream::iter(wanted)
        .map(|(at, id)| async move { (at, api.recording(&id).await) })
        .buffered(at_once.max(1));
    while let Some((at, answer)) = answers.next().await {
        let Some(line) = lines.get_mut(at) else {
            continue;
        };
        let Some((id, listed, is_changed)) = line.wanted.take() else {
            continue;
        };
        let key = Key::of(id.as_str());
        match answer.map(|json| parse_at(&json, endpoint)) {
            Ok(Ok(mut recording)) if recording.id == id => {
                line.facts = facts_of(&recording);
                if !recording.has_media_list {
                    // Nobody can say whether it has media, so it must not count as one that has none.
                    let text = "the recording has no list of media files that is known";
                    recording.faults.push(text.to_owned());
                }
                line.found = Some(Found {
                    recording,
                    is_changed,
                });
            }
            Ok(Ok(recording)) => {
                line.fault = fault(format!(
                    "recording {id} is answered with another, {}",
                    recording.id
                ));
            }
            Ok(Err(error)) => line.fault = fault(format!("recording {id} cannot be used: {error}")),
            Err(ApiError::NotFound) => {
                line.fault = fault(format!(
                    "recording {id} is listed, but the server says that it is not there"
                ));
                tally.vanish(id)?;
                seen.enter(key, listed, line.facts);
                continue;
            }
            Err(error) => {
                // Not entered among those seen: it is asked for again when it is listed again.
                tally.fail(id, error)?;
                continue;
            }
        }
        tally.in_a_row = 0;
        seen.enter(key, listed, line.facts);
    }
    Ok(())
}

/// A fault that is the same where its text is.
fn fault(text: String) -> Option<(String, u128)> {
    let identity = first_bytes(text.as_bytes());
    Some((text, identity))
}

impl Tally {
    /// What keeps the slice from being complete: recordings that could not be read, or that are listed while none of
    /// them is there. One among others was deleted in between.
    pub(super) fn flaw(self) -> Option<DiscoverError> {
        let vanished = self.vanished.filter(|_| !self.given);
        let vanished = vanished.map(|(count, first)| (count, first, ApiError::NotFound));
        let (count, first, error) = self.unread.or(vanished)?;
        Some(DiscoverError::Unread {
            count,
            first,
            error,
        })
    }

    fn vanish(&mut self, id: RecordingId) -> Result<(), DiscoverError> {
        self.in_a_row += 1;
        if self.in_a_row >= FAILED_IN_A_ROW {
            return Err(DiscoverError::Api(ApiError::NotFound));
        }
        self.vanished.get_or_insert((0, id)).0 += 1;
        Ok(())
    }

    fn fail(&mut self, id: RecordingId, error: ApiError) -> Result<(), DiscoverError> {
        self.in_a_row += 1;
        let is_denied = matches!(error, ApiError::Denied { .. });
        if self.in_a_row >= FAILED_IN_A_ROW || (is_denied && self.in_a_row >= DENIED_IN_A_ROW) {
            return Err(DiscoverError::Api(error));
        }
        match &mut self.unread {
            Some((count, ..)) => *count += 1,
            None => self.unread = Some((1, id, error)),
        }
        Ok(())
    }
}

impl Line {
    fn known(facts: EntryFacts) -> Self {
        Self {
            facts,
            found: None,
            wanted: None,
            fault: None,
        }
    }

    fn wanted(key: Key, id: RecordingId, listed: u64, is_changed: bool) -> Self {
        Self {
            wanted: Some((id, listed, is_changed)),
            ..Self::known(EntryFacts {
                key: Some(key),
                start: None,
                stop: None,
            })
        }
    }

    fn fault(text: &str, identity: u128) -> Self {
        Self {
            fault: Some((printable(text), identity)),
            ..Self::known(EntryFacts {
                key: None,
                start: None,
                stop: None,
            })
        }
    }
}

fn facts_of(recording: &Recording) -> EntryFacts {
    EntryFacts {
        key: Some(Key::of(recording.id.as_str())),
        start: recording.start.map(floor_ms),
        stop: recording.stop.map(floor_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_whose_media_list_is_absent_or_null_is_asked_for_by_itself() {
        for (json, is_asked_for) in [
            (r#"{"id":1}"#, true),
            (r#"{"id":1,"mediaFiles":null}"#, true),
            (r#"{"id":1,"mediaFiles":[]}"#, false),
            (r#"{"id":1,"media":[]}"#, false),
        ] {
            let entry = Entry::Whole(json.as_bytes().to_vec().into());
            let line = read(entry, &mut Seen::default(), None);
            assert_eq!(line.wanted.is_some(), is_asked_for, "{json}");
        }
    }
}
