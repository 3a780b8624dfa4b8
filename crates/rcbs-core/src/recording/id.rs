//! Ids as types, so that a recording's and a media file's id cannot be swapped by mistake.
//!
//! An id is data: it may hold any character. Only `store::layout` turns one into a file name.

use std::fmt;
use std::sync::Arc;

/// An id was empty or all blanks: a server fault, never a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id is empty")]
pub struct EmptyId;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the id as the server wrote it.
            ///
            /// # Errors
            /// [`EmptyId`] when nothing but white space is in it.
            pub fn new(text: &str) -> Result<Self, EmptyId> {
                if text.trim().is_empty() { Err(EmptyId) } else { Ok(Self(text.into())) }
            }

            /// The id as the server wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            /// Writes the id with control characters escaped, so that it can stand in a log or on a terminal.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                crate::text::write_printable(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

id_type!(
    /// The id of a recording (CallUUID, usually 32 characters).
    RecordingId
);
id_type!(
    /// The id of a media file within its recording.
    MediaId
);
