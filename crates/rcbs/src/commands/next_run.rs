//! What the next backup would do, as far as that can be told without asking a server.

use std::sync::Arc;

use jiff::Timestamp;
use rcbs_core::ports::{BegunRun, Ledger as _, LedgerError, LedgerTally, Period, Queue};
use rcbs_core::proof::unlisted_end;
use rcbs_core::run::{RunError, next_window};
use rcbs_io::ledger::SqliteLedger;
use rcbs_io::target::{Lock, TargetView};
use serde_json::{Value, json};

use crate::assemble;
use crate::config::Settings;
use crate::report::{counted, human_time, noun};

/// What is known of it.
pub(super) struct NextRun {
    /// Its window; the oldest edge is `None` where the cloud has to be asked for it. `None` where it cannot be told.
    window: Option<(Option<Timestamp>, Timestamp)>,
    /// Where the end of the window begins that was never listed; what is before it is listed once more.
    unlisted_since: Option<Timestamp>,
    /// Media files that it takes up before it lists anything.
    queued: u64,
    queue: Queue,
}

/// A run that has begun and not ended.
pub(super) struct Unended {
    pub(super) run: BegunRun,
    /// Who has the lock; `None` when nobody has: then it was killed.
    pub(super) owner: Option<String>,
}

impl NextRun {
    /// Gathers it; writes nothing.
    pub(super) async fn gather(
        settings: &Settings,
        ledger: &Arc<SqliteLedger>,
        tally: &LedgerTally,
    ) -> Result<Self, LedgerError> {
        let window = window(settings, ledger).await?;
        let listed = ledger.listed().await?;
        let unlisted_since = window.and_then(|(since, until)| {
            let since = since?;
            (since < until).then(|| unlisted_end(Period { since, until }, &listed))?
        });
        Ok(Self {
            window,
            unlisted_since,
            queued: tally.waiting + tally.announced,
            queue: ledger.queue(Timestamp::now()).await?,
        })
    }

    /// The lines that tell it.
    pub(super) fn as_text(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.queued > 0 {
            let files = counted(self.queued, "media file", "media files");
            lines.push(format!(
                "the next backup takes up {files} first, whatever its window"
            ));
        }
        let Queue {
            not_due,
            next_attempt,
            last_attempt,
        } = self.queue;
        if let (Some(first), Some(last)) = (next_attempt, last_attempt) {
            let until = match first == last {
                true => human_time(first),
                false => format!("{} to {}", human_time(first), human_time(last)),
            };
            lines.push(format!(
                "of these {not_due} {} due later, for a scheduler: {until}",
                noun(not_due, "is", "are")
            ));
        }
        let Some((since, until)) = self.window else {
            lines.push("which period it lists cannot be told".to_owned());
            return lines;
        };
        let since = since.map_or_else(|| "the first recording of the cloud".to_owned(), human_time);
        let known = match self.unlisted_since {
            Some(at) => format!("; new in it is what follows {}", human_time(at)),
            None => String::new(),
        };
        lines.push(format!(
            "the next backup lists from {since} to {}{known}",
            human_time(until)
        ));
        lines
    }

    /// One object.
    pub(super) fn as_json(&self) -> Value {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let Queue {
            not_due,
            next_attempt,
            last_attempt,
        } = self.queue;
        json!({
            "since": time(self.window.and_then(|(since, _)| since)),
            "until": time(self.window.map(|(_, until)| until)),
            "unlisted_since": time(self.unlisted_since),
            "queued": self.queued, "not_due": not_due,
            "next_attempt": time(next_attempt), "last_attempt": time(last_attempt),
        })
    }
}

impl Unended {
    /// Looks for it.
    pub(super) async fn find(
        settings: &Settings,
        ledger: &SqliteLedger,
    ) -> Result<Option<Self>, LedgerError> {
        // Before the lock: a run that ends between the two looks ended, not killed.
        let owner = Lock::owner(&settings.state_dir);
        let begun = ledger.begun().await?;
        Ok(begun.map(|run| Self { run, owner }))
    }

    /// One line.
    pub(super) fn as_text(&self) -> String {
        let BegunRun {
            command,
            started,
            seen,
        } = &self.run;
        let (started, seen) = (human_time(*started), human_time(*seen));
        match &self.owner {
            Some(owner) => format!("\"rcbs {command}\" is under way since {started} ({owner})"),
            None => format!(
                "\"rcbs {command}\" of {started} was killed or cut off, after its last sign of life {seen}; the next run goes on where it stopped"
            ),
        }
    }

    /// One object.
    pub(super) fn as_json(&self) -> Value {
        let state = match self.owner {
            Some(_) => "under_way",
            None => "killed",
        };
        json!({
            "command": self.run.command, "state": state, "started": self.run.started.to_string(),
            "seen": self.run.seen.to_string(), "owner": self.owner,
        })
    }
}

/// Where it cannot be told, that is no reason to say nothing of all else.
async fn window(
    settings: &Settings,
    ledger: &Arc<SqliteLedger>,
) -> Result<Option<(Option<Timestamp>, Timestamp)>, LedgerError> {
    let Ok(target) = TargetView::open(&settings.target_dir) else {
        return Ok(None);
    };
    let ledger = Arc::clone(ledger);
    let ports = assemble::ports(assemble::no_clients(), Arc::new(target), ledger);
    match next_window(ports, assemble::run_options(settings)).await {
        Ok(window) => Ok(Some((window.since, window.until))),
        Err(RunError::Ledger(error)) => Err(error),
        Err(_) => Ok(None),
    }
}
