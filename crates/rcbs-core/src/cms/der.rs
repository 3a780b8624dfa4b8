//! Reads and builds small pieces of DER in memory: definite lengths only.

use super::ber::{Header, Tag, write_length};

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    pub(super) content: &'a [u8],
    /// Header and content.
    pub(super) whole: &'a [u8],
}

/// Takes the first element from `bytes`; `None` at the end, and where no whole element of definite length stands.
pub(super) fn take<'a>(bytes: &mut &'a [u8]) -> Option<Element<'a>> {
    let header = Header::read(bytes).ok()??;
    let end = usize::try_from(header.length?)
        .ok()?
        .checked_add(header.bytes)?;
    let (whole, rest) = bytes.split_at_checked(end)?;
    *bytes = rest;
    Some(Element {
        tag: header.tag,
        content: &whole[header.bytes..],
        whole,
    })
}

/// Takes the first element from `bytes` if it has this tag.
pub(super) fn take_tagged<'a>(bytes: &mut &'a [u8], tag: Tag) -> Option<Element<'a>> {
    let mut rest = *bytes;
    let element = take(&mut rest).filter(|element| element.tag == tag)?;
    *bytes = rest;
    Some(element)
}

/// The content of the one element of this tag that `bytes` are.
pub(super) fn only(mut bytes: &[u8], tag: Tag) -> Option<&[u8]> {
    let element = take_tagged(&mut bytes, tag)?;
    bytes.is_empty().then_some(element.content)
}

/// An object identifier in dotted form; `?` where it is not one.
pub(super) fn dotted(oid: &[u8]) -> String {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc = 0_u64;
    for byte in oid {
        let Some(shifted) = arc.checked_mul(128) else {
            return "?".to_owned();
        };
        arc = shifted | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                let root = (arc / 40).min(2);
                arcs.extend([root, arc - root * 40]);
            } else {
                arcs.push(arc);
            }
            arc = 0;
        }
    }
    match oid.last() {
        Some(last) if last & 0x80 == 0 && oid.len() <= 64 => {
            let arcs: Vec<String> = arcs.iter().map(u64::to_string).collect();
            arcs.join(".")
        }
        _ => "?".to_owned(),
    }
}

/// An element with these parts as its content.
pub(super) fn element(tag: Tag, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    // All at once, so that no half-written copy of a secret is left behind by growing.
    let mut out = Vec::with_capacity(len + 16);
    tag.write(&mut out);
    write_length(len as u64, &mut out);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// A SEQUENCE of these parts.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(Tag::SEQUENCE, parts)
}

/// Builds DER from the tokens of BER: lengths become definite and shortest, octet strings in pieces become whole.
#[derive(Debug, Default)]
pub(super) struct Builder {
    der: Vec<u8>,
    open: Vec<Part>,
    /// The header that is being put before its content.
    header: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    tag: Tag,
    /// Where its content begins in what was built.
    begin: usize,
    kind: PartKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartKind {
    /// Written as it is.
    Plain,
    /// An octet string that comes in pieces.
    Pieces,
    /// One of those pieces.
    Piece,
}

impl Builder {
    /// With room for the elements that are short, which are most.
    pub(super) fn new() -> Self {
        Self {
            der: Vec::with_capacity(64),
            ..Self::default()
        }
    }

    /// Begins an element. False when it may not stand where it is: only octet strings are pieces of an octet string.
    pub(super) fn begin(&mut self, tag: Tag) -> bool {
        let in_pieces = self
            .open
            .last()
            .is_some_and(|part| part.kind != PartKind::Plain);
        let is_octets = tag.primitive() == Tag::OCTET_STRING;
        let kind = match (in_pieces, tag.is_constructed() && is_octets) {
            (true, _) => PartKind::Piece,
            (false, true) => PartKind::Pieces,
            (false, false) => PartKind::Plain,
        };
        self.open.push(Part {
            tag,
            begin: self.der.len(),
            kind,
        });
        !in_pieces || is_octets
    }

    /// Adds content.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.der.extend_from_slice(bytes);
    }

    /// Ends the innermost element. True when that was the outermost one.
    ///
    /// Its header is put before its content now that the length is known. That moves the content once for each level
    /// of nesting, which is bounded, so that the work stays linear.
    pub(super) fn end(&mut self) -> bool {
        let Some(part) = self.open.pop() else {
            return true;
        };
        let tag = match part.kind {
            PartKind::Plain => part.tag,
            PartKind::Pieces => Tag::OCTET_STRING,
            PartKind::Piece => return self.open.is_empty(),
        };
        self.header.clear();
        tag.write(&mut self.header);
        write_length((self.der.len() - part.begin) as u64, &mut self.header);
        let begin = part.begin..part.begin;
        self.der.splice(begin, self.header.iter().copied());
        self.open.is_empty()
    }

    /// Bytes built so far.
    pub(super) fn len(&self) -> usize {
        self.der.len()
    }

    /// What was built.
    pub(super) fn into_der(self) -> Vec<u8> {
        self.der
    }
}
