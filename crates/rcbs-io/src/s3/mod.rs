//! The media store: a thin S3 client that only reads.

mod address;
mod answer;
mod body;
mod checksum;
mod refusal;
mod sign;
mod unmeasured;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, IF_MATCH, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use rcbs_core::ports::{GetRequest, MediaStore, Object, StoreError};
use rcbs_core::text::printable;
use secrecy::SecretString;
use tokio::time::timeout;
use url::Url;

use crate::http::{Broken, Client, HttpError, HttpOptions, Route, Timed, Timeouts, read_beginning};
pub use address::is_region;
use address::{Place, Service};
use refusal::{Asked, Verdict};
use sign::Signer;

/// How much of an error's XML is read.
const EXPLANATION_BYTES: usize = 64 * 1024;

/// The region that is asked first when none is configured; it knows where any bucket of its partition lies.
const FIRST_REGION: &str = "us-east-1";

/// Bucket names come out of metadata: more than this many are a hostile server's.
const MOST_BUCKETS: usize = 1_024;

/// A clock that is further off is wrong for everything else too; correcting it here would only hide that.
const MOST_SKEW: Duration = Duration::from_hours(7 * 24);

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const CHECKSUM_MODE: HeaderName = HeaderName::from_static("x-amz-checksum-mode");

/// Where the store is and whose keys are used.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: SecretString,
    /// `awsEndpoint`: base URL of an S3-compatible store, path style; `None` is AWS.
    pub endpoint: Option<Url>,
    /// `awsRegion`; `None` learns it from the store.
    pub region: Option<String>,
    /// `usePayloadSigning`.
    pub payload_signing: bool,
    /// How it is reached.
    pub http: HttpOptions,
}

/// Which bytes of an object are asked for.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// All from this one on.
    From(u64),
    /// The first alone, for what its answer tells of the whole.
    FirstByte,
}

/// The store as a client sees it. It learns the region of each bucket and the store's clock.
pub struct S3 {
    client: Client,
    service: Service,
    signer: Signer,
    first_region: Arc<str>,
    route: Route,
    timeouts: Timeouts,
    /// What the store told of the region of a bucket.
    regions: Mutex<HashMap<String, Arc<str>>>,
    /// The store's clock minus this machine's, in milliseconds.
    offset_ms: AtomicI64,
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl S3 {
    /// A client with the usual time limits. Nothing is asked of the store yet.
    ///
    /// # Errors
    /// [`HttpError`] when the endpoint, the region, the proxy, the certificates or the key id cannot be used.
    pub fn new(options: S3Options) -> Result<Self, HttpError> {
        Self::with_timeouts(options, Timeouts::default())
    }

    /// A client with other time limits.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_timeouts(options: S3Options, timeouts: Timeouts) -> Result<Self, HttpError> {
        let service = Service::new(options.endpoint, options.region.as_deref())?;
        Ok(Self {
            client: Client::new(&options.http, &timeouts)?,
            route: Route::new(&service.base(), &options.http, &timeouts),
            service,
            signer: Signer::new(
                options.access_key_id,
                options.secret_access_key,
                options.payload_signing,
            )?,
            first_region: options.region.as_deref().unwrap_or(FIRST_REGION).into(),
            timeouts,
            regions: Mutex::default(),
            offset_ms: AtomicI64::new(0),
        })
    }

    fn region(&self, bucket: &str) -> Arc<str> {
        let regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(regions.get(bucket).unwrap_or(&self.first_region))
    }

    fn learn_region(&self, bucket: &str, region: Arc<str>) {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        if regions.len() >= MOST_BUCKETS {
            regions.clear();
        }
        regions.insert(bucket.to_owned(), region);
    }

    /// The store's clock, as far as it is known.
    fn now(&self) -> Timestamp {
        let offset = jiff::SignedDuration::from_millis(self.offset_ms.load(Ordering::Relaxed));
        let now = Timestamp::now();
        now.checked_add(offset).unwrap_or(now)
    }

    /// Sets the clock by the store's; false when it is too far off for that.
    fn learn_clock(&self, server: Timestamp) -> bool {
        let offset = server.duration_since(Timestamp::now());
        if offset.unsigned_abs() > MOST_SKEW {
            return false;
        }
        self.offset_ms.store(
            i64::try_from(offset.as_millis()).unwrap_or_default(),
            Ordering::Relaxed,
        );
        true
    }

    async fn send(
        &self,
        request: &GetRequest,
        part: Part,
        region: &str,
        place: Place,
    ) -> Result<Timed, StoreError> {
        let headers = self.headers(request, part, region, &place)?;
        let route = match &place.host_of_its_own {
            Some(host) => self.route.to_host(host),
            None => self.route.clone(),
        };
        let asked = self.client.get(&place.url, headers);
        match timeout(self.timeouts.idle, asked).await {
            Ok(Ok(response)) => Ok(Timed::new(response, route, &self.timeouts)),
            Ok(Err(error)) => Err(broken(route.broken(&error))),
            Err(_) => Err(StoreError::Timeout {
                reason: format!("no answer for {} s", self.timeouts.idle.as_secs_f64()),
            }),
        }
    }

    /// All headers that matter are signed, in the order that the signature wants: by name.
    fn headers(
        &self,
        request: &GetRequest,
        part: Part,
        region: &str,
        place: &Place,
    ) -> Result<HeaderMap, StoreError> {
        let at = self.now();
        let date = sign::amz_date(at);
        let range = match part {
            Part::From(0) => None,
            Part::From(from) => Some(format!("bytes={from}-")),
            Part::FirstByte => Some("bytes=0-0".to_owned()),
        };
        let mut signed: Vec<(HeaderName, &str)> = Vec::with_capacity(6);
        signed.push((http::header::HOST, place.host()));
        if let Some(etag) = &request.if_match {
            signed.push((IF_MATCH, &etag.0));
        }
        if let Some(range) = &range {
            signed.push((RANGE, range));
        }
        signed.push((CHECKSUM_MODE, "ENABLED"));
        signed.push((CONTENT_SHA256, self.signer.payload()));
        signed.push((DATE, &date));
        let authorization = self
            .signer
            .authorization(&date, at, region, &place.url, &signed);

        let value = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| StoreError::Unexpected {
                reason: format!("a version no header can carry: {}", printable(text)),
            })
        };
        let mut headers = HeaderMap::with_capacity(8);
        let mut authorization = value(&authorization)?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        // The first is `Host`, which the client writes from the URL.
        for (name, text) in signed.into_iter().skip(1) {
            headers.insert(name, value(text)?);
        }
        Ok(headers)
    }

    /// Asks until the answer is an object, or part of one, or final.
    async fn ask(&self, request: &GetRequest, part: Part) -> Result<Timed, StoreError> {
        let bucket = &request.location.bucket;
        let mut region = self.region(bucket);
        let (mut hopped, mut mended, mut followed) = (false, false, false);
        let mut redirected: Option<Url> = None;
        loop {
            let mut place = self.service.place(&request.location, &region)?;
            if let Some(to) = &redirected {
                place = place.moved_to(to)?;
            }
            let url = place.url.clone();
            let answer = self.send(request, part, &region, place).await?;
            let (status, headers) = answer.head();
            let status = status.as_u16();
            if matches!(status, 200 | 206) {
                return Ok(answer);
            }
            if status == 407 {
                return Err(StoreError::Unreachable {
                    reason: self.route.proxy_login(),
                });
            }
            let headers = headers.clone();
            let explanation = read_beginning(answer, EXPLANATION_BYTES).await;
            let asked = Asked {
                request,
                region: &region,
                url: &url,
                hopped,
                mended,
                followed,
            };
            match refusal::judge(&asked, status, &headers, &explanation, Timestamp::now()) {
                Verdict::Region(told) => {
                    hopped = true;
                    region = told.into();
                    self.learn_region(bucket, Arc::clone(&region));
                    // The host may follow the region, and the path was told by the old one.
                    redirected = None;
                }
                Verdict::Redirect(to) => {
                    followed = true;
                    redirected = Some(to);
                }
                Verdict::Clock { server, skew_s } => {
                    if !self.learn_clock(server) {
                        return Err(StoreError::ClockSkew { skew_s });
                    }
                    mended = true;
                }
                Verdict::Error(error) => return Err(error),
            }
        }
    }
}

#[async_trait]
impl MediaStore for S3 {
    async fn get(&self, request: &GetRequest) -> Result<Object, StoreError> {
        let answer = self.ask(request, Part::From(request.from)).await?;
        let (status, headers) = answer.head();
        let (status, length) = (status.as_u16(), answer.announced());
        if status == 200 && length.is_none() {
            return unmeasured::measured(self, request, answer).await;
        }
        let facts = answer::facts(request, status, headers, length)?;
        Ok(facts.object(answer))
    }
}

fn broken(cause: Broken) -> StoreError {
    match cause {
        Broken::Timeout(reason) => StoreError::Timeout { reason },
        Broken::Unreachable(reason) => StoreError::Unreachable { reason },
        Broken::Cut(reason) => StoreError::Cut { reason },
    }
}
