//! `rcbs plan`: the window in plain dates, and what a backup would fetch. Downloads nothing.

use std::fmt::Display;
use std::sync::Arc;

use rcbs_core::event::Listener;
use rcbs_core::run::{self, Survey};
use serde_json::{Value, json};

use super::work::{runtime, tell_stop};
use super::{Show, say};
use crate::assemble::{self, Refusal};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::report::{Console, counted, human_bytes, human_time, noun};
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
    let ports = assemble::ports(clients, Arc::new(view.target), Arc::new(view.ledger));
    let options = assemble::run_options(settings);
    let (survey, end, signal) = runtime(settings)?.block_on(async {
        let signals = Signals::listen();
        // Warnings and faults only: what a survey counts is its result.
        let listener: Arc<dyn Listener> = Arc::new(Console::new(true));
        let (survey, end) = run::survey(ports, options, listener, signals.token()).await;
        (survey, end, signals.exit())
    });
    let found = Found {
        survey,
        slices_failed: end.summary.slices_failed,
        target_exists: exists,
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
    slices_failed: u64,
    target_exists: bool,
}

fn as_text(found: &Found) -> String {
    let Survey {
        plan: Some(plan),
        counts,
        free_bytes,
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
            &counts.to_fetch,
            &format!(
                "to fetch, {} as the server tells it",
                human_bytes(counts.told_bytes)
            ),
        ),
        row(&counts.in_place, "in place already"),
        row(&counts.skipped, "skipped as configured"),
    ];
    if let Some(free_bytes) = *free_bytes {
        lines.push(row(&human_bytes(free_bytes), "free in the target"));
        if free_bytes < counts.told_bytes {
            lines.push("the target is too small for this window".to_owned());
        }
    }
    if !found.target_exists {
        lines.push("the target does not exist yet; the first backup makes it".to_owned());
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
        "target_exists": found.target_exists,
    })
}
