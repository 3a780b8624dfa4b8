//! The queue of a run: what earlier runs left over is handed on before anything is listed, the oldest first.
//!
//! Only what can be tried at once is taken here. Whatever is unclear about a recording, from an API that does not answer
//! to metadata that no longer name a file, is left for the listing, which may know more, and for `revisit` after it,
//! which decides.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream;

use super::RunError;
use super::context::Context;
use super::intake::{Intake, is_unsettled, tell_faults};
use super::revisit::ByAge;
use crate::digest::sha256;
use crate::failure::FailureClass;
use crate::ports::{ApiError, RecordingEntry};
use crate::recording::{Media, MediaId, Recording};

/// Recordings asked for at the same time.
const AT_ONCE: usize = 8;
/// So many in a row for which the API has no answer: the listing will find out what is the matter.
const STREAK: u32 = 3;

/// Hands on what waits, as long as the API answers.
pub(crate) async fn take_first(context: &Context, intake: &Intake) -> Result<(), RunError> {
    if !context.options.wanted.media {
        return Ok(());
    }
    let at_once = AT_ONCE.min(context.options.max_connections);
    let mut by_age = ByAge::default();
    let mut unanswered = 0;
    while let Some(page) = by_age.next(context).await? {
        // Without patience: what fails now gets its retries after the listing, and none of them is taken from it.
        let asked = stream::iter(page).map(|entry| async move {
            let answer = context.api_once.recording(&entry.id).await;
            (entry, answer)
        });
        let mut answered = std::pin::pin!(asked.buffered(at_once).ready_chunks(at_once));
        while let Some(answers) = answered.next().await {
            let mut fresh = Vec::with_capacity(answers.len());
            let mut goes_on = true;
            for (entry, answer) in answers {
                match &answer {
                    Ok(json) => {
                        let read = context.read(json).ok();
                        fresh.extend(read.filter(|read| can_be_tried(&entry, read)));
                        unanswered = 0;
                    }
                    Err(ApiError::NotFound) => unanswered = 0,
                    Err(_) => unanswered += 1,
                }
                goes_on &= unanswered < STREAK && answer.err().is_none_or(|error| passes(&error));
            }
            for recording in &fresh {
                tell_faults(context, Some(&recording.id), &recording.faults).await?;
                context.had_turn.note(recording);
            }
            intake.take_in(context, fresh, None).await?;
            if !goes_on || context.halt.is_stopped() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Whether the failure of one request says nothing about the next.
fn passes(error: &ApiError) -> bool {
    let is_throttled = matches!(error.class(), FailureClass::Throttled { .. });
    !is_throttled && !matches!(error, ApiError::Denied { status: 401, .. })
}

/// Whether these are the recording's metadata, and name everything that waits.
fn can_be_tried(entry: &RecordingEntry, fresh: &Recording) -> bool {
    let is_named = |id: &MediaId| fresh.media.iter().any(|media| media.id == *id);
    let mut waiting = entry
        .media
        .iter()
        .filter(|(_, known)| is_unsettled(&known.state));
    fresh.id == entry.id && fresh.says_which_media() && waiting.all(|(id, _)| is_named(id))
}

/// The recordings that had their turn in this run before they were listed.
#[derive(Debug, Default)]
pub(crate) struct HadTurn(Mutex<HashSet<[u8; 16]>>);

impl HadTurn {
    fn note(&self, recording: &Recording) {
        self.turns().insert(fingerprint(recording));
    }

    /// Whether this recording had its turn, with the same media files in the same places. With others it needs another.
    pub(crate) fn includes(&self, recording: &Recording) -> bool {
        let turns = self.turns();
        !turns.is_empty() && turns.contains(&fingerprint(recording))
    }

    fn turns(&self) -> std::sync::MutexGuard<'_, HashSet<[u8; 16]>> {
        // Every update under this lock is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Half a digest, because there may be a hundred thousand of them, over all that decides what is fetched. The JSON may
/// differ between a list and an answer of its own.
fn fingerprint(recording: &Recording) -> [u8; 16] {
    let mut media: Vec<&Media> = recording.media.iter().collect();
    media.sort_by(|a, b| a.id.cmp(&b.id));
    let files: Vec<_> = media
        .iter()
        .map(|one| (&one.id, &one.content_type, &one.location, &one.envelope))
        .collect();
    // Debug texts are quoted, so that no two lists have the same.
    let digest = sha256(format!("{:?} {files:?}", recording.id).as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::failure::FailureClass;
    use crate::ports::{EntryState, MediaEntry};
    use crate::recording;

    const LISTED: &str = r#"{"id":"R","mediaFiles":[{"mediaId":"a","mediaUri":"s3://bucket/a"},{"mediaId":"b","type":"audio/mp3","pkcs7":"E"}]}"#;

    fn read(json: &str) -> Recording {
        recording::parse(&Bytes::copy_from_slice(json.as_bytes())).unwrap()
    }

    #[test]
    fn a_recording_has_one_turn_whatever_its_metadata_look_like_in_a_list() {
        let had_turn = HadTurn::default();
        assert!(!had_turn.includes(&read(LISTED)));
        had_turn.note(&read(LISTED));
        let same = r#"{"note":1,"mediaFiles":[{"pkcs7":"E","type":"audio/mp3","mediaId":"b"},
            {"mediaId":"a","mediaUri":"s3://bucket/a"}],"id":"R"}"#;
        assert!(had_turn.includes(&read(LISTED)) && had_turn.includes(&read(same)));
        for (old, new) in [
            (r#""id":"R""#, r#""id":"S""#),
            ("s3://bucket/a", "s3://bucket/other"),
            (r#""pkcs7":"E""#, r#""pkcs7":"F""#),
            ("audio/mp3", "video/mp4"),
            (r#","pkcs7":"E"}"#, r#","pkcs7":"E"},{"mediaId":"late"}"#),
        ] {
            let changed = LISTED.replace(old, new);
            assert_ne!(changed, LISTED);
            assert!(!had_turn.includes(&read(&changed)), "{changed}");
        }
    }

    #[test]
    fn only_what_is_clear_comes_first() {
        let waiting = |id: &str| {
            let state = EntryState::Waiting {
                class: FailureClass::Transient,
                reason: String::new(),
                next_attempt: jiff::Timestamp::UNIX_EPOCH,
            };
            let entry = MediaEntry {
                state,
                ..MediaEntry::announced()
            };
            (MediaId::new(id).unwrap(), entry)
        };
        let entry = |id: &str, media: &[&str]| RecordingEntry {
            id: recording::RecordingId::new(id).unwrap(),
            start: None,
            folder: id.to_owned(),
            stored_metadata_sha256: None,
            first_seen: jiff::Timestamp::UNIX_EPOCH,
            last_seen: jiff::Timestamp::UNIX_EPOCH,
            last_changed: jiff::Timestamp::UNIX_EPOCH,
            media: media.iter().map(|id| waiting(id)).collect(),
        };
        for (name, entry, json, can) in [
            ("all named", entry("R", &["a", "b"]), LISTED, true),
            ("more named", entry("R", &["b"]), LISTED, true),
            ("another recording", entry("S", &["a"]), LISTED, false),
            ("one not named", entry("R", &["a", "c"]), LISTED, false),
            ("no list", entry("R", &["a"]), r#"{"id":"R"}"#, false),
        ] {
            assert_eq!(can_be_tried(&entry, &read(json)), can, "{name}");
        }
    }
}
