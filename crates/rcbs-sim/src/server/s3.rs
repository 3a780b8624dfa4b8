//! The store over HTTP: requests in front of `s3s`, which checks the signatures.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use http::header::{AUTHORIZATION, DATE, HOST, HeaderValue};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};

use super::answer::{WireBody, finish, header, redirect, text, wait_for};
use super::api::seen;
use super::log::RequestLog;
use super::objects::{AnyHost, Objects, OnlyObjects, Ordered, bucket_of_host};
use super::wire::Wire;
use crate::clock::saturating_add;
use crate::cloud::{Cloud, SharedCloud};
use crate::faults::{Effect, Faults, RequestKind};
use crate::ports::{error_page, usual_code};
use crate::quirks::{Quirks, RegionCheck};

/// How far a request's time may be off (S3, "Authenticating requests").
const TOLERATED: SignedDuration = SignedDuration::from_mins(15);

/// The store of a pretend cloud.
pub(crate) struct Store {
    cloud: SharedCloud,
    quirks: Quirks,
    faults: Faults,
    log: RequestLog,
    service: S3Service,
    /// How many seconds the store's clock is ahead of this machine's.
    ahead_s: AtomicI64,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("cloud", &self.cloud)
            .finish_non_exhaustive()
    }
}

impl Store {
    pub(crate) fn new(
        cloud: SharedCloud,
        quirks: Quirks,
        faults: Faults,
        log: RequestLog,
        access_key: &str,
        secret_key: &str,
    ) -> Self {
        let mut config = S3Config::default();
        // The time is checked here, against a clock that can be turned.
        config.presigned_url_max_skew_time_secs = u32::MAX;
        let mut builder = S3ServiceBuilder::new(Objects::new(cloud.clone(), quirks.clone()));
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        builder.set_access(OnlyObjects);
        builder.set_host(AnyHost);
        Self {
            cloud,
            quirks,
            faults,
            log,
            service: builder.build(),
            ahead_s: AtomicI64::new(0),
        }
    }

    /// Answers a request.
    pub(crate) async fn respond(
        &self,
        request: Request<Incoming>,
        wire: &Wire,
    ) -> Response<WireBody> {
        let (bucket, key) = place(&request);
        let kind = if key.is_empty() {
            RequestKind::Other
        } else {
            RequestKind::Object
        };
        let effects = self.faults.on(
            kind,
            &format!("{bucket}/{key}"),
            self.cloud.read(Cloud::seed),
        );
        let answering = self.log.note(seen(kind, &request));
        wait_for(&effects).await;
        for effect in &effects {
            match effect {
                Effect::Skewed { ahead_s } => self.ahead_s.store(*ahead_s, Ordering::Relaxed),
                Effect::Replace => {
                    self.cloud
                        .change(|cloud| cloud.replace_object(&bucket, &key));
                }
                _ => {}
            }
        }
        let early = effects
            .iter()
            .find_map(|effect| self.whole_answer(effect, &bucket));
        let response = match early
            .or_else(|| self.skewed(&request))
            .or_else(|| self.wrong_region(&request, &bucket))
        {
            Some(response) => response,
            None => self.signed(request, &effects, wire).await,
        };
        let mut response = finish(response, &effects, wire, answering);
        header_date(&mut response, self.now());
        response
    }

    async fn signed(
        &self,
        request: Request<Incoming>,
        effects: &[Effect],
        wire: &Wire,
    ) -> Response<WireBody> {
        let mut request = request.map(s3s::Body::from);
        request.extensions_mut().insert(Ordered {
            effects: effects.to_vec(),
            wire: wire.clone(),
        });
        match self.service.call(request).await {
            Ok(response) => response.map(BoxBody::new),
            Err(_) => error(500, "InternalError", ""),
        }
    }

    /// What the store's clock shows.
    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead_s.load(Ordering::Relaxed));
        saturating_add(Timestamp::now(), ahead)
    }

    fn skewed(&self, request: &Request<Incoming>) -> Option<Response<WireBody>> {
        let date = request.headers().get("x-amz-date")?.to_str().ok()?;
        let sent = BrokenDownTime::parse("%Y%m%dT%H%M%SZ", date)
            .ok()?
            .to_datetime()
            .ok()?;
        let sent = sent.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        let is_off = self.now().duration_since(sent).abs() > TOLERATED;
        is_off.then(|| error(403, "RequestTimeTooSkewed", ""))
    }

    /// The answer to a request that is signed for another region than the buckets'.
    fn wrong_region(
        &self,
        request: &Request<Incoming>,
        bucket: &str,
    ) -> Option<Response<WireBody>> {
        let status = match self.quirks.region_check {
            RegionCheck::Off => return None,
            RegionCheck::Malformed => 400,
            RegionCheck::Redirect => 301,
        };
        let authorization = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
        // Credential=<key>/<date>/<region>/s3/aws4_request
        let region = authorization
            .split("Credential=")
            .nth(1)?
            .split('/')
            .nth(2)?;
        let right = self.cloud.read(|cloud| cloud.store_region.clone());
        (region != right).then(|| other_region(status, bucket, &right))
    }

    /// The answer of an effect that leaves nothing of the right one.
    fn whole_answer(&self, effect: &Effect, bucket: &str) -> Option<Response<WireBody>> {
        Some(match effect {
            Effect::Status { status, code, .. } => error(
                *status,
                code.as_deref().unwrap_or_else(|| usual_code(*status)),
                "",
            ),
            Effect::Redirect { to } => redirect(to),
            Effect::Html => text(200, "text/html", error_page(effect)?),
            Effect::XmlError => text(200, "application/xml", error_page(effect)?),
            Effect::WrongRegion { status, region } => other_region(*status, bucket, region),
            _ => return None,
        })
    }
}

/// Bucket and key of a request, in either style.
fn place(request: &Request<Incoming>) -> (String, String) {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
    let path = path.trim_start_matches('/');
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    match bucket_of_host(host) {
        Some(bucket) => (bucket.to_owned(), path.to_owned()),
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            (bucket.to_owned(), key.to_owned())
        }
    }
}

fn other_region(status: u16, bucket: &str, region: &str) -> Response<WireBody> {
    let (code, message) = match status {
        301 => (
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified endpoint.".to_owned(),
        ),
        _ => (
            "AuthorizationHeaderMalformed",
            format!("The authorization header is malformed; the region is wrong; expecting '{region}'"),
        ),
    };
    let details = format!(
        "<Message>{message}</Message><Region>{region}</Region><Bucket>{bucket}</Bucket>\
         <Endpoint>{bucket}.s3.{region}.amazonaws.com</Endpoint>"
    );
    let mut response = error(status, code, &details);
    header(&mut response, "x-amz-bucket-region", region);
    response
}

/// An error as S3 writes it.
fn error(status: u16, code: &str, details: &str) -> Response<WireBody> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>{details}<RequestId>SIM</RequestId></Error>"
    );
    text(status, "application/xml", Bytes::from(body))
}

fn header_date(response: &mut Response<WireBody>, now: Timestamp) {
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(DATE, date);
    }
}
