//! Manifests: which file of the archive had which SHA-256 when it was stored, in the form that `sha256sum -c` reads, each
//! with the one before it among its lines.
//!
//! Nothing here touches anything; [`crate::run`] writes them at the end of a run and reads them again.

mod lines;
mod name;
mod sign;
mod state;

pub use lines::{Line, LineError, Manifest, Previous};
pub use name::{FILE_NAME, PartName, SIGNATURE_NAME, TOP};
pub use sign::{KeyError, PublicKey, SigningKey};
pub(crate) use state::{Link, State};

/// With so many recordings a manifest is full, and another one of the same day is begun. It bounds what a run writes
/// anew, and the memory of whoever signs or checks a signature.
pub const RECORDINGS_MOST: u64 = 8_000;
