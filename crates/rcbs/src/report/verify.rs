//! Shows a verification: a line for each finding, how far it is, and the report at its end; for people and programs.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rcbs_core::text::escaped;
use rcbs_core::verify::{Finding, VerifyEvent, VerifySummary, Witness};
use serde_json::{Value, json};

use super::json::SCHEMA;
use super::{counted, human_bytes, noun};

/// Lines of progress come at most this often where they cannot be redrawn.
const PLAIN_EVERY: Duration = Duration::from_secs(10);
/// And this often for programs and on a terminal.
const OFTEN: Duration = Duration::from_secs(1);
/// So many unknown files are told one by one; the rest is counted.
const UNKNOWN_TOLD: u64 = 20;

/// A witness for people: findings to standard output, progress to standard error.
#[derive(Debug)]
pub struct VerifyConsole {
    state: Mutex<State>,
    started: Instant,
    quiet: bool,
    on_terminal: bool,
}

#[derive(Debug, Default)]
struct State {
    recordings: u64,
    unknown: u64,
    last: Duration,
}

impl VerifyConsole {
    /// A witness whose clock begins now; `quiet` tells of damage only.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        Self {
            state: Mutex::default(),
            started: Instant::now(),
            quiet,
            on_terminal: std::io::stderr().is_terminal(),
        }
    }

    fn is_due(&self, state: &mut State) -> bool {
        let every = if self.on_terminal { OFTEN } else { PLAIN_EVERY };
        let at = self.started.elapsed();
        let due = !self.quiet && at >= state.last + every;
        if due {
            state.last = at;
        }
        due
    }
}

impl Witness for VerifyConsole {
    fn on(&self, event: &VerifyEvent) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let line = match event {
            VerifyEvent::Begun {
                recordings,
                resumed,
                ..
            } => {
                state.recordings = *recordings;
                if *resumed && !self.quiet {
                    to_stderr("goes on where an interrupted run stopped; --restart begins anew");
                }
                return;
            }
            VerifyEvent::Progress(summary) => {
                if self.is_due(&mut state) {
                    to_stderr(&progress(summary, state.recordings));
                }
                return;
            }
            VerifyEvent::Unknown { path } => {
                state.unknown += 1;
                if self.quiet || state.unknown > UNKNOWN_TOLD {
                    return;
                }
                format!("unknown: {}", escaped(path))
            }
            VerifyEvent::Found(finding) => told("damaged", finding, &finding.harm.to_string()),
            VerifyEvent::FoundInManifests(finding) => match &finding.listed_in {
                Some(manifest) => format!(
                    "damaged: {}: {} (listed in {manifest})",
                    escaped(&finding.path),
                    escaped(&finding.harm.to_string())
                ),
                None => format!(
                    "damaged: {}: {}",
                    escaped(&finding.path),
                    escaped(&finding.harm.to_string())
                ),
            },
            VerifyEvent::Changed { .. } if self.quiet => return,
            VerifyEvent::Changed { path, before, now } => format!(
                "changed: {}: since {now} it is another file than in {before}; fetched anew, or taken over as it was found",
                escaped(path)
            ),
            VerifyEvent::SignaturesNotChecked => {
                to_stderr(
                    "warning: there are signatures, and no key to check them with: give --public-key",
                );
                return;
            }
            VerifyEvent::Mended(_) if self.quiet => return,
            VerifyEvent::Mended(finding) => told("mended", finding, "fetched again"),
            VerifyEvent::NotMended { finding, reason } => told("not mended", finding, reason),
        };
        // Whoever stopped reading has what it wanted.
        drop(writeln!(std::io::stdout().lock(), "{line}"));
    }
}

fn told(word: &str, finding: &Finding, reason: &str) -> String {
    let media = match &finding.media {
        Some(media) => format!(", media {media}"),
        None => ", metadata".to_owned(),
    };
    format!(
        "{word}: {}: {} (recording {}{media})",
        escaped(&finding.path),
        escaped(reason),
        finding.recording
    )
}

fn progress(summary: &VerifySummary, recordings: u64) -> String {
    let mut line = match summary.manifests {
        0 => format!("{} of {recordings} recordings", summary.recordings),
        manifests => format!("{manifests} manifests, {} files", summary.lines),
    };
    if summary.read_bytes > 0 {
        line.push_str(&format!(", {} read", human_bytes(summary.read_bytes)));
    }
    if summary.damaged > 0 {
        line.push_str(&format!(
            ", {}",
            counted(summary.damaged, "damaged file", "damaged files")
        ));
    }
    line
}

/// A closed standard error does not end a verification.
fn to_stderr(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// What a verification was, for the words of its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyKind {
    /// Archive and ledger were compared.
    Look {
        /// Whether the ledger could be told what was found.
        remembers: bool,
    },
    /// The same, and what was damaged was fetched again.
    Repair,
    /// Archive and manifests were compared.
    Manifests,
}

/// The report at the end, as lines.
#[must_use]
pub fn verify_report(
    summary: &VerifySummary,
    kind: VerifyKind,
    stopped: bool,
    moved_aside: Option<u64>,
) -> Vec<String> {
    let manifests = kind == VerifyKind::Manifests;
    let mut lines = vec![if manifests {
        format!(
            "{} with {} looked at",
            counted(summary.manifests, "manifest", "manifests"),
            counted(summary.lines, "line", "lines"),
        )
    } else {
        format!(
            "{} with {} looked at",
            counted(summary.recordings, "recording", "recordings"),
            counted(summary.media, "media file", "media files"),
        )
    }];
    let bytes = human_bytes(summary.read_bytes);
    let read = noun(summary.read_files, "file read", "files read");
    let left = summary.damaged - summary.mended.min(summary.damaged);
    for (count, text) in [
        (summary.read_files, format!("{read} byte by byte ({bytes})")),
        (
            summary.signatures,
            noun(
                summary.signatures,
                "signature is good",
                "signatures are good",
            )
            .to_owned(),
        ),
        (
            summary.changed,
            noun(
                summary.changed,
                "media file changed between manifests",
                "media files changed between manifests",
            )
            .to_owned(),
        ),
        (
            summary.damaged,
            noun(summary.damaged, "file damaged", "files damaged").to_owned(),
        ),
        (summary.mended, "of these mended".to_owned()),
        (
            summary.unknown,
            "unknown to the ledger; \"rcbs adopt\" takes over what belongs to the archive"
                .to_owned(),
        ),
        (
            summary.waiting,
            "not in the archive yet; \"rcbs retry\" fetches them, \"rcbs status\" says for what they wait".to_owned(),
        ),
        (
            summary.lost,
            "lost: not in the archive, and gone from the cloud".to_owned(),
        ),
        (
            summary.without_metadata,
            format!(
                "{} whose metadata are not stored yet; a backup was not finished, and the next one does it",
                noun(summary.without_metadata, "recording", "recordings")
            ),
        ),
        (
            moved_aside.unwrap_or(0),
            format!(
                "{} moved aside, by this or earlier runs; kept in .rcbs/quarantine of the target",
                noun(moved_aside.unwrap_or(0), "damaged copy", "damaged copies")
            ),
        ),
    ] {
        if count > 0 {
            lines.push(format!("  {count:>8}  {text}"));
        }
    }
    lines.push(match (stopped, left, kind) {
        (true, ..) => "not verified to the end".to_owned(),
        (false, 0, _) if summary.damaged > 0 => "sound again: all damage is mended".to_owned(),
        (false, 0, _) if summary.waiting + summary.without_metadata > 0 => {
            "sound is what is here: no damage was found in it, but not everything is here".to_owned()
        }
        (false, 0, VerifyKind::Look { .. }) if summary.read_files == 0 => {
            "sound: no damage was found; media were not read to their end (--read-data)".to_owned()
        }
        (false, 0, _) => "sound: no damage was found".to_owned(),
        (false, _, VerifyKind::Manifests) => {
            "damaged; \"rcbs verify --read-data --repair\" fetches files again while the cloud has them".to_owned()
        }
        (false, _, VerifyKind::Look { remembers: true }) => {
            "damaged; \"rcbs verify --repair\" fetches again what the cloud still has".to_owned()
        }
        (false, _, VerifyKind::Look { remembers: false }) => {
            let how = if summary.read_files > 0 {
                "--read-data --repair"
            } else {
                "--repair"
            };
            format!(
                "damaged; the ledger could not be told, so \"rcbs status\" does not know of it; \"rcbs verify {how}\" \
                 fetches again what the cloud still has"
            )
        }
        (false, left, VerifyKind::Repair) => format!(
            "damaged: {} could not be mended; the copies that were found damaged are kept in .rcbs/quarantine of the target",
            counted(left, "file", "files")
        ),
    });
    lines
}

/// A witness for programs; writes to standard output.
#[derive(Debug)]
pub struct VerifyJson {
    last: Mutex<Option<Duration>>,
    started: Instant,
}

impl VerifyJson {
    /// A witness whose clock begins now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            last: Mutex::default(),
            started: Instant::now(),
        }
    }

    fn is_due(&self) -> bool {
        let at = self.started.elapsed();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| at >= last + OFTEN);
        if due {
            *last = Some(at);
        }
        due
    }
}

impl Default for VerifyJson {
    fn default() -> Self {
        Self::new()
    }
}

impl Witness for VerifyJson {
    fn on(&self, event: &VerifyEvent) {
        let line = match event {
            VerifyEvent::Begun {
                recordings,
                media,
                bytes,
                resumed,
            } => json!({
                "event": "verify_begun", "schema": SCHEMA, "version": env!("CARGO_PKG_VERSION"),
                "recordings": recordings, "media": media, "bytes": bytes, "resumed": resumed,
            }),
            VerifyEvent::Found(finding) => {
                finding_json("damaged", finding, &finding.harm.to_string())
            }
            VerifyEvent::Mended(finding) => finding_json("mended", finding, "fetched again"),
            VerifyEvent::NotMended { finding, reason } => {
                finding_json("not_mended", finding, reason)
            }
            VerifyEvent::FoundInManifests(finding) => json!({
                "event": "damaged", "recording": null, "media": null, "path": finding.path,
                "harm": finding.harm.name(), "reason": finding.harm.to_string(),
                "listed_in": finding.listed_in,
            }),
            VerifyEvent::Changed { path, before, now } => json!({
                "event": "changed", "path": path, "before": before, "now": now,
            }),
            VerifyEvent::SignaturesNotChecked => json!({
                "event": "warning", "text": "there are signatures, and no key to check them with",
            }),
            VerifyEvent::Unknown { path } => json!({"event": "unknown", "path": path}),
            VerifyEvent::Progress(summary) if self.is_due() => json!({
                "event": "verify_progress", "recordings": summary.recordings, "media": summary.media,
                "read_bytes": summary.read_bytes, "damaged": summary.damaged,
            }),
            VerifyEvent::Progress(_) => return,
        };
        drop(writeln!(std::io::stdout().lock(), "{line}"));
    }
}

fn finding_json(event: &str, finding: &Finding, reason: &str) -> Value {
    json!({
        "event": event, "recording": finding.recording.as_str(),
        "media": finding.media.as_ref().map(|media| media.as_str()), "path": finding.path,
        "harm": finding.harm.name(), "reason": reason,
    })
}

/// The last line: everything counted, and the exit code.
#[must_use]
pub fn verify_summary_json(
    summary: &VerifySummary,
    exit_code: u8,
    moved_aside: Option<u64>,
) -> Value {
    json!({
        "event": "verify_summary", "schema": SCHEMA, "exit_code": exit_code,
        "recordings": summary.recordings, "media": summary.media, "metadata": summary.metadata,
        "read_files": summary.read_files, "read_bytes": summary.read_bytes, "damaged": summary.damaged,
        "mended": summary.mended, "unknown": summary.unknown, "manifests": summary.manifests,
        "lines": summary.lines, "signatures": summary.signatures, "changed": summary.changed,
        "waiting": summary.waiting, "lost": summary.lost, "without_metadata": summary.without_metadata,
        "moved_aside": moved_aside,
    })
}
