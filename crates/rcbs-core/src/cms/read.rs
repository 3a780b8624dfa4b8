//! The grammar of enveloped data (RFC 5652, RFC 5083): one reader for complete files that stream by and for envelopes
//! without their content.

use std::ops::Range;

use bytes::Bytes;

use super::ber::{Scanner, Tag, Token};
use super::cipher::Cipher;
use super::der::{self, Builder};
use super::head::{ContentKind, Head};
use super::recipient;
use super::structure::StructureError;

/// Bytes kept of what stands around the ciphertext.
pub(super) const KEPT_BYTES_MAX: usize = 1 << 20;

/// Elements inside the ciphertext that may begin in a row before a byte comes. Writers make none or one.
const EMPTY_PIECES_MAX: u32 = 32;

/// Reads a file in pieces of any size. Memory: what stands around the ciphertext, at most [`KEPT_BYTES_MAX`].
#[derive(Debug, Default)]
pub(super) struct Reader {
    scanner: Scanner,
    stage: Stage,
    /// The element that is being kept.
    keep: Option<Builder>,
    kind: Option<ContentKind>,
    /// `version` and `originatorInfo`.
    leading: Vec<u8>,
    /// The same with `recipientInfos`.
    prefix: Bytes,
    recipients: Vec<recipient::RecipientInfo>,
    content_type: Vec<u8>,
    head: Option<Head>,
    suffix: Vec<u8>,
    content: Content,
    kept_bytes: usize,
    fault: Option<StructureError>,
}

/// A piece of ciphertext on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    /// What stands before the ciphertext.
    pub(super) head: &'a Head,
    /// Where in the file the piece begins.
    pub(super) at: u64,
    pub(super) bytes: &'a [u8],
}

/// What a whole file or envelope holds.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) head: Head,
    /// DER of everything after the `EncryptedContentInfo`.
    pub(super) suffix: Bytes,
    /// Bytes of ciphertext; `None` when the element is absent.
    pub(super) ciphertext_bytes: Option<u64>,
}

#[derive(Debug, Default)]
struct Content {
    is_present: bool,
    bytes: u64,
    /// Where in the file it lies, when it is one primitive element of definite length, as in DER.
    whole: Option<Range<u64>>,
    /// Open elements, the content itself included.
    depth: u32,
    /// Elements that began since the last byte.
    empty_pieces: u32,
}

/// What is to come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    ContentInfo,
    ContentType,
    Explicit,
    EnvelopedData,
    Version,
    OriginatorInfo,
    RecipientInfos,
    EncryptedContentInfo,
    InnerContentType,
    Algorithm,
    EncryptedContent,
    InContent,
    EndOfEncryptedContentInfo,
    Attributes,
    Mac,
    UnauthenticatedAttributes,
    EndOfEnvelopedData,
    EndOfExplicit,
    EndOfContentInfo,
    Done,
}

impl Reader {
    /// Takes the next bytes and hands the ciphertext among them to `ciphertext`. After a fault it is the only answer.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        ciphertext: &mut dyn FnMut(Piece<'_>),
    ) -> Result<(), StructureError> {
        if self.fault.is_none() {
            self.fault = self.read(bytes, ciphertext).err();
        }
        self.fault.clone().map_or(Ok(()), Err)
    }

    fn read(
        &mut self,
        bytes: &[u8],
        ciphertext: &mut dyn FnMut(Piece<'_>),
    ) -> Result<(), StructureError> {
        let mut input = bytes;
        loop {
            let at = self.scanner.position();
            match self.scanner.next(&mut input)? {
                None => return Ok(()),
                Some(token) if self.keep.is_some() => self.kept(token, at)?,
                Some(Token::Begin(tag)) => self.begin(tag, at)?,
                Some(Token::End) => self.end(at)?,
                Some(Token::Bytes(bytes)) => {
                    self.content.bytes += bytes.len() as u64;
                    self.content.empty_pieces = 0;
                    // The grammar lets no content begin before the head is complete.
                    if let Some(head) = &self.head {
                        ciphertext(Piece { head, at, bytes });
                    }
                }
            }
        }
    }

    /// What stands before the ciphertext, as soon as it is known.
    pub(super) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Where in the file the ciphertext lies, when that is told by its head alone.
    pub(super) fn whole_content(&self) -> Option<&Range<u64>> {
        self.content.whole.as_ref()
    }

    /// The end of the bytes.
    pub(super) fn finish(self) -> Result<Read, StructureError> {
        let at = self.scanner.position();
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        match self.head {
            Some(head) if self.scanner.is_complete() => Ok(Read {
                head,
                suffix: self.suffix.into(),
                ciphertext_bytes: self.content.is_present.then_some(self.content.bytes),
            }),
            _ => Err(StructureError::Cut { at }),
        }
    }

    fn begin(&mut self, tag: Tag, at: u64) -> Result<(), StructureError> {
        const TAG_0: Tag = Tag::context(0);
        const TAG_0_OPEN: Tag = TAG_0.constructed();
        const TAG_1_OPEN: Tag = Tag::context(1).constructed();
        const TAG_2_OPEN: Tag = Tag::context(2).constructed();
        const OCTETS_OPEN: Tag = Tag::OCTET_STRING.constructed();
        let is_authenticated = self.kind == Some(ContentKind::AuthEnvelopedData);
        match (self.stage, tag) {
            (Stage::ContentInfo, Tag::SEQUENCE) => self.stage = Stage::ContentType,
            (Stage::Explicit, TAG_0_OPEN) => self.stage = Stage::EnvelopedData,
            (Stage::EnvelopedData, Tag::SEQUENCE) => self.stage = Stage::Version,
            (Stage::EncryptedContentInfo, Tag::SEQUENCE) => self.stage = Stage::InnerContentType,
            (Stage::ContentType | Stage::InnerContentType, Tag::OID)
            | (Stage::Version, Tag::INTEGER)
            | (Stage::OriginatorInfo, TAG_0_OPEN)
            | (Stage::Algorithm, Tag::SEQUENCE)
            | (Stage::Attributes, TAG_1_OPEN)
            | (Stage::UnauthenticatedAttributes, TAG_2_OPEN) => return self.begin_keeping(tag, at),
            (Stage::OriginatorInfo | Stage::RecipientInfos, Tag::SET) => {
                self.stage = Stage::RecipientInfos;
                return self.begin_keeping(tag, at);
            }
            (Stage::Attributes | Stage::Mac, Tag::OCTET_STRING | OCTETS_OPEN)
                if is_authenticated =>
            {
                self.stage = Stage::Mac;
                return self.begin_keeping(tag, at);
            }
            (Stage::EncryptedContent, TAG_0 | TAG_0_OPEN) => {
                self.stage = Stage::InContent;
                self.content.is_present = true;
                self.content.depth = 1;
                if !tag.is_constructed() {
                    self.content.whole = self.scanner.innermost();
                }
            }
            (Stage::InContent, Tag::OCTET_STRING | OCTETS_OPEN) => {
                self.content.depth += 1;
                self.content.empty_pieces += 1;
                if self.content.empty_pieces > EMPTY_PIECES_MAX {
                    return Err(StructureError::NoProgress { at });
                }
            }
            _ => return Err(self.stage.fault(is_authenticated, at)),
        }
        Ok(())
    }

    fn end(&mut self, at: u64) -> Result<(), StructureError> {
        let is_authenticated = self.kind == Some(ContentKind::AuthEnvelopedData);
        self.stage = match self.stage {
            Stage::InContent => {
                self.content.depth -= 1;
                match self.content.depth {
                    0 => Stage::EndOfEncryptedContentInfo,
                    _ => Stage::InContent,
                }
            }
            Stage::EncryptedContent | Stage::EndOfEncryptedContentInfo => Stage::Attributes,
            Stage::Attributes if !is_authenticated => Stage::EndOfExplicit,
            Stage::UnauthenticatedAttributes | Stage::EndOfEnvelopedData => Stage::EndOfExplicit,
            Stage::EndOfExplicit => Stage::EndOfContentInfo,
            Stage::EndOfContentInfo => Stage::Done,
            stage => return Err(stage.fault(is_authenticated, at)),
        };
        Ok(())
    }

    fn begin_keeping(&mut self, tag: Tag, at: u64) -> Result<(), StructureError> {
        self.keep = Some(Builder::new());
        self.kept(Token::Begin(tag), at)
    }

    fn kept(&mut self, token: Token<'_>, at: u64) -> Result<(), StructureError> {
        let Some(keep) = &mut self.keep else {
            return Ok(());
        };
        let mut is_whole = false;
        match token {
            Token::Begin(tag) if !keep.begin(tag) => {
                return Err(StructureError::Unexpected { at });
            }
            Token::Begin(_) => {}
            Token::Bytes(bytes) => {
                // Before they are copied, so that no single piece can pass the limit either.
                if self.kept_bytes + keep.len() + bytes.len() > KEPT_BYTES_MAX {
                    return Err(StructureError::TooLarge {
                        limit_bytes: KEPT_BYTES_MAX,
                    });
                }
                keep.bytes(bytes);
            }
            Token::End => is_whole = keep.end(),
        }
        match self.keep.take_if(|_| is_whole) {
            Some(keep) => self.take_element(keep.into_der(), at),
            None => Ok(()),
        }
    }

    /// Takes in an element of which we keep the DER.
    fn take_element(&mut self, der: Vec<u8>, at: u64) -> Result<(), StructureError> {
        self.kept_bytes += der.len();
        self.stage = match self.stage {
            Stage::ContentType => {
                let oid = der::only(&der, Tag::OID).unwrap_or_default();
                let other = || StructureError::OtherContent {
                    oid: der::dotted(oid),
                };
                self.kind = Some(ContentKind::from_oid(oid).ok_or_else(other)?);
                Stage::Explicit
            }
            Stage::Version => {
                self.leading = der;
                Stage::OriginatorInfo
            }
            Stage::OriginatorInfo => {
                self.leading.extend(der);
                Stage::RecipientInfos
            }
            Stage::RecipientInfos => {
                let set_begin = self.leading.len();
                self.leading.extend(der);
                self.prefix = std::mem::take(&mut self.leading).into();
                let infos = der::only(&self.prefix[set_begin..], Tag::SET).unwrap_or_default();
                self.recipients = recipient::recipient_infos(&self.prefix.slice_ref(infos))?;
                Stage::EncryptedContentInfo
            }
            Stage::InnerContentType => {
                self.content_type = der;
                Stage::Algorithm
            }
            Stage::Algorithm => {
                self.take_algorithm(der, at)?;
                Stage::EncryptedContent
            }
            stage => {
                self.suffix.extend(der);
                match (stage, self.kind) {
                    (Stage::Attributes, Some(ContentKind::AuthEnvelopedData)) => Stage::Mac,
                    (Stage::Mac, _) => Stage::UnauthenticatedAttributes,
                    _ => Stage::EndOfEnvelopedData,
                }
            }
        };
        Ok(())
    }

    /// Takes in the last element before the ciphertext; now the head is complete.
    fn take_algorithm(&mut self, algorithm: Vec<u8>, at: u64) -> Result<(), StructureError> {
        let missing = |wanted| StructureError::Missing { wanted, at };
        let mut content = der::only(&algorithm, Tag::SEQUENCE).unwrap_or_default();
        let oid = der::take_tagged(&mut content, Tag::OID)
            .ok_or(missing("contentEncryptionAlgorithm"))?
            .content;
        let cipher = Cipher::from_oid(oid);
        self.head = Some(Head {
            kind: self.kind.ok_or(missing("contentType"))?,
            recipients: std::mem::take(&mut self.recipients),
            cipher,
            prefix: std::mem::take(&mut self.prefix),
            content_type: std::mem::take(&mut self.content_type).into(),
            parameters_bytes: content.len(),
            algorithm: algorithm.into(),
        });
        Ok(())
    }
}

impl Stage {
    /// Why nothing else but what this stage wants may come.
    fn fault(self, is_authenticated: bool, at: u64) -> StructureError {
        let wanted = match self {
            Self::ContentInfo => "ContentInfo",
            Self::ContentType | Self::InnerContentType => "contentType",
            Self::Explicit => "content",
            Self::EnvelopedData => "EnvelopedData",
            Self::Version => "version",
            Self::OriginatorInfo | Self::RecipientInfos => "recipientInfos",
            Self::EncryptedContentInfo => "encryptedContentInfo",
            Self::Algorithm => "contentEncryptionAlgorithm",
            Self::InContent => "OCTET STRING",
            Self::Attributes | Self::Mac if is_authenticated => "mac",
            Self::EncryptedContent
            | Self::EndOfEncryptedContentInfo
            | Self::Attributes
            | Self::Mac
            | Self::UnauthenticatedAttributes
            | Self::EndOfEnvelopedData
            | Self::EndOfExplicit
            | Self::EndOfContentInfo
            | Self::Done => return StructureError::Unexpected { at },
        };
        StructureError::Missing { wanted, at }
    }
}
