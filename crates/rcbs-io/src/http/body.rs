//! Reads the body of an answer within bounds of size and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout};

use super::Timeouts;
use super::reason::{Broken, Route};

/// Below this speed an answer counts as hanging: it would hold a connection for hours (1 KiB/s over a minute).
const LEAST_BYTES_PER_S: f64 = 1024.0;

/// How much waiting is forgiven before the speed is looked at.
const GRACE: Duration = Duration::from_mins(1);

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Too slow, or the connection broke.
    Broken(Broken),
    /// More than the cap.
    TooLarge,
}

/// An answer whose pieces have to come in time. Only the time the other side takes is counted, never the reader's.
#[derive(Debug)]
pub(crate) struct Timed {
    response: Response<Incoming>,
    route: Route,
    idle: Duration,
    announced: Option<u64>,
    got_bytes: u64,
    waited: Duration,
}

impl Timed {
    pub(crate) fn new(response: Response<Incoming>, route: Route, timeouts: &Timeouts) -> Self {
        Self {
            announced: response.body().size_hint().exact(),
            response,
            route,
            idle: timeouts.idle,
            got_bytes: 0,
            waited: Duration::ZERO,
        }
    }

    /// What `Content-Length` promises.
    pub(crate) fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// Status and headers.
    pub(crate) fn head(&self) -> (StatusCode, &HeaderMap) {
        (self.response.status(), self.response.headers())
    }

    /// The next piece; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        let asked = Instant::now();
        let piece = match timeout(self.idle, piece(self.response.body_mut())).await {
            Err(_) => {
                return Err(self.late(format!("nothing came for {} s", self.idle.as_secs_f64())));
            }
            Ok(Err(error)) => return Err(self.cut(&error)),
            Ok(Ok(None)) => return Ok(None),
            Ok(Ok(Some(piece))) => piece,
        };
        self.waited += asked.elapsed();
        self.got_bytes += piece.len() as u64;
        if too_slow(self.got_bytes, self.waited) {
            return Err(self.late("slower than 1 KiB/s".to_owned()));
        }
        Ok(Some(piece))
    }

    fn late(&self, what: String) -> Broken {
        Broken::Timeout(format!("{what} after {}", self.progress()))
    }

    fn cut(&self, error: &hyper::Error) -> Broken {
        match self.route.broken(error) {
            Broken::Unreachable(cause) | Broken::Cut(cause)
                if cause.contains("cut") || cause.contains("connection") =>
            {
                Broken::Cut(format!("connection cut after {}", self.progress()))
            }
            Broken::Unreachable(cause) | Broken::Cut(cause) => {
                Broken::Cut(format!("{cause}, after {}", self.progress()))
            }
            Broken::Timeout(_) => self.late("the connection timed out".to_owned()),
        }
    }

    fn progress(&self) -> String {
        match self.announced {
            Some(announced) => format!("{} of {announced} bytes", self.got_bytes),
            None => format!("{} bytes", self.got_bytes),
        }
    }
}

/// The next bytes. What else comes in a body (trailers) is passed over.
async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, hyper::Error> {
    while let Some(frame) = body.frame().await {
        if let Ok(bytes) = frame?.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// The whole body, at most `cap_bytes` of it. Nothing is read of a body that announces more.
pub(crate) async fn read_at_most(mut body: Timed, cap_bytes: u64) -> Result<Bytes, BodyError> {
    let announced = body.announced().unwrap_or(0);
    if announced > cap_bytes {
        return Err(BodyError::TooLarge);
    }
    let mut buffer = BytesMut::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(piece) = body.next().await.map_err(BodyError::Broken)? {
        if buffer.len() as u64 + piece.len() as u64 > cap_bytes {
            return Err(BodyError::TooLarge);
        }
        buffer.extend_from_slice(&piece);
    }
    Ok(buffer.freeze())
}

/// The beginning of a body that only explains an error: at most `cap_bytes`, and whatever came when it breaks.
pub(crate) async fn read_beginning(mut body: Timed, cap_bytes: usize) -> Bytes {
    let mut buffer = BytesMut::new();
    while let Ok(Some(piece)) = body.next().await {
        let room = cap_bytes - buffer.len();
        buffer.extend_from_slice(&piece[..piece.len().min(room)]);
        if buffer.len() == cap_bytes {
            break;
        }
    }
    buffer.freeze()
}

fn too_slow(got_bytes: u64, waited: Duration) -> bool {
    let counted = waited.saturating_sub(GRACE);
    !counted.is_zero() && (got_bytes as f64) < counted.as_secs_f64() * LEAST_BYTES_PER_S
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_is_too_slow_only_after_a_minute() {
        for (got_bytes, waited_s, slow) in [
            (0, 59, false),
            (1, 60, false),
            (1023, 61, true),
            (1024, 61, false),
            (1_000_000, 3600, true),
            (4_000_000, 3600, false),
        ] {
            assert_eq!(
                too_slow(got_bytes, Duration::from_secs(waited_s)),
                slow,
                "{got_bytes} in {waited_s} s"
            );
        }
    }
}
