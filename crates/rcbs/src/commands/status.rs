//! `rcbs status`: what is stored, what waits and what is lost, and how the last run ended. Asks no server.

use std::io::{self, Write};
use std::ops::ControlFlow;

use jiff::Timestamp;
use rcbs_core::ports::{Ledger as _, LedgerError, LedgerTally, RunRecord, Target as _};
use rcbs_core::proof::Asked;
use rcbs_core::retention::{Facts as Watched, Forecast, Retention, forecast};
use rcbs_core::space::{SpaceForecast, Stored, ToCome};
use rcbs_io::ledger::SqliteLedger;
use rcbs_io::target::TargetView;
use serde_json::{Value, json};

use super::work::runtime;
use super::{Show, missing, report};
use crate::assemble::{self, Refusal};
use crate::config::{Loaded, Settings};
use crate::exit::Exit;
use crate::explain::explain_ledger;
use crate::report::{endangered, human_bytes, human_time, noun, space_json, too_small};

/// So many missing files are listed for people who did not ask for all.
const LISTED: u64 = 20;

/// What the ledger says.
struct Facts {
    tally: LedgerTally,
    checkpoint: Option<Timestamp>,
    oldest_unsettled: Option<Timestamp>,
    last_run: Option<RunRecord>,
    /// Whole days up to here are proven, except for what is lost.
    complete_until: Option<Timestamp>,
    /// With `retentionDays`: what is endangered, and up to when it is called soon.
    endangered: Option<(Forecast, Timestamp)>,
    /// Whether what waits fits; `None` where the target does not tell what is free.
    space: Option<SpaceForecast>,
}

/// Tells the state of the archive; `all` lists everything that is missing, however much.
///
/// # Errors
/// What to tell the operator when the ledger cannot be read.
pub(super) fn status(loaded: &Loaded, all: bool, show: Show) -> Result<Exit, Refusal> {
    let ledger = assemble::open_ledger(&loaded.settings)?;
    let told = runtime(&loaded.settings)?.block_on(async {
        let tally = ledger.tally().await?;
        let facts = Facts {
            space: space(&loaded.settings, &tally).await,
            tally,
            checkpoint: ledger.checkpoint().await?,
            oldest_unsettled: ledger.oldest_unsettled().await?,
            last_run: ledger.last_run().await?,
            complete_until: report::proof(&ledger, Asked::default(), None)
                .await?
                .complete_until(),
            endangered: endangered_now(&ledger, loaded.settings.retention).await?,
        };
        // A pipe takes it as it comes: there may be more of it than memory.
        let mut out = io::BufWriter::new(io::stdout().lock());
        let told = match (show.json, show.quiet) {
            (true, _) => tell_json(&mut out, &ledger, &facts).await,
            (false, true) => Ok(()),
            (false, false) => tell_text(&mut out, &ledger, &facts, all).await,
        };
        // A reader that went away has what it wanted.
        drop(out.flush());
        told
    });
    told.map_err(|error: LedgerError| {
        (
            explain_ledger(&error),
            Exit::of(rcbs_core::run::ledger_outcome(&error)),
        )
    })?;
    Ok(Exit::Complete)
}

/// What waits and is deleted soon, or should be gone. Without a rate: what waits does not wait for time.
async fn endangered_now(
    ledger: &SqliteLedger,
    retention: Option<Retention>,
) -> Result<Option<(Forecast, Timestamp)>, LedgerError> {
    let Some(retention) = retention else {
        return Ok(None);
    };
    let now = Timestamp::now();
    let facts = Watched {
        now,
        retention,
        unsettled: &ledger.unsettled_by_hour().await?,
        unlisted: None,
        stored_per_s: None,
    };
    Ok(Some((forecast(&facts), retention.soon(now))))
}

/// What waits is as long as what was stored; it needs space before the next backup brings it.
async fn space(settings: &Settings, tally: &LedgerTally) -> Option<SpaceForecast> {
    let target = TargetView::open(&settings.target_dir).ok()?;
    let stored = Stored {
        files: tally.verified,
        bytes: tally.verified_bytes,
    };
    let to_come = ToCome {
        told_bytes: 0,
        untold: tally.announced + tally.waiting,
    };
    let disk = target.disk_space().await.ok()?;
    Some(settings.space.forecast(to_come.bytes(stored), disk))
}

/// Goes on while somebody reads.
fn flow(written: io::Result<()>) -> ControlFlow<()> {
    match written {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

/// One object; the missing files stand at its end, so that they need not be held.
async fn tell_json(
    out: &mut impl Write,
    ledger: &SqliteLedger,
    facts: &Facts,
) -> Result<(), LedgerError> {
    let head = as_json(facts).to_string();
    let mut written = write!(
        out,
        "{},\"missing\":[",
        head.strip_suffix('}').unwrap_or(&head)
    );
    let mut comma = "";
    missing::each(ledger, &facts.tally, |one| {
        written = write!(out, "{comma}{}", one.as_json());
        comma = ",";
        flow(std::mem::replace(&mut written, Ok(())))
    })
    .await?;
    drop(written.and_then(|()| writeln!(out, "]}}")));
    Ok(())
}

fn as_json(facts: &Facts) -> Value {
    let tally = facts.tally;
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "schema": 1, "recordings": tally.recordings, "announced": tally.announced,
        "verified": tally.verified, "verified_bytes": tally.verified_bytes, "skipped": tally.skipped,
        "waiting": tally.waiting, "lost": tally.lost, "checkpoint": time(facts.checkpoint),
        "oldest_unsettled": time(facts.oldest_unsettled),
        "complete_until": time(facts.complete_until),
        "endangered": facts.endangered.map(|(forecast, soon_until)| json!({
            "overdue": forecast.overdue, "deleted_soon": forecast.soon, "soon_until": soon_until.to_string(),
        })),
        "space": facts.space.as_ref().map(space_json),
        "last_run": facts.last_run.as_ref().map(|run| json!({
            "started": run.started.to_string(), "ended": run.ended.to_string(),
            "exit_code": run.exit_code,
            "summary": serde_json::from_str::<Value>(&run.summary_json).unwrap_or(Value::Null),
        })),
    })
}

async fn tell_text(
    out: &mut impl Write,
    ledger: &SqliteLedger,
    facts: &Facts,
    all: bool,
) -> Result<(), LedgerError> {
    let tally = facts.tally;
    drop(out.write_all(as_text(facts).as_bytes()));
    let count = tally.waiting + tally.announced + tally.lost;
    if count == 0 {
        return Ok(());
    }
    drop(writeln!(out, "missing:"));
    let limit = if all { u64::MAX } else { LISTED };
    let mut listed = 0;
    missing::each(ledger, &tally, |one| {
        if listed == limit {
            return ControlFlow::Break(());
        }
        listed += 1;
        flow(writeln!(out, "{}", one.as_text()))
    })
    .await?;
    if count > listed && !all {
        let more = count - listed;
        drop(writeln!(
            out,
            "  and {more} more; \"rcbs status --all\" lists them"
        ));
    }
    if tally.waiting + tally.announced > 0 {
        drop(writeln!(
            out,
            "every backup tries what waits again, whatever its window"
        ));
    }
    drop(writeln!(
        out,
        "\"rcbs explain ID\" tells the whole life of a recording"
    ));
    Ok(())
}

fn as_text(facts: &Facts) -> String {
    let tally = facts.tally;
    let never_begun = tally.recordings == 0 && facts.last_run.is_none();
    if never_begun && facts.checkpoint.is_none() {
        return "nothing is known yet: no run has come as far as its first recording\n".to_owned();
    }
    let row = |count: u64, text: &str| format!("{count:>10}  {text}");
    let bytes = human_bytes(tally.verified_bytes);
    let files = noun(
        tally.verified,
        "media file verified",
        "media files verified",
    );
    let mut lines = vec![
        row(
            tally.recordings,
            noun(tally.recordings, "recording", "recordings"),
        ),
        row(tally.verified, &format!("{files} ({bytes})")),
    ];
    for (count, text) in [
        (tally.skipped, "skipped as configured"),
        (tally.announced, "announced, not reached yet"),
        (
            tally.waiting,
            noun(tally.waiting, "waits for retry", "wait for retry"),
        ),
        (tally.lost, "lost: announced, but gone from the cloud"),
    ] {
        if count > 0 {
            lines.push(row(count, text));
        }
    }
    match (facts.oldest_unsettled, facts.checkpoint) {
        (Some(oldest), Some(checkpoint)) if oldest <= checkpoint => lines.push(format!(
            "complete up to {}, the oldest recording that waits",
            human_time(oldest)
        )),
        (_, Some(checkpoint)) => {
            let except = match tally.lost {
                0 => "",
                _ => ", except what is lost",
            };
            let at = human_time(checkpoint);
            lines.push(format!("complete up to {at}{except}"));
        }
        (_, None) => {
            lines.push("no backup has come to the end of a part of its window yet".to_owned());
        }
    }
    if let Some(until) = facts.complete_until {
        let last = Timestamp::from_millisecond(until.as_millisecond() - 1).unwrap_or(until);
        lines.push(format!(
            "every day listed up to {} is complete; \"rcbs report\" shows each",
            last.strftime("%Y-%m-%d")
        ));
    }
    lines.extend(facts.space.as_ref().and_then(too_small));
    if let Some((forecast, soon_until)) = &facts.endangered {
        lines.extend(endangered(forecast, *soon_until));
    }
    if let Some(run) = &facts.last_run {
        lines.push(format!(
            "the last run ended {} with exit code {}",
            human_time(run.ended),
            run.exit_code
        ));
    }
    lines.join("\n") + "\n"
}
