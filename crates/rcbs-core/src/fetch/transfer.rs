//! One object on its way into a staged file: bytes in, digests along, checks at the end.

use bytes::Bytes;
use futures_util::StreamExt as _;

use super::checksum::ObjectCheck;
use super::form::{FORM_BYTES, Form, form};
use super::plain::PlainRule;
use super::resume::{Continuation, continuation};
use super::{FetchError, FetchJob, Fetched, Line};
use crate::cms::{Envelope, Sealer, Walker};
use crate::digest::FileDigest;
use crate::encryption::{Encryption, NOBODY};
use crate::media_kind::MediaKind;
use crate::ports::{
    Checksum, ETag, GetRequest, MediaStore, Object, ObjectBody, StagedFile, StoreError,
};

/// Check name of a file whose store offers no usable checksum: length and structure were checked.
pub(super) const CHECK_ENVELOPE: &str = "envelope";
/// The same for an object without a structure: only its length was checked.
const CHECK_LENGTH: &str = "length";
/// What stands behind the check of an unencrypted object that begins like no media, so that it can be found later.
const UNKNOWN_CONTENT: &str = ", unknown content";

/// The state of one transfer over all its attempts.
pub(super) struct Transfer<'a> {
    job: &'a FetchJob,
    envelope: Option<Envelope>,
    staged: Box<dyn StagedFile>,
    /// The version that was met first.
    version: Option<ETag>,
    run: Run,
}

/// What an answer says before its body.
struct Heading {
    total_bytes: u64,
    begins_at: u64,
    etag: Option<ETag>,
    checksum: Option<Checksum>,
}

/// A transfer passed its checks.
pub(super) struct Checked {
    check: String,
    recipients: Vec<String>,
    encryption: Encryption,
}

/// What is known since the last time the transfer began at byte 0.
struct Run {
    etag: Option<ETag>,
    total_bytes: Option<u64>,
    received_bytes: u64,
    digest: FileDigest,
    check: Option<ObjectCheck>,
    shape: Shape,
    is_odd: bool,
}

/// What is made of the bytes.
enum Shape {
    /// Too few bytes yet to tell.
    Unknown(Vec<u8>),
    /// Ciphertext between a head that is written already and this tail.
    Joined { tail: Bytes },
    /// A complete CMS file, walked as it streams by.
    Complete(Box<Walker>),
    /// Clear bytes, sealed as they stream by for these recipients.
    Sealed {
        sealer: Box<Sealer>,
        recipients: Vec<String>,
    },
    /// Clear bytes, written as they are.
    Plain,
}

impl Run {
    fn new() -> Self {
        Self {
            etag: None,
            total_bytes: None,
            received_bytes: 0,
            digest: FileDigest::new(),
            check: None,
            shape: Shape::Unknown(Vec::new()),
            is_odd: false,
        }
    }
}

impl<'a> Transfer<'a> {
    pub(super) fn new(
        job: &'a FetchJob,
        envelope: Option<Envelope>,
        staged: Box<dyn StagedFile>,
    ) -> Self {
        Self {
            job,
            envelope,
            staged,
            version: None,
            run: Run::new(),
        }
    }

    /// Receives until the end of the object or the first error, no faster than the limit allows.
    pub(super) async fn receive(
        &mut self,
        store: &dyn MediaStore,
        next: &Continuation,
        line: Line<'_>,
    ) -> Result<(), FetchError> {
        let (from, if_match) = match next {
            Continuation::Resume { from, if_match } => (*from, Some(if_match.clone())),
            Continuation::Restart => (0, None),
        };
        if from == 0 {
            self.begin_anew().await?;
        }
        let request = GetRequest {
            location: self.job.location.clone(),
            from,
            if_match,
        };
        let object = store.get(&request).await.map_err(FetchError::Store)?;
        let Object {
            total_bytes,
            from: begins_at,
            etag,
            checksum,
            body: ObjectBody(mut body),
        } = object;
        self.accept(
            from,
            Heading {
                total_bytes,
                begins_at,
                etag,
                checksum,
            },
        )
        .await?;
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(FetchError::Store)?;
            (line.on_bytes)(piece.len() as u64);
            // Not read on before its time: the connection fills up, and the store sends no faster than we take.
            line.pace.wait(piece.len()).await;
            self.take(piece).await?;
        }
        Ok(())
    }

    /// Length of the object, once it is known.
    pub(super) fn total_bytes(&self) -> u64 {
        self.run.total_bytes.unwrap_or_default()
    }

    /// Bytes of the object received since the last beginning.
    pub(super) fn received_bytes(&self) -> u64 {
        self.run.received_bytes
    }

    /// Whether the envelope at hand is of no use any more: the object is another one than it was announced for.
    pub(super) fn is_outdated_by(&self, error: &FetchError) -> bool {
        self.envelope.is_some() && error.object_changed()
    }

    /// What to ask for after an error.
    pub(super) fn after(&self, error: &FetchError) -> Continuation {
        continuation(
            error.class(),
            self.run.received_bytes,
            self.run.etag.as_ref(),
            error.object_changed(),
        )
    }

    /// All bytes are here: the checks.
    pub(super) async fn check(&mut self) -> Result<Checked, FetchError> {
        self.check_length()?;
        if let Shape::Unknown(first) = &mut self.run.shape {
            let first = std::mem::take(first);
            self.recognise(first).await?;
        }
        let shape = std::mem::replace(&mut self.run.shape, Shape::Unknown(Vec::new()));
        let (recipients, encryption) = match shape {
            Shape::Joined { tail } => {
                self.write(tail).await?;
                let envelope = self.envelope.as_ref();
                let recipients = envelope.map(Envelope::recipients).unwrap_or_default();
                (recipients, Encryption::Cloud)
            }
            Shape::Complete(walker) => {
                let walked = walker.finish().map_err(FetchError::Broken)?;
                (walked.recipients, Encryption::Cloud)
            }
            Shape::Sealed { sealer, recipients } => {
                let last = sealer.finish().map_err(FetchError::Seal)?;
                self.write(last).await?;
                (recipients, Encryption::Here)
            }
            Shape::Plain => (vec![NOBODY.to_owned()], Encryption::Nobody),
            Shape::Unknown(_) => {
                return Err(FetchError::Bug {
                    what: "a complete object has no shape",
                });
            }
        };
        let check = match self.run.check.take() {
            Some(check) => check
                .finish()
                .map_err(|checksum| FetchError::Checksum { checksum })?,
            None if encryption == Encryption::Cloud => CHECK_ENVELOPE,
            None => CHECK_LENGTH,
        };
        let check = match self.run.is_odd {
            true => format!("{check}{UNKNOWN_CONTENT}"),
            false => check.to_owned(),
        };
        Ok(Checked {
            check,
            recipients,
            encryption,
        })
    }

    /// The staged file of a transfer that passed its checks.
    pub(super) async fn finish(self, checked: Checked) -> Result<Fetched, FetchError> {
        let staged = self.staged.finish().await.map_err(FetchError::Target)?;
        let Checked {
            check,
            recipients,
            encryption,
        } = checked;
        Ok(Fetched {
            encryption,
            is_odd: self.run.is_odd,
            staged,
            sha256: self.run.digest.finish(),
            etag: self.run.etag,
            check,
            recipients,
        })
    }

    /// Gives the transfer up and removes what was staged.
    pub(super) async fn discard(self) {
        // The caller already has an error to report; a leftover is swept at the next start.
        if let Err(error) = self.staged.discard().await {
            tracing::debug!(%error, "a staged file could not be removed");
        }
    }

    async fn begin_anew(&mut self) -> Result<(), FetchError> {
        self.run = Run::new();
        if self.staged.is_empty() {
            Ok(())
        } else {
            self.staged.restart().await.map_err(FetchError::Target)
        }
    }

    /// Takes in the headers of an answer to a request for the bytes from `from` on.
    async fn accept(&mut self, from: u64, heading: Heading) -> Result<(), FetchError> {
        if heading.begins_at != from {
            // The store ignores ranges, so what we hold cannot be joined with what comes.
            self.begin_anew().await?;
        } else if from > 0
            && (self.run.total_bytes != Some(heading.total_bytes) || self.run.etag != heading.etag)
        {
            return Err(FetchError::Store(StoreError::Changed));
        }
        if heading.begins_at == 0 {
            let another = self.version.is_some() && self.version != heading.etag;
            if another && self.envelope.is_some() {
                return Err(FetchError::Store(StoreError::Changed));
            }
            self.version.clone_from(&heading.etag);
            self.run.etag = heading.etag;
            self.run.total_bytes = Some(heading.total_bytes);
            self.run.check = heading.checksum.map(ObjectCheck::new);
        }
        if heading.total_bytes == 0 {
            Err(FetchError::Empty)
        } else {
            Ok(())
        }
    }

    /// Takes in one piece of the body.
    async fn take(&mut self, piece: Bytes) -> Result<(), FetchError> {
        self.run.received_bytes += piece.len() as u64;
        if let Some(check) = &mut self.run.check {
            check.update(&piece);
        }
        match &mut self.run.shape {
            Shape::Unknown(first) => {
                first.extend_from_slice(&piece);
                if first.len() >= FORM_BYTES {
                    let first = std::mem::take(first);
                    self.recognise(first).await?;
                }
                Ok(())
            }
            Shape::Joined { .. } | Shape::Plain => self.write(piece).await,
            Shape::Sealed { sealer, .. } => {
                let sealed = sealer.update(&piece).map_err(FetchError::Seal)?;
                self.write(sealed).await
            }
            Shape::Complete(walker) => {
                walker.feed(&piece).map_err(FetchError::Broken)?;
                self.write(piece).await
            }
        }
    }

    /// Decides what the object is and writes its beginning.
    async fn recognise(&mut self, first: Vec<u8>) -> Result<(), FetchError> {
        let total_bytes = self.run.total_bytes.unwrap_or_default();
        match (form(&first, self.envelope.is_some()), &self.envelope) {
            (Form::Ciphertext, Some(envelope)) => {
                let frame = envelope.frame(total_bytes).map_err(FetchError::Misfit)?;
                self.run.shape = Shape::Joined { tail: frame.tail };
                self.write(frame.head).await?;
                self.write(first.into()).await
            }
            (Form::Complete, _) => {
                let mut walker = Box::new(Walker::new());
                walker.feed(&first).map_err(FetchError::Broken)?;
                self.run.shape = Shape::Complete(walker);
                self.write(first.into()).await
            }
            (Form::ErrorPage, _) => Err(FetchError::ErrorPage),
            (Form::NotCiphertext(kind), _) => Err(FetchError::NotCiphertext { kind }),
            (Form::Unencrypted | Form::Ciphertext, _) => self.begin_plain(first).await,
        }
    }

    /// Does with an unencrypted object what the rule says.
    async fn begin_plain(&mut self, first: Vec<u8>) -> Result<(), FetchError> {
        self.run.is_odd = MediaKind::of(&first).is_none();
        if self.run.is_odd && self.job.names_certificate {
            return Err(FetchError::NoEnvelope);
        }
        if self.run.is_odd && self.run.check.is_none() {
            return Err(FetchError::Unproven);
        }
        match &self.job.plain {
            PlainRule::Refuse { why } => Err(FetchError::Unencrypted { why: why.clone() }),
            PlainRule::Store => {
                self.run.shape = Shape::Plain;
                self.write(first.into()).await
            }
            PlainRule::Seal(seal) => {
                let (head, mut sealer) = seal
                    .begin(self.run.total_bytes.unwrap_or_default())
                    .map_err(FetchError::Seal)?;
                let sealed = sealer.update(&first).map_err(FetchError::Seal)?;
                self.run.shape = Shape::Sealed {
                    sealer: Box::new(sealer),
                    recipients: seal.recipients(),
                };
                self.write(head).await?;
                self.write(sealed).await
            }
        }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), FetchError> {
        self.run.digest.update(&bytes);
        self.staged.write(bytes).await.map_err(FetchError::Target)
    }

    fn check_length(&self) -> Result<(), FetchError> {
        let announced_bytes = self.run.total_bytes.unwrap_or_default();
        let got_bytes = self.run.received_bytes;
        if got_bytes == announced_bytes {
            Ok(())
        } else {
            Err(FetchError::Store(StoreError::WrongLength {
                announced_bytes,
                got_bytes,
            }))
        }
    }
}
