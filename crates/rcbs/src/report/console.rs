//! Shows a run on standard error: one line that redraws itself on a terminal, plain lines now and then otherwise.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rcbs_core::event::{Event, Listener};
use rcbs_core::text::escaped;

use super::progress::{Progress, Snapshot};
use super::{archive_begun, endangered, human_bytes, human_seconds, human_time, pause, too_small};

/// A plain line comes after this time, or when five percent have passed, but never more than one a second.
const PLAIN_EVERY: Duration = Duration::from_secs(10);
const PLAIN_LEAST: Duration = Duration::from_secs(1);
const PLAIN_STEP_PERCENT: u8 = 5;
/// So many failures are told one by one; the rest is counted in the report and kept in the ledger.
const FAILURES_TOLD: u64 = 20;

/// A listener for people.
#[derive(Debug)]
pub struct Console {
    state: Mutex<State>,
    started: Instant,
    quiet: bool,
}

#[derive(Debug)]
struct State {
    progress: Progress,
    bar: Option<ProgressBar>,
    last_plain: (Duration, u8),
    failures: u64,
}

impl Console {
    /// A listener that draws on standard error when that is a terminal. `quiet` shows warnings and failures only.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let on_terminal = !quiet && std::io::stderr().is_terminal();
        let state = State {
            progress: Progress::default(),
            bar: on_terminal.then(bar),
            last_plain: (Duration::ZERO, 0),
            failures: 0,
        };
        Self {
            state: Mutex::new(state),
            started: Instant::now(),
            quiet,
        }
    }
}

impl Listener for Console {
    fn on(&self, event: &Event) {
        let at = self.started.elapsed();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.progress.on(event, at);
        if let Some(line) = state.told(event, self.quiet) {
            state.say(&line);
        }
        let snapshot = state.progress.snapshot();
        match &state.bar {
            Some(bar) if matches!(event, Event::Ended { .. }) => bar.finish_and_clear(),
            Some(bar) => {
                bar.set_position(u64::from(snapshot.percent));
                bar.set_message(line(&snapshot));
            }
            None if !self.quiet && state.is_due(&snapshot, at) => {
                let text = format!("{:>3} %  {}", snapshot.percent, line(&snapshot));
                state.last_plain = (at, snapshot.percent);
                state.say(&text);
            }
            None => {}
        }
    }
}

impl State {
    /// The line of an event that is told by itself.
    fn told(&mut self, event: &Event, quiet: bool) -> Option<String> {
        let failure = match event {
            Event::Warning { text } => return Some(format!("warning: {}", escaped(text))),
            Event::Planned { plan } if !quiet => return Some(planned(plan)),
            Event::Endangered {
                forecast,
                soon_until,
            } => {
                let lines = endangered(forecast, *soon_until);
                return (!lines.is_empty())
                    .then(|| format!("endangered: {}", lines.join("\nendangered: ")));
            }
            Event::TooSmall { forecast } => {
                return too_small(forecast).map(|line| format!("warning: {line}"));
            }
            Event::NoSpace { .. } | Event::SpaceAgain { .. } => {
                return pause(event).map(|line| format!("warning: {}", escaped(&line)));
            }
            Event::ArchiveBegun { path } if !quiet => return Some(archive_begun(&escaped(path))),
            Event::SliceFailed { slice, reason, .. } => {
                return Some(format!(
                    "not listed: {} to {}: {reason}",
                    human_time(slice.since),
                    human_time(slice.until)
                ));
            }
            Event::Waiting { key, reason, .. } => {
                format!("waits for retry: {} {}: {reason}", key.recording, key.media)
            }
            Event::Lost { key, reason } => {
                format!("lost: {} {}: {reason}", key.recording, key.media)
            }
            Event::ServerFault {
                recording: Some(id),
                reason,
            } => format!("unusable: {id}: {}", escaped(reason)),
            Event::ServerFault {
                recording: None,
                reason,
            } => format!("unusable: {}", escaped(reason)),
            _ => return None,
        };
        self.failures += 1;
        match self.failures.cmp(&(FAILURES_TOLD + 1)) {
            std::cmp::Ordering::Less => Some(failure),
            std::cmp::Ordering::Equal => Some(
                "more failures follow; \"rcbs status --all\" lists what waits and what is lost"
                    .to_owned(),
            ),
            std::cmp::Ordering::Greater => None,
        }
    }

    fn is_due(&self, snapshot: &Snapshot, at: Duration) -> bool {
        let (last_at, last_percent) = self.last_plain;
        let stepped = snapshot.percent >= last_percent.saturating_add(PLAIN_STEP_PERCENT);
        at >= last_at + PLAIN_EVERY || (stepped && at >= last_at + PLAIN_LEAST)
    }

    /// Writes a line above the bar, or as it is. A closed standard error does not end a backup.
    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => drop(writeln!(std::io::stderr(), "{line}")),
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr_with_hz(10));
    match ProgressStyle::with_template("{percent:>3} % [{bar:24}] {msg}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

fn planned(plan: &rcbs_core::plan::Plan) -> String {
    let until = human_time(plan.window.until);
    match plan.since.map(human_time) {
        Some(since) => {
            format!("recordings that began from {since} (included) to {until} (not included)")
        }
        None => format!("the cloud has no recordings that began before {until}"),
    }
}

fn line(snapshot: &Snapshot) -> String {
    let mut text = format!("{} of {} media files", snapshot.settled, snapshot.announced);
    if snapshot.listing {
        text.push_str(" (still listing)");
    }
    if snapshot.received_bytes > 0 {
        let bytes = human_bytes(snapshot.received_bytes);
        text.push_str(&format!(
            ", {bytes} received, {}/s",
            human_bytes(snapshot.rate_bytes_per_s)
        ));
    }
    if let Some(eta_s) = snapshot.eta_s.filter(|eta_s| *eta_s > 0) {
        text.push_str(&format!(", {} left", human_seconds(eta_s)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_in_a_long_warning_is_not_cut() {
        let mut state = State {
            progress: Progress::default(),
            bar: None,
            last_plain: (Duration::ZERO, 0),
            failures: 0,
        };
        let path = format!("2018/02/12/19/{}/call.mp3.bin", "R".repeat(190));
        let text =
            format!("{path}\u{1b} is damaged; it was moved aside to .rcbs/quarantine/{path}");
        let line = state.told(&Event::Warning { text }, true).unwrap();
        assert!(
            line.ends_with(&format!(".rcbs/quarantine/{path}")),
            "{line}"
        );
        assert!(!line.contains('\u{1b}'), "{line}");
    }
}
