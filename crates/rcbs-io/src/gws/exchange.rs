//! One GET to the API: login, redirects within the origin, bounds of size and time.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AGE, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Response};
use hyper::body::Incoming;
use jiff::{SignedDuration, Timestamp};
use rcbs_core::ports::ApiError;
use rcbs_core::text::printable;
use secrecy::ExposeSecret;
use tokio::time::timeout;
use url::Url;

use super::GwsOptions;
use super::gzip::{self, Unpacked};
use crate::http::{
    BodyError, Broken, Client, HttpError, Redactor, Route, Timed, Timeouts, content_coding,
    foreign_origin_text, read_at_most, read_beginning, retry_after, server_date,
};

/// How often a redirect within the origin is followed.
const MOST_REDIRECTS: usize = 3;

/// How much of the explanation of an error is read.
const EXPLANATION_BYTES: usize = 64 * 1024;

/// What is asked for, which decides how much of an answer is held and how long it may take to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    List,
    Recording,
    Settings,
}

impl Question {
    /// The most of an answer that is held.
    fn cap_bytes(self) -> u64 {
        match self {
            Self::List => 32 << 20,
            // 1 MB is a large one (`manual.txt`).
            Self::Recording => 16 << 20,
            Self::Settings => 1 << 20,
        }
    }

    /// How long nothing may come before the first byte.
    fn silence(self, timeouts: &Timeouts) -> Duration {
        match self {
            Self::List => timeouts.search,
            Self::Recording | Self::Settings => timeouts.idle,
        }
    }
}

/// An answer that came in whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where it came from, after redirects.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers, Timestamp::now())
    }
}

/// Sends requests to one origin, and the login to no other.
pub(super) struct Exchange {
    client: Client,
    prefix: Url,
    authorization: HeaderValue,
    redactor: Redactor,
    route: Route,
    timeouts: Timeouts,
    /// The server's clock minus ours, as the last answer told it.
    clock_ahead: Mutex<Option<SignedDuration>>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

impl Exchange {
    pub(super) fn new(options: &GwsOptions, timeouts: Timeouts) -> Result<Self, HttpError> {
        crate::http::base_address(&options.prefix)?;
        if options.username.contains(':') {
            // RFC 7617: the server would split at it and see another user.
            return Err(HttpError::Login {
                what: "user name of the API",
                reason: "it holds a colon",
            });
        }
        let password = options.password.expose_secret();
        let login = STANDARD.encode(format!("{}:{password}", options.username));
        let mut authorization =
            HeaderValue::try_from(format!("Basic {login}")).map_err(|_| HttpError::Login {
                what: "login of the API",
                reason: "no header can carry it",
            })?;
        authorization.set_sensitive(true);
        let mut redactor = Redactor::default();
        redactor.hide_login(&options.username, password);
        if let Some((user, password)) = options.http.proxy.as_ref().and_then(|p| p.login.as_ref()) {
            redactor.hide_login(user, password.expose_secret());
        }
        Ok(Self {
            client: Client::new(&options.http, &timeouts)?,
            prefix: options.prefix.clone(),
            authorization,
            redactor,
            route: Route::new(&options.prefix, &options.http, &timeouts),
            timeouts,
            clock_ahead: Mutex::default(),
        })
    }

    pub(super) fn clock_ahead(&self) -> Option<SignedDuration> {
        *self.clock()
    }

    fn clock(&self) -> std::sync::MutexGuard<'_, Option<SignedDuration>> {
        self.clock_ahead
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn note_clock(&self, headers: &HeaderMap) {
        // A cache repeats the time at which it asked.
        if headers.contains_key(AGE) {
            return;
        }
        if let Some(date) = server_date(headers) {
            *self.clock() = Some(date.duration_since(Timestamp::now()));
        }
    }

    pub(super) fn prefix(&self) -> &Url {
        &self.prefix
    }

    /// Foreign text without secrets, printable and cut to length.
    pub(super) fn shown(&self, text: &str) -> String {
        printable(&self.redactor.clean(text))
    }

    /// Asks for a path and query on the API's origin. A bounded answer is given whatever its status,
    /// explanations of errors cut short.
    pub(super) async fn get(
        &self,
        path_and_query: &str,
        question: Question,
    ) -> Result<Answer, ApiError> {
        let mut url = self.prefix.clone();
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        url.set_path(path);
        url.set_query(query);
        match timeout(self.timeouts.answer, self.follow(url, question)).await {
            Ok(answer) => answer,
            Err(_) => Err(ApiError::Timeout {
                reason: format!(
                    "no whole answer within {} s",
                    self.timeouts.answer.as_secs_f64()
                ),
            }),
        }
    }

    async fn follow(&self, mut url: Url, question: Question) -> Result<Answer, ApiError> {
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send(&url, question).await?;
            let status = response.status().as_u16();
            if status == 407 {
                return Err(ApiError::Unreachable {
                    reason: self.route.proxy_login(),
                });
            }
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return self.receive(response, url, question.cap_bytes()).await;
            }
            let to = response
                .headers()
                .get(LOCATION)
                .and_then(|to| to.to_str().ok());
            let Some(to) = to.and_then(|to| url.join(to).ok()) else {
                return Err(ApiError::Malformed {
                    reason: format!("HTTP {status} that leads nowhere"),
                });
            };
            if !self.is_home(&to) {
                return Err(ApiError::Redirect {
                    to: foreign_origin_text(&to),
                });
            }
            url = to;
        }
        Err(ApiError::Redirect {
            to: format!("{} without end", foreign_origin_text(&url)),
        })
    }

    /// The login goes with every request, so every address is checked, wherever it came from.
    fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.prefix.origin()
            && url.username().is_empty()
            && url.password().is_none()
    }

    async fn send(&self, url: &Url, question: Question) -> Result<Response<Incoming>, ApiError> {
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, self.authorization.clone()),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        let silence = question.silence(&self.timeouts);
        match timeout(silence, self.client.get(url, headers)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(broken(self.route.broken(&error))),
            Err(_) => Err(ApiError::Timeout {
                reason: format!("no answer for {} s", silence.as_secs_f64()),
            }),
        }
    }

    async fn receive(
        &self,
        response: Response<Incoming>,
        url: Url,
        cap_bytes: u64,
    ) -> Result<Answer, ApiError> {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        self.note_clock(&headers);
        let coding = content_coding(&headers);
        let body = Timed::new(response, self.route.clone(), &self.timeouts);
        let body = if (200..300).contains(&status) {
            whole(body, coding.as_deref(), cap_bytes).await?
        } else {
            explanation(body, coding.as_deref()).await
        };
        Ok(Answer {
            status,
            url,
            headers,
            body,
        })
    }

    /// What an answer is that is not the API's: its type and how it begins.
    pub(super) fn describe(&self, answer: &Answer, why: &str) -> String {
        let kind = answer
            .headers
            .get(CONTENT_TYPE)
            .map(HeaderValue::as_bytes)
            .unwrap_or_default();
        let kind = self.shown(&String::from_utf8_lossy(kind));
        let kind = if kind.is_empty() {
            "no content type".to_owned()
        } else {
            kind
        };
        // Enough to contain any secret whole, so that none is cut in half and then not recognised.
        let begin = &answer.body[..answer.body.len().min(16 * 1024)];
        let begin: String = self
            .redactor
            .clean(&String::from_utf8_lossy(begin))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .take(60)
            .collect();
        // A page of recordings holds phone numbers; only what is not JSON is worth repeating.
        if begin.is_empty() {
            format!("{why} ({kind}, empty)")
        } else if begin.starts_with(['{', '[']) {
            format!("{why} ({kind}, {} bytes)", answer.body.len())
        } else {
            format!("{why} ({kind}, beginning \"{}\")", printable(&begin))
        }
    }
}

/// The body of an answer, unpacked where it came packed.
async fn whole(body: Timed, coding: Option<&str>, cap_bytes: u64) -> Result<Bytes, ApiError> {
    let too_large = ApiError::TooLarge {
        limit_bytes: cap_bytes,
    };
    if let Some(coding) = coding.filter(|coding| !gzip::is_gzip(coding)) {
        return Err(ApiError::Malformed {
            reason: format!("its body is encoded ({coding})"),
        });
    }
    let received = match read_at_most(body, cap_bytes).await {
        Ok(received) => received,
        Err(BodyError::TooLarge) => return Err(too_large),
        Err(BodyError::Broken(cause)) => return Err(broken(cause)),
    };
    // Some servers say gzip of an answer without a body.
    if coding.is_none() || received.is_empty() {
        return Ok(received);
    }
    match gzip::unpack(&received, cap_bytes) {
        Unpacked::Whole(plain) => Ok(plain),
        Unpacked::TooLarge => Err(too_large),
        Unpacked::Damaged(_) => Err(ApiError::Malformed {
            reason: "its body is said to be gzip and is not, or not all of it".to_owned(),
        }),
    }
}

/// The beginning of a body that explains an error.
async fn explanation(body: Timed, coding: Option<&str>) -> Bytes {
    if coding.is_some_and(|coding| !gzip::is_gzip(coding)) {
        return Bytes::new();
    }
    let beginning = read_beginning(body, EXPLANATION_BYTES).await;
    if coding.is_none() {
        return beginning;
    }
    match gzip::unpack(&beginning, EXPLANATION_BYTES as u64) {
        Unpacked::Whole(plain) | Unpacked::Damaged(plain) => plain,
        Unpacked::TooLarge => Bytes::new(),
    }
}

fn broken(cause: Broken) -> ApiError {
    match cause {
        Broken::Timeout(reason) => ApiError::Timeout { reason },
        Broken::Unreachable(reason) => ApiError::Unreachable { reason },
        Broken::Cut(reason) => ApiError::Cut { reason },
    }
}
