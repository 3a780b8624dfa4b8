//! What can be wrong with the structure of an enveloped file or its envelope.

/// Why bytes are not a well-formed `EnvelopedData` (RFC 5652) or `AuthEnvelopedData` (RFC 5083). Places are counted in
/// bytes from the beginning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StructureError {
    /// The number of a tag is too large.
    #[error("the tag at byte {at} is not one of CMS")]
    Tag {
        /// Where the element begins.
        at: u64,
    },
    /// A length in a reserved form, of more than eight bytes, or indefinite where it may not be.
    #[error("the length of the element at byte {at} is not valid")]
    Length {
        /// Where the element begins.
        at: u64,
    },
    /// An element is longer than what encloses it.
    #[error("the element at byte {at} is longer than the one around it")]
    Overrun {
        /// Where the element begins.
        at: u64,
    },
    /// A mark for the end of an element of indefinite length where none is open.
    #[error("the end mark at byte {at} ends nothing")]
    EndOfContents {
        /// Where the mark stands.
        at: u64,
    },
    /// More than 16 elements within each other.
    #[error("the elements at byte {at} are nested too deeply")]
    Depth {
        /// Where the innermost begins.
        at: u64,
    },
    /// Another element stands where the format wants a certain one, or none stands there.
    #[error("{wanted} is missing at byte {at}")]
    Missing {
        /// The name of the wanted element in RFC 5652.
        wanted: &'static str,
        /// Where it should be.
        at: u64,
    },
    /// An element that the format does not have there.
    #[error("the element at byte {at} has no place in the format")]
    Unexpected {
        /// Where it begins.
        at: u64,
    },
    /// CMS of another kind, or something else entirely.
    #[error("it is not enveloped data but {oid}")]
    OtherContent {
        /// The object identifier of the content, in dotted form.
        oid: String,
    },
    /// A recipient that cannot be read.
    #[error("recipient {number} is malformed")]
    Recipient {
        /// Which one, from 1.
        number: usize,
    },
    /// No recipient, so that nobody could ever open the file, or more than 64.
    #[error("it has {count} recipients, which must be 1 to 64")]
    RecipientCount {
        /// How many there are.
        count: usize,
    },
    /// What stands around the ciphertext is larger than one mebibyte.
    #[error("it has more than {limit_bytes} bytes around the ciphertext")]
    TooLarge {
        /// The limit that was passed.
        limit_bytes: usize,
    },
    /// A series of empty pieces that carries no ciphertext.
    #[error("the ciphertext at byte {at} comes in empty pieces")]
    NoProgress {
        /// Where the last of them ends.
        at: u64,
    },
    /// The bytes end before the structure does.
    #[error("it ends at byte {at}, before its structure is complete")]
    Cut {
        /// How many bytes there were.
        at: u64,
    },
    /// Something follows after the end of the structure.
    #[error("something follows after its end at byte {at}")]
    Trailing {
        /// Where the structure ends.
        at: u64,
    },
}
