//! Takes BER (X.690) apart as it streams by, checking every length against all that enclose it.

use std::ops::Range;

use super::structure::StructureError;

/// Elements that may be open at once. An `EnvelopedData` needs about ten.
const DEPTH_MAX: usize = 16;

/// The longest identifier and length octets that are read: a tag of four groups of seven bits, a length of eight bytes.
const HEADER_BYTES_MAX: usize = 1 + 4 + 1 + 8;

/// Identifier octets: class, kind and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    /// The first octet.
    first: u8,
    /// The number, for tags whose number does not fit the first octet.
    number: u32,
}

impl Tag {
    pub(super) const INTEGER: Self = Self::short(0x02);
    pub(super) const OCTET_STRING: Self = Self::short(0x04);
    pub(super) const OID: Self = Self::short(0x06);
    pub(super) const SEQUENCE: Self = Self::short(0x30);
    pub(super) const SET: Self = Self::short(0x31);
    const END_OF_CONTENTS: Self = Self::short(0x00);
    const CONSTRUCTED: u8 = 0x20;

    /// A tag of one octet.
    pub(super) const fn short(first: u8) -> Self {
        Self { first, number: 0 }
    }

    /// The context-specific tag of this number, as a primitive.
    pub(super) const fn context(number: u8) -> Self {
        Self::short(0x80 | number)
    }

    /// The same tag for a constructed element.
    pub(super) const fn constructed(self) -> Self {
        Self {
            first: self.first | Self::CONSTRUCTED,
            number: self.number,
        }
    }

    /// The same tag for a primitive element.
    pub(super) const fn primitive(self) -> Self {
        Self {
            first: self.first & !Self::CONSTRUCTED,
            number: self.number,
        }
    }

    pub(super) const fn is_constructed(self) -> bool {
        self.first & Self::CONSTRUCTED != 0
    }

    /// The octets of the tag, in the shortest form.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.push(self.first);
        if self.first & 0x1f == 0x1f {
            for group in (0..4).rev() {
                let rest = self.number >> (7 * group);
                if rest > 0 || group == 0 {
                    let more = if group > 0 { 0x80 } else { 0 };
                    out.push(u8::try_from(rest & 0x7f).unwrap_or_default() | more);
                }
            }
        }
    }
}

/// Writes a definite length in the shortest form.
pub(super) fn write_length(length: u64, out: &mut Vec<u8>) {
    let bytes = length.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    match length {
        0..=0x7f => out.push(bytes[7]),
        _ => {
            out.push(0x80 | u8::try_from(8 - zeros).unwrap_or_default());
            out.extend_from_slice(&bytes[zeros..]);
        }
    }
}

/// How many bytes [`write_length`] writes.
pub(super) fn length_bytes(length: u64) -> u64 {
    match length {
        0..=0x7f => 1,
        _ => 1 + u64::from(8 - length.leading_zeros() / 8),
    }
}

/// Identifier and length octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) tag: Tag,
    /// `None` for an indefinite length.
    pub(super) length: Option<u64>,
    /// How many octets the header has.
    pub(super) bytes: usize,
}

impl Header {
    /// Reads a header from the beginning of `bytes`; `None` when it does not end there.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, HeaderFault> {
        let Some((&first, mut rest)) = bytes.split_first() else {
            return Ok(None);
        };
        let mut tag = Tag::short(first);
        if first & 0x1f == 0x1f {
            loop {
                let Some((&group, after)) = rest.split_first() else {
                    return Ok(None);
                };
                rest = after;
                tag.number = tag.number << 7 | u32::from(group & 0x7f);
                if group & 0x80 == 0 {
                    break;
                }
                if bytes.len() - rest.len() == 5 {
                    return Err(HeaderFault::Tag);
                }
            }
        }
        let Some((&first, mut rest)) = rest.split_first() else {
            return Ok(None);
        };
        let length = match first {
            0x80 if tag.is_constructed() => None,
            0x80 => return Err(HeaderFault::IndefinitePrimitive),
            0x00..=0x7f => Some(u64::from(first)),
            0x89.. => return Err(HeaderFault::Length),
            0x81..=0x88 => {
                let Some((octets, after)) = rest.split_at_checked(usize::from(first & 0x7f)) else {
                    return Ok(None);
                };
                rest = after;
                Some(octets.iter().fold(0, |sum, b| sum << 8 | u64::from(*b)))
            }
        };
        let bytes = bytes.len() - rest.len();
        Ok(Some(Self { tag, length, bytes }))
    }
}

/// Why octets are no header that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// The number of the tag has more than 28 bits.
    Tag,
    /// The length has more than eight octets, or a reserved form.
    Length,
    /// A primitive element of indefinite length.
    IndefinitePrimitive,
}

/// What a [`Scanner`] sees. Each `Begin` has its `End`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// An element begins.
    Begin(Tag),
    /// The next bytes of a primitive element.
    Bytes(&'a [u8]),
    /// The innermost open element ends.
    End,
}

/// Takes BER apart that arrives in pieces of any size. It holds one header and the ends of the open elements.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    open: Vec<Open>,
    position: u64,
    header: [u8; HEADER_BYTES_MAX],
    header_bytes: usize,
    has_begun: bool,
}

#[derive(Debug)]
struct Open {
    kind: Kind,
    /// Where the element ends; for an indefinite length where it must have ended: at the end of what encloses it.
    end: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Primitive,
    Definite,
    Indefinite,
}

impl Scanner {
    /// The next token, taken from the beginning of `input`; `None` when more input is needed, and after the end.
    pub(super) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<Token<'a>>, StructureError> {
        if let Some(top) = self.open.last() {
            if top.kind != Kind::Indefinite && self.position == top.end {
                return self.end(0);
            }
            if top.kind == Kind::Primitive {
                return Ok(self.bytes(top.end - self.position, input));
            }
        } else if self.has_begun {
            return match input {
                [] => Ok(None),
                _ => Err(StructureError::Trailing { at: self.position }),
            };
        }
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            // `Header::read` decides after at most `HEADER_BYTES_MAX` bytes, so there is always room.
            self.header[self.header_bytes] = byte;
            self.header_bytes += 1;
            if let Some(header) = self.header()? {
                self.header_bytes = 0;
                return self.begin(header);
            }
        }
        Ok(None)
    }

    /// Bytes taken so far, those of an unfinished header not counted.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// From here to where the innermost open element ends; for an indefinite length to where it must have ended.
    pub(super) fn innermost(&self) -> Option<Range<u64>> {
        self.open.last().map(|top| self.position..top.end)
    }

    /// Whether the outermost element has ended.
    pub(super) fn is_complete(&self) -> bool {
        self.has_begun && self.open.is_empty()
    }

    fn bytes<'a>(&mut self, remaining: u64, input: &mut &'a [u8]) -> Option<Token<'a>> {
        if input.is_empty() {
            return None;
        }
        let count = usize::try_from(remaining).map_or(input.len(), |n| n.min(input.len()));
        let (bytes, rest) = input.split_at(count);
        *input = rest;
        self.position += count as u64;
        Some(Token::Bytes(bytes))
    }

    fn header(&self) -> Result<Option<Header>, StructureError> {
        let at = self.position;
        Header::read(&self.header[..self.header_bytes]).map_err(|fault| match fault {
            HeaderFault::Tag => StructureError::Tag { at },
            HeaderFault::Length | HeaderFault::IndefinitePrimitive => StructureError::Length { at },
        })
    }

    fn begin<'a>(&mut self, header: Header) -> Result<Option<Token<'a>>, StructureError> {
        let at = self.position;
        let overrun = StructureError::Overrun { at };
        let (enclosing, bound) = match self.open.last() {
            Some(top) => (Some(top.kind), top.end),
            None => (None, u64::MAX),
        };
        let begin = at
            .checked_add(header.bytes as u64)
            .filter(|begin| *begin <= bound)
            .ok_or(overrun.clone())?;
        if header.tag == Tag::END_OF_CONTENTS {
            return match (enclosing, header.length) {
                (Some(Kind::Indefinite), Some(0)) => self.end(header.bytes as u64),
                _ => Err(StructureError::EndOfContents { at }),
            };
        }
        if self.open.len() == DEPTH_MAX {
            return Err(StructureError::Depth { at });
        }
        let end = match header.length {
            Some(length) => begin
                .checked_add(length)
                .filter(|end| *end <= bound)
                .ok_or(overrun)?,
            None => bound,
        };
        let kind = match (header.tag.is_constructed(), header.length) {
            (false, _) => Kind::Primitive,
            (true, Some(_)) => Kind::Definite,
            (true, None) => Kind::Indefinite,
        };
        self.has_begun = true;
        self.open.push(Open { kind, end });
        self.position = begin;
        Ok(Some(Token::Begin(header.tag)))
    }

    fn end<'a>(&mut self, mark_bytes: u64) -> Result<Option<Token<'a>>, StructureError> {
        self.position += mark_bytes;
        self.open.pop();
        Ok(Some(Token::End))
    }
}
