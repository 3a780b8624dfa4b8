//! Private keys and the certificates that belong to them: read from bytes, checked, and found by recipient.

mod certificate;
mod file;
#[cfg(feature = "pkcs12")]
mod pkcs12;
mod private;
mod ring;

pub use certificate::Certificate;
pub use file::{KeyError, KeyFile, Material};
pub use private::{KeyRules, PrivateKey};
pub(in crate::cms) use private::{RSA_ENCRYPTION, may_be_sealed_for};
pub use ring::{KeyRing, RingError};

#[cfg(test)]
mod tests;
