//! Touches the world for `rcbs-core`: HTTP, S3, the file system, SQLite and the clock.
//!
//! | module | port |
//! | --- | --- |
//! | [`gws`] | `RecordingApi` |
//! | [`s3`] | `MediaStore` |
//! | [`target`] | `Target` |
//! | [`ledger`] | `Ledger` |
//! | [`clock`] | `Clock` |
//! | [`sealed`] | `SealedFile` |
//! | [`keys`] | none: the bytes of key files and passphrases |
//! | [`http`] | none: the client that `gws` and `s3` share |

pub mod clock;
pub mod gws;
pub mod http;
pub mod keys;
pub mod ledger;
pub mod s3;
pub mod sealed;
pub mod target;
