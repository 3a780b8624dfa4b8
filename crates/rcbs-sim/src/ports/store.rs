//! The media store in process.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use rcbs_core::ports::{
    Checksum, ChecksumKind, ETag, GetRequest, MediaStore, Object, ObjectBody, StoreError,
};

use super::{Call, Calls, PATIENCE, capped, wait_for};
use crate::body::{BodyPlan, Broken};
use crate::cloud::{Cloud, SharedCloud, StoredObject};
use crate::facts::{ObjectFacts, Scope};
use crate::faults::{Effect, Faults, RequestKind};
use crate::quirks::Quirks;
use crate::reading::read;

/// The media store of a pretend cloud, without a wire. What happens below HTTP (trailing bytes, redirects to a region,
/// skewed clocks that a second try mends) has no effect here: an implementation of the port hides it.
#[derive(Debug, Clone)]
pub struct SimStore {
    cloud: SharedCloud,
    quirks: Quirks,
    faults: Faults,
    calls: Calls,
}

impl SimStore {
    /// The store of this cloud.
    #[must_use]
    pub fn new(cloud: &SharedCloud, quirks: Quirks, faults: Faults) -> Self {
        Self {
            cloud: cloud.clone(),
            quirks,
            faults,
            calls: Calls::default(),
        }
    }

    /// What was asked so far.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The object under this key, with what the store says of it.
    fn find(
        &self,
        request: &GetRequest,
    ) -> Result<(std::sync::Arc<crate::cloud::Sealed>, ObjectFacts), StoreError> {
        let location = &request.location;
        self.cloud.read(|cloud| {
            match cloud.object_at(&location.bucket, &location.key, self.cloud.now()) {
                Some(media) => {
                    let sealed = cloud.sealed(media);
                    let facts = ObjectFacts::of(cloud, media, &sealed.object, &self.quirks);
                    Ok((sealed, facts))
                }
                None if cloud.has_bucket(&location.bucket) => Err(StoreError::NotFound),
                None => Err(StoreError::NoBucket {
                    bucket: location.bucket.clone(),
                }),
            }
        })
    }
}

#[async_trait]
impl MediaStore for SimStore {
    async fn get(&self, request: &GetRequest) -> Result<Object, StoreError> {
        self.calls.note(Call::Get(request.clone()));
        let location = &request.location;
        let about = format!("{}/{}", location.bucket, location.key);
        let effects = self
            .faults
            .on(RequestKind::Object, &about, self.cloud.read(Cloud::seed));
        if wait_for(&effects).await {
            return Err(StoreError::Timeout {
                reason: "no answer came".to_owned(),
            });
        }
        if let Some(failure) = effects
            .iter()
            .find_map(|effect| failure(effect, &location.bucket))
        {
            return Err(failure);
        }
        if effects.contains(&Effect::Replace) {
            self.cloud
                .change(|cloud| cloud.replace_object(&location.bucket, &location.key));
        }
        if let Some(page) = effects.iter().find_map(error_page) {
            return Ok(whole_page(page));
        }
        let (sealed, facts) = self.find(request)?;
        if request.if_match.is_some()
            && request.if_match.as_ref().map(|etag| &etag.0) != facts.etag.as_ref()
        {
            return Err(StoreError::Changed);
        }
        answer(&sealed.object, &facts, &effects, request.from)
    }
}

fn answer(
    stored: &StoredObject,
    facts: &ObjectFacts,
    effects: &[Effect],
    from: u64,
) -> Result<Object, StoreError> {
    let reading = read(stored, effects, from, None).ok_or_else(|| StoreError::Unexpected {
        reason: "the range lies behind the end (HTTP 416)".to_owned(),
    })?;
    let body = BodyPlan::of(effects)
        .play(reading.pieces)
        .then(move |step| async move {
            match step {
                Ok(bytes) => Ok(bytes),
                Err(Broken::Closed | Broken::Reset) => Err(StoreError::Unreachable {
                    reason: "the connection broke".to_owned(),
                }),
                Err(Broken::Stalled) => {
                    tokio::time::sleep(PATIENCE).await;
                    Err(StoreError::Timeout {
                        reason: "the body stopped coming".to_owned(),
                    })
                }
            }
        });
    Ok(Object {
        total_bytes: reading.total_bytes,
        from: reading.from,
        etag: facts.etag.clone().map(ETag),
        checksum: checksum(facts, effects),
        body: ObjectBody(body.boxed()),
    })
}

/// The strongest checksum that can be compared with the body.
fn checksum(facts: &ObjectFacts, effects: &[Effect]) -> Option<Checksum> {
    let (kind, mut value) = match (&facts.checksum, &facts.md5) {
        (Some((kind, Scope::Whole, value)), _) => (*kind, value.clone()),
        (_, Some(md5)) => (ChecksumKind::Md5, md5.clone()),
        _ => return None,
    };
    if effects.contains(&Effect::WrongChecksum) {
        value[0] ^= 1;
    }
    Some(Checksum { kind, value })
}

/// A page that comes with 200 in place of the object.
pub(crate) fn error_page(effect: &Effect) -> Option<&'static str> {
    match effect {
        Effect::Html => Some("<!DOCTYPE html><html><body>Please log in</body></html>"),
        Effect::XmlError => {
            Some("<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>")
        }
        _ => None,
    }
}

fn whole_page(page: &'static str) -> Object {
    let body = futures_util::stream::iter([Ok(Bytes::from_static(page.as_bytes()))]);
    Object {
        total_bytes: page.len() as u64,
        from: 0,
        etag: None,
        checksum: None,
        body: ObjectBody(body.boxed()),
    }
}

/// The error that an effect comes to behind this port; `None` where an object still comes.
fn failure(effect: &Effect, bucket: &str) -> Option<StoreError> {
    let unexpected = |reason: &str| StoreError::Unexpected {
        reason: reason.to_owned(),
    };
    Some(match effect {
        Effect::Status {
            status,
            code,
            retry_after_s,
        } => {
            let code = code
                .clone()
                .unwrap_or_else(|| usual_code(*status).to_owned());
            let bucket = bucket.to_owned();
            match (*status, code.as_str()) {
                (429, _) | (_, "SlowDown") => StoreError::Throttled {
                    after: capped(*retry_after_s),
                },
                (404, "NoSuchBucket") => StoreError::NoBucket { bucket },
                (404, _) => StoreError::NotFound,
                (401 | 403, _) => StoreError::Denied {
                    bucket,
                    status: *status,
                    code,
                },
                (412, _) => StoreError::Changed,
                (500..=599, _) => StoreError::Server {
                    status: *status,
                    code,
                },
                _ => unexpected(&format!("HTTP {status} {code}")),
            }
        }
        Effect::Redirect { .. } => unexpected("a redirect to another host"),
        Effect::WrongRange { .. } => unexpected("another range than the one asked for"),
        Effect::NoLength => unexpected("no length"),
        Effect::Encoded => unexpected("an encoded body"),
        _ => return None,
    })
}

/// The code that S3 sends with a status when nothing special is the matter.
pub(crate) fn usual_code(status: u16) -> &'static str {
    match status {
        400 => "InvalidRequest",
        401 | 403 => "AccessDenied",
        404 => "NoSuchKey",
        412 => "PreconditionFailed",
        416 => "InvalidRange",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    }
}
