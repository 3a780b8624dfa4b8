//! From settings to the outside world of a run: locked target, opened ledger, clients. Nothing is asked of any server.

mod identity;
mod unasked;

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rcbs_core::ports::{Ledger, LedgerError, MediaStore, RecordingApi, Target, TargetError};
use rcbs_core::recording::Endpoint;
use rcbs_core::run::{Ports, RunOptions, VerifyOptions, ledger_outcome};
use rcbs_core::select::Wanted;
use rcbs_io::clock::SystemClock;
use rcbs_io::gws::Gws;
use rcbs_io::ledger::SqliteLedger;
use rcbs_io::s3::S3;
use rcbs_io::target::{FolderTarget, Lock, LockError, Opening, TargetView};

use crate::args::VerifyHow;
use crate::config::{MediaMode, Settings};
use crate::exit::Exit;
use crate::explain::{
    Explanation, Names, explain_http, explain_ledger, explain_lock, explain_no_archive,
    explain_no_ledger, explain_nothing_to_retry, explain_target,
};
use unasked::Unasked;

/// The name of the ledger in the state folder.
const LEDGER_FILE: &str = "ledger.db";
/// The old program's checkpoint, beside its configuration file.
const OLD_ENDTIME_FILE: &str = "last_recording_endtime.txt";

/// A target of our own for as long as this lives, and the ledger of it.
#[derive(Debug)]
pub struct Archive {
    /// The folder we fill.
    pub target: Arc<dyn Target>,
    /// What we know.
    pub ledger: Arc<SqliteLedger>,
    /// Whether nothing of ours lay in the target before.
    pub is_new: bool,
    /// Ends with this value, or with the process.
    _lock: Lock,
}

/// The servers of a command.
#[derive(Debug, Clone)]
pub struct Clients {
    api: Arc<dyn RecordingApi>,
    store: Option<Arc<dyn MediaStore>>,
}

/// Why a command could not begin, and its exit code.
pub type Refusal = (Explanation, Exit);

/// Makes the clients. To be called before anything is opened: what is wrong with a proxy or a certificate then leaves
/// no folder behind.
///
/// # Errors
/// What to tell the operator, and the exit code.
pub fn clients(settings: &Settings) -> Result<Clients, Refusal> {
    let refused = |error| (explain_http(&error), Exit::Usage);
    let options = settings.gws.clone().ok_or_else(no_login)?;
    let api: Arc<dyn RecordingApi> = Arc::new(Gws::new(options).map_err(refused)?);
    let store: Option<Arc<dyn MediaStore>> = match &settings.media {
        MediaMode::MetadataOnly => None,
        MediaMode::Full(options) => {
            let options = options.clone().ok_or_else(no_login)?;
            Some(Arc::new(S3::new(options).map_err(refused)?))
        }
    };
    Ok(Clients { api, store })
}

/// The clients of a command that asks no server.
#[must_use]
pub fn no_clients() -> Clients {
    Clients {
        api: Arc::new(Unasked),
        store: None,
    }
}

/// Only for a command that was loaded as one that needs no login.
fn no_login() -> Refusal {
    let explanation = Explanation {
        headline: "preparing the connections".to_owned(),
        causes: vec!["user, password or a key is missing".to_owned()],
        hint: Some("run \"rcbs config check\": it names what is missing".to_owned()),
    };
    (explanation, Exit::Usage)
}

/// Opens the target, locks it, and opens its ledger.
///
/// # Errors
/// What to tell the operator, and the exit code.
pub fn open_archive(settings: &Settings) -> Result<Archive, Refusal> {
    let ledger_file = settings.state_dir.join(LEDGER_FILE);
    identity::refuse_another(settings)?;
    // Whatever cannot be looked at is told by what opens it.
    let is_new = open_view(settings).is_ok_and(|view| view.is_new().unwrap_or(false));
    let target = FolderTarget::open_with(
        &settings.target_dir,
        opening(settings, &ledger_file),
        settings.read_back,
    )
    .map_err(|error| refuse_target(&error, settings))?;
    let lock = Lock::acquire(&settings.target_dir, &settings.state_dir).map_err(|error| {
        let exit = match error {
            LockError::Held { .. } => Exit::Busy,
            LockError::Full { .. } | LockError::Io { .. } => Exit::Target,
        };
        (explain_lock(&error), exit)
    })?;
    let ledger = SqliteLedger::open(&ledger_file).map_err(refuse_ledger)?;
    identity::settle(settings, &target, &ledger)?;
    Ok(Archive {
        target: Arc::new(target),
        ledger: Arc::new(ledger),
        is_new,
        _lock: lock,
    })
}

/// The same for an archive of ours in which something may wait: nothing is made where there is none.
///
/// # Errors
/// What to tell the operator, and the exit code.
pub fn open_known_archive(settings: &Settings) -> Result<Archive, Refusal> {
    let ledger_file = settings.state_dir.join(LEDGER_FILE);
    if !ledger_file.exists() {
        return Err((explain_nothing_to_retry(&ledger_file), Exit::Target));
    }
    open_archive(settings)
}

/// The same for a folder that must hold an archive already, by whichever program: a mistyped one is neither made nor
/// marked as ours.
///
/// # Errors
/// What to tell the operator, and the exit code.
pub fn open_archive_to_adopt(settings: &Settings) -> Result<Archive, Refusal> {
    let view = open_view(settings)?;
    let holds_archive = view
        .holds_archive()
        .map_err(|error| refuse_target(&error, settings))?;
    if !holds_archive {
        let explanation = explain_no_archive(&settings.target_dir, view.exists());
        return Err((explanation, Exit::Target));
    }
    open_archive(settings)
}

/// Target and ledger as they are, for a command that only looks: nothing is made, locked or written, and what is not
/// there is empty.
#[derive(Debug)]
pub struct View {
    /// The folder that a backup would fill.
    pub target: TargetView,
    /// What we know.
    pub ledger: SqliteLedger,
}

/// Opens target and ledger to look at them, also while a run is at work.
///
/// # Errors
/// What to tell the operator, and the exit code.
pub fn look(settings: &Settings) -> Result<View, Refusal> {
    let target = open_view(settings)?;
    let ledger_file = settings.state_dir.join(LEDGER_FILE);
    let ledger = if ledger_file.exists() {
        SqliteLedger::open_read_only(&ledger_file)
    } else {
        SqliteLedger::open_in_memory()
    };
    let ledger = ledger.map_err(refuse_ledger)?;
    identity::check(settings, &target, &ledger)?;
    Ok(View { target, ledger })
}

/// Target and ledger for a command that compares the two, also while a run is at work.
#[derive(Debug)]
pub struct Held {
    /// The folder that backups fill.
    pub target: TargetView,
    /// What we know.
    pub ledger: SqliteLedger,
    /// Whether the ledger takes notes.
    pub remembers: bool,
}

/// Opens an archive and its ledger to compare them: nothing of the archive is changed, and both must be there. An empty
/// mount point is no archive from which everything has vanished.
///
/// # Errors
/// What to tell the operator, and the exit code.
pub fn open_to_verify(settings: &Settings) -> Result<Held, Refusal> {
    identity::refuse_another(settings)?;
    let target = open_existing(settings)?;
    let ledger_file = settings.state_dir.join(LEDGER_FILE);
    if !ledger_file.exists() {
        return Err((explain_no_ledger(&ledger_file), Exit::Target));
    }
    if let Ok(ledger) = SqliteLedger::open_beside(&ledger_file) {
        identity::check(settings, &target, &ledger)?;
        return Ok(Held {
            target,
            ledger,
            remembers: true,
        });
    }
    let ledger = SqliteLedger::open_read_only(&ledger_file).map_err(refuse_ledger)?;
    identity::check(settings, &target, &ledger)?;
    Ok(Held {
        target,
        ledger,
        remembers: false,
    })
}

/// Opens an archive to look at it; an empty folder, or none, is refused.
///
/// # Errors
/// What to tell the operator, and the exit code.
pub fn open_existing(settings: &Settings) -> Result<TargetView, Refusal> {
    let target = open_view(settings)?;
    let holds_archive = target
        .holds_archive()
        .map_err(|error| refuse_target(&error, settings))?;
    if holds_archive {
        return Ok(target);
    }
    let explanation = explain_no_archive(&settings.target_dir, target.exists());
    Err((explanation, Exit::Target))
}

/// How many damaged copies lie moved aside in the target.
///
/// # Errors
/// What to tell the operator, and the exit code.
pub fn moved_aside(settings: &Settings) -> Result<u64, Refusal> {
    let counted = open_view(settings)?.moved_aside();
    counted.map_err(|error| refuse_target(&error, settings))
}

/// How an archive is verified.
#[must_use]
pub fn verify_options(settings: &Settings, how: &VerifyHow, remembers: bool) -> VerifyOptions {
    VerifyOptions {
        read_data: how.read_data.unwrap_or_default(),
        restart: how.restart,
        remembers,
        limit_bytes_per_s: how.limit_rate,
        parallel: usize::from(settings.threads()) * 2,
        seed: seed(),
    }
}

fn open_view(settings: &Settings) -> Result<TargetView, Refusal> {
    TargetView::open(&settings.target_dir).map_err(|error| refuse_target(&error, settings))
}

/// Opens the ledger to look something up, also while a run is at work; warns when the target is another archive.
///
/// # Errors
/// What to tell the operator, and the exit code.
pub fn open_ledger(settings: &Settings) -> Result<SqliteLedger, Refusal> {
    Ok(open_ledger_to_tell(settings)?.0)
}

/// The same for a command whose exit code vouches for the archive: whether the target is the one that the ledger knows,
/// as far as it can be looked at.
///
/// # Errors
/// What to tell the operator, and the exit code.
pub fn open_ledger_to_tell(settings: &Settings) -> Result<(SqliteLedger, bool), Refusal> {
    let ledger = read_ledger(settings)?;
    let is_known = identity::warn(settings, &ledger);
    Ok((ledger, is_known))
}

/// The same for a command that opens or vouches for the files which the ledger names: a target that is another archive
/// is refused.
///
/// # Errors
/// What to tell the operator, and the exit code.
pub fn open_ledger_of_files(settings: &Settings) -> Result<SqliteLedger, Refusal> {
    let ledger = read_ledger(settings)?;
    identity::check(settings, &open_view(settings)?, &ledger)?;
    Ok(ledger)
}

fn read_ledger(settings: &Settings) -> Result<SqliteLedger, Refusal> {
    let ledger_file = settings.state_dir.join(LEDGER_FILE);
    if !ledger_file.exists() {
        return Err((explain_no_ledger(&ledger_file), Exit::Target));
    }
    SqliteLedger::open_read_only(&ledger_file).map_err(refuse_ledger)
}

fn refuse_ledger(error: LedgerError) -> Refusal {
    (explain_ledger(&error), Exit::of(ledger_outcome(&error)))
}

fn refuse_target(error: &TargetError, settings: &Settings) -> Refusal {
    (explain_target(error, &names(settings)), Exit::Target)
}

/// A ledger that lies elsewhere and exists already knows of an archive here: then an unmarked folder is an empty mount
/// point, not a new archive.
fn opening(settings: &Settings, ledger_file: &Path) -> Opening {
    let elsewhere = !settings.state_dir.starts_with(&settings.target_dir);
    if elsewhere && ledger_file.exists() {
        Opening::Existing
    } else {
        Opening::CreateIfAbsent
    }
}

/// The outside world of a run.
#[must_use]
pub fn ports(clients: Clients, target: Arc<dyn Target>, ledger: Arc<dyn Ledger>) -> Ports {
    Ports {
        api: clients.api,
        store: clients.store,
        target,
        ledger,
        clock: Arc::new(SystemClock::new()),
    }
}

impl Archive {
    /// The outside world of a run in this archive.
    #[must_use]
    pub fn ports(&self, clients: Clients) -> Ports {
        let ledger = Arc::clone(&self.ledger) as Arc<_>;
        ports(clients, Arc::clone(&self.target), ledger)
    }
}

/// What a run shall do.
#[must_use]
pub fn run_options(settings: &Settings) -> RunOptions {
    RunOptions {
        window: settings.window.clone(),
        retention: settings.retention,
        instance: settings.instance,
        wanted: Wanted {
            media_type: settings.media_type.clone(),
            media: matches!(settings.media, MediaMode::Full(_)),
        },
        endpoint: endpoint(&settings.media),
        folder_format: settings.folder_format.clone(),
        max_connections: usize::from(settings.connections()),
        bandwidth: settings.bandwidth.clone(),
        old_checkpoint: old_checkpoint(&settings.config_dir),
        seed: seed(),
        manifest_key: settings.manifest_key.clone(),
        certificates: settings.certificates.clone(),
        plain_media: settings.plain_media,
        space: settings.space,
        begins_archive: None,
    }
}

/// The address of a store that is not AWS.
fn endpoint(media: &MediaMode) -> Option<Endpoint> {
    match media {
        MediaMode::Full(Some(store)) => Endpoint::parse(store.endpoint.as_ref()?.as_str()),
        MediaMode::Full(None) | MediaMode::MetadataOnly => None,
    }
}

/// Names that explanations use.
#[must_use]
pub fn names(settings: &Settings) -> Names {
    Names {
        username: settings
            .gws
            .as_ref()
            .map_or_else(String::new, |gws| gws.username.clone()),
        target: settings.target_dir.display().to_string(),
    }
}

/// The text as it stands there; whether it is a time is judged by the run, aloud.
fn old_checkpoint(config_dir: &Path) -> Option<String> {
    match std::fs::read(config_dir.join(OLD_ENDTIME_FILE)) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            let folder = config_dir.display();
            tracing::warn!(%error, "{OLD_ENDTIME_FILE} in {folder} cannot be read and is not used");
            None
        }
    }
}

/// Runs that begin at the same moment on different machines must not retry at the same moments.
fn seed() -> u64 {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    u64::from(nanos) << 32 | u64::from(std::process::id())
}
