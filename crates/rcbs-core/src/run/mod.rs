//! One run: recover, plan, then take the queue, list, fetch and commit at the same time, and tell the truth at the end.
//!
//! The only module that knows all stages. Three loops run side by side, joined by bounded channels:
//! `listing` (pages → intake → work), `workers` (work → staged files) and `commit` (staged files → final names →
//! ledger → events). Backwards flows only waiting: a full channel slows the loop before it.

mod adopt;
mod check_in_place;
mod commit;
mod context;
mod denials;
mod guard;
mod halt;
mod intake;
mod listing;
mod manifest;
mod media;
mod noted;
mod outage;
mod outcome;
mod outlook;
mod planning;
mod queue;
mod reach;
mod reconcile;
mod recording;
mod recover;
mod remote_settings;
mod retry;
mod retrying_api;
mod revisit;
mod room;
mod seals;
mod slices;
mod survey;
mod under_way;
mod verify;
mod workers;

pub use outcome::{Outcome, RunEnd, ledger_outcome, outcome};
pub use planning::next_window;
pub use reconcile::{CloudDay, Reconciliation, reconcile};
pub use retry::retry;
pub use survey::{Survey, SurveyCounts, survey};
pub use verify::{
    ManifestsOptions, VerifyEnd, VerifyOptions, VerifyPorts, repair, verify, verify_manifests,
};

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cms::Certificate;
use crate::event::{Event, Listener};
use crate::fetch::PlainMedia;
use crate::manifest::SigningKey;
use crate::plan::{Instance, Plan, WindowError, WindowOptions};
use crate::ports::{
    ApiError, Clock, Ledger, LedgerError, MediaStore, RecordingApi, StoreError, Target, TargetError,
};
use crate::rate::Bandwidth;
use crate::recording::{Endpoint, RecordingId};
use crate::retention::Retention;
use crate::select::Wanted;
use crate::space::SpaceRules;
use crate::store::FolderFormat;
use context::Context;
use intake::Intake;
use planning::Planned;
use slices::SliceBook;

/// Results waiting for the committer; more than one batch, so that it never waits while there is work.
const COMMITS_WAITING: usize = 512;
/// Recordings waiting for a worker.
const WORKS_WAITING: usize = 128;

/// The outside world of a run.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Who announces recordings.
    pub api: Arc<dyn RecordingApi>,
    /// Who holds media; `None` with `metadataOnly`.
    pub store: Option<Arc<dyn MediaStore>>,
    /// The folder we fill.
    pub target: Arc<dyn Target>,
    /// What we know.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What a run shall do.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Which time range.
    pub window: WindowOptions,
    /// How long the cloud keeps recordings, where that is known: the run then tells what is endangered.
    pub retention: Option<Retention>,
    /// Which share.
    pub instance: Instance,
    /// Which media files.
    pub wanted: Wanted,
    /// The store's own address, where it is not AWS: URLs below it name media.
    pub endpoint: Option<Endpoint>,
    /// In which folders.
    pub folder_format: FolderFormat,
    /// Most transfers at once, at least 1; also the most recordings asked for at once.
    pub max_connections: usize,
    /// Most bytes of media a second, for all transfers together.
    pub bandwidth: Bandwidth,
    /// What stands in the `last_recording_endtime.txt` that the old program left beside its configuration file; read
    /// when the target has none.
    pub old_checkpoint: Option<String>,
    /// Seed of the jitter between retries.
    pub seed: u64,
    /// Signs manifests.
    pub manifest_key: Option<Arc<SigningKey>>,
    /// The operator's certificates: recordings are expected to be sealed for them or for those that the API names, and
    /// what the cloud holds unencrypted is sealed for them.
    pub certificates: Vec<Certificate>,
    /// What is done with media that the cloud holds unencrypted.
    pub plain_media: PlainMedia,
    /// How much of the target's disk stays free, and how long is waited for it.
    pub space: SpaceRules,
    /// The target, for the operator to read, if nothing of ours is in it yet.
    pub begins_archive: Option<String>,
}

/// Why a run could not go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RunError {
    /// There is no window to walk.
    #[error("the window of this run cannot be made")]
    Window(#[source] WindowError),
    /// The API refused us.
    #[error("recordings cannot be listed")]
    Api(#[source] ApiError),
    /// The store refused us.
    #[error("media cannot be fetched")]
    Store(#[source] StoreError),
    /// The target cannot be written.
    #[error("the target cannot be used")]
    Target(#[source] TargetError),
    /// The next file would not leave the reserve free, and there was no more space for as long as the run waits.
    #[error(
        "about {needed_bytes} bytes do not fit into the target with {reserve_bytes} bytes left free"
    )]
    NoRoom {
        /// Length of the next file, as far as it is known.
        needed_bytes: u64,
        /// Bytes that stay free.
        reserve_bytes: u64,
    },
    /// The ledger cannot be used.
    #[error("the ledger cannot be used")]
    Ledger(#[source] LedgerError),
    /// The ledger names a folder that no version of this program makes.
    #[error("the ledger names an impossible folder for recording {recording}")]
    ForeignFolder {
        /// The recording.
        recording: RecordingId,
    },
    /// The operator or the system asked us to stop.
    #[error("the run was interrupted")]
    Interrupted,
}

/// Runs once, to the end or to the first thing that makes going on pointless.
///
/// `interrupt` stops claiming new work; what is staged completely is still committed.
pub async fn run(
    ports: Ports,
    options: RunOptions,
    listener: Arc<dyn Listener>,
    interrupt: CancellationToken,
) -> RunEnd {
    let context = Arc::new(Context::new(ports, options, listener));
    let work = guard::beside(&context, drive(&context));
    until_end(&context, interrupt, work).await
}

/// Takes over the archive that lies in the target: reads, checks in place, enters; downloads nothing.
pub async fn adopt(
    ports: Ports,
    options: RunOptions,
    listener: Arc<dyn Listener>,
    interrupt: CancellationToken,
) -> RunEnd {
    let context = Arc::new(Context::new(ports, options, listener));
    until_end(&context, interrupt, async {
        recover::recover(&context).await?;
        noted::note(&context).await?;
        let adopted = adopt::adopt_all(&context).await;
        context.events.emit(&Event::ListingEnded);
        adopted?;
        manifest::write(&context).await?;
        seals::warn(&context);
        Ok(())
    })
    .await
}

/// Works until the end, an interruption or an error, and sums up.
async fn until_end(
    context: &Context,
    interrupt: CancellationToken,
    work: impl Future<Output = Result<(), RunError>>,
) -> RunEnd {
    let watch = async {
        interrupt.cancelled().await;
        context.halt.stop(RunError::Interrupted);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = watch => {}
        done = work => {
            if let Err(error) = done {
                context.halt.stop(error);
            }
        }
    }
    let end = RunEnd {
        summary: context.events.summary(),
        stopped: context.halt.reason(),
        not_listed: context.halt.why_not_listed(),
        everything_was_refused: context.nothing_was_given(),
    };
    context.events.emit(&Event::Ended {
        summary: end.summary.clone(),
    });
    end
}

/// Waits for an answer of the API no longer than the run lasts. What has been handed on by then stays handed on.
async fn unless_stopped(
    context: &Context,
    work: impl Future<Output = Result<(), RunError>>,
) -> Result<(), RunError> {
    tokio::select! {
        biased;
        () = context.halt.stopped() => Ok(()),
        done = work => done,
    }
}

async fn drive(context: &Arc<Context>) -> Result<(), RunError> {
    recover::recover(context).await?;
    noted::note(context).await?;
    let mut planned = None;
    unless_stopped(context, async {
        // First, because the answer tells what time it is where recordings are made.
        remote_settings::ask(context).await;
        planned = Some(planning::plan(context).await?);
        Ok(())
    })
    .await?;
    let Some(Planned {
        plan,
        frontier,
        foreign_endtime,
    }) = planned
    else {
        return Ok(());
    };
    if let Some(at) = foreign_endtime {
        slices::take_over_endtime(context, at).await?;
    }
    context.events.emit(&Event::Planned { plan: plan.clone() });
    if let Some(path) = context.options.begins_archive.clone() {
        context.events.emit(&Event::ArchiveBegun { path });
    }
    context.guard.planned(&plan);
    let slices = SliceBook::new(frontier);
    work_through(context, slices, true, async |intake| {
        list_and_revisit(context, &plan, &intake).await
    })
    .await
}

/// Runs the three loops until `feed` has handed on everything and all of it is through; then brings to its end what
/// every run ends with. `queue` says that it hands on all that earlier runs left over.
async fn work_through(
    context: &Arc<Context>,
    slices: SliceBook,
    queue: bool,
    feed: impl AsyncFnOnce(Intake) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let (works_in, works_out) = mpsc::channel(WORKS_WAITING);
    let (commits_in, commits_out) = mpsc::channel(COMMITS_WAITING);
    let intake = Intake::new(works_in, commits_in.clone());
    if let Some(remark) = context.ports.target.remark() {
        context.events.warn(remark);
    }
    outlook::begin(context, queue).await?;
    let feeding = async {
        // The senders end with the intake, and with them the other two.
        match feed(intake).await {
            Ok(()) => context.events.emit(&Event::ListingEnded),
            Err(error) => context.halt.stop(error),
        }
    };
    tokio::join!(
        feeding,
        workers::work_all(context, works_out, commits_in),
        commit::commit_all(context, commits_out, slices),
    );
    if let Some(error) = context.store_out_of_reach() {
        context.halt.fall_short(RunError::Store(error));
    }
    // After a stop too: what this run left waiting may be older than what an earlier one exported, and what it stored
    // belongs into a manifest.
    slices::export_checkpoint(context).await?;
    manifest::write(context).await?;
    seals::warn(context);
    guard::tell_end(context).await
}

/// Takes the queue first, then lists the window; what the queue could not try is looked up after that, if the API is
/// still there to be asked.
async fn list_and_revisit(context: &Context, plan: &Plan, intake: &Intake) -> Result<(), RunError> {
    unless_stopped(context, queue::take_first(context, intake)).await?;
    outlook::queue_ended(context);
    let end = listing::list(context, plan, intake).await?;
    listing::remember_learned(context, end.learned).await?;
    if end.in_reach {
        unless_stopped(context, revisit::revisit(context, intake)).await?;
    }
    Ok(())
}
