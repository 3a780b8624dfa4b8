//! The one operation of S3 that a backup needs, behind `s3s`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcbs_core::ports::ChecksumKind;
use s3s::access::{S3Access, S3AccessContext};
use s3s::dto::{
    ChecksumMode, ChecksumType, ETag, ETagCondition, GetObjectInput, GetObjectOutput, Range,
    ServerSideEncryption, StreamingBlob,
};
use s3s::host::{S3Host, VirtualHost};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use super::answer::streamed;
use super::wire::Wire;
use crate::body::BodyPlan;
use crate::cloud::{Sealed, SharedCloud};
use crate::facts::{ObjectFacts, Scope};
use crate::faults::Effect;
use crate::quirks::{ETags, Quirks};
use crate::reading::read;

/// The objects of a pretend cloud.
#[derive(Debug)]
pub(crate) struct Objects {
    cloud: SharedCloud,
    quirks: Quirks,
}

/// What the faults want of a request; travels with it through `s3s`.
#[derive(Debug, Clone)]
pub(crate) struct Ordered {
    pub(crate) effects: Vec<Effect>,
    pub(crate) wire: Wire,
}

/// Lets in nothing but GetObject, so that a client that needs more shows.
#[derive(Debug)]
pub(crate) struct OnlyObjects;

/// Takes the bucket from any host name whose first label begins like a pretend bucket, else from the path.
#[derive(Debug)]
pub(crate) struct AnyHost;

impl Objects {
    pub(crate) fn new(cloud: SharedCloud, quirks: Quirks) -> Self {
        Self { cloud, quirks }
    }

    fn find(&self, bucket: &str, key: &str) -> S3Result<(Arc<Sealed>, ObjectFacts)> {
        let now = self.cloud.now();
        self.cloud
            .read(|cloud| match cloud.object_at(bucket, key, now) {
                Some(media) => {
                    let sealed = cloud.sealed(media);
                    let facts = ObjectFacts::of(cloud, media, &sealed.object, &self.quirks);
                    Ok((sealed, facts))
                }
                None if cloud.has_bucket(bucket) => {
                    Err(s3_error!(NoSuchKey, "The specified key does not exist."))
                }
                None => Err(s3_error!(
                    NoSuchBucket,
                    "The specified bucket does not exist"
                )),
            })
    }
}

#[async_trait::async_trait]
impl S3 for Objects {
    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = &request.input;
        let ordered = request.extensions.get::<Ordered>().cloned();
        let (effects, wire) =
            ordered.map_or_else(Default::default, |ordered| (ordered.effects, ordered.wire));
        let (sealed, facts) = self.find(&input.bucket, &input.key)?;
        let object = &sealed.object;
        let etag = facts.etag.as_deref().map(etag);
        if let Some(ETagCondition::ETag(wanted)) = &input.if_match
            && Some(wanted) != etag.as_ref()
        {
            return Err(s3_error!(PreconditionFailed));
        }
        let (first, last) = match input.range {
            None => (0, None),
            Some(Range::Int { first, last }) => (first, last),
            Some(Range::Suffix { length }) => (object.len_bytes().saturating_sub(length), None),
        };
        let reading = read(object, &effects, first, last).ok_or_else(|| s3_error!(InvalidRange))?;
        let is_part = input.range.is_some() && !effects.contains(&Effect::IgnoreRange);
        let last_byte = (reading.from + reading.len_bytes).saturating_sub(1);
        let body = streamed(BodyPlan::of(&effects).play(reading.pieces), wire);
        let mut output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(StreamingBlob::wrap(body)),
            content_length: Some(reading.len_bytes.cast_signed()),
            content_range: is_part
                .then(|| format!("bytes {}-{last_byte}/{}", reading.from, reading.total_bytes)),
            content_type: Some("application/octet-stream".to_owned()),
            e_tag: etag,
            ..GetObjectOutput::default()
        };
        if self.quirks.etags == ETags::Kms {
            output.server_side_encryption = Some(ServerSideEncryption::from_static(
                ServerSideEncryption::AWS_KMS,
            ));
        }
        let wants_checksum = input
            .checksum_mode
            .as_ref()
            .is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
        // S3 does not offer a checksum with a part of an object, as it would be that of the whole.
        if wants_checksum && !is_part {
            add_checksum(
                &mut output,
                &facts,
                effects.contains(&Effect::WrongChecksum),
            );
        }
        Ok(S3Response::new(output))
    }
}

fn add_checksum(output: &mut GetObjectOutput, facts: &ObjectFacts, is_wrong: bool) {
    let Some((kind, scope, value)) = &facts.checksum else {
        return;
    };
    let mut value = value.clone();
    if is_wrong {
        value[0] ^= 1;
    }
    let text = match scope {
        Scope::Whole => STANDARD.encode(value),
        Scope::Parts => format!("{}-2", STANDARD.encode(value)),
    };
    output.checksum_type = Some(ChecksumType::from_static(match scope {
        Scope::Whole => ChecksumType::FULL_OBJECT,
        Scope::Parts => ChecksumType::COMPOSITE,
    }));
    match kind {
        ChecksumKind::Sha256 => output.checksum_sha256 = Some(text),
        ChecksumKind::Sha1 => output.checksum_sha1 = Some(text),
        ChecksumKind::Crc64Nvme => output.checksum_crc64nvme = Some(text),
        ChecksumKind::Crc32c => output.checksum_crc32c = Some(text),
        ChecksumKind::Crc32 => output.checksum_crc32 = Some(text),
        // An ETag, never a checksum header.
        ChecksumKind::Md5 => {}
    }
}

/// An ETag with quotes in the type that `s3s` has for it.
fn etag(text: &str) -> ETag {
    let value = |text: &str| text.trim_matches('"').to_owned();
    match text.strip_prefix("W/") {
        Some(weak) => ETag::Weak(value(weak)),
        None => ETag::Strong(value(text)),
    }
}

#[async_trait::async_trait]
impl S3Access for OnlyObjects {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        if cx.credentials().is_some() && cx.s3_op().name() == "GetObject" {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "Access Denied"))
    }
}

impl S3Host for AnyHost {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let whole = VirtualHost::new(host);
        Ok(match bucket_of_host(host) {
            Some(bucket) => whole.with_bucket(bucket),
            None => whole,
        })
    }
}

/// The bucket in a host name such as `sim-bucket.s3.eu-west-1.amazonaws.com`.
pub(crate) fn bucket_of_host(host: &str) -> Option<&str> {
    let (first, rest) = host.split_once('.')?;
    (first.starts_with("sim-") && !rest.is_empty()).then_some(first)
}
