//! `rcbs status`: what is stored, what waits and what is lost, and how the last run ended. Asks no server.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;
use rcbs_core::ports::{
    Damage, KnownFault, Ledger as _, LedgerError, LedgerTally, RunRecord, Target as _,
};
use rcbs_core::proof::{Asked, Proof};
use rcbs_core::recording::MediaId;
use rcbs_core::retention::{Facts as Watched, Forecast, Retention, earlier_rate, forecast};
use rcbs_core::space::{SpaceForecast, Stored, ToCome};
use rcbs_core::text::escaped;
use rcbs_io::ledger::SqliteLedger;
use rcbs_io::target::TargetView;
use serde_json::{Value, json};

use super::next_run::{NextRun, Unended};
use super::work::runtime;
use super::{Show, missing, report};
use crate::assemble::{self, Refusal};
use crate::config::{Loaded, Settings};
use crate::exit::Exit;
use crate::explain::explain_ledger;
use crate::report::{counted, endangered, human_bytes, human_time, noun, space_json, too_small};

/// So many missing files are listed for people who did not ask for all, and so many damaged ones.
const LISTED: u64 = 20;
/// So many earlier runs tell how fast recordings come in.
const RUNS: usize = 20;
/// Damaged files read at once.
const PAGE: usize = 256;

/// What the ledger says.
struct Facts {
    tally: LedgerTally,
    checkpoint: Option<Timestamp>,
    oldest_unsettled: Option<Timestamp>,
    last_run: Option<RunRecord>,
    /// What is proven of all days.
    proof: Proof,
    /// What follows from it; or that the target is not what the ledger speaks of.
    exit: Exit,
    /// With `retentionDays`: what is endangered.
    endangered: Option<Endangered>,
    unended: Option<Unended>,
    faults: Vec<KnownFault>,
    next_run: NextRun,
    /// How long the cloud keeps recordings.
    retention: Option<Retention>,
    /// Whether what waits fits; `None` where the target does not tell what is free.
    space: Option<SpaceForecast>,
}

/// What the cloud deletes before it is here.
struct Endangered {
    forecast: Forecast,
    soon_until: Timestamp,
    /// Recordings a second that earlier runs have stored.
    stored_per_s: Option<f64>,
}

/// Tells the state of the archive; `all` lists everything that is missing, however much.
///
/// # Errors
/// What to tell the operator when the ledger cannot be read.
pub(super) fn status(loaded: &Loaded, all: bool, show: Show) -> Result<Exit, Refusal> {
    let settings = &loaded.settings;
    let (ledger, is_known) = assemble::open_ledger_to_tell(settings)?;
    let ledger = Arc::new(ledger);
    let told = runtime(&loaded.settings)?.block_on(async {
        let tally = ledger.tally().await?;
        let due = report::due(settings);
        let proof = report::proof(&ledger, Asked::default(), due).await?;
        let facts = Facts {
            space: space(settings, &tally).await,
            unended: Unended::find(settings, &ledger).await?,
            faults: ledger.faults().await?,
            next_run: NextRun::gather(settings, &ledger, &tally).await?,
            retention: settings.retention,
            tally,
            checkpoint: ledger.checkpoint().await?,
            oldest_unsettled: ledger.oldest_unsettled().await?,
            last_run: ledger.last_run().await?,
            exit: match is_known {
                true => report::exit_of(&proof),
                false => Exit::Target,
            },
            proof,
            endangered: endangered_now(&ledger, settings.retention, &tally).await?,
        };
        let exit = facts.exit;
        // A pipe takes it as it comes: there may be more of it than memory.
        let mut out = io::BufWriter::new(io::stdout().lock());
        let told = match (show.json, show.quiet && exit == Exit::Complete) {
            (true, _) => tell_json(&mut out, &ledger, &facts).await,
            (false, true) => Ok(()),
            (false, false) => tell_text(&mut out, &ledger, &facts, all).await,
        };
        // A reader that went away has what it wanted.
        drop(out.flush());
        told.map(|()| exit)
    });
    told.map_err(|error: LedgerError| {
        (
            explain_ledger(&error),
            Exit::of(rcbs_core::run::ledger_outcome(&error)),
        )
    })
}

/// What waits and is deleted soon, should be gone, or will be before it is here at the rate of earlier runs.
async fn endangered_now(
    ledger: &SqliteLedger,
    retention: Option<Retention>,
    tally: &LedgerTally,
) -> Result<Option<Endangered>, LedgerError> {
    let Some(retention) = retention else {
        return Ok(None);
    };
    let now = Timestamp::now();
    let runs = ledger.last_runs(RUNS).await?;
    let media_per_s = earlier_rate(runs.iter().filter_map(seconds_and_files));
    let media = tally.announced + tally.verified + tally.skipped + tally.waiting + tally.lost;
    let recordings_per_media = tally.recordings as f64 / media.max(1) as f64;
    let stored_per_s = media_per_s.map(|rate| rate * recordings_per_media);
    let facts = Watched {
        now,
        retention,
        unsettled: &ledger.unsettled_by_hour().await?,
        unlisted: None,
        stored_per_s,
    };
    Ok(Some(Endangered {
        forecast: forecast(&facts),
        soon_until: retention.soon(now),
        stored_per_s,
    }))
}

/// How long a run took and how many media files it has fetched.
fn seconds_and_files(run: &RunRecord) -> Option<(f64, u64)> {
    let summary: Value = serde_json::from_str(&run.summary_json).ok()?;
    let seconds = run.ended.duration_since(run.started).as_secs_f64();
    Some((seconds, summary["fetched"].as_u64()?))
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
    missing::each(ledger, &facts.tally, facts.retention, |one| {
        written = write!(out, "{comma}{}", one.as_json());
        comma = ",";
        flow(std::mem::replace(&mut written, Ok(())))
    })
    .await?;
    drop(written.and_then(|()| write!(out, "],\"damaged_files\":[")));
    let mut comma = "";
    each_damaged(ledger, |one| {
        let written = write!(out, "{comma}{}", damage_json(one));
        comma = ",";
        flow(written)
    })
    .await?;
    drop(writeln!(out, "]}}"));
    Ok(())
}

/// Hands over what is known to be damaged, for as long as it is wanted.
async fn each_damaged(
    ledger: &SqliteLedger,
    mut take: impl FnMut(&Damage) -> ControlFlow<()>,
) -> Result<(), LedgerError> {
    let mut last = None;
    loop {
        let page = ledger.damaged(last.as_ref(), PAGE).await?;
        if page.iter().try_for_each(&mut take).is_break() {
            return Ok(());
        }
        match page.into_iter().next_back() {
            Some(one) => last = Some(one),
            None => return Ok(()),
        }
    }
}

fn damage_json(damage: &Damage) -> Value {
    json!({
        "recording": damage.recording.as_str(), "media": damage.media.as_ref().map(MediaId::as_str),
        "harm": damage.harm, "reason": damage.reason, "at": damage.found.to_string(),
    })
}

fn fault_json(fault: &KnownFault) -> Value {
    json!({
        "reason": fault.what, "first": fault.first.to_string(), "last": fault.last.to_string(),
        "times": fault.times,
    })
}

fn as_json(facts: &Facts) -> Value {
    let tally = facts.tally;
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "schema": 1, "exit_code": facts.exit.code(), "recordings": tally.recordings, "announced": tally.announced,
        "verified": tally.verified, "verified_bytes": tally.verified_bytes, "skipped": tally.skipped,
        "waiting": tally.waiting, "lost": tally.lost, "checkpoint": time(facts.checkpoint),
        "oldest_unsettled": time(facts.oldest_unsettled),
        "damaged": facts.proof.total().damaged,
        "verdict": facts.proof.verdict().as_str(),
        "last_verified_day": facts.proof.last_verified_day().map(report::day_text),
        "complete_until": time(facts.proof.complete_until()),
        "endangered": facts.endangered.as_ref().map(endangered_json),
        "unended_run": facts.unended.as_ref().map(Unended::as_json),
        "next_run": facts.next_run.as_json(),
        "server_faults": facts.faults.iter().map(fault_json).collect::<Vec<_>>(),
        "space": facts.space.as_ref().map(space_json),
        "last_run": facts.last_run.as_ref().map(|run| json!({
            "started": run.started.to_string(), "ended": run.ended.to_string(),
            "exit_code": run.exit_code,
            "summary": serde_json::from_str::<Value>(&run.summary_json).unwrap_or(Value::Null),
        })),
    })
}

fn endangered_json(endangered: &Endangered) -> Value {
    let Endangered {
        forecast,
        soon_until,
        stored_per_s,
    } = endangered;
    json!({
        "overdue": forecast.overdue, "deleted_soon": forecast.soon, "soon_until": soon_until.to_string(),
        "missed": forecast.missed, "first_missed": forecast.first_missed.map(|at| at.to_string()),
        "stored_per_s": stored_per_s,
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
    let missing = tally.waiting + tally.announced + tally.lost;
    let damaged = facts.proof.total().damaged;
    let limit = if all { u64::MAX } else { LISTED };
    if missing > 0 {
        drop(writeln!(out, "missing:"));
        let mut rows = Rows::new(out, limit);
        missing::each(ledger, &tally, facts.retention, |one| {
            rows.take(&one.as_text())
        })
        .await?;
        rows.end(missing);
    }
    if damaged > 0 {
        drop(writeln!(out, "damaged or missing in the archive:"));
        let mut rows = Rows::new(out, limit);
        each_damaged(ledger, |one| rows.take(&damage_text(one))).await?;
        rows.end(damaged);
    }
    if missing + damaged > 0 {
        let explain = "\"rcbs explain ID\" tells the whole life of a recording";
        drop(writeln!(out, "{explain}"));
    }
    Ok(())
}

/// Lines of which people see the first ones.
struct Rows<'a, W> {
    out: &'a mut W,
    limit: u64,
    listed: u64,
}

impl<'a, W: Write> Rows<'a, W> {
    fn new(out: &'a mut W, limit: u64) -> Self {
        Self {
            out,
            limit,
            listed: 0,
        }
    }

    /// Goes on while there is room for more and somebody reads.
    fn take(&mut self, line: &str) -> ControlFlow<()> {
        if self.listed == self.limit {
            return ControlFlow::Break(());
        }
        self.listed += 1;
        flow(writeln!(self.out, "{line}"))
    }

    /// Says how many there are besides.
    fn end(self, count: u64) {
        if self.listed == self.limit && count > self.listed {
            let more = count - self.listed;
            let how = "\"rcbs status --all\" lists them";
            drop(writeln!(self.out, "  and {more} more; {how}"));
        }
    }
}

fn damage_text(damage: &Damage) -> String {
    let media = damage.media.as_ref();
    let media = media.map_or_else(|| "metadata".to_owned(), MediaId::to_string);
    let (found, reason) = (human_time(damage.found), escaped(&damage.reason));
    format!("  {} {media}, found {found}: {reason}", damage.recording)
}

fn as_text(facts: &Facts) -> String {
    let tally = facts.tally;
    let damaged = facts.proof.total().damaged;
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
    lines.extend(report::verified_days(&facts.proof));
    if damaged > 0 {
        lines.push(report::damaged(damaged));
    }
    match facts.checkpoint {
        Some(at) => lines.push(format!(
            "listed up to {}; everything announced before is in the ledger",
            human_time(at)
        )),
        None => {
            lines.push("no backup has come to the end of a part of its window yet".to_owned());
        }
    }
    if let Some(fault) = facts.faults.first() {
        lines.push(format!(
            "{} announced by the server cannot be used, the last seen {}; \"rcbs status --json\" names all",
            counted(facts.faults.len() as u64, "thing", "things"),
            human_time(fault.last)
        ));
    }
    lines.extend(facts.space.as_ref().and_then(too_small));
    if let Some(danger) = &facts.endangered {
        lines.extend(endangered(&danger.forecast, danger.soon_until));
        if danger.stored_per_s.is_none() && tally.waiting + tally.announced > 0 {
            let unknown = "how fast recordings come in is not known yet: no run has fetched any";
            lines.push(unknown.to_owned());
        }
    }
    lines.extend(facts.next_run.as_text());
    if let Some(run) = &facts.last_run {
        lines.push(format!(
            "the last run ended {} with exit code {}",
            human_time(run.ended),
            run.exit_code
        ));
    }
    lines.extend(facts.unended.as_ref().map(Unended::as_text));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use rcbs_core::recording::RecordingId;

    use super::*;

    #[test]
    fn ids_of_damaged_files_cannot_write_to_the_terminal() {
        let damage = Damage {
            recording: RecordingId::new("one").unwrap(),
            start: None,
            media: Some(MediaId::new("a\u{1b}[2Jb\nc").unwrap()),
            harm: "missing".to_owned(),
            reason: "it is\u{7}missing".to_owned(),
            found: Timestamp::UNIX_EPOCH,
        };
        let text = damage_text(&damage);
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}
