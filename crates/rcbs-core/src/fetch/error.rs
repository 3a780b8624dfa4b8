//! Why a media file could not be fetched.

use crate::cms::{EnvelopeError, SealError, WalkError};
use crate::failure::FailureClass;
use crate::media_kind::MediaKind;
use crate::ports::{StoreError, TargetError};

/// Why a media file could not be fetched.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FetchError {
    /// The store did not give it.
    #[error("{0}")]
    Store(StoreError),
    /// It could not be written.
    #[error("{0}")]
    Target(TargetError),
    /// Its envelope in the metadata cannot be used.
    #[error("the pkcs7 envelope in the metadata cannot be used: {0}")]
    Envelope(EnvelopeError),
    /// The envelope does not fit the object.
    #[error("the object does not fit its envelope: {0}")]
    Misfit(EnvelopeError),
    /// The object begins like a CMS file but is not a whole one.
    #[error("the object is not a whole CMS file: {0}")]
    Broken(WalkError),
    /// The store's own checksum does not fit what arrived.
    #[error("the {checksum} of the object is not the one the store announced")]
    Checksum {
        /// Which checksum.
        checksum: &'static str,
    },
    /// The object is empty.
    #[error("the object is empty")]
    Empty,
    /// An error page came instead of the object.
    #[error("the media store sent an error page instead of the object")]
    ErrorPage,
    /// The object is not encrypted, or its envelope is missing.
    #[error(
        "the cloud holds the file unencrypted (no pkcs7 in the metadata, no CMS in the object); it is not stored: {why}"
    )]
    Unencrypted {
        /// Why it is not sealed here, in words.
        why: String,
    },
    /// The metadata have an envelope, but the object is media in the clear.
    #[error(
        "the object is {kind} in the clear, although the metadata have a pkcs7 for it; it is not stored"
    )]
    NotCiphertext {
        /// What it begins like.
        kind: MediaKind,
    },
    /// The object is ciphertext by all that is known, and there is nothing to open it with.
    #[error(
        "the metadata name a certificate (certAlias) but have no pkcs7 envelope for it, and the object looks like no media; it is not stored"
    )]
    NoEnvelope,
    /// The object begins like nothing that is known, and no checksum says that it arrived as the store holds it.
    #[error(
        "the object is neither CMS nor MP3, MP4 or WAV, and the store offers no checksum that proves it; it is not stored"
    )]
    Unproven,
    /// It could not be encrypted here.
    #[error("it cannot be encrypted: {0}")]
    Seal(SealError),
    /// One of our own invariants broke.
    #[error("internal fault: {what}")]
    Bug {
        /// Which one.
        what: &'static str,
    },
}

impl FetchError {
    /// The class that decides what happens next.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Store(error) => error.class(),
            Self::Target(error) => error.class(),
            Self::Envelope(_) | Self::NoEnvelope => FailureClass::Unexpected,
            Self::Misfit(_)
            | Self::Broken(_)
            | Self::Checksum { .. }
            | Self::Empty
            | Self::ErrorPage
            | Self::NotCiphertext { .. }
            | Self::Unproven => FailureClass::Corrupt,
            Self::Unencrypted { .. } => FailureClass::Unencrypted,
            Self::Seal(SealError::Library) => FailureClass::Local,
            Self::Seal(_) => FailureClass::Unexpected,
            Self::Bug { .. } => FailureClass::Bug,
        }
    }

    /// Whether the object was replaced by another version while it was read.
    pub(crate) fn object_changed(&self) -> bool {
        matches!(self, Self::Store(StoreError::Changed))
    }
}
