//! Sends requests of one form, over connections that are kept.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

use super::connect::Connector;
use super::proxy::Proxy;
use super::{HttpError, HttpOptions, Timeouts};

/// Who asks, as servers and proxies are told.
pub(super) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("rcbs/", env!("CARGO_PKG_VERSION")));

/// How long a connection is kept that nobody uses.
const MOST_IDLE: Duration = Duration::from_mins(1);

/// The largest head of an answer, and half of the most that a connection holds of a body: its buffer is doubled where
/// that saves moving bytes. A fast server fills it on every connection.
const BUFFER_BYTES: usize = 64 * 1024;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// No request can be made of the address.
    #[error("the request could not be sent")]
    Address,
    /// It was sent, or was to be.
    #[error("no answer")]
    Failed(#[source] legacy::Error),
}

/// A client for one side: HTTP/1.1, no redirects, no cookies, no decoding, no proxy but the one given.
///
/// Idle connections are kept without an upper bound on their number: there are never more than the caller opened at
/// once, and closing one that the next file needs costs a TLS handshake.
pub(crate) struct Client {
    inner: legacy::Client<Connector, Empty<Bytes>>,
    /// What the proxy wants with each request that it reads itself.
    proxy_login: Option<HeaderValue>,
}

impl Client {
    /// Nothing is asked of any server yet.
    ///
    /// # Errors
    /// [`HttpError`] when the proxy or the certificates cannot be used.
    pub(crate) fn new(options: &HttpOptions, timeouts: &Timeouts) -> Result<Self, HttpError> {
        let proxy = options.proxy.as_ref().map(Proxy::new).transpose()?;
        let proxy_login = proxy.as_ref().and_then(|proxy| proxy.login.clone());
        let connector = Connector::new(proxy, options.extra_ca_pem.as_deref(), timeouts.connect)?;
        // No limit on silence here: its clock would also run while the reader of the body is busy or held back by the
        // bandwidth limit. `Timed` counts only what the other side takes.
        // A kept connection may turn out closed before a request went out on it: then the client opens another, which
        // is its default. A request that was sent is never sent again.
        let inner = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(MOST_IDLE)
            .pool_max_idle_per_host(usize::MAX)
            .http1_max_buf_size(BUFFER_BYTES)
            .build(connector);
        Ok(Self { inner, proxy_login })
    }

    /// Asks once. The answer is given when its head is there, whatever its status.
    pub(crate) async fn get(
        &self,
        url: &Url,
        mut headers: HeaderMap,
    ) -> Result<Response<Incoming>, SendError> {
        let uri: Uri = url.as_str().parse().map_err(|_| SendError::Address)?;
        headers
            .entry(ACCEPT)
            .or_insert(HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, AGENT);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // A proxy reads what is plain. Of what is encrypted it sees the request for a tunnel, which says it there.
        if let Some(login) = self.proxy_login.as_ref().filter(|_| url.scheme() == "http") {
            headers.insert(PROXY_AUTHORIZATION, login.clone());
        }
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        self.inner.request(request).await.map_err(SendError::Failed)
    }
}
