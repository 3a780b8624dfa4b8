//! Fetches one media file into a staged, checked, complete file, encrypted if it was not; resumes what was cut, never
//! stores what is wrong.

mod checksum;
mod error;
mod form;
mod plain;
mod resume;
mod transfer;

pub use error::FetchError;
pub use plain::{CloudCertificates, PlainMedia, PlainRule};

use std::sync::Arc;

use crate::cms::Envelope;
use crate::encryption::Encryption;
use crate::patience::Patience;
use crate::ports::{ETag, MediaKey, MediaStore, StageName, Staged, Target};
use crate::rate::Pace;
use crate::recording::Location;
use crate::retry::RetryPolicy;
use resume::Continuation;
use transfer::Transfer;

/// A media file to fetch.
#[derive(Debug, Clone)]
pub struct FetchJob {
    /// Which one.
    pub key: MediaKey,
    /// From where.
    pub location: Location,
    /// The detached envelope in the metadata, where there is one.
    pub envelope: Option<Arc<str>>,
    /// Whether the metadata name a certificate that it is encrypted for.
    pub names_certificate: bool,
    /// What is done with it if the cloud holds it unencrypted.
    pub plain: PlainRule,
    /// Under which temporary name.
    pub stage: StageName,
}

/// A media file that is staged and checked.
#[derive(Debug)]
pub struct Fetched {
    /// The temporary file.
    pub staged: Staged,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
    /// Version of the object it came from.
    pub etag: Option<ETag>,
    /// How it was checked.
    pub check: String,
    /// For whom it is sealed, in words.
    pub recipients: Vec<String>,
    /// Who sealed it.
    pub encryption: Encryption,
    /// Whether an unencrypted object begins like no media: it may be a ciphertext whose envelope is missing.
    pub is_odd: bool,
}

/// Where transfers go, and what they share.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) target: &'a dyn Target,
    pub(crate) patience: &'a Patience,
    /// Keeps all of them together below the limit.
    pub(crate) pace: &'a Pace,
    /// Hears of the bytes as they arrive.
    pub(crate) on_bytes: &'a (dyn Fn(u64) + Sync),
}

/// Fetches one media file, patiently.
///
/// An object that is replaced on the way is begun anew, unless the metadata hold its envelope: that of another version
/// would make a file that nobody can open, so the caller has to read the metadata again.
///
/// # Errors
/// [`FetchError`] after the last attempt; nothing is left staged then.
pub(crate) async fn fetch(
    job: &FetchJob,
    store: &dyn MediaStore,
    line: Line<'_>,
) -> Result<Fetched, FetchError> {
    let Line {
        target, patience, ..
    } = line;
    let envelope = job
        .envelope
        .as_deref()
        .map(Envelope::from_text)
        .transpose()
        .map_err(FetchError::Envelope)?;
    let mut tries = patience.begin(RetryPolicy::media(0));
    let mut next = Continuation::Restart;
    let mut kept_bytes = 0;
    let staged = target.stage(&job.stage).await.map_err(FetchError::Target)?;
    let mut transfer = Transfer::new(job, envelope, staged);
    loop {
        patience.turn().await;
        let checked = match transfer.receive(store, &next, line).await {
            Ok(()) => transfer.check().await,
            Err(error) => Err(error),
        };
        let error = match checked {
            Ok(checked) => return transfer.finish(checked).await,
            Err(error) => error,
        };
        if transfer.is_outdated_by(&error) {
            transfer.discard().await;
            return Err(error);
        }
        next = transfer.after(&error);
        tries.set_policy(RetryPolicy::media(transfer.total_bytes()));
        if matches!(next, Continuation::Resume { from, .. } if from > kept_bytes) {
            tries.progressed();
        }
        kept_bytes = transfer.received_bytes();
        if !patience
            .may_retry(&mut tries, error.class(), Some(&job.key), &error)
            .await
        {
            transfer.discard().await;
            return Err(error);
        }
    }
}
