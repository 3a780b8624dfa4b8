//! Encrypts media as the recorder does (`genesys.md` 5), with code of its own: what it writes is the test of the reader
//! in `rcbs-core`.

mod cipher;
mod der;
mod envelope;
mod pem;
mod recipient;
mod rsa;
#[cfg(test)]
mod tests;

pub use cipher::{Cipher, SessionKey};
pub use envelope::Envelope;
pub use recipient::{Identity, Recipient, RecipientError};

pub(crate) use envelope::{INDEFINITE_TAIL, octet_string};

/// How the session key is wrapped for a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyTransport {
    /// RSA PKCS#1 v1.5, the one seen in the field.
    #[default]
    Pkcs1,
    /// RSA-OAEP with SHA-1.
    Oaep,
}
