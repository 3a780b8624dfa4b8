//! The recording API of Interaction Recording Web Services over HTTP.

mod dialect;
mod exchange;
mod gzip;
mod link;
mod page;
mod settings;
mod status;
mod wire;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::SignedDuration;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rcbs_core::ports::{
    ApiError, Cursor, Entry, ListRequest, NextLink, Page, RecordingApi, RemoteSettings,
};
use rcbs_core::recording::RecordingId;
use secrecy::SecretString;
use url::Url;

use crate::http::{HttpError, HttpOptions, Timeouts};
use dialect::{Dialect, Known, Refusal, SPELLINGS, Step};
use exchange::{Answer, Exchange, Question};
pub use page::{PageSource, read_page};
use status::{Failure, Said};
use wire::{Envelope, NotAnEnvelope, Received};

/// A range that no server refuses for its length.
const SHORT_RANGE: SignedDuration = SignedDuration::from_hours(1);

/// Characters that stand for themselves in a path segment (RFC 3986, 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where the API is and who asks.
#[derive(Debug, Clone)]
pub struct GwsOptions {
    /// `gwsUriPrefix`, without a slash at the end.
    pub prefix: Url,
    /// `gwsRecordingsUri`, beginning with a slash, perhaps with a query.
    pub recordings_path: String,
    /// `gwsSettingsUri`, in the same form.
    pub settings_path: String,
    /// `GWS_USERNAME`.
    pub username: String,
    /// `GWS_PASSWORD`.
    pub password: SecretString,
    /// How it is reached.
    pub http: HttpOptions,
}

/// The API as a client sees it. It learns which spelling of a request the server takes and keeps to it.
pub struct Gws {
    exchange: Exchange,
    /// Path of the list, prefix included.
    recordings_path: String,
    /// Parameters that every request for recordings has, without question mark; mostly none.
    parameters: Option<String>,
    /// Path of the settings, prefix included.
    settings_path: String,
    /// The part of the list's path below the prefix, as links may give it.
    list_path: String,
    known: Mutex<Known>,
    /// Held while spellings are tried, so that parallel lists do not all try them.
    negotiating: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Gws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gws")
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}

impl Gws {
    /// A client with the usual time limits. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// [`HttpError`] when an address, the proxy, the certificates or the login cannot be used.
    pub fn new(options: GwsOptions) -> Result<Self, HttpError> {
        Self::with_timeouts(options, Timeouts::default())
    }

    /// A client with other time limits.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_timeouts(options: GwsOptions, timeouts: Timeouts) -> Result<Self, HttpError> {
        let base = options.prefix.path().trim_end_matches('/');
        let (list_path, parameters) = match options.recordings_path.split_once('?') {
            Some((path, parameters)) => (path.to_owned(), Some(parameters.to_owned())),
            None => (options.recordings_path.clone(), None),
        };
        Ok(Self {
            recordings_path: format!("{base}{list_path}"),
            parameters,
            settings_path: format!("{base}{}", options.settings_path),
            exchange: Exchange::new(&options, timeouts)?,
            list_path,
            known: Mutex::default(),
            negotiating: tokio::sync::Mutex::default(),
        })
    }

    fn known(&self) -> Known {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// Asks for a page in one spelling. The inner error is a refusal that another spelling may mend.
    async fn ask(
        &self,
        request: &ListRequest,
        offset: u64,
        dialect: Dialect,
    ) -> Result<Result<Page, Refusal>, ApiError> {
        let mut path = format!("{}?", self.recordings_path);
        if let Some(parameters) = &self.parameters {
            path.push_str(parameters);
            path.push('&');
        }
        path.push_str(&dialect.query(request, offset));
        match self.page(&path).await {
            Ok(page) => {
                let known = self.known();
                if !known.confirmed || known.dialect != dialect {
                    self.learn(Known {
                        dialect,
                        confirmed: true,
                        ..known
                    });
                }
                Ok(Ok(page))
            }
            Err(Failure::Refusal(refusal)) => Ok(Err(refusal)),
            Err(Failure::Error(ApiError::Server { status, message }))
                if dialect::failure_means_offset(&self.known(), offset, status) =>
            {
                Err(ApiError::OffsetRefused { message })
            }
            Err(Failure::Error(error)) => Err(error),
        }
    }

    /// Finds out what a refusal is about. It may be the spelling or the length of the range, and messages do not tell
    /// reliably: in between, a range is asked for that nobody refuses for its length. Without that, bounds would be left
    /// out as misspelled, and a server may put shorter ones in their place.
    async fn negotiate(
        &self,
        request: &ListRequest,
        offset: u64,
        first: Dialect,
        refusal: Refusal,
    ) -> Result<Page, ApiError> {
        let _turn = self.negotiating.lock().await;
        let known = self.known();
        let (mut tried, mut refusal) = (vec![first], refusal);
        if known.dialect != first {
            // Somebody else found another spelling while we waited.
            match self.ask(request, offset, known.dialect).await? {
                Ok(page) => return Ok(page),
                Err(refused) => refusal = refused,
            }
            tried.push(known.dialect);
        }
        let may_be_too_long = offset == 0
            && request.caller_pattern.is_none()
            && request.until.duration_since(request.since) > SHORT_RANGE;
        if !may_be_too_long {
            return self.respell(request, offset, tried, refusal).await;
        }
        let until = request.since.checked_add(SHORT_RANGE);
        let short = ListRequest {
            until: until.unwrap_or(request.until),
            ..request.clone()
        };
        match self.ask(&short, 0, known.dialect).await? {
            Ok(_) => return Err(refused(refusal)),
            Err(refusal) => self.respell(&short, 0, tried, refusal).await?,
        };
        let answer = self.ask(request, 0, self.known().dialect).await?;
        answer.map_err(refused)
    }

    /// Tries spellings until the server takes one or all are refused. The last of those tried was refused like this.
    async fn respell(
        &self,
        request: &ListRequest,
        offset: u64,
        mut tried: Vec<Dialect>,
        mut refusal: Refusal,
    ) -> Result<Page, ApiError> {
        let known = self.known();
        loop {
            let sent = tried.last().copied().unwrap_or(known.dialect);
            match dialect::next(&known, sent, request, offset, &refusal, &tried) {
                Step::Try(next) => {
                    tracing::debug!(
                        http.status = refusal.status,
                        "the API refuses a spelling of the list request"
                    );
                    tried.push(next);
                    match self.ask(request, offset, next).await? {
                        Ok(page) => return Ok(page),
                        Err(refused) => refusal = refused,
                    }
                }
                step => {
                    let known = self.known();
                    let exhausted = known.exhausted || tried.len() >= SPELLINGS;
                    self.learn(Known { exhausted, ..known });
                    return Err(if step == Step::OffsetRefused {
                        let message = refusal.message;
                        ApiError::OffsetRefused { message }
                    } else {
                        refused(refusal)
                    });
                }
            }
        }
    }

    /// Follows a link. It is not respelled: the server wrote it.
    async fn linked(&self, link: &NextLink) -> Result<Page, ApiError> {
        let offset = link::offset(link);
        self.page(link.as_str())
            .await
            .map_err(|failure| match failure {
                Failure::Refusal(Refusal { message, .. }) if offset > 0 => {
                    ApiError::OffsetRefused { message }
                }
                Failure::Error(ApiError::Server { status, message })
                    if dialect::failure_means_offset(&self.known(), offset, status) =>
                {
                    ApiError::OffsetRefused { message }
                }
                other => settle(other),
            })
    }

    async fn page(&self, path_and_query: &str) -> Result<Page, Failure> {
        let (answer, envelope) = self.envelope(path_and_query, Question::List).await?;
        if answer.status == 204 {
            return Ok(Page::default());
        }
        let source = PageSource {
            url: &answer.url,
            prefix: self.exchange.prefix(),
            recordings_path: &self.list_path,
        };
        match page::page(envelope, &answer.headers, source) {
            Ok(page) => Ok(Page {
                entries: page
                    .entries
                    .into_iter()
                    .map(|entry| self.without_secrets(entry))
                    .collect(),
                ..page
            }),
            Err(why) => Err(malformed(self.exchange.describe(&answer, why))),
        }
    }

    /// A successful answer, taken apart.
    async fn envelope(
        &self,
        path_and_query: &str,
        question: Question,
    ) -> Result<(Answer, Envelope), Failure> {
        let (answer, envelope) = self
            .answer(path_and_query, question)
            .await
            .map_err(Failure::Error)?;
        match envelope {
            Ok(envelope) if status::is_success(answer.status, envelope.code) => {
                Ok((answer, envelope))
            }
            // 204 has no body that could be one.
            Err(_) if answer.status == 204 => Ok((answer, Envelope::default())),
            other => Err(self.failure(&answer, other)),
        }
    }

    /// Any answer, taken apart where it can be.
    async fn answer(
        &self,
        path_and_query: &str,
        question: Question,
    ) -> Result<(Answer, Result<Envelope, NotAnEnvelope>), ApiError> {
        let mut answer = self.exchange.get(path_and_query, question).await?;
        let received = Received::new(answer.body.clone());
        let envelope = wire::read(&received);
        answer.body = received.bytes;
        Ok((answer, envelope))
    }

    fn failure(&self, answer: &Answer, envelope: Result<Envelope, NotAnEnvelope>) -> Failure {
        let (code, words) = match envelope {
            Ok(envelope) => (envelope.code, envelope.message.unwrap_or_default()),
            Err(reason) if status::is_success(answer.status, None) => {
                return malformed(self.exchange.describe(answer, &reason.0));
            }
            Err(_) => (None, String::from_utf8_lossy(&answer.body).into_owned()),
        };
        status::failure(Said {
            status: answer.status,
            code,
            message: self.exchange.shown(words.trim()),
            retry_after: answer.retry_after(),
        })
    }

    /// A fault repeats a piece of the answer, which may repeat the request.
    fn without_secrets(&self, entry: Entry) -> Entry {
        match entry {
            Entry::Fault(text) => Entry::Fault(self.exchange.shown(&text)),
            entry => entry,
        }
    }
}

#[async_trait]
impl RecordingApi for Gws {
    async fn list(&self, request: &ListRequest) -> Result<Page, ApiError> {
        let offset = match &request.cursor {
            Cursor::First => 0,
            Cursor::Offset(offset) => *offset,
            Cursor::Link(link) => return self.linked(link).await,
        };
        let first = self.known().dialect;
        match self.ask(request, offset, first).await? {
            Ok(page) => Ok(page),
            Err(refusal) => self.negotiate(request, offset, first, refusal).await,
        }
    }

    async fn recording(&self, id: &RecordingId) -> Result<Bytes, ApiError> {
        if matches!(id.as_str(), "." | "..") {
            // Percent-encoded or not, such a segment is a walk to another path (RFC 3986, 6.2.2).
            return Err(ApiError::Malformed {
                reason: format!("it announced the id \"{id}\", which no address can hold"),
            });
        }
        let id = utf8_percent_encode(id.as_str(), SEGMENT);
        let mut path = format!("{}/{id}", self.recordings_path);
        if let Some(parameters) = &self.parameters {
            path.push('?');
            path.push_str(parameters);
        }
        let (answer, envelope) = self
            .envelope(&path, Question::Recording)
            .await
            .map_err(settle)?;
        envelope
            .recording
            .or(envelope.bare)
            .ok_or_else(|| ApiError::Malformed {
                reason: self
                    .exchange
                    .describe(&answer, "there is no recording in it"),
            })
    }

    fn clock_ahead(&self) -> Option<SignedDuration> {
        self.exchange.clock_ahead()
    }

    async fn settings(&self) -> Result<Option<RemoteSettings>, ApiError> {
        let (answer, envelope) = self.answer(&self.settings_path, Question::Settings).await?;
        let code = envelope.as_ref().ok().and_then(|envelope| envelope.code);
        match (answer.status, code) {
            // 401 and `statusCode` 20 are the login itself, whatever the other of the two says.
            (401, _) | (_, Some(20)) => Err(settle(self.failure(&answer, envelope))),
            (403 | 404, _) | (_, Some(3 | 5 | 6)) => Ok(None),
            (status, code) if status::is_success(status, code) => {
                settings::read(&answer.body).map(Some).ok_or_else(|| {
                    let why = "there are no readable settings in it";
                    ApiError::Malformed {
                        reason: self.exchange.describe(&answer, why),
                    }
                })
            }
            _ => Err(settle(self.failure(&answer, envelope))),
        }
    }
}

fn settle(failure: Failure) -> ApiError {
    match failure {
        Failure::Error(error) => error,
        Failure::Refusal(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> ApiError {
    let Refusal {
        status, message, ..
    } = refusal;
    ApiError::Refused { status, message }
}

fn malformed(reason: String) -> Failure {
    Failure::Error(ApiError::Malformed { reason })
}
