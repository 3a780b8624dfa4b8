//! The port to sealed files and the places for what they hold.

use std::io::{Read, Write};

use crate::cms::Envelope;
use crate::ports::TargetError;

/// One sealed file, and the one place where its clear bytes may go.
///
/// Promises of an implementation:
/// - `open` begins at the first byte, as often as it is asked.
/// - The place is never the sealed file itself.
/// - No method changes anything, except that `stage` makes a temporary file which vanishes unless it is published, at
///   the latest when somebody looks at the place after the process was killed.
pub trait SealedFile: Send {
    /// What messages call it.
    fn name(&self) -> String;

    /// What messages call the place of its clear bytes.
    fn output(&self) -> String;

    /// What is known of it beside its bytes; whatever cannot be found counts as unknown.
    fn facts(&mut self) -> Facts;

    /// Its bytes.
    ///
    /// # Errors
    /// [`TargetError`] when it cannot be opened.
    fn open(&mut self) -> Result<Box<dyn Read>, TargetError>;

    /// What has the final name already; `None` when nothing has.
    ///
    /// # Errors
    /// [`TargetError`] when that cannot be told.
    fn existing(&mut self) -> Result<Option<Box<dyn Read>>, TargetError>;

    /// A temporary file for the clear bytes, private to this account. It is removed when it is dropped.
    ///
    /// # Errors
    /// [`TargetError`].
    fn stage(&mut self) -> Result<Box<dyn ClearFile>, TargetError>;
}

/// Clear bytes under a temporary name, or none.
pub trait ClearFile: Write {
    /// Gives the final name, or with `suspect` the same name with `.suspect` behind it. The bytes are made durable
    /// before; nothing is ever replaced.
    ///
    /// # Errors
    /// [`TargetError::Exists`] when something has that name.
    fn publish(self: Box<Self>, suspect: bool) -> Result<(), TargetError>;
}

/// What is known of a sealed file.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The MIME type that the recording's metadata declare.
    pub content_type: Option<String>,
    /// The envelope that the metadata hold, for a file that is a bare ciphertext.
    pub envelope: Option<Envelope>,
    /// SHA-256 of the sealed file as the ledger has it.
    pub sha256: Option<[u8; 32]>,
    /// The ledger says that nobody encrypted it (`plainMedia=store`).
    pub is_plain: bool,
}
