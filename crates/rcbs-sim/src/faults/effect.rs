//! What a fault does to the answer.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What happens instead of, or to, the right answer. Those about pages do nothing to objects, and the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// This HTTP status. `code` is the store's error code, such as `SlowDown`; one that fits is chosen without it.
    Status {
        /// HTTP status.
        status: u16,
        /// The store's error code.
        code: Option<String>,
        /// `Retry-After`, in seconds.
        retry_after_s: Option<u64>,
    },
    /// HTTP 200 with this `statusCode` inside (`genesys.md` 2.3).
    StatusCode {
        /// 1 to 7 or 20.
        code: u16,
    },
    /// A login page in HTML, with 200.
    Html,
    /// An error in the store's XML, with 200.
    XmlError,
    /// The body breaks off after so many bytes and the connection is closed, although more was announced.
    Cut {
        /// Bytes that still arrive.
        after_bytes: u64,
    },
    /// A page that ends after so many bytes as if it were whole.
    CutJson {
        /// Bytes that still arrive.
        after_bytes: u64,
    },
    /// The connection is reset after so many bytes of the body.
    Reset {
        /// Bytes that still arrive.
        after_bytes: u64,
    },
    /// So many bytes more than the object has, announced as if they belonged to it.
    Longer {
        /// Bytes too many.
        by_bytes: u64,
    },
    /// So many bytes less than the object has, announced as if that were all.
    Shorter {
        /// Bytes too few.
        by_bytes: u64,
    },
    /// So many bytes more than was announced, before the connection is closed.
    Trailing {
        /// Bytes too many.
        by_bytes: u64,
    },
    /// The lowest bit of one byte is flipped.
    Flip {
        /// Which byte of the body, from 0.
        at_byte: u64,
    },
    /// The body trickles.
    Slow {
        /// Bytes per second.
        bytes_per_s: u64,
    },
    /// The answer comes late.
    Delay {
        /// Milliseconds.
        wait_ms: u64,
    },
    /// No answer ever comes.
    Hang,
    /// The body stops coming after so many bytes, and the connection stays open.
    Stall {
        /// Bytes that still arrive.
        after_bytes: u64,
    },
    /// 302 to this URL.
    Redirect {
        /// Where to.
        to: String,
    },
    /// The link to the next page is this one.
    LinkTo {
        /// Where to.
        to: String,
    },
    /// The link to the next page leads to this page.
    LinkToSelf,
    /// Each page is full and has a next one. With `fresh` ids that were never seen, else the same page for ever.
    EndlessPages {
        /// Whether the recordings are new ones each time.
        fresh: bool,
    },
    /// A page of so many bytes, made while it is sent.
    HugePage {
        /// How many.
        len_bytes: u64,
    },
    /// So many brackets inside each other.
    Nested {
        /// How many.
        depth: u64,
    },
    /// The object is replaced by another version before it is read.
    Replace,
    /// The answer is that of a bucket in this region: `status` 301 or 400.
    WrongRegion {
        /// HTTP status.
        status: u16,
        /// The region it is in.
        region: String,
    },
    /// 403 `RequestTimeTooSkewed`, and a `Date` that is so many seconds ahead of this machine.
    Skewed {
        /// Seconds; negative when the store is behind.
        ahead_s: i64,
    },
    /// The range is not heeded: 200 and the whole object.
    IgnoreRange,
    /// The range begins so many bytes later than asked for, and says so.
    WrongRange {
        /// How many bytes.
        shift_bytes: u64,
    },
    /// Chunks, no `Content-Length`.
    NoLength,
    /// The checksum in the headers is not that of the object.
    WrongChecksum,
    /// `Content-Encoding: gzip` without the bytes being so.
    Encoded,
}

/// An effect that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EffectError {
    /// No such effect.
    #[error("there is no effect {0:?}; known are {words}", words = super::known::words())]
    Unknown(String),
    /// An argument is missing or not of its type.
    #[error("the effect {effect} needs {name}=<{form}>")]
    Argument {
        /// The effect.
        effect: String,
        /// The argument.
        name: &'static str,
        /// What it has to be.
        form: &'static str,
    },
    /// An argument that the effect does not have.
    #[error("the effect {effect} has no argument {name:?}")]
    Superfluous {
        /// The effect.
        effect: String,
        /// The argument.
        name: String,
    },
}

impl FromStr for Effect {
    type Err = EffectError;

    fn from_str(text: &str) -> Result<Self, EffectError> {
        let mut words = text.split_whitespace();
        let word = words.next().unwrap_or_default();
        let mut arguments = Arguments {
            effect: word.to_owned(),
            given: words
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .collect(),
        };
        let effect = read(word, &mut arguments)?;
        match arguments.given.into_keys().next() {
            Some(name) => Err(EffectError::Superfluous {
                effect: word.to_owned(),
                name: name.to_owned(),
            }),
            None => Ok(effect),
        }
    }
}

fn read(word: &str, arguments: &mut Arguments<'_>) -> Result<Effect, EffectError> {
    Ok(match word {
        "slow-down" => Effect::Status {
            status: 503,
            code: Some("SlowDown".to_owned()),
            retry_after_s: arguments.optional("retry-after", "seconds")?,
        },
        "status-code" => Effect::StatusCode {
            code: arguments.needed("code", "number")?,
        },
        "html" => Effect::Html,
        "xml-error" => Effect::XmlError,
        "cut" => Effect::Cut {
            after_bytes: arguments.needed("after", "bytes")?,
        },
        "cut-json" => Effect::CutJson {
            after_bytes: arguments.needed("after", "bytes")?,
        },
        "reset" => Effect::Reset {
            after_bytes: arguments.optional("after", "bytes")?.unwrap_or(0),
        },
        "longer" => Effect::Longer {
            by_bytes: arguments.needed("by", "bytes")?,
        },
        "shorter" => Effect::Shorter {
            by_bytes: arguments.needed("by", "bytes")?,
        },
        "trailing" => Effect::Trailing {
            by_bytes: arguments.needed("by", "bytes")?,
        },
        "flip" => Effect::Flip {
            at_byte: arguments.needed("at", "byte")?,
        },
        "slow" => Effect::Slow {
            bytes_per_s: arguments.needed("rate", "bytes per second")?,
        },
        "delay" => Effect::Delay {
            wait_ms: arguments.needed("ms", "milliseconds")?,
        },
        "hang" => Effect::Hang,
        "stall" => Effect::Stall {
            after_bytes: arguments.needed("after", "bytes")?,
        },
        "redirect" => Effect::Redirect {
            to: arguments.needed("to", "url")?,
        },
        "link" => Effect::LinkTo {
            to: arguments.needed("to", "url")?,
        },
        "link-to-self" => Effect::LinkToSelf,
        "endless-pages" => Effect::EndlessPages {
            fresh: arguments
                .optional("fresh", "true or false")?
                .unwrap_or(false),
        },
        "huge-page" => Effect::HugePage {
            len_bytes: arguments.needed("bytes", "bytes")?,
        },
        "nested" => Effect::Nested {
            depth: arguments.needed("depth", "number")?,
        },
        "replace" => Effect::Replace,
        "wrong-region" => Effect::WrongRegion {
            status: arguments.optional("status", "301 or 400")?.unwrap_or(400),
            region: arguments.needed("region", "name")?,
        },
        "skewed" => Effect::Skewed {
            ahead_s: arguments.needed("ahead", "seconds")?,
        },
        "ignore-range" => Effect::IgnoreRange,
        "wrong-range" => Effect::WrongRange {
            shift_bytes: arguments.needed("shift", "bytes")?,
        },
        "no-length" => Effect::NoLength,
        "wrong-checksum" => Effect::WrongChecksum,
        "encoded" => Effect::Encoded,
        _ => match word.parse() {
            Ok(status @ 300..=599) => Effect::Status {
                status,
                code: arguments.optional("code", "name")?,
                retry_after_s: arguments.optional("retry-after", "seconds")?,
            },
            _ => return Err(EffectError::Unknown(word.to_owned())),
        },
    })
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status {
                status,
                code,
                retry_after_s,
            } => {
                write!(f, "{status}")?;
                code.iter().try_for_each(|code| write!(f, " code={code}"))?;
                retry_after_s
                    .iter()
                    .try_for_each(|wait| write!(f, " retry-after={wait}"))
            }
            Self::StatusCode { code } => write!(f, "status-code code={code}"),
            Self::Html => f.write_str("html"),
            Self::XmlError => f.write_str("xml-error"),
            Self::Cut { after_bytes } => write!(f, "cut after={after_bytes}"),
            Self::CutJson { after_bytes } => write!(f, "cut-json after={after_bytes}"),
            Self::Reset { after_bytes } => write!(f, "reset after={after_bytes}"),
            Self::Longer { by_bytes } => write!(f, "longer by={by_bytes}"),
            Self::Shorter { by_bytes } => write!(f, "shorter by={by_bytes}"),
            Self::Trailing { by_bytes } => write!(f, "trailing by={by_bytes}"),
            Self::Flip { at_byte } => write!(f, "flip at={at_byte}"),
            Self::Slow { bytes_per_s } => write!(f, "slow rate={bytes_per_s}"),
            Self::Delay { wait_ms } => write!(f, "delay ms={wait_ms}"),
            Self::Hang => f.write_str("hang"),
            Self::Stall { after_bytes } => write!(f, "stall after={after_bytes}"),
            Self::Redirect { to } => write!(f, "redirect to={to}"),
            Self::LinkTo { to } => write!(f, "link to={to}"),
            Self::LinkToSelf => f.write_str("link-to-self"),
            Self::EndlessPages { fresh } => write!(f, "endless-pages fresh={fresh}"),
            Self::HugePage { len_bytes } => write!(f, "huge-page bytes={len_bytes}"),
            Self::Nested { depth } => write!(f, "nested depth={depth}"),
            Self::Replace => f.write_str("replace"),
            Self::WrongRegion { status, region } => {
                write!(f, "wrong-region status={status} region={region}")
            }
            Self::Skewed { ahead_s } => write!(f, "skewed ahead={ahead_s}"),
            Self::IgnoreRange => f.write_str("ignore-range"),
            Self::WrongRange { shift_bytes } => write!(f, "wrong-range shift={shift_bytes}"),
            Self::NoLength => f.write_str("no-length"),
            Self::WrongChecksum => f.write_str("wrong-checksum"),
            Self::Encoded => f.write_str("encoded"),
        }
    }
}

/// The `name=value` pairs of an effect, taken away as they are used.
struct Arguments<'a> {
    effect: String,
    given: BTreeMap<&'a str, &'a str>,
}

impl Arguments<'_> {
    fn optional<T: FromStr>(
        &mut self,
        name: &'static str,
        form: &'static str,
    ) -> Result<Option<T>, EffectError> {
        self.given
            .remove(name)
            .map(|value| {
                value.parse().map_err(|_| EffectError::Argument {
                    effect: self.effect.clone(),
                    name,
                    form,
                })
            })
            .transpose()
    }

    fn needed<T: FromStr>(
        &mut self,
        name: &'static str,
        form: &'static str,
    ) -> Result<T, EffectError> {
        self.optional(name, form)?
            .ok_or_else(|| EffectError::Argument {
                effect: self.effect.clone(),
                name,
                form,
            })
    }
}
