//! What `backup`, `retry` and `adopt` share: threads, signals, listeners, the record of the run, and the report.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::thread;

use jiff::Timestamp;
use rcbs_core::event::Listener;
use rcbs_core::ports::{Ledger as _, RunRecord};
use rcbs_core::run::{self, RunEnd};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::{Show, say};
use crate::assemble::{self, Archive, Refusal};
use crate::config::Settings;
use crate::exit::Exit;
use crate::explain::{explain_run, explain_system};
use crate::report::{Console, JsonLines, Kind, final_report, summary_json};
use crate::signals::Signals;

/// The ledger's thread, and some for calls that wait for the disk.
const THREADS_BESIDE: usize = 4;

/// Works under signals, shows what happens, keeps the record and tells the end.
pub(super) fn work<W>(
    settings: &Settings,
    archive: &Archive,
    show: Show,
    kind: Kind,
    begin: impl FnOnce(Arc<dyn Listener>, CancellationToken) -> W,
) -> Result<Exit, Refusal>
where
    W: Future<Output = RunEnd> + Send + 'static,
{
    let runtime = runtime(settings)?;
    let started = Timestamp::now();
    let (end, exit) = runtime.block_on(async {
        let signals = Signals::listen();
        note_begun(archive, command_of(kind), started).await;
        let end = on_workers(begin(listener(show), signals.token())).await;
        // A signal that came when everything was done already changes nothing.
        let exit = match Exit::of(run::outcome(&end)) {
            Exit::Interrupted => signals.exit().unwrap_or(Exit::Interrupted),
            exit => exit,
        };
        (end, exit)
    });
    // A green scheduler must not hide what a verification has found.
    let is_damaged = exit == Exit::Complete
        && matches!(kind, Kind::Backup { .. })
        && runtime.block_on(knows_damage(archive));
    let exit = if is_damaged { Exit::Damaged } else { exit };
    let percent = percent(&end, kind, exit);
    let summary = summary_json(&end.summary, exit.code(), percent).to_string();
    let record = RunRecord {
        started,
        ended: Timestamp::now(),
        exit_code: exit.code(),
        summary_json: summary.clone(),
    };
    // A retry that found nothing to do says nothing about the archive, and must not hide how the last backup ended.
    let is_idle = kind == Kind::Retry && end.stopped.is_none() && end.summary.recordings == 0;
    let noted = runtime.block_on(async {
        match is_idle {
            true => archive.ledger.end_run().await,
            false => archive.ledger.record_run(&record).await,
        }
    });
    if let Err(error) = noted {
        tracing::warn!(%error, "the record of this run could not be kept");
    }
    if show.json {
        say(&format!("{summary}\n"));
    } else if !(show.quiet && exit == Exit::Complete) {
        let (stopped, target) = (end.stopped.is_some(), settings.target_dir.display());
        let mut lines = final_report(kind, &end.summary, percent, stopped, &target.to_string());
        if matches!(end.stopped, Some(run::RunError::Interrupted)) {
            lines.push("interrupted; the next run goes on where this one stopped".to_owned());
        }
        if is_damaged {
            lines.push(
                "what a verification found damaged is not mended; \"rcbs verify --repair\" fetches it again while the cloud has it"
                    .to_owned(),
            );
        }
        say(&(lines.join("\n") + "\n"));
    }
    tell_stop(settings, &end);
    // Work on a file system that does not answer must not keep the process from ending.
    runtime.shutdown_background();
    Ok(exit)
}

/// Whether files that a verification found damaged are not mended yet.
async fn knows_damage(archive: &Archive) -> bool {
    let known = archive.ledger.damaged(None, 1).await;
    known.is_ok_and(|known| !known.is_empty())
}

fn command_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Backup { .. } => "backup",
        Kind::Retry => "retry",
        Kind::Adoption => "adopt",
    }
}

/// So that whoever looks knows of a run at work, or of one that was killed. A ledger that cannot take it is met soon.
pub(super) async fn note_begun(archive: &Archive, command: &str, at: Timestamp) {
    if let Err(error) = archive.ledger.begin_run(command, at).await {
        tracing::warn!(%error, "the beginning of this run could not be noted");
    }
}

/// Works on the threads of the runtime, where what it waits for wakes it without waking another thread.
async fn on_workers<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => unreachable!("nobody cancels it"),
    }
}

/// `numThreads` are the threads that join, check and hash; waiting for servers and disk takes none.
pub(super) fn runtime(settings: &Settings) -> Result<tokio::runtime::Runtime, Refusal> {
    let threads = usize::from(settings.threads());
    try_threads(threads + THREADS_BESIDE)
        .and_then(|()| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(threads)
                .enable_all()
                .build()
        })
        .map_err(|error| (explain_system("starting threads", &error), Exit::Stopped))
}

/// Whether so many threads can be had at once. The runtime itself would panic halfway, and then wait for ever for those
/// that it has.
fn try_threads(count: usize) -> io::Result<()> {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let threads: io::Result<Vec<_>> = (0..count)
        .map(|_| {
            let gate = Arc::clone(&gate);
            thread::Builder::new().spawn(move || drop(gate.lock()))
        })
        .collect();
    drop(closed);
    for thread in threads? {
        // It does nothing that could fail.
        drop(thread.join());
    }
    Ok(())
}

fn listener(show: Show) -> Arc<dyn Listener> {
    if show.json {
        Arc::new(JsonLines::new())
    } else {
        Arc::new(Console::new(show.quiet))
    }
}

/// 100 only together with exit code 0. What was in place is no success of a retry.
fn percent(end: &RunEnd, kind: Kind, exit: Exit) -> u8 {
    let summary = &end.summary;
    let beside = match kind {
        Kind::Retry => summary.unchanged,
        Kind::Backup { .. } | Kind::Adoption => 0,
    };
    let good = summary.stored() + summary.skipped - beside;
    let tried = summary.announced.saturating_sub(beside);
    match (good * 100).checked_div(tried) {
        _ if exit == Exit::Complete => 100,
        Some(percent) => u8::try_from(percent.min(99)).unwrap_or(99),
        None => 0,
    }
}

/// What kept a run from its end or from listing everything, if something did.
pub(super) fn tell_stop(settings: &Settings, end: &RunEnd) {
    let not_listed = end.not_listed.clone().map(run::RunError::Api);
    let explained = end
        .stopped
        .as_ref()
        .or(not_listed.as_ref())
        .and_then(|error| explain_run(error, &assemble::names(settings)));
    if let Some(explanation) = explained {
        drop(write!(io::stderr(), "{explanation}"));
    }
}
