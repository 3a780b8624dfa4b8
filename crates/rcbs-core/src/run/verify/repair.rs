//! Fetches again what is harmed: moved aside first, announced again, then through the same workers as in a backup.

use std::collections::BTreeSet;
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
    ApiError, EntryState, HeldRecording, MediaKey, RecordingEntry, Settlement, TargetError,
};
use crate::run::commit::path_text;
use crate::run::context::Context;
use crate::run::intake::Intake;
use crate::run::slices::{self, SliceBook};
use crate::run::{
    COMMITS_WAITING, Ports, RunError, RunOptions, WORKS_WAITING, commit, manifest, noted, recover,
    remote_settings, revisit, seals, unless_stopped, workers,
};
use crate::select::names_on_disk;
use crate::store::{Folder, SafeName, metadata_file_name};
use crate::verify::{Finding, VerifyEvent, Witness};

/// Verifies an archive that nobody else is changing, and mends what is harmed while the cloud still has it.
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
        taken: Mutex::default(),
    };
    let looking = async {
        let passed = pass.go(&mender).await;
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
        let folder = Folder::from_text(&entry.folder).ok_or_else(|| RunError::ForeignFolder {
            recording: entry.id.clone(),
        })?;
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
        let files = context
            .ports
            .target
            .list(std::slice::from_ref(folder))
            .await;
        let files = match files {
            Ok(files) => files.into_iter().next().unwrap_or_default(),
            // A folder that cannot be listed was a finding already; the names below do without.
            Err(TargetError::NotPlain { .. } | TargetError::Io { .. }) => Vec::new(),
            Err(error) => return Err(RunError::Target(error)),
        };
        let names = names_on_disk(&entry.media, &files);
        let mut settlements = Vec::new();
        for ((id, known), name) in entry.media.iter().zip(&names) {
            let of_this = |finding: &&Finding| finding.media.as_ref() == Some(id);
            let Some(finding) = findings.iter().find(of_this) else {
                continue;
            };
            if finding.harm.is_in_the_way() {
                quarantine(context, folder, name).await?;
            }
            if let EntryState::Verified { sha256, .. } = &known.state {
                settlements.push(Settlement::Noted {
                    path: path_text(folder, name),
                    sha256: Some(*sha256),
                });
            }
            settlements.push(Settlement::Media {
                key: MediaKey {
                    recording: entry.id.clone(),
                    media: id.clone(),
                },
                state: EntryState::Announced,
                recipients: Vec::new(),
            });
        }
        context.settle(&settlements).await
    }
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
        let reason = match still.iter().find(is_same) {
            Some(other) => Some(other.harm.to_string()),
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
