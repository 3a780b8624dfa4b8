//! One media file from its choice to its end in this run.

use std::sync::Arc;

use super::RunError;
use super::check_in_place::{InPlace, check_in_place};
use super::commit::{Commit, MediaCommit, path_text};
use super::context::Context;
use super::intake::reopened;
use super::recording::Work;
use crate::event::Event;
use crate::failure::FailureClass;
use crate::fetch::{FetchError, FetchJob, Fetched, Line, fetch};
use crate::ports::{
    ApiError, EntryState, MediaEntry, MediaKey, MediaStore, Settlement, StoreError, TargetError,
};
use crate::recording::{Location, Media};
use crate::select::{Choice, RULE_METADATA_ONLY};
use crate::store::{SafeName, stage_name};

/// A media file and what is to be done with it.
#[derive(Debug)]
pub(crate) struct MediaWork {
    pub(crate) media: Media,
    pub(crate) name: SafeName,
    pub(crate) entry: MediaEntry,
    pub(crate) choice: Choice,
}

impl MediaWork {
    /// Whether it takes work: fetching, or at least reading what lies there.
    pub(crate) fn is_to_fetch(&self) -> bool {
        matches!(self.choice, Choice::Fetch { .. } | Choice::Check { .. })
    }
}

/// Brings one media file to its end in this run; `None` when the run is stopping.
pub(crate) async fn finish_media(
    context: &Context,
    work: &Work,
    one: &MediaWork,
) -> Option<Commit> {
    let key = MediaKey {
        recording: work.id.clone(),
        media: one.media.id.clone(),
    };
    match &one.choice {
        Choice::Keep => {
            context.events.emit(&Event::Unchanged { key });
            None
        }
        // A run that wants no media says nothing about what waits or is lost.
        Choice::Skip { rule }
            if *rule == RULE_METADATA_ONLY
                && matches!(
                    one.entry.state,
                    EntryState::Waiting { .. } | EntryState::Lost { .. }
                ) =>
        {
            let rule = (*rule).to_owned();
            context.events.emit(&Event::Skipped { key, rule });
            None
        }
        Choice::Skip { rule } => Some(skipped(key, rule)),
        Choice::PutOff { error } => Some(put_off(
            context,
            key,
            one,
            FailureClass::Unexpected,
            error.to_string(),
        )),
        Choice::Check { location } => match check(context, work, one, &key).await {
            Ok(Checked::Whole(commit)) => Some(*commit),
            Ok(Checked::Damaged(reason)) => {
                if let EntryState::Verified { .. } = one.entry.state {
                    let path = path_text(&work.folder, &one.name);
                    let reopened = reopened(key.clone(), path, &one.entry.state);
                    if let Err(error) = context.settle(&reopened.collect::<Vec<_>>()).await {
                        return stop(context, error);
                    }
                }
                let location = location.as_ref().map_err(ToString::to_string);
                replace(context, work, one, key, location, &reason).await
            }
            Err(error) => stop(context, error),
        },
        Choice::Fetch {
            location,
            quarantine: true,
        } => {
            let reason = "its length is not the one in the ledger";
            replace(context, work, one, key, Ok(location), reason).await
        }
        Choice::Fetch { location, .. } => {
            fetch_one(context, work, one, key, location.clone()).await
        }
    }
}

fn stop(context: &Context, error: RunError) -> Option<Commit> {
    context.halt.stop(error);
    None
}

fn skipped(key: MediaKey, rule: &str) -> Commit {
    let event = Event::Skipped {
        key: key.clone(),
        rule: rule.to_owned(),
    };
    Commit::Settled {
        key,
        state: EntryState::Skipped {
            rule: rule.to_owned(),
        },
        recipients: Vec::new(),
        event,
    }
}

fn put_off(
    context: &Context,
    key: MediaKey,
    one: &MediaWork,
    class: FailureClass,
    reason: String,
) -> Commit {
    let (state, event) = context.waiting(&key, class, reason, one.entry.attempts);
    Commit::Settled {
        key,
        state,
        recipients: Vec::new(),
        event,
    }
}

/// What lies under the final name.
enum Checked {
    /// The file, so this settles it.
    Whole(Box<Commit>),
    /// Something else; why.
    Damaged(String),
}

/// Looks at a file that has the final name already.
async fn check(
    context: &Context,
    work: &Work,
    one: &MediaWork,
    key: &MediaKey,
) -> Result<Checked, RunError> {
    let noted = context.noted(&path_text(&work.folder, &one.name)).await?;
    let found = check_in_place(
        context.ports.target.as_ref(),
        &work.folder,
        &one.name,
        one.media.envelope.as_deref(),
        &one.entry.state,
        noted,
        context.options.plain_media,
    )
    .await;
    let found = match found {
        Ok(found) => found,
        // One file that cannot be read must not keep all others from being fetched. A target that is gone is met when
        // its replacement is staged.
        Err(
            error @ (TargetError::Io { .. }
            | TargetError::Denied { .. }
            | TargetError::NotPlain { .. }),
        ) => return Ok(Checked::Damaged(error.to_string())),
        Err(error) => return Err(RunError::Target(error)),
    };
    match found {
        InPlace::Whole {
            len_bytes,
            sha256,
            check,
            recipients,
        } => {
            let known = matches!(
                &one.entry.state,
                EntryState::Verified { sha256: known, .. } if *known == sha256
            );
            let event = if known {
                Event::Unchanged { key: key.clone() }
            } else {
                Event::Verified {
                    key: key.clone(),
                    path: path_text(&work.folder, &one.name),
                    len_bytes,
                    check: check.clone(),
                    fetched: false,
                    encryption: None,
                }
            };
            let state = EntryState::Verified {
                len_bytes,
                sha256,
                etag: None,
                check,
                at: context.now(),
            };
            Ok(Checked::Whole(Box::new(Commit::Settled {
                key: key.clone(),
                state,
                recipients,
                event,
            })))
        }
        InPlace::Damaged { reason } => Ok(Checked::Damaged(reason)),
    }
}

/// Fetches a media file of which a damaged copy lies under its name, and moves that aside when its replacement is
/// staged: it may be the last one.
///
/// Until then it stays, and whatever becomes of this run the next one finds it damaged again: what was known of its
/// content was noted when its entry was opened, and everything else that is wrong with it can be seen.
async fn replace(
    context: &Context,
    work: &Work,
    one: &MediaWork,
    key: MediaKey,
    location: Result<&Location, String>,
    reason: &str,
) -> Option<Commit> {
    let path = path_text(&work.folder, &one.name);
    let moved = Settlement::MovedAside {
        key: key.clone(),
        path: path.clone(),
    };
    let commit = match location {
        Ok(location) => fetch_one(context, work, one, key, location.clone()).await?,
        Err(error) => put_off(context, key, one, FailureClass::Unexpected, error),
    };
    if !matches!(commit, Commit::Media(_)) {
        context.events.warn(format!(
            "{path} is damaged ({reason}); it stays where it is, because nothing better could be had"
        ));
        return Some(commit);
    }
    let target = &context.ports.target;
    if let Err(error) = target.quarantine(&work.folder, &one.name).await {
        return stop(context, RunError::Target(error));
    }
    if let Err(error) = context.settle(&[moved]).await {
        return stop(context, error);
    }
    context.events.warn(format!(
        "{path} is damaged ({reason}); it was moved to .rcbs/quarantine and is fetched again"
    ));
    Some(commit)
}

/// Fetches a media file; one that is not there any more, or was replaced on the way, is looked for once more with
/// fresh metadata before it is lost or waits.
async fn fetch_one(
    context: &Context,
    work: &Work,
    one: &MediaWork,
    key: MediaKey,
    location: Location,
) -> Option<Commit> {
    let store = context.ports.store.as_deref()?;
    let job = |location: Location, envelope: Option<Arc<str>>| FetchJob {
        key: key.clone(),
        location,
        envelope,
        names_certificate: one.media.names_certificate,
        plain: context.plain_rule(),
        stage: stage_name(&key.recording, Some(&key.media)),
    };
    let announced = (location, one.media.envelope.clone());
    let first = job(announced.0.clone(), announced.1.clone());
    let told_bytes = one.media.told_bytes;
    let mut result = transfer(context, store, &first, told_bytes).await;
    if let Some(Err(FetchError::Unencrypted { .. })) = &result
        && unless_halted(context, context.learn_certificates()).await?
    {
        let again = job(announced.0.clone(), announced.1.clone());
        result = transfer(context, store, &again, told_bytes).await;
    }
    if let Some(Err(error)) = &result
        && (error.class() == FailureClass::Lost || error.object_changed())
    {
        match unless_halted(context, second_look(context, &key)).await? {
            Ok(SecondLook::Now(Some(fresh))) if fresh != announced => {
                result = transfer(context, store, &job(fresh.0, fresh.1), None).await;
            }
            Ok(SecondLook::Now(_)) => {}
            Ok(SecondLook::Unclear(reason)) => {
                let reason = format!("{error}; asked once more: {reason}");
                return Some(put_off(context, key, one, FailureClass::Unexpected, reason));
            }
            Err(error) => {
                return Some(put_off(context, key, one, error.class(), error.to_string()));
            }
        }
    }
    match result? {
        Ok(fetched) => {
            context.object_given();
            if fetched.is_odd {
                context.seals.note_odd(&key);
            }
            let commit = MediaCommit {
                key,
                fetched,
                folder: work.folder.clone(),
                name: one.name.clone(),
                attempts: one.entry.attempts,
            };
            Some(Commit::Media(Box::new(commit)))
        }
        Err(error) => failed(context, one, key, error),
    }
}

/// An answer, or `None` when the run stops before it comes: what would have been tried again did not fail.
async fn unless_halted<T>(context: &Context, answer: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = context.halt.stopped() => None,
        answer = answer => Some(answer),
    }
}

/// One patient transfer, begun again as often as the disk is full and there is space later; `None` when the run stops
/// in between.
async fn transfer(
    context: &Context,
    store: &dyn MediaStore,
    job: &FetchJob,
    told_bytes: Option<u64>,
) -> Option<Result<Fetched, FetchError>> {
    let work = async {
        let _pass = context.gate.enter().await;
        loop {
            let room = context.room.enter(told_bytes).await?;
            match transfer_once(context, store, job).await {
                Err(FetchError::Target(error @ TargetError::Full { .. })) => room.met_full(&error),
                result => {
                    if result.is_ok() {
                        room.written();
                    }
                    return Some(result);
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = context.halt.stopped() => None,
        // What would have been tried again did not fail: the run has stopped.
        result = work => result.filter(|result| {
            let is_transient = |error: &FetchError| error.class() == FailureClass::Transient;
            !(context.halt.is_stopped() && result.as_ref().is_err_and(is_transient))
        }),
    }
}

async fn transfer_once(
    context: &Context,
    store: &dyn MediaStore,
    job: &FetchJob,
) -> Result<Fetched, FetchError> {
    let on_bytes = |bytes: u64| {
        context.gate.received(bytes, context.ports.clock.elapsed());
        context.events.emit(&Event::Received { bytes });
    };
    let line = Line {
        target: context.ports.target.as_ref(),
        patience: &context.patience,
        pace: &context.pace,
        on_bytes: &on_bytes,
    };
    fetch(job, store, line).await
}

/// What a second look at a recording's metadata says of a media file.
enum SecondLook {
    /// It is here, or not announced any more.
    Now(Option<(Location, Option<Arc<str>>)>),
    /// The answer cannot be used, so it says nothing.
    Unclear(String),
}

/// Reads the recording's metadata once more: the muxer replaces files.
///
/// What is stored as metadata stays what was listed: the next run then sees it changed, stores the new one, and checks
/// the recording's other files too, which may have been replaced with this one.
async fn second_look(context: &Context, key: &MediaKey) -> Result<SecondLook, ApiError> {
    let json = match context.api.recording(&key.recording).await {
        Ok(json) => json,
        Err(ApiError::NotFound) => return Ok(SecondLook::Now(None)),
        Err(error) => return Err(error),
    };
    let fresh = match context.read(&json) {
        Ok(fresh) if fresh.id == key.recording => fresh,
        Ok(other) => {
            let reason = format!("the server answers with another recording, {}", other.id);
            return Ok(SecondLook::Unclear(reason));
        }
        Err(error) => return Ok(SecondLook::Unclear(error.to_string())),
    };
    if !fresh.says_which_media() {
        return Ok(SecondLook::Unclear(
            "its metadata no longer hold a list of media files".to_owned(),
        ));
    }
    let Some(media) = fresh.media.into_iter().find(|media| media.id == key.media) else {
        return Ok(SecondLook::Now(None));
    };
    Ok(match media.location {
        Ok(located) => SecondLook::Now(Some((located.location, media.envelope))),
        Err(error) => SecondLook::Unclear(error.to_string()),
    })
}

fn failed(context: &Context, one: &MediaWork, key: MediaKey, error: FetchError) -> Option<Commit> {
    context.fetch_failed(&error, &one.entry.state);
    match (&error, error.class()) {
        (FetchError::Target(target), FailureClass::Local) => {
            stop(context, RunError::Target(target.clone()))
        }
        (_, FailureClass::Lost) => {
            context.object_absent();
            let reason = match &one.media.location {
                Ok(located) => format!("{error} ({})", located.location),
                Err(_) => error.to_string(),
            };
            let event = Event::Lost {
                key: key.clone(),
                reason: reason.clone(),
            };
            let state = EntryState::Lost {
                reason,
                at: context.now(),
            };
            Some(Commit::Settled {
                key,
                state,
                recipients: Vec::new(),
                event,
            })
        }
        (
            FetchError::Store(refused @ (StoreError::Denied { .. } | StoreError::ClockSkew { .. })),
            class,
        ) => {
            context.object_refused(refused, &one.entry.state);
            Some(put_off(context, key, one, class, error.to_string()))
        }
        (_, class) => Some(put_off(context, key, one, class, error.to_string())),
    }
}
