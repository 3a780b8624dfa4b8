//! Cryptographic Message Syntax (RFC 5652) as far as recordings need it, in streams.
//!
//! [`Envelope`] reads the detached envelope of the metadata and frames a ciphertext with it; [`Walker`] checks a whole
//! file as it streams by, and hands out head and ciphertext to whoever has a key. Both stand on one grammar (`read`),
//! that on one scanner (`ber`): BER is read, DER is written, every length has a bound. [`Opener`] gives the clear bytes of
//! a stream to whoever holds a fitting key in a [`KeyRing`]; [`FileMap`] says which bytes of a file a slice needs.
//! [`Seal`] goes the other way: clear bytes in, a whole file for the holders of certificates out.

mod ber;
mod cipher;
mod der;
mod envelope;
mod head;
mod keys;
mod name;
mod open;
mod pem;
mod read;
mod recipient;
mod seal;
mod structure;
mod walk;

pub use cipher::Cipher;
pub use envelope::{Envelope, EnvelopeError, Frame};
pub use head::{ContentKind, Head, begins_like_enveloped_data};
pub use keys::{
    Certificate, KeyError, KeyFile, KeyRing, KeyRules, Material, PrivateKey, RingError,
};
pub use open::{
    Candidate, FileMap, Mapper, Match, NoKey, OpenError, OpenRules, Opened, Opener, SliceError,
    SliceKey, SlicePlan,
};
pub use recipient::{KeyTransport, Recipient, RecipientInfo, Serial};
pub use seal::{Seal, SealCipher, SealError, Sealer};
pub use structure::StructureError;
pub use walk::{WalkError, Walked, Walker};

#[cfg(test)]
mod tests;
