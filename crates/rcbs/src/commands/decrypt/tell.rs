//! What `rcbs decrypt` says: a line for each file that has no clear bytes, the sum at the end, or JSON lines.

use std::io::Write as _;
use std::time::Duration;

use indicatif::ProgressBar;
use rcbs_core::cms::{Match, NoKey, OpenError};
use rcbs_core::decrypt::{Outcome, Settled, Tally};
use rcbs_core::ports::TargetError;
use serde_json::{Value, json};

use super::Show;
use crate::exit::Exit;
use crate::report::{counted, human_bytes};

/// How often the line at the bottom of a terminal turns.
const TICK: Duration = Duration::from_millis(200);

/// Hears of every file.
pub(super) struct Teller {
    show: Show,
    tally: Tally,
    /// Draws on a terminal only.
    bar: ProgressBar,
    has_ambiguous: bool,
    has_outdated: bool,
    has_unsure: bool,
    is_full: bool,
    has_foreign: bool,
    /// Files that are as they were stored, and are no media.
    has_odd: bool,
    /// Files that are no media, of which only the ledger knows whether they are damaged.
    has_suspect: bool,
}

impl Teller {
    pub(super) fn new(show: Show) -> Self {
        let bar = if show.json || show.quiet {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(TICK);
            bar
        };
        Self {
            show,
            tally: Tally::default(),
            bar,
            has_ambiguous: false,
            has_outdated: false,
            has_unsure: false,
            is_full: false,
            has_foreign: false,
            has_odd: false,
            has_suspect: false,
        }
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// One more file is settled.
    pub(super) fn on(&mut self, settled: &Settled) {
        self.tally.add(settled);
        if let Outcome::Unopened(error) = &settled.outcome {
            self.has_ambiguous |= matches!(error, OpenError::NoKey(NoKey::Ambiguous { .. }));
            self.has_outdated |= matches!(error, OpenError::Outdated { .. });
        }
        self.is_full |= matches!(settled.outcome, Outcome::Failed(TargetError::Full { .. }));
        self.has_foreign |= matches!(settled.outcome, Outcome::NotSealed) && !settled.is_intact;
        if let Outcome::Suspect { kept: false, .. } = settled.outcome {
            self.has_odd |= settled.is_intact;
            self.has_suspect |= settled.is_damage();
        }
        let is_unsure = settled.by.is_some_and(|by| by != Match::Named);
        self.has_unsure |= is_unsure && !settled.is_good();
        if self.show.json {
            print(&as_json(settled).to_string());
        } else if !settled.is_good() {
            let line = plain(&format!("{}: {}", settled.name, reason(settled)));
            self.bar
                .suspend(|| drop(writeln!(std::io::stderr(), "{line}")));
        }
        let tally = &self.tally;
        let bad = tally.files - tally.good;
        let opened = counted(tally.good, "file", "files");
        let bytes = human_bytes(tally.clear_bytes);
        let failures = match bad {
            0 => String::new(),
            _ => format!(", {bad} not"),
        };
        self.bar
            .set_message(format!("{opened} opened{failures}, {bytes}"));
    }

    /// Everything is settled.
    pub(super) fn end(&mut self, exit: Exit) {
        self.bar.finish_and_clear();
        if self.show.json {
            print(&self.summary(exit).to_string());
            return;
        }
        if self.tally.files == 0 {
            return;
        }
        if !self.show.quiet {
            self.lines().iter().for_each(|line| print(&plain(line)));
        }
        for hint in self.hints() {
            drop(writeln!(std::io::stderr(), "hint: {hint}"));
        }
    }

    fn lines(&self) -> Vec<String> {
        let tally = &self.tally;
        let mut lines = Vec::new();
        let is_good = |name: &str| matches!(name, "opened" | "identical");
        let mut outcomes: Vec<_> = tally.outcomes.iter().collect();
        outcomes.sort_by_key(|(name, _)| !is_good(name));
        for (name, count) in outcomes {
            let bytes = match *name {
                "opened" => format!(" ({})", human_bytes(tally.clear_bytes)),
                _ => String::new(),
            };
            lines.push(format!("{count:>10}  {}{bytes}", words(name)));
        }
        for (key, count) in &tally.keys {
            lines.push(format!("{count:>10}  with the key {key}"));
        }
        if tally.plain > 0 {
            lines.push(format!(
                "{:>10}  without a key: they were stored unencrypted",
                tally.plain
            ));
        }
        for (recipients, count) in &tally.wanted {
            lines.push(format!("{count:>10}  want the key of {recipients}"));
        }
        lines
    }

    fn hints(&self) -> Vec<&'static str> {
        let mut hints = Vec::new();
        if self.is_full {
            hints.push("free space, then start again; it goes on with what is not there yet");
        }
        if self.has_ambiguous {
            hints.push(
                "name the certificates of the keys with --cert, or try all keys with --try-all",
            );
        } else if !self.tally.wanted.is_empty() {
            hints.push(
                "add the keys of those certificates with --key; old keys are needed for old recordings",
            );
        }
        if self.has_outdated {
            hints.push("add --allow-legacy to open files with outdated ciphers");
        }
        if self.has_odd {
            hints.push(
                "add --keep-suspect to keep what is no media: these files are as they were stored",
            );
        }
        if self.has_suspect {
            hints.push("files that open to no media: give the ids of their recordings, whose SHA-256 the ledger knows, or add --keep-suspect");
        }
        if self.has_foreign {
            hints.push("files that begin like no CMS file: give the ids of their recordings; the ledger knows what was stored unencrypted");
        }
        if self.tally.damaged > 0 {
            hints.push("restore the damaged files from another copy, or fetch them again while the cloud has them");
        } else if self.has_unsure {
            hints.push("name the certificate of the key with --cert, to learn whether the key or the file is wrong");
        }
        hints
    }

    fn summary(&self, exit: Exit) -> Value {
        let tally = &self.tally;
        json!({
            "event": "summary", "schema": 1, "exit_code": exit.code(), "files": tally.files,
            "outcomes": tally.outcomes, "keys": tally.keys, "wanted": tally.wanted,
            "plain": tally.plain, "damaged": tally.damaged, "clear_bytes": tally.clear_bytes,
        })
    }
}

/// A reader that went away does not change what was opened.
fn print(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// Names of files are not ours: nothing in them may move the cursor.
fn plain(line: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    line.chars().map(visible).collect()
}

fn as_json(settled: &Settled) -> Value {
    let by = settled.by.map(|by| match by {
        Match::Named => "named",
        Match::Likely => "likely",
        Match::Tried => "tried",
    });
    json!({
        "event": "file", "file": settled.name, "output": settled.output,
        "outcome": settled.outcome.name(), "key": settled.key, "key_by": by,
        "recipients": settled.recipients, "clear_bytes": settled.clear_bytes,
        "damage": settled.is_damage(),
        "reason": (!settled.is_good()).then(|| reason(settled)),
    })
}

/// Why there are no clear bytes, with the certificate that the file was sealed for.
fn reason(settled: &Settled) -> String {
    match &settled.outcome {
        Outcome::Opened | Outcome::Identical => "opened".to_owned(),
        Outcome::Suspect { wanted, kept } => {
            let wanted = match wanted {
                Some(kind) => format!("do not look like {kind}, which its metadata declare"),
                None => "look like no media".to_owned(),
            };
            let kept = match kept {
                true => format!("; they are kept as {}.suspect", settled.output),
                false => String::new(),
            };
            format!("its clear bytes {wanted}{kept}{}", sealed_for(settled))
        }
        Outcome::Differs => format!("{} exists already with other content", settled.output),
        Outcome::Unopened(error) => match error {
            // These say it themselves.
            OpenError::NoKey(_) => error.to_string(),
            OpenError::DoesNotOpen { .. } => {
                let meaning = match (settled.is_damage(), settled.is_intact) {
                    (true, _) => "the file is damaged",
                    (false, true) => {
                        "the key is wrong, though its name may be right: the file is as it was stored"
                    }
                    (false, false) => "the key is wrong, or the file is damaged",
                };
                format!("{error}: {meaning}")
            }
            _ => format!("{error}{}", sealed_for(settled)),
        },
        Outcome::NotSealed => "it is not encrypted, or no CMS file".to_owned(),
        Outcome::Changed => {
            "its bytes are not those that were stored: its SHA-256 is not the ledger's".to_owned()
        }
        Outcome::Failed(error) => error.to_string(),
        Outcome::Interrupted => "interrupted".to_owned(),
    }
}

fn sealed_for(settled: &Settled) -> String {
    match (&settled.key, settled.recipients.as_slice()) {
        (_, []) => String::new(),
        (Some(key), recipients) => {
            format!(" (key {key}; sealed for {})", recipients.join(" and for "))
        }
        (None, recipients) => format!(" (sealed for {})", recipients.join(" and for ")),
    }
}

fn words(name: &str) -> &str {
    match name {
        "opened" => "opened",
        "identical" => "opened before, identical",
        "suspect" => "opened to something that is no media",
        "differs" => "not written: other content has the name",
        "no_key" => "without a fitting key",
        "does_not_open" => "do not open with the key chosen",
        "not_sealed" => "not encrypted, or no CMS file",
        "malformed" => "damaged: not well-formed",
        "unsupported" => "in a form that is not supported",
        "changed" => "damaged: not the bytes that were stored",
        "failed" => "could not be read or written",
        other => other,
    }
}
