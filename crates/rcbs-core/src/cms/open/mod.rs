//! Opens enveloped files with a private key, as they stream by or slice by slice.
//!
//! | file | holds |
//! | --- | --- |
//! | `choose` | which key for which recipient, before any work with a private key |
//! | `unwrap` | the content key out of a recipient, the same way whether that works or not |
//! | `stream`, `gcm` | ciphertext into clear bytes, in pieces |
//! | `opener` | the three together, fed with the bytes of a file |
//! | `slice` | any part of a CBC file from the few blocks it needs |

mod choose;
mod error;
mod gcm;
mod opener;
mod slice;
mod stream;
mod unwrap;

pub use choose::{Candidate, Match, NoKey};
pub use error::OpenError;
pub use opener::{OpenRules, Opened, Opener};
pub use slice::{FileMap, Mapper, SliceError, SliceKey, SlicePlan};

#[cfg(test)]
mod tests;
