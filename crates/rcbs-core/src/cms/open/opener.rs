//! Gives the clear bytes of an enveloped file as it streams by.

use super::choose::{Candidate, candidates};
use super::error::OpenError;
use super::stream::{Broken, Scheme, Stream};
use super::unwrap::content_key;
use crate::cms::cipher::Cipher;
use crate::cms::envelope::Envelope;
use crate::cms::head::Head;
use crate::cms::keys::KeyRing;
use crate::cms::read::Reader;
use crate::cms::walk::WalkError;

/// What may be done to open a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenRules {
    /// Read 3DES too.
    pub allow_legacy: bool,
    /// Try keys that no recipient names. See [`Opener::attempts`].
    pub try_all: bool,
}

/// Opens a file that is fed in pieces of any size, DER or BER, or a bare ciphertext whose envelope is known. Memory:
/// what stands around the ciphertext (at most 1 MiB) and 64 KiB.
///
/// Clear bytes are handed out before the end has been seen, and **only [`Self::finish`] says whether they are true**:
/// whoever takes them must throw them away if it fails. GCM content is true when it succeeds. CBC content has no
/// integrity of its own: success says that the key fitted and the end was reached, or, with a wrong key, that one in
/// 256 padding checks was passed by chance.
#[derive(Debug)]
pub struct Opener<'k> {
    source: Source<'k>,
    work: Work<'k>,
}

#[derive(Debug)]
enum Source<'k> {
    Whole(Box<Reader>),
    Detached(&'k Envelope),
}

#[derive(Debug)]
struct Work<'k> {
    ring: &'k KeyRing,
    rules: OpenRules,
    /// Which of the candidates is tried, from 0.
    attempt: usize,
    chosen: Option<Chosen>,
    ciphertext_bytes: u64,
    fault: Option<OpenError>,
}

#[derive(Debug)]
struct Chosen {
    candidate: Candidate,
    attempts: usize,
    recipient: String,
    stream: Stream,
}

/// A file that was opened to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The key that opened it, and for which recipient.
    pub candidate: Candidate,
    /// The recipient in words.
    pub recipient: String,
    /// The cipher.
    pub cipher: Cipher,
    /// How many clear bytes there were.
    pub clear_bytes: u64,
}

impl<'k> Opener<'k> {
    /// For a complete file.
    #[must_use]
    pub fn new(ring: &'k KeyRing, rules: OpenRules) -> Self {
        Self {
            source: Source::Whole(Box::default()),
            work: Work::new(ring, rules),
        }
    }

    /// For a bare ciphertext; what belongs around it stands in the envelope.
    #[must_use]
    pub fn detached(envelope: &'k Envelope, ring: &'k KeyRing, rules: OpenRules) -> Self {
        Self {
            source: Source::Detached(envelope),
            work: Work::new(ring, rules),
        }
    }

    /// The same with another of the candidates, counted from 0. Each of them needs the whole file anew.
    #[must_use]
    pub fn attempt(mut self, number: usize) -> Self {
        self.work.attempt = number;
        self
    }

    /// How many candidates there are for this file, as soon as its head has been read: 1, or more where it names several
    /// of the keys, or where all are to be tried.
    #[must_use]
    pub fn attempts(&self) -> Option<usize> {
        self.work.chosen.as_ref().map(|chosen| chosen.attempts)
    }

    /// The key that is tried, as soon as the head has been read.
    #[must_use]
    pub fn candidate(&self) -> Option<Candidate> {
        self.work.chosen.as_ref().map(|chosen| chosen.candidate)
    }

    /// What stands before the ciphertext, as soon as it has been read.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        match &self.source {
            Source::Whole(reader) => reader.head(),
            Source::Detached(envelope) => Some(envelope.head()),
        }
    }

    /// The next bytes; clear ones are handed to `clear` in order.
    ///
    /// # Errors
    /// [`OpenError`] as soon as it is known that the file cannot be opened. That the key is wrong is known at the end
    /// only. After an error everything else is the same error.
    pub fn feed(&mut self, bytes: &[u8], mut clear: impl FnMut(&[u8])) -> Result<(), OpenError> {
        let Self { source, work } = self;
        match source {
            Source::Whole(reader) => {
                work.sound()?;
                let read = reader.feed(bytes, &mut |piece| {
                    work.take(piece.head, piece.bytes, &mut clear);
                });
                // The ciphertext may not have begun yet, or be empty, or what follows the head may be broken: what can be
                // said of the head comes first, or the reason would depend on how the file was cut into pieces.
                if let Some(head) = reader.head() {
                    work.take(head, &[], &mut clear);
                }
                work.sound()?;
                read?;
            }
            Source::Detached(envelope) => work.take(envelope.head(), bytes, &mut clear),
        }
        work.sound()
    }

    /// The end of the file. Only now is it known whether what was handed out is true.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn finish(mut self, mut clear: impl FnMut(&[u8])) -> Result<Opened, OpenError> {
        self.work.sound()?;
        let (head, suffix) = match self.source {
            Source::Whole(reader) => {
                let read = reader.finish()?;
                if read.ciphertext_bytes.is_none() {
                    return Err(OpenError::Walk(WalkError::Detached));
                }
                (read.head, read.suffix)
            }
            Source::Detached(envelope) => {
                (envelope.head().clone(), envelope.suffix().to_vec().into())
            }
        };
        self.work.take(&head, &[], &mut clear);
        self.work.end(&head, &suffix, &mut clear)
    }
}

impl<'k> Work<'k> {
    fn new(ring: &'k KeyRing, rules: OpenRules) -> Self {
        Self {
            ring,
            rules,
            attempt: 0,
            chosen: None,
            ciphertext_bytes: 0,
            fault: None,
        }
    }

    fn sound(&self) -> Result<(), OpenError> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// Takes ciphertext in; the first call chooses the key.
    fn take(&mut self, head: &Head, ciphertext: &[u8], clear: &mut dyn FnMut(&[u8])) {
        if self.fault.is_none() {
            self.fault = self.try_take(head, ciphertext, clear).err();
        }
    }

    fn try_take(
        &mut self,
        head: &Head,
        ciphertext: &[u8],
        clear: &mut dyn FnMut(&[u8]),
    ) -> Result<(), OpenError> {
        self.ciphertext_bytes += ciphertext.len() as u64;
        if self.chosen.is_none() {
            self.chosen = Some(self.choose(head)?);
        }
        let Some(chosen) = &mut self.chosen else {
            return Ok(());
        };
        let updated = chosen.stream.update(ciphertext, clear);
        updated.map_err(|broken| self.told(broken))
    }

    /// Everything that can be refused by public facts is refused before the private key is used.
    fn choose(&self, head: &Head) -> Result<Chosen, OpenError> {
        let scheme = Scheme::of(head, self.rules.allow_legacy)?;
        let infos = head.recipient_infos();
        let all = candidates(infos, self.ring, self.rules.try_all)?;
        let candidate = all[self.attempt.min(all.len() - 1)];
        let info = &infos[candidate.recipient];
        let key = &self.ring.keys()[candidate.key];
        let unwrapped = match &info.transport {
            Some(transport) => content_key(transport, key, scheme.key_bytes())?,
            None => {
                let what = info.recipient.to_string();
                return Err(OpenError::KeyTransport { what });
            }
        };
        Ok(Chosen {
            candidate,
            attempts: all.len(),
            recipient: info.recipient.to_string(),
            stream: Stream::begin(&scheme, &unwrapped),
        })
    }

    fn end(
        &mut self,
        head: &Head,
        suffix: &[u8],
        clear: &mut dyn FnMut(&[u8]),
    ) -> Result<Opened, OpenError> {
        self.sound()?;
        // A length that no ciphertext of the cipher has is visible to anybody.
        let (cipher, ciphertext_bytes) = (head.cipher().clone(), self.ciphertext_bytes);
        if let Some(block_bytes) = cipher.broken_block(ciphertext_bytes) {
            return Err(OpenError::Walk(WalkError::CiphertextLength {
                ciphertext_bytes,
                cipher,
                block_bytes,
            }));
        }
        let does_not_open = self.told(Broken::DoesNotOpen);
        let Some(chosen) = self.chosen.take() else {
            return Err(does_not_open);
        };
        let clear_bytes = chosen
            .stream
            .finish(suffix, clear)
            .map_err(|broken| match broken {
                Broken::DoesNotOpen => does_not_open,
                other => self.told(other),
            })?;
        Ok(Opened {
            candidate: chosen.candidate,
            recipient: chosen.recipient,
            cipher,
            clear_bytes,
        })
    }

    fn told(&self, broken: Broken) -> OpenError {
        match broken {
            Broken::Suffix => OpenError::Suffix,
            Broken::TooLong => OpenError::TooLong,
            Broken::DoesNotOpen => {
                let chosen = self.chosen.as_ref();
                let key = chosen.map(|chosen| self.ring.keys()[chosen.candidate.key].source());
                OpenError::DoesNotOpen {
                    key: key.unwrap_or_default().to_owned(),
                    recipient: chosen.map_or_else(String::new, |c| c.recipient.clone()),
                }
            }
        }
    }
}
