//! `rcbs report`: what is proven of each day, from the ledger and, if asked for, against the cloud.

mod csv;
mod html;
mod json;
mod text;

pub(super) use text::{damaged, day_text, verified_days};

use std::io::Write as _;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcbs_core::event::Listener;
use rcbs_core::plan::{SinceEdge, UntilEdge, WindowOptions};
use rcbs_core::ports::{Ledger as _, LedgerError, Period};
use rcbs_core::proof::{Asked, Proof, Verdict, prove, range};
use rcbs_core::run::{self, Reconciliation, RunEnd};
use rcbs_io::ledger::SqliteLedger;

use super::work::{runtime, tell_stop};
use super::{Show, say};
use crate::args::ReportArgs;
use crate::assemble::{self, Refusal};
use crate::config::{Loaded, Settings};
use crate::exit::Exit;
use crate::explain::{Explanation, explain_ledger};
use crate::report::Console;
use crate::signals::Signals;

/// What is told.
struct Told {
    proof: Proof,
    /// What the cloud announces now, where it was asked.
    cloud: Option<Reconciliation>,
    exit: Exit,
}

/// Tells what is proven.
///
/// # Errors
/// What to tell the operator when it could not begin.
pub(super) fn report(loaded: &Loaded, args: &ReportArgs, show: Show) -> Result<Exit, Refusal> {
    let settings = &loaded.settings;
    let asked = asked(args);
    if let Asked {
        since: Some(since),
        until: Some(until),
    } = asked
        && since >= until
    {
        return Err(empty_period());
    }
    let ledger = assemble::open_ledger_of_files(settings)?;
    let runtime = runtime(settings)?;
    let proof = runtime
        .block_on(proof(&ledger, asked, due(settings)))
        .map_err(|error| refuse(&error))?;
    let mut told = Told {
        cloud: None,
        exit: exit_of(&proof),
        proof,
    };
    if args.reconcile {
        let period = told.proof.period.ok_or_else(nothing_known)?;
        let (cloud, end, signal) = runtime.block_on(compare(settings, period))?;
        tell_stop(settings, &end);
        let listed = Exit::of(run::outcome(&end));
        told.exit = match listed {
            Exit::Interrupted => signal.unwrap_or(Exit::Interrupted),
            Exit::Complete if cloud.is_known() || told.exit == Exit::Damaged => told.exit,
            Exit::Complete => Exit::Waiting,
            failed => failed,
        };
        told.cloud = Some(cloud);
    }
    tell(&told, args, show);
    Ok(told.exit)
}

fn asked(args: &ReportArgs) -> Asked {
    match args.day {
        Some(day) => Asked {
            since: Some(day),
            until: day.checked_add(SignedDuration::from_hours(24)).ok(),
        },
        None => Asked {
            since: args.since,
            until: args.until,
        },
    }
}

/// Where the window follows the time: the midnight (UTC) up to which a backup should have listed by now.
pub(super) fn due(settings: &Settings) -> Option<Timestamp> {
    let UntilEdge::Ago(age) = settings.window.until else {
        return None;
    };
    let edge = Timestamp::now().to_zoned(TimeZone::UTC).checked_sub(age);
    let midnight = edge.ok()?.start_of_day().ok()?;
    Some(midnight.timestamp())
}

/// What the ledger proves.
pub(super) async fn proof(
    ledger: &SqliteLedger,
    asked: Asked,
    due: Option<Timestamp>,
) -> Result<Proof, LedgerError> {
    let now = Timestamp::now();
    let listed = ledger.listed().await?.into_iter();
    // A clock that was ahead may have claimed more.
    let listed: Vec<Period> = listed.filter_map(|period| period.before(now)).collect();
    let within = match asked {
        Asked {
            since: None,
            until: None,
        } => None,
        Asked { since, until } => Some(Period {
            since: since.unwrap_or(Timestamp::MIN),
            until: until.unwrap_or(Timestamp::MAX),
        }),
    };
    let counts = ledger.days(within).await?;
    let period = range(asked, &counts, &listed, due);
    Ok(prove(period, counts, &listed))
}

/// Only a complete proof is 0; damage that is known counts most.
pub(super) fn exit_of(proof: &Proof) -> Exit {
    match proof.verdict() {
        _ if proof.total().damaged > 0 => Exit::Damaged,
        Verdict::Complete => Exit::Complete,
        Verdict::Lost => Exit::Lost,
        Verdict::Incomplete => Exit::Waiting,
    }
}

/// Lists the period in the cloud; writes nothing.
async fn compare(
    settings: &Settings,
    period: Period,
) -> Result<(Reconciliation, RunEnd, Option<Exit>), Refusal> {
    let clients = assemble::clients(settings)?;
    let view = assemble::look(settings)?;
    let ports = assemble::ports(clients, Arc::new(view.target), Arc::new(view.ledger));
    let mut options = assemble::run_options(settings);
    options.window = WindowOptions {
        since: SinceEdge::At(period.since),
        until: UntilEdge::At(period.until),
        ignore_checkpoint: true,
        ..options.window
    };
    let signals = Signals::listen();
    // Warnings and faults only: what is compared is its result.
    let listener: Arc<dyn Listener> = Arc::new(Console::new(true));
    let (cloud, end) = run::reconcile(ports, options, listener, signals.token()).await;
    Ok((cloud, end, signals.exit()))
}

fn tell(told: &Told, args: &ReportArgs, show: Show) {
    if show.json {
        say(&format!("{}\n", json::as_json(told)));
    } else if args.csv {
        say(&csv::as_csv(told));
    } else if args.html {
        say(&html::as_html(told));
    } else if !(show.quiet && told.exit == Exit::Complete) {
        say(&text::as_text(told));
    }
    drop(std::io::stdout().flush());
}

fn refuse(error: &LedgerError) -> Refusal {
    (explain_ledger(error), Exit::of(run::ledger_outcome(error)))
}

fn empty_period() -> Refusal {
    let explanation = Explanation {
        headline: "reporting on a period".to_owned(),
        causes: vec!["--until is not after --since".to_owned()],
        hint: Some("--until is not included; for one day write --day".to_owned()),
    };
    (explanation, Exit::Usage)
}

fn nothing_known() -> Refusal {
    let explanation = Explanation {
        headline: "comparing with the cloud".to_owned(),
        causes: vec!["nothing is known yet, so there is no period to compare".to_owned()],
        hint: Some("name one with --day, or with --since and --until".to_owned()),
    };
    (explanation, Exit::Usage)
}
