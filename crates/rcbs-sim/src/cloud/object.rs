//! The object that the store holds for a media file: what its bytes are, and its digests.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use rcbs_core::ports::ChecksumKind;

use super::content::Content;
use crate::seal::{Envelope, INDEFINITE_TAIL, SessionKey};

/// In which form the cloud keeps a media file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// The bare ciphertext; the envelope is in the metadata (`pkcs7`). The form seen in the field.
    #[default]
    Detached,
    /// A whole CMS file in DER; the metadata have no `pkcs7`.
    Complete,
    /// The same in indefinite lengths, as streaming writers make it.
    Streamed,
    /// The clear media; the metadata have no `pkcs7`.
    Plain,
}

/// The stored bytes of one version of a media file, made while they are read.
pub struct StoredObject {
    form: Form,
    content: Content,
    key: SessionKey,
    /// What stands before the ciphertext in the forms that are whole files.
    head: Bytes,
    len_bytes: u64,
    digests: Mutex<HashMap<ChecksumKind, Vec<u8>>>,
}

/// Ciphertext per `OCTET STRING` in the form of indefinite lengths.
const SEGMENT_BYTES: usize = 4_096;

impl StoredObject {
    pub(crate) fn new(form: Form, content: Content, key: SessionKey, envelope: &Envelope) -> Self {
        let ciphertext_bytes = SessionKey::ciphertext_bytes(content.len_bytes());
        let (head, len_bytes) = match form {
            Form::Plain => (Bytes::new(), content.len_bytes()),
            Form::Detached => (Bytes::new(), ciphertext_bytes),
            Form::Complete => {
                let head = envelope.complete_head(ciphertext_bytes);
                let total = head.len() as u64 + ciphertext_bytes;
                (head, total)
            }
            Form::Streamed => {
                let head = envelope.indefinite_head();
                let total = head.len() as u64
                    + segmented_bytes(ciphertext_bytes)
                    + INDEFINITE_TAIL.len() as u64;
                (head, total)
            }
        };
        Self {
            form,
            content,
            key,
            head,
            len_bytes,
            digests: Mutex::default(),
        }
    }

    /// Its form.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Length of the object.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The object from this byte on, in pieces. Whatever the first byte, the cipher runs from the beginning.
    pub fn pieces(&self, from: u64) -> impl Iterator<Item = Bytes> + Send + Sync + use<> {
        skip(self.all_pieces(), from)
    }

    /// The whole object, for comparing in tests.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.pieces(0).flatten().collect()
    }

    /// A digest of the whole object, worked out once.
    #[must_use]
    pub fn digest(&self, kind: ChecksumKind) -> Vec<u8> {
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        digests
            .entry(kind)
            .or_insert_with(|| digest(kind, self.all_pieces()))
            .clone()
    }

    fn all_pieces(&self) -> Box<dyn Iterator<Item = Bytes> + Send + Sync> {
        let clear = self.content.pieces();
        match self.form {
            Form::Plain => Box::new(clear),
            Form::Detached => Box::new(self.key.encrypt(clear)),
            Form::Complete => {
                Box::new(std::iter::once(self.head.clone()).chain(self.key.encrypt(clear)))
            }
            Form::Streamed => Box::new(
                std::iter::once(self.head.clone())
                    .chain(segments(self.key.encrypt(clear)))
                    .chain(std::iter::once(Bytes::from_static(&INDEFINITE_TAIL))),
            ),
        }
    }
}

impl fmt::Debug for StoredObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredObject")
            .field("form", &self.form)
            .field("len_bytes", &self.len_bytes)
            .finish_non_exhaustive()
    }
}

/// A digest of pieces.
#[must_use]
pub fn digest(kind: ChecksumKind, pieces: impl Iterator<Item = Bytes>) -> Vec<u8> {
    let sha = |algorithm, pieces: &mut dyn Iterator<Item = Bytes>| {
        let mut context = Context::new(algorithm);
        pieces.for_each(|piece| context.update(&piece));
        context.finish().as_ref().to_vec()
    };
    let crc = |algorithm, width_bytes: usize, pieces: &mut dyn Iterator<Item = Bytes>| {
        let mut state = crc_fast::Digest::new(algorithm);
        pieces.for_each(|piece| state.update(&piece));
        state.finalize().to_be_bytes()[8 - width_bytes..].to_vec()
    };
    let mut pieces = pieces;
    match kind {
        ChecksumKind::Sha256 => sha(&SHA256, &mut pieces),
        ChecksumKind::Sha1 => sha(&SHA1_FOR_LEGACY_USE_ONLY, &mut pieces),
        ChecksumKind::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme, 8, &mut pieces),
        ChecksumKind::Crc32c => crc(CrcAlgorithm::Crc32Iscsi, 4, &mut pieces),
        ChecksumKind::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc, 4, &mut pieces),
        ChecksumKind::Md5 => {
            let mut state = Md5::new();
            pieces.for_each(|piece| state.update(&piece));
            state.finalize().to_vec()
        }
    }
}

/// Leaves out the first bytes of pieces.
fn skip(mut pieces: impl Iterator<Item = Bytes>, mut bytes: u64) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        loop {
            let mut piece = pieces.next()?;
            let cut = usize::try_from(bytes)
                .unwrap_or(usize::MAX)
                .min(piece.len());
            bytes -= cut as u64;
            let rest = piece.split_off(cut);
            if !rest.is_empty() {
                return Some(rest);
            }
        }
    })
}

/// Cuts a ciphertext into `OCTET STRING`s of equal length, the last one shorter.
fn segments(mut pieces: impl Iterator<Item = Bytes>) -> impl Iterator<Item = Bytes> {
    let mut waiting = Vec::new();
    std::iter::from_fn(move || {
        while waiting.len() < SEGMENT_BYTES {
            match pieces.next() {
                Some(piece) => waiting.extend_from_slice(&piece),
                None => break,
            }
        }
        let rest = waiting.split_off(SEGMENT_BYTES.min(waiting.len()));
        let segment = std::mem::replace(&mut waiting, rest);
        (!segment.is_empty()).then(|| crate::seal::octet_string(&segment))
    })
}

fn segmented_bytes(ciphertext_bytes: u64) -> u64 {
    let whole = ciphertext_bytes / SEGMENT_BYTES as u64;
    let rest = usize::try_from(ciphertext_bytes % SEGMENT_BYTES as u64).unwrap_or(0);
    let of = |len: usize| crate::seal::octet_string(&vec![0; len]).len() as u64;
    whole * of(SEGMENT_BYTES) + if rest > 0 { of(rest) } else { 0 }
}
