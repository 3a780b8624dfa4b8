//! `rcbs verify`: compares the archive with its ledger and, on request, fetches again what is damaged.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rcbs_core::event::Listener;
use rcbs_core::ports::Ledger as _;
use rcbs_core::run::{self, ManifestsOptions, VerifyEnd, VerifyPorts};
use rcbs_core::verify::Witness;
use rcbs_io::clock::SystemClock;

use super::work::{note_begun, runtime};
use super::{Show, say};
use crate::args::VerifyHow;
use crate::assemble::{self, Refusal};
use crate::config::site_key::{SiteKeyError, read_public};
use crate::config::{Loaded, MediaMode, Settings};
use crate::exit::Exit;
use crate::explain::{Explanation, explain_run};
use crate::report::{
    Console, JsonLines, VerifyConsole, VerifyJson, VerifyKind, verify_report, verify_summary_json,
};
use crate::signals::Signals;

/// Verifies, and repairs where that was asked for.
///
/// # Errors
/// What to tell the operator when it could not begin.
pub(super) fn verify(loaded: &Loaded, how: &VerifyHow, show: Show) -> Result<Exit, Refusal> {
    let settings = &loaded.settings;
    let (end, exit, kind) = if how.manifests {
        manifests(settings, how, show)?
    } else if how.repair {
        repair(settings, how, show)?
    } else {
        look(settings, how, show)?
    };
    // What cannot be looked up now is no reason to hold back what was found.
    let moved_aside = assemble::moved_aside(settings).ok();
    if show.json {
        say(&format!(
            "{}\n",
            verify_summary_json(&end.summary, exit.code(), moved_aside)
        ));
    } else if !(show.quiet && exit == Exit::Complete) {
        let stopped = end.stopped.is_some();
        let lines = verify_report(&end.summary, kind, stopped, moved_aside);
        say(&(lines.join("\n") + "\n"));
    }
    let explained = end
        .stopped
        .as_ref()
        .and_then(|error| explain_run(error, &assemble::names(settings)));
    if let Some(explanation) = explained {
        drop(write!(std::io::stderr(), "{explanation}"));
    }
    Ok(exit)
}

/// How it ended, and what it was.
type Done = (VerifyEnd, Exit, VerifyKind);

fn look(settings: &Settings, how: &VerifyHow, show: Show) -> Result<Done, Refusal> {
    let held = assemble::open_to_verify(settings)?;
    let kind = VerifyKind::Look {
        remembers: held.remembers,
    };
    let options = assemble::verify_options(settings, how, held.remembers);
    let ports = VerifyPorts {
        target: Arc::new(held.target),
        ledger: Arc::new(held.ledger),
        clock: Arc::new(SystemClock::new()),
    };
    let runtime = runtime(settings)?;
    let ended = runtime.block_on(async {
        let signals = Signals::listen();
        let end = run::verify(ports, options, witness(show), signals.token()).await;
        let exit = exit_of(&end, &signals);
        (end, exit, kind)
    });
    runtime.shutdown_background();
    Ok(ended)
}

fn repair(settings: &Settings, how: &VerifyHow, show: Show) -> Result<Done, Refusal> {
    if matches!(settings.media, MediaMode::MetadataOnly) {
        let explanation = Explanation {
            headline: "repairing the archive".to_owned(),
            causes: vec!["metadataOnly=true: media files are not fetched".to_owned()],
            hint: Some("set metadataOnly=false, or verify without --repair".to_owned()),
        };
        return Err((explanation, Exit::Usage));
    }
    let clients = assemble::clients(settings)?;
    // The same checks of the target as for a look, before anything is locked or made.
    drop(assemble::open_to_verify(settings)?);
    let archive = assemble::open_archive(settings)?;
    let ports = archive.ports(clients);
    let options = assemble::run_options(settings);
    let how = assemble::verify_options(settings, how, true);
    let runtime = runtime(settings)?;
    let ended = runtime.block_on(async {
        let signals = Signals::listen();
        let token = signals.token();
        note_begun(&archive, "verify --repair", Timestamp::now()).await;
        let end = run::repair(ports, options, how, listener(show), witness(show), token).await;
        if let Err(error) = archive.ledger.end_run().await {
            tracing::warn!(%error, "the end of this run could not be noted");
        }
        let exit = exit_of(&end, &signals);
        (end, exit, VerifyKind::Repair)
    });
    runtime.shutdown_background();
    Ok(ended)
}

fn manifests(settings: &Settings, how: &VerifyHow, show: Show) -> Result<Done, Refusal> {
    let public_key = match &how.public_key {
        Some(path) => Some(read_public(path).map_err(|error| refused_key(path, &error))?),
        None => settings.manifest_key.as_ref().map(|key| key.public_key()),
    };
    let target = Arc::new(assemble::open_existing(settings)?);
    let options = ManifestsOptions {
        public_key,
        limit_bytes_per_s: how.limit_rate,
        parallel: usize::from(settings.threads()) * 2,
    };
    let clock = Arc::new(SystemClock::new());
    let runtime = runtime(settings)?;
    let ended = runtime.block_on(async {
        let signals = Signals::listen();
        let token = signals.token();
        let end = run::verify_manifests(target, clock, options, witness(show), token).await;
        let exit = exit_of(&end, &signals);
        (end, exit, VerifyKind::Manifests)
    });
    runtime.shutdown_background();
    Ok(ended)
}

fn refused_key(path: &Path, error: &SiteKeyError) -> Refusal {
    let explanation = Explanation {
        headline: format!("reading the public key {}", path.display()),
        causes: vec![format!("it {error}")],
        hint: Some("openssl pkey -in site.key.pem -pubout writes it".to_owned()),
    };
    (explanation, Exit::Usage)
}

fn exit_of(end: &VerifyEnd, signals: &Signals) -> Exit {
    match Exit::of(end.outcome()) {
        Exit::Interrupted => signals.exit().unwrap_or(Exit::Interrupted),
        exit => exit,
    }
}

fn witness(show: Show) -> Arc<dyn Witness> {
    if show.json {
        Arc::new(VerifyJson::new())
    } else {
        Arc::new(VerifyConsole::new(show.quiet))
    }
}

/// What the repair does is told as in a backup; how far it is, is told by the verification.
fn listener(show: Show) -> Arc<dyn Listener> {
    if show.json {
        Arc::new(JsonLines::new())
    } else {
        Arc::new(Console::new(true))
    }
}
