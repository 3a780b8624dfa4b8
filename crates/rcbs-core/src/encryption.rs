//! Who encrypted a media file, in words that stages, ledger and reports share.

/// Who encrypted a stored media file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// The recording cloud.
    Cloud,
    /// This program, because the cloud holds it unencrypted.
    Here,
    /// Nobody (`plainMedia=store`).
    Nobody,
}

/// The recipients of a file that nobody encrypted, in words, as the ledger keeps them.
pub const NOBODY: &str = "nobody: stored unencrypted";

/// Whether recipients in words are those of a file that nobody encrypted.
#[must_use]
pub fn is_plain(recipients: &[String]) -> bool {
    matches!(recipients, [only] if only == NOBODY)
}
