//! Whether the target is the archive that the ledger speaks of, and the marker that says so.

use std::io;

use rcbs_core::identity::{self, ArchiveId, LedgerPlace, Mismatch, Verdict};
use rcbs_core::ports::{Ledger, LedgerError};
use rcbs_io::ledger::SqliteLedger;
use rcbs_io::target::{FolderTarget, TargetView};

use super::{LEDGER_FILE, Refusal, open_view, refuse_ledger, refuse_target};
use crate::config::Settings;
use crate::exit::Exit;
use crate::explain::{explain_mismatch, explain_system};

/// Before anything is opened to be written: refuses a target that a ledger elsewhere does not speak of. A ledger in the
/// target itself is asked when it is locked and open; there is nothing to be mixed up before that.
pub(super) fn refuse_another(settings: &Settings) -> Result<(), Refusal> {
    let ledger_file = settings.state_dir.join(LEDGER_FILE);
    if ledger_place(settings) == LedgerPlace::Inside || !ledger_file.exists() {
        return Ok(());
    }
    // What is wrong with the ledger itself is told by whoever opens it to work with it.
    match SqliteLedger::open_read_only(&ledger_file) {
        Ok(ledger) => check(settings, &open_view(settings)?, &ledger),
        Err(_) => Ok(()),
    }
}

/// Refuses a target that is not the archive of this ledger.
pub(super) fn check(
    settings: &Settings,
    target: &TargetView,
    ledger: &SqliteLedger,
) -> Result<(), Refusal> {
    match mismatch(settings, target, ledger)? {
        Some(mismatch) => Err(refuse(&mismatch, settings)),
        None => Ok(()),
    }
}

/// For a command that answers from the ledger alone: says so when the target is not what it speaks of, and returns
/// whether it is.
pub(super) fn warn(settings: &Settings, ledger: &SqliteLedger) -> bool {
    // A target that cannot be looked at is the business of those who need it.
    let Ok(target) = open_view(settings) else {
        return true;
    };
    if let Ok(Some(mismatch)) = mismatch(settings, &target, ledger) {
        let target = settings.target_dir.display();
        tracing::warn!("{target} is not what this ledger speaks of: {mismatch}");
        return false;
    }
    true
}

/// Under the lock: refuses what is another archive after all, and brings marker and ledger together.
pub(super) fn settle(
    settings: &Settings,
    target: &FolderTarget,
    ledger: &SqliteLedger,
) -> Result<(), Refusal> {
    let told = |error| refuse_target(&error, settings);
    let found = target.marker().map_err(told)?;
    let known = known(ledger)?;
    let verdict = identity::judge(known, ledger_place(settings), found)
        .map_err(|mismatch| refuse(&mismatch, settings))?;
    let id = match verdict {
        Verdict::Same => return Ok(()),
        Verdict::Learn(id) => id,
        // The marker first: a ledger that knows of an id that nobody has would refuse its own archive.
        Verdict::Mark(id) => target.mark(id).map_err(told)?,
    };
    wait_for(ledger.remember(identity::FACT, Some(&id.to_string())))?.map_err(refuse_ledger)
}

fn mismatch(
    settings: &Settings,
    target: &TargetView,
    ledger: &SqliteLedger,
) -> Result<Option<Mismatch>, Refusal> {
    let found = target
        .marker()
        .map_err(|error| refuse_target(&error, settings))?;
    Ok(identity::judge(known(ledger)?, ledger_place(settings), found).err())
}

/// The id that the ledger knows. One that cannot be read is none: the marker then says it again.
fn known(ledger: &SqliteLedger) -> Result<Option<ArchiveId>, Refusal> {
    let fact: Result<Option<String>, LedgerError> = wait_for(ledger.recall(identity::FACT))?;
    let fact = fact.map_err(refuse_ledger)?;
    Ok(fact.as_deref().and_then(ArchiveId::parse))
}

fn ledger_place(settings: &Settings) -> LedgerPlace {
    match settings.state_dir.starts_with(&settings.target_dir) {
        true => LedgerPlace::Inside,
        false => LedgerPlace::Elsewhere,
    }
}

fn refuse(mismatch: &Mismatch, settings: &Settings) -> Refusal {
    let ledger_file = settings.state_dir.join(LEDGER_FILE);
    let explanation = explain_mismatch(mismatch, &settings.target_dir, &ledger_file);
    (explanation, Exit::Target)
}

/// One question to the ledger, on a thread of its own: some commands ask from within their runtime, others before they
/// have one.
fn wait_for<T: Send>(answer: impl Future<Output = T> + Send) -> Result<T, Refusal> {
    let refuse = |error: &io::Error| (explain_system("starting threads", error), Exit::Stopped);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| refuse(&error))?;
    std::thread::scope(|scope| scope.spawn(move || runtime.block_on(answer)).join())
        .map_err(|_| refuse(&io::Error::other("the ledger gave no answer")))
}
