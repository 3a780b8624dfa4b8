//! An answer over the wire: status, headers, and a body on which the faults are played.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, SERVER};
use http::{Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use s3s::StdError;

use super::log::Answering;
use super::wire::Wire;
use crate::body::Broken;
use crate::faults::Effect;

/// The body of every answer.
pub(crate) type WireBody = BoxBody<Bytes, StdError>;

/// What every answer says of itself, so that nobody takes it for the real thing.
const BANNER: HeaderValue = HeaderValue::from_static("rcbs-sim (pretend cloud)");

/// How long what was sent before a break has to reach the peer before the connection goes.
const BEFORE_BREAK: Duration = Duration::from_millis(20);

/// An answer of a text that is known as a whole.
pub(crate) fn text(
    status: u16,
    content_type: &'static str,
    text: impl Into<Bytes>,
) -> Response<WireBody> {
    let text: Bytes = text.into();
    let len_bytes = text.len() as u64;
    let mut response = Response::new(whole(text));
    *response.status_mut() = status_code(status);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, len_bytes.into());
    response
}

/// A body that is known as a whole.
pub(crate) fn whole(bytes: Bytes) -> WireBody {
    http_body_util::Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed()
}

/// A stream as a body. A break closes or resets the connection, or leaves it open for ever.
pub(crate) fn streamed(
    stream: impl Stream<Item = Result<Bytes, Broken>> + Send + Sync + 'static,
    wire: Wire,
) -> impl Stream<Item = Result<Bytes, BrokenOff>> + Send + Sync + 'static {
    stream.then(move |step| {
        let wire = wire.clone();
        async move {
            match step {
                Ok(bytes) => Ok(bytes),
                Err(Broken::Stalled) => std::future::pending().await,
                Err(broken) => {
                    if broken == Broken::Reset {
                        wire.reset();
                    }
                    tokio::time::sleep(BEFORE_BREAK).await;
                    Err(BrokenOff)
                }
            }
        }
    })
}

/// A body that was broken off on purpose.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("broken off by a fault")]
pub(crate) struct BrokenOff;

/// A stream of bytes as the body of an answer.
pub(crate) fn stream_body(
    stream: impl Stream<Item = Result<Bytes, BrokenOff>> + Send + Sync + 'static,
) -> WireBody {
    let frames = stream.map(|step| step.map(Frame::data).map_err(StdError::from));
    BoxBody::new(StreamBody::new(frames))
}

/// The last touches that every answer gets: banner, `Retry-After`, what comes below HTTP, and the log.
pub(crate) fn finish(
    mut response: Response<WireBody>,
    effects: &[Effect],
    wire: &Wire,
    answering: Answering,
) -> Response<WireBody> {
    response.headers_mut().insert(SERVER, BANNER);
    for effect in effects {
        match effect {
            Effect::Status {
                retry_after_s: Some(wait_s),
                ..
            } => {
                response.headers_mut().insert(RETRY_AFTER, (*wait_s).into());
            }
            Effect::Trailing { by_bytes } => {
                let len = usize::try_from(*by_bytes).unwrap_or(usize::MAX);
                wire.trail(vec![b'?'; len].into());
                response
                    .headers_mut()
                    .insert(http::header::CONNECTION, HeaderValue::from_static("close"));
            }
            Effect::NoLength => {
                response.headers_mut().remove(CONTENT_LENGTH);
            }
            Effect::Encoded => {
                response.headers_mut().insert(
                    http::header::CONTENT_ENCODING,
                    HeaderValue::from_static("gzip"),
                );
            }
            _ => {}
        }
    }
    answering.status(response.status().as_u16());
    let announced_bytes = response
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    response.map(|body| {
        Logged {
            body,
            answering,
            announced_bytes,
            sent_bytes: 0,
        }
        .boxed()
    })
}

/// A redirect.
pub(crate) fn redirect(to: &str) -> Response<WireBody> {
    let mut response = text(302, "text/plain", "");
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(http::header::LOCATION, to);
    }
    response
}

/// A header from a text that may not be one.
pub(crate) fn header(response: &mut Response<WireBody>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
}

/// A status from a number of a script.
pub(crate) fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Lets the time pass that effects take before an answer.
pub(crate) async fn wait_for(effects: &[Effect]) {
    for effect in effects {
        match effect {
            Effect::Delay { wait_ms } => tokio::time::sleep(Duration::from_millis(*wait_ms)).await,
            Effect::Hang => std::future::pending().await,
            _ => {}
        }
    }
}

/// Counts what is sent, without losing the exact length that the framing needs.
struct Logged {
    body: WireBody,
    answering: Answering,
    /// A body of known length is not asked again once it has given that much.
    announced_bytes: Option<u64>,
    sent_bytes: u64,
}

impl hyper::body::Body for Logged {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let polled = std::pin::Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            std::task::Poll::Ready(Some(Ok(frame))) => {
                let len_bytes = frame.data_ref().map_or(0, Bytes::len);
                self.sent_bytes += len_bytes as u64;
                self.answering.sent(len_bytes);
                if self.body.is_end_stream() || self.announced_bytes == Some(self.sent_bytes) {
                    self.answering.completed();
                }
            }
            std::task::Poll::Ready(None) => self.answering.completed(),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
