//! `rcbs plan`: the window in plain dates, and what a backup would fetch. Downloads nothing.

use std::fmt::Display;
use std::sync::Arc;

use jiff::Timestamp;
use rcbs_core::event::Listener;
use rcbs_core::ports::{Ledger as _, RunRecord};
use rcbs_core::retention::{Facts, Forecast, Retention, forecast};
use rcbs_core::run::{self, Survey};
use serde_json::{Value, json};

use super::work::{runtime, tell_stop};
use super::{Show, say};
use crate::assemble::{self, Refusal};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::report::{
    Console, archive_begun, counted, endangered, human_bytes, human_time, noun, space_json,
    too_small,
};
use crate::signals::Signals;

/// Surveys the window.
///
/// # Errors
/// What to tell the operator when it could not begin.
pub(super) fn plan(loaded: &Loaded, show: Show) -> Result<Exit, Refusal> {
    let settings = &loaded.settings;
    let clients = assemble::clients(settings)?;
    let view = assemble::look(settings)?;
    let exists = view.target.exists();
    // Where it cannot be looked up the backup says it.
    let is_new = view.target.is_new().unwrap_or(false);
    let ledger = Arc::new(view.ledger);
    let ports = assemble::ports(
        clients,
        Arc::new(view.target),
        Arc::clone(&ledger) as Arc<_>,
    );
    let options = assemble::run_options(settings);
    let (survey, end, signal, last_run) = runtime(settings)?.block_on(async {
        let signals = Signals::listen();
        // Warnings and faults only: what a survey counts is its result.
        let listener: Arc<dyn Listener> = Arc::new(Console::new(true));
        let (survey, end) = run::survey(ports, options, listener, signals.token()).await;
        // Without the last run there is no rate, and that is all.
        let last_run = ledger.last_run().await.ok().flatten();
        (survey, end, signals.exit(), last_run)
    });
    let endangered = settings
        .retention
        .map(|retention| endangered_by(retention, &survey, last_run.as_ref()));
    let found = Found {
        survey,
        endangered,
        slices_failed: end.summary.slices_failed,
        target_exists: exists,
        begins_archive: is_new.then(|| settings.target_dir.display().to_string()),
    };
    // Zeros beside an error would look like an answer.
    let is_answer = end.stopped.is_none();
    if show.json && is_answer {
        say(&format!("{}\n", as_json(&found)));
    } else if is_answer && !show.quiet {
        say(&as_text(&found));
    }
    tell_stop(settings, &end);
    Ok(match Exit::of(run::outcome(&end)) {
        Exit::Interrupted => signal.unwrap_or(Exit::Interrupted),
        exit => exit,
    })
}

/// What was found, and how well.
struct Found {
    survey: Survey,
    /// With `retentionDays`: what is endangered, and up to when it is called soon.
    endangered: Option<(Forecast, Timestamp)>,
    slices_failed: u64,
    target_exists: bool,
    /// Where the first backup begins a new archive.
    begins_archive: Option<String>,
}

/// What of the window is deleted before it is here, at the rate of the last run.
fn endangered_by(
    retention: Retention,
    survey: &Survey,
    last_run: Option<&RunRecord>,
) -> (Forecast, Timestamp) {
    let now = Timestamp::now();
    let recordings: u64 = survey
        .to_fetch_by_hour
        .iter()
        .map(|hour| hour.recordings)
        .sum();
    let media_per_s = last_run.and_then(|run| {
        let summary: Value = serde_json::from_str(&run.summary_json).ok()?;
        let seconds = run.ended.duration_since(run.started).as_secs_f64();
        Some(summary["fetched"].as_f64()? / seconds).filter(|rate| rate.is_normal())
    });
    let recordings_per_media = recordings as f64 / survey.counts.to_fetch.max(1) as f64;
    let facts = Facts {
        now,
        retention,
        unsettled: &survey.to_fetch_by_hour,
        unlisted: None,
        stored_per_s: media_per_s.map(|rate| rate * recordings_per_media),
    };
    (forecast(&facts), retention.soon(now))
}

fn as_text(found: &Found) -> String {
    let Survey {
        plan: Some(plan),
        counts,
        free_bytes,
        space,
        ..
    } = &found.survey
    else {
        return String::new();
    };
    if found.slices_failed > 0 && counts.recordings == 0 {
        return "nothing could be listed, so nothing can be said of this window\n".to_owned();
    }
    let since = plan
        .since
        .map_or_else(|| "there are no recordings".to_owned(), human_time);
    let until = human_time(plan.window.until);
    let row = |number: &dyn Display, text: &str| format!("{number:>12}  {text}");
    let mut lines = vec![
        format!("recordings that began from  {since}  (included)"),
        format!("                       to   {until}  (not included)"),
        row(&counts.slices, noun(counts.slices, "slice", "slices")),
        row(
            &counts.recordings,
            &format!(
                "{} with {}",
                noun(counts.recordings, "recording", "recordings"),
                counted(counts.media, "media file", "media files")
            ),
        ),
        row(
            &(counts.to_fetch - counts.to_check),
            &format!(
                "to fetch, {} as the server tells it",
                human_bytes(counts.told_bytes - counts.to_check_bytes)
            ),
        ),
    ];
    if counts.to_check > 0 {
        let checked = "on disk already, to be checked in place";
        lines.push(row(&counts.to_check, checked));
    }
    lines.push(row(&counts.in_place, "in place already"));
    lines.push(row(&counts.skipped, "skipped as configured"));
    if let Some(free_bytes) = *free_bytes {
        lines.push(row(&human_bytes(free_bytes), "free in the target"));
    }
    lines.extend(space.as_ref().and_then(too_small));
    if let Some((forecast, soon_until)) = &found.endangered {
        lines.extend(endangered(forecast, *soon_until));
    }
    if !found.target_exists {
        lines.push("the target does not exist yet; the first backup makes it".to_owned());
    }
    if let Some(path) = &found.begins_archive {
        lines.push(archive_begun(path));
    }
    if found.slices_failed > 0 {
        lines.push(format!(
            "{} could not be listed, so there may be more",
            counted(
                found.slices_failed,
                "part of the window",
                "parts of the window"
            )
        ));
    }
    lines.push(match counts.to_fetch {
        0 => "nothing is to be fetched".to_owned(),
        _ => "nothing was downloaded; \"rcbs backup\" does it".to_owned(),
    });
    lines.join("\n") + "\n"
}

fn as_json(found: &Found) -> Value {
    let Survey {
        plan,
        counts,
        free_bytes,
        space,
        ..
    } = &found.survey;
    let plan = plan.as_ref();
    json!({
        "schema": 1,
        "since": plan.and_then(|plan| plan.since).map(|at| at.to_string()),
        "until": plan.map(|plan| plan.window.until.to_string()),
        "slices": counts.slices, "slices_failed": found.slices_failed,
        "recordings": counts.recordings, "media": counts.media,
        "to_fetch": counts.to_fetch, "told_bytes": counts.told_bytes,
        "in_place": counts.in_place, "skipped": counts.skipped, "free_bytes": free_bytes,
        "space": space.as_ref().map(space_json),
        "target_exists": found.target_exists, "begins_archive": found.begins_archive.is_some(),
        "to_check": counts.to_check,
        "endangered": found.endangered.map(|(forecast, soon_until)| json!({
            "overdue": forecast.overdue, "deleted_soon": forecast.soon, "soon_until": soon_until.to_string(),
            "missed": forecast.missed, "first_missed": forecast.first_missed.map(|at| at.to_string()),
        })),
    })
}
