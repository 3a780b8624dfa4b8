//! Fetches again what is harmed: moved aside first, announced again, then through the same workers as in a backup. What a
//! repair that was broken off has moved aside is fetched by the next.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::pass::Pass;
use super::{Harmed, VerifyEnd, VerifyOptions, VerifyPorts};
use crate::event::{Event, Listener};
use crate::ledger::checkpoint::Frontier;
use crate::ports::{
    ApiError, EntryState, FileFact, HeldRecording, MediaKey, RecordingEntry, Settlement,
    TargetError,
};
use crate::run::commit::path_text;
use crate::run::context::Context;
use crate::run::intake::Intake;
use crate::run::slices::{self, SliceBook};
use crate::run::{
    COMMITS_WAITING, Ports, RunError, RunOptions, WORKS_WAITING, commit, manifest, noted, recover,
    remote_settings, revisit, seals, unless_stopped, workers,
};
use crate::select::{find_on_disk, names_on_disk};
use crate::store::{Folder, SafeName, metadata_file_name};
use crate::verify::{Finding, Harm, VerifyEvent, Witness};

/// Verifies an archive that nobody else is changing, and mends what is harmed while the cloud still has it. Nothing is moved
/// aside for which there is no space.
///
/// What is moved aside stays in quarantine: a damaged copy may be the last one. Whatever cannot be fetched now waits as
/// in any backup, and is tried again by each.
pub async fn repair(
    ports: Ports,
    options: RunOptions,
    how: VerifyOptions,
    listener: Arc<dyn Listener>,
    witness: Arc<dyn Witness>,
    interrupt: CancellationToken,
) -> VerifyEnd {
    let context = Arc::new(Context::new(ports, options, listener));
    let verify_ports = VerifyPorts {
        target: Arc::clone(&context.ports.target),
        ledger: Arc::clone(&context.ports.ledger),
        clock: Arc::clone(&context.ports.clock),
    };
    let pass = Pass::new(verify_ports, how, witness, context.halt.token());
    let watch = async {
        interrupt.cancelled().await;
        context.halt.stop(RunError::Interrupted);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = watch => {}
        done = drive(&context, &pass) => {
            if let Err(error) = done {
                context.halt.stop(error);
            }
        }
    }
    VerifyEnd {
        summary: pass.summary(),
        stopped: context.halt.reason(),
    }
}

async fn drive(context: &Arc<Context>, pass: &Pass) -> Result<(), RunError> {
    recover::recover(context).await?;
    noted::note(context).await?;
    let (works_in, works_out) = mpsc::channel(WORKS_WAITING);
    let (commits_in, commits_out) = mpsc::channel(COMMITS_WAITING);
    let mender = Mender {
        context: Arc::clone(context),
        intake: Intake::new(works_in, commits_in.clone()),
        handed_on_bytes: AtomicU64::new(0),
        taken: Mutex::default(),
    };
    let looking = async {
        let passed = match pass.go(&mender).await {
            Ok(()) => mender.take_left_over(pass).await,
            Err(error) => Err(error),
        };
        context.events.emit(&Event::ListingEnded);
        if let Err(error) = passed {
            context.halt.stop(error);
        }
        // Its senders end with it, and with them the other two.
        mender
            .taken
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    };
    let nothing_listed = SliceBook::new(Frontier::new(None, Timestamp::UNIX_EPOCH));
    let (taken, (), ()) = tokio::join!(
        looking,
        workers::work_all(context, works_out, commits_in),
        commit::commit_all(context, commits_out, nothing_listed),
    );
    if let Some(error) = context.store_out_of_reach() {
        context.halt.fall_short(RunError::Store(error));
    }
    slices::export_checkpoint(context).await?;
    manifest::write(context).await?;
    for findings in taken {
        tell_end(pass, findings).await?;
    }
    pass.count_absent().await?;
    // Most repairs fetch nothing, and then the certificates that the cloud names are of no use.
    if context.seals.has_stored() {
        unless_stopped(context, async {
            remote_settings::ask(context).await;
            Ok(())
        })
        .await?;
        seals::warn(context);
    }
    Ok(())
}

/// Takes harmed recordings back to where a backup can go on.
struct Mender {
    context: Arc<Context>,
    intake: Intake,
    /// Of the files to fetch, as long as they were; only ever added to.
    handed_on_bytes: AtomicU64,
    /// What was found, one entry for each recording.
    taken: Mutex<Vec<Vec<Finding>>>,
}

#[async_trait]
impl Harmed for Mender {
    async fn take(&self, held: &HeldRecording, findings: &[Finding]) -> Result<(), RunError> {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(findings.to_vec());
        if !self.context.options.instance.owns(&held.entry.id) {
            return Ok(());
        }
        self.mend(&held.entry, findings).await
    }
}

impl Mender {
    /// Takes what an earlier repair has moved aside and could not fetch: announced, and noted as stored before.
    async fn take_left_over(&self, pass: &Pass) -> Result<(), RunError> {
        let context = self.context.as_ref();
        let mut by_age = revisit::ByAge::default();
        while let Some(page) = by_age.next(context).await? {
            for entry in page {
                if context.halt.is_stopped() {
                    return Ok(());
                }
                let findings = self.left_over(&entry).await?;
                let held = pass.held(&entry.id).await?;
                let (Some(held), false) = (held, findings.is_empty()) else {
                    continue;
                };
                for finding in &findings {
                    pass.tell(&VerifyEvent::Found(finding.clone()));
                }
                self.take(&held, &findings).await?;
            }
        }
        Ok(())
    }

    async fn left_over(&self, entry: &RecordingEntry) -> Result<Vec<Finding>, RunError> {
        let folder = folder_of(entry)?;
        let files = self.files(&folder).await?;
        let names = names_on_disk(&entry.media, &files);
        let mut findings = Vec::new();
        for ((id, known), name) in entry.media.iter().zip(&names) {
            let is_gone = known.state == EntryState::Announced;
            if !is_gone || find_on_disk(&files, name).is_some() {
                continue;
            }
            let path = path_text(&folder, name);
            if self.context.noted(&path).await?.is_some() {
                findings.push(Finding {
                    recording: entry.id.clone(),
                    media: Some(id.clone()),
                    path,
                    harm: Harm::Missing,
                });
            }
        }
        Ok(findings)
    }

    /// Waits until what is harmed of a recording can be written anew beside all that was handed on; false when the run is
    /// stopped, in most cases because there is no space.
    async fn has_room(&self, entry: &RecordingEntry, findings: &[Finding]) -> bool {
        let context = self.context.as_ref();
        let harmed = entry.media.iter().filter(|(id, _)| {
            let mut media = findings.iter().map(|finding| finding.media.as_ref());
            media.any(|media| media == Some(id))
        });
        let bytes = harmed.map(|(_, known)| match known.state {
            EntryState::Verified { len_bytes, .. } => len_bytes,
            _ => 0,
        });
        let bytes: u64 = bytes.sum();
        let handed_on = self.handed_on_bytes.fetch_add(bytes, Ordering::Relaxed);
        let received = context.events.summary().received_bytes;
        let to_come = handed_on.saturating_sub(received).saturating_add(bytes);
        if context.room.fits(to_come).await {
            return true;
        }
        // What was handed on comes first: only with all of that written is it known what is left.
        tokio::select! {
            biased;
            () = context.halt.stopped() => return false,
            () = context.under_way.idle() => {}
        }
        tokio::select! {
            biased;
            () = context.halt.stopped() => false,
            pass = context.room.enter(Some(bytes)) => pass.is_some(),
        }
    }

    async fn files(&self, folder: &Folder) -> Result<Vec<FileFact>, RunError> {
        let target = &self.context.ports.target;
        match target.list(std::slice::from_ref(folder)).await {
            Ok(files) => Ok(files.into_iter().next().unwrap_or_default()),
            // A folder that cannot be listed was a finding already; the names do without.
            Err(TargetError::NotPlain { .. } | TargetError::Io { .. }) => Ok(Vec::new()),
            Err(error) => Err(RunError::Target(error)),
        }
    }

    async fn mend(&self, entry: &RecordingEntry, findings: &[Finding]) -> Result<(), RunError> {
        let context = self.context.as_ref();
        let answer = tokio::select! {
            biased;
            () = context.halt.stopped() => return Ok(()),
            answer = context.api.recording(&entry.id) => answer,
        };
        if let Err(error @ ApiError::Denied { status: 401, .. }) = answer {
            // Nothing has been touched yet.
            return Err(RunError::Api(error));
        }
        if !self.has_room(entry, findings).await {
            return Ok(());
        }
        let folder = folder_of(entry)?;
        self.reopen(entry, &folder, findings).await?;
        let now = context.ports.ledger.recording(&entry.id).await;
        let now = now.map_err(RunError::Ledger)?;
        let entry = now.as_ref().unwrap_or(entry);
        let metadata = findings.iter().find(|finding| finding.media.is_none());
        match answer {
            Ok(json) => {
                if metadata.is_some_and(|finding| finding.harm.is_in_the_way()) {
                    let name = metadata_file_name(&entry.id);
                    quarantine(context, &folder, &name).await?;
                }
                revisit::take_again(context, &self.intake, entry, &json).await
            }
            // The objects may outlive the metadata, and where they lie stands in what was stored of these.
            Err(ApiError::NotFound) if metadata.is_none() => {
                match revisit::stored_metadata(context, entry).await? {
                    Some(json) => revisit::take_again(context, &self.intake, entry, &json).await,
                    None => revisit::lost(context, entry).await,
                }
            }
            // Harmed metadata stay where they are: nothing better is to be had.
            Err(ApiError::NotFound) => revisit::lost(context, entry).await,
            Err(error) => revisit::put_off(context, entry, &error).await,
        }
    }

    /// Moves harmed media files aside and announces them again, in this order: a harmed file under its name must never
    /// meet an entry that would let it be taken over in place.
    async fn reopen(
        &self,
        entry: &RecordingEntry,
        folder: &Folder,
        findings: &[Finding],
    ) -> Result<(), RunError> {
        let context = self.context.as_ref();
        let files = self.files(folder).await?;
        let names = names_on_disk(&entry.media, &files);
        let mut settlements = Vec::new();
        for ((id, known), name) in entry.media.iter().zip(&names) {
            let of_this = |finding: &&Finding| finding.media.as_ref() == Some(id);
            let Some(finding) = findings.iter().find(of_this) else {
                continue;
            };
            let key = MediaKey {
                recording: entry.id.clone(),
                media: id.clone(),
            };
            if finding.harm.is_in_the_way() {
                quarantine(context, folder, name).await?;
                settlements.push(Settlement::MovedAside {
                    key: key.clone(),
                    path: path_text(folder, name),
                });
            }
            if let EntryState::Verified { sha256, .. } = &known.state {
                settlements.push(Settlement::Noted {
                    path: path_text(folder, name),
                    sha256: Some(*sha256),
                });
            }
            if known.state == EntryState::Announced {
                continue;
            }
            settlements.push(Settlement::Media {
                key,
                state: EntryState::Announced,
                recipients: Vec::new(),
            });
        }
        context.settle(&settlements).await
    }
}

fn folder_of(entry: &RecordingEntry) -> Result<Folder, RunError> {
    Folder::from_text(&entry.folder).ok_or_else(|| RunError::ForeignFolder {
        recording: entry.id.clone(),
    })
}

async fn quarantine(context: &Context, folder: &Folder, name: &SafeName) -> Result<(), RunError> {
    let moved = context.ports.target.quarantine(folder, name).await;
    moved.map_err(RunError::Target)
}

/// What has become of the harmed files of one recording.
async fn tell_end(pass: &Pass, findings: Vec<Finding>) -> Result<(), RunError> {
    let Some(first) = findings.first() else {
        return Ok(());
    };
    let Some(held) = pass.held(&first.recording).await? else {
        return Ok(());
    };
    let still = pass.look(&held, &BTreeSet::new()).await?.findings;
    for finding in findings {
        let is_same = |other: &&Finding| other.media == finding.media;
        // Not every harm shows without reading; what was stored anew is no longer noted.
        let is_noted = held.damaged.iter().any(|(of, _)| *of == finding.media);
        let reason = match still.iter().find(is_same) {
            Some(other) => Some(other.harm.to_string()),
            None if is_noted => Some(finding.harm.to_string()),
            None => why_not_there(&held.entry, &finding),
        };
        pass.tell(&match reason {
            Some(reason) => VerifyEvent::NotMended { finding, reason },
            None => VerifyEvent::Mended(finding),
        });
    }
    Ok(())
}

/// Why a media file that nothing is said against any more is not in the archive all the same; `None` when it is.
fn why_not_there(entry: &RecordingEntry, finding: &Finding) -> Option<String> {
    let id = finding.media.as_ref()?;
    let (_, media) = entry.media.iter().find(|(known, _)| known == id)?;
    match &media.state {
        EntryState::Verified { .. } => None,
        EntryState::Lost { reason, .. } => Some(format!("lost: {reason}")),
        EntryState::Waiting { reason, .. } => Some(format!("waits for retry: {reason}")),
        EntryState::Skipped { rule } => Some(format!("no longer wanted: {rule}")),
        EntryState::Announced | EntryState::Publishing { .. } => {
            Some("not reached in this run".to_owned())
        }
    }
}
