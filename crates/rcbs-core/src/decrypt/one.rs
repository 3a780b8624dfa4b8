//! One sealed file, from its first byte to the final name of its clear bytes, or to the reason why it has none.

use std::io::{ErrorKind, Read};

use aws_lc_rs::digest;
use tokio_util::sync::CancellationToken;

use super::files::{ClearFile, Facts, SealedFile};
use super::outcome::{Outcome, Settled};
use crate::cms::{KeyRing, OpenError, OpenRules, Opener, begins_like_enveloped_data};
use crate::encryption::NOBODY;
use crate::media_kind::{MediaKind, SNIFF_BYTES};
use crate::ports::TargetError;

/// What is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// Ciphers and keys.
    pub open: OpenRules,
    /// Keep clear bytes that do not look like media, under a name that says so.
    pub keep_suspect: bool,
}

/// Bytes read from a file at a time.
const READ_BYTES: usize = 256 << 10;

/// Bytes of a file by which a bare ciphertext is told from a complete file.
const HEAD_BYTES: usize = 32;

/// Opens one file.
///
/// The clear bytes go to a temporary file while they come. It gets its final name only when the end was reached, the
/// padding or tag is right, and the beginning looks like the media that the metadata declare. Where something has the
/// final name already, the clear bytes are compared with it instead, and nothing is written.
///
/// `buffer` is memory that a worker brings along, grown once.
pub fn decrypt(
    file: &mut dyn SealedFile,
    ring: &KeyRing,
    rules: Rules,
    cancel: &CancellationToken,
    buffer: &mut Vec<u8>,
) -> Settled {
    let facts = file.facts();
    let mut pass = |attempt, rules| {
        let mut pass = Pass {
            rules,
            ring,
            cancel,
            facts: &facts,
            settled: Settled {
                name: file.name(),
                output: file.output(),
                outcome: Outcome::Interrupted,
                key: None,
                by: None,
                recipients: Vec::new(),
                clear_bytes: 0,
                is_intact: false,
            },
            attempts: 1,
        };
        let outcome = pass.run(file, attempt, buffer);
        pass.settled.outcome = outcome.unwrap_or_else(Outcome::Failed);
        (pass.settled, pass.attempts)
    };
    // Of several keys the right one may come later, so what looks like rubbish is not kept before all were tried.
    let wary = Rules {
        keep_suspect: false,
        ..rules
    };
    let (mut best, attempts) = pass(0, wary);
    let mut best_attempt = 0;
    for attempt in 1..attempts {
        if weight(&best.outcome) == Weight::Settled {
            break;
        }
        let (settled, _) = pass(attempt, wary);
        if weight(&settled.outcome) > weight(&best.outcome) {
            (best, best_attempt) = (settled, attempt);
        }
    }
    if rules.keep_suspect && weight(&best.outcome) == Weight::Rubbish {
        best = pass(best_attempt, rules).0;
    }
    best
}

/// How much an outcome says, when another key might say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// This key does not open it.
    Nothing,
    /// This key may open it.
    Rubbish,
    /// No other key would say anything else.
    Settled,
}

fn weight(outcome: &Outcome) -> Weight {
    match outcome {
        Outcome::Unopened(OpenError::DoesNotOpen { .. }) => Weight::Nothing,
        Outcome::Suspect { .. } => Weight::Rubbish,
        _ => Weight::Settled,
    }
}

/// One pass over a file with one key.
struct Pass<'a> {
    rules: Rules,
    ring: &'a KeyRing,
    cancel: &'a CancellationToken,
    facts: &'a Facts,
    settled: Settled,
    attempts: usize,
}

/// How a file is read, by its beginning.
enum Reading<'a> {
    Sealed(Box<Opener<'a>>),
    /// As it is.
    Plain,
    /// Not at all.
    Foreign,
}

impl<'a> Pass<'a> {
    fn run(
        &mut self,
        file: &mut dyn SealedFile,
        attempt: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<Outcome, TargetError> {
        buffer.resize(READ_BYTES, 0);
        let mut sealed = file.open()?;
        let mut hash = self
            .facts
            .sha256
            .map(|_| digest::Context::new(&digest::SHA256));
        let mut sink = Sink::new(file, self.rules.keep_suspect, self.facts)?;
        let mut len = read(&mut *sealed, buffer, &self.settled.name)?;
        let mut reading = self.reading(&buffer[..len], attempt);
        let mut failed = None;
        match reading {
            Reading::Sealed(_) => {}
            Reading::Plain => self.settled.recipients = vec![NOBODY.to_owned()],
            Reading::Foreign => failed = Some(Outcome::NotSealed),
        }
        while len > 0 {
            if self.cancel.is_cancelled() {
                return Ok(Outcome::Interrupted);
            }
            let bytes = &buffer[..len];
            if let Some(hash) = &mut hash {
                hash.update(bytes);
            }
            match &mut reading {
                Reading::Sealed(opener) if failed.is_none() => {
                    let fed = opener.feed(bytes, |clear| sink.take(file, clear));
                    self.note(opener);
                    failed = fed.err().map(Outcome::Unopened);
                }
                Reading::Plain => sink.take(file, bytes),
                Reading::Sealed(_) | Reading::Foreign => {}
            }
            // What cannot be opened is read on only where its digest will say more.
            match failed {
                Some(failed) if hash.is_none() || !is_about_bytes(&failed) => return Ok(failed),
                _ => {}
            }
            sink.sound()?;
            len = read(&mut *sealed, buffer, &self.settled.name)?;
        }
        let finished = match reading {
            Reading::Sealed(opener) if failed.is_none() => {
                Some(opener.finish(|clear| sink.take(file, clear)))
            }
            _ => None,
        };
        sink.sound()?;
        self.settled.clear_bytes = sink.clear_bytes;
        let found = hash.map(digest::Context::finish);
        if let (Some(wanted), Some(found)) = (&self.facts.sha256, &found) {
            if found.as_ref() != wanted {
                return Ok(Outcome::Changed);
            }
            self.settled.is_intact = true;
        }
        match (failed, finished) {
            (Some(failed), _) => Ok(failed),
            (None, Some(Err(error))) => Ok(Outcome::Unopened(error)),
            (None, Some(Ok(opened))) => {
                self.settled.is_intact |= opened.cipher.is_authenticated();
                sink.settle(file)
            }
            (None, None) => sink.settle(file),
        }
    }

    /// What a file that begins so is. Media in the clear (`plainMedia=store`) are handed on as they are; the ledger
    /// knows them, and where it is not asked they are known by how media begin.
    fn reading(&self, first: &[u8], attempt: usize) -> Reading<'a> {
        let head = &first[..first.len().min(HEAD_BYTES)];
        let is_complete = begins_like_enveloped_data(head);
        let opener = match &self.facts.envelope {
            _ if self.facts.is_plain => return Reading::Plain,
            Some(envelope) if !is_complete => {
                Opener::detached(envelope, self.ring, self.rules.open)
            }
            None if !is_complete && MediaKind::of(first).is_some() => return Reading::Plain,
            // Less is what was left of a file when it was cut.
            None if !is_complete && head.len() == HEAD_BYTES => return Reading::Foreign,
            _ => Opener::new(self.ring, self.rules.open),
        };
        Reading::Sealed(Box::new(opener.attempt(attempt)))
    }

    /// Who the file is for and which key is tried, as soon as that is known.
    fn note(&mut self, opener: &Opener<'_>) {
        if self.settled.recipients.is_empty()
            && let Some(head) = opener.head()
        {
            self.settled.recipients = head.recipients();
        }
        if let Some(candidate) = opener.candidate() {
            self.settled.key = Some(self.ring.keys()[candidate.key].source().to_owned());
            self.settled.by = Some(candidate.by);
            self.attempts = opener.attempts().unwrap_or(1);
        }
    }
}

/// Whether damaged bytes may be the reason.
fn is_about_bytes(failed: &Outcome) -> bool {
    matches!(failed.name(), "malformed" | "does_not_open" | "not_sealed")
}

/// Fills the buffer as far as the file goes.
fn read(file: &mut dyn Read, buffer: &mut [u8], name: &str) -> Result<usize, TargetError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(TargetError::Io {
                    action: "read",
                    path: name.to_owned(),
                    reason: error.to_string(),
                });
            }
        }
    }
    Ok(filled)
}

/// Where clear bytes go.
struct Sink {
    way: Way,
    /// The first of them, until their kind is judged.
    first: Vec<u8>,
    is_judged: bool,
    is_plausible: bool,
    wanted: Option<MediaKind>,
    /// It was stored as it is, whatever it is.
    is_plain: bool,
    keep_suspect: bool,
    clear_bytes: u64,
    fault: Option<TargetError>,
}

enum Way {
    /// Nothing has the final name. The temporary file is made when the beginning has been judged.
    Write(Option<Box<dyn ClearFile>>),
    /// Something has it.
    Compare {
        existing: Box<dyn Read>,
        scratch: Vec<u8>,
        is_same: bool,
    },
    /// The bytes are not wanted; only their end matters still.
    Drop,
}

impl Sink {
    fn new(
        file: &mut dyn SealedFile,
        keep_suspect: bool,
        facts: &Facts,
    ) -> Result<Self, TargetError> {
        let way = match file.existing()? {
            Some(existing) => Way::Compare {
                existing,
                scratch: Vec::new(),
                is_same: true,
            },
            None => Way::Write(None),
        };
        Ok(Self {
            way,
            first: Vec::new(),
            is_judged: false,
            is_plausible: false,
            wanted: facts.content_type.as_deref().and_then(MediaKind::declared),
            is_plain: facts.is_plain,
            keep_suspect,
            clear_bytes: 0,
            fault: None,
        })
    }

    fn sound(&mut self) -> Result<(), TargetError> {
        self.fault.take().map_or(Ok(()), Err)
    }

    fn take(&mut self, file: &mut dyn SealedFile, clear: &[u8]) {
        self.clear_bytes += clear.len() as u64;
        if self.fault.is_some() {
            return;
        }
        let done = if self.is_judged {
            self.pass_on(file, clear)
        } else {
            self.first.extend_from_slice(clear);
            if self.first.len() < SNIFF_BYTES {
                return;
            }
            self.judge(file)
        };
        self.fault = done.err();
    }

    /// Looks at the beginning. Rubbish is not even written under a temporary name, unless it shall be kept.
    fn judge(&mut self, file: &mut dyn SealedFile) -> Result<(), TargetError> {
        self.is_judged = true;
        self.is_plausible = match self.wanted {
            _ if self.is_plain => true,
            Some(kind) => kind.fits(&self.first),
            None => MediaKind::of(&self.first).is_some(),
        };
        if !self.is_plausible && !self.keep_suspect && matches!(self.way, Way::Write(_)) {
            self.way = Way::Drop;
        }
        let first = std::mem::take(&mut self.first);
        self.pass_on(file, &first)
    }

    fn pass_on(&mut self, file: &mut dyn SealedFile, clear: &[u8]) -> Result<(), TargetError> {
        match &mut self.way {
            Way::Drop => Ok(()),
            Way::Compare {
                existing,
                scratch,
                is_same,
            } => {
                if *is_same {
                    scratch.resize(clear.len(), 0);
                    let count = read(&mut **existing, scratch, &file.output())?;
                    *is_same = scratch[..count] == *clear;
                }
                Ok(())
            }
            Way::Write(staged) => {
                let staged = match staged {
                    Some(staged) => staged,
                    None => staged.insert(file.stage()?),
                };
                staged
                    .write_all(clear)
                    .map_err(|error| write_error(&error, file))
            }
        }
    }

    /// The file opened to its end.
    fn settle(mut self, file: &mut dyn SealedFile) -> Result<Outcome, TargetError> {
        if !self.is_judged {
            self.judge(file)?;
        }
        let suspect = |kept| Outcome::Suspect {
            wanted: self.wanted,
            kept,
        };
        match self.way {
            Way::Drop => Ok(suspect(false)),
            Way::Compare {
                mut existing,
                is_same,
                ..
            } => {
                let is_longer = read(&mut *existing, &mut [0], &file.output())? > 0;
                match (is_same && !is_longer, self.is_plausible) {
                    (true, _) => Ok(Outcome::Identical),
                    (false, true) => Ok(Outcome::Differs),
                    (false, false) => Ok(suspect(false)),
                }
            }
            Way::Write(staged) => {
                let staged = match staged {
                    Some(staged) => staged,
                    None => file.stage()?,
                };
                match (staged.publish(!self.is_plausible), self.is_plausible) {
                    (Ok(()), true) => Ok(Outcome::Opened),
                    (Ok(()), false) => Ok(suspect(true)),
                    // Somebody else was faster.
                    (Err(TargetError::Exists { .. }), true) => Ok(Outcome::Differs),
                    // Kept by an earlier call.
                    (Err(TargetError::Exists { .. }), false) => Ok(suspect(true)),
                    (Err(error), _) => Err(error),
                }
            }
        }
    }
}

fn write_error(error: &std::io::Error, file: &dyn SealedFile) -> TargetError {
    let path = file.output();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => TargetError::Full { path },
        _ => TargetError::Io {
            action: "write",
            path,
            reason: error.to_string(),
        },
    }
}
