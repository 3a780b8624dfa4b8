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
    let mut settled = Settled {
        name: file.name(),
        output: file.output(),
        outcome: Outcome::Interrupted,
        key: None,
        by: None,
        recipients: Vec::new(),
        clear_bytes: 0,
    };
    let facts = file.facts();
    let mut attempt = 0;
    loop {
        let mut pass = Pass {
            rules,
            ring,
            cancel,
            facts: &facts,
            settled: &mut settled,
            attempts: 1,
        };
        let outcome = pass.run(file, attempt, buffer);
        let attempts = pass.attempts;
        attempt += 1;
        let outcome = outcome.unwrap_or_else(Outcome::Failed);
        // Another key may be the right one where this one does not open the file, or opens it to rubbish.
        let is_done = !matches!(
            outcome,
            Outcome::Unopened(OpenError::DoesNotOpen { .. }) | Outcome::Suspect { kept: false, .. }
        );
        settled.outcome = outcome;
        if is_done || attempt >= attempts {
            return settled;
        }
    }
}

/// One pass over a file with one key.
struct Pass<'a> {
    rules: Rules,
    ring: &'a KeyRing,
    cancel: &'a CancellationToken,
    facts: &'a Facts,
    settled: &'a mut Settled,
    attempts: usize,
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
        let mut opener = self.opener(&buffer[..len]).map(|new| new.attempt(attempt));
        if opener.is_none() {
            self.settled.recipients = vec![NOBODY.to_owned()];
        }
        while len > 0 {
            if self.cancel.is_cancelled() {
                return Ok(Outcome::Interrupted);
            }
            let bytes = &buffer[..len];
            if let Some(hash) = &mut hash {
                hash.update(bytes);
            }
            if let Some(opener) = &mut opener {
                let fed = opener.feed(bytes, |clear| sink.take(file, clear));
                self.note(opener);
                if let Err(error) = fed {
                    return Ok(Outcome::Unopened(error));
                }
            } else {
                sink.take(file, bytes);
            }
            sink.sound()?;
            len = read(&mut *sealed, buffer, &self.settled.name)?;
        }
        let finished = opener.map(|opener| opener.finish(|clear| sink.take(file, clear)));
        sink.sound()?;
        self.settled.clear_bytes = sink.clear_bytes;
        let found = hash.map(digest::Context::finish);
        if let (Some(wanted), Some(found)) = (&self.facts.sha256, &found)
            && found.as_ref() != wanted
        {
            return Ok(Outcome::Changed);
        }
        match finished {
            Some(Err(error)) => Ok(Outcome::Unopened(error)),
            Some(Ok(_)) | None => sink.settle(file),
        }
    }

    /// What opens a file that begins so; `None` for media in the clear (`plainMedia=store`), which are handed on as they
    /// are.
    fn opener(&self, first: &[u8]) -> Option<Opener<'a>> {
        let is_complete = begins_like_enveloped_data(&first[..first.len().min(HEAD_BYTES)]);
        match &self.facts.envelope {
            Some(envelope) if !is_complete => {
                Some(Opener::detached(envelope, self.ring, self.rules.open))
            }
            None if !is_complete && MediaKind::of(first).is_some() => None,
            _ => Some(Opener::new(self.ring, self.rules.open)),
        }
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
