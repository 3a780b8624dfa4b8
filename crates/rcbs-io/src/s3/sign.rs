//! Signs a GET in its headers (AWS Signature Version 4), never in its query: queries end up in logs.

use std::fmt;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::HeaderName;
use jiff::Timestamp;
use jiff::tz::Offset;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use rcbs_core::text::hex;
use secrecy::{ExposeSecret, SecretBox, SecretString};

use url::Url;

use crate::http::HttpError;

/// What stands for the body when it is not signed (`usePayloadSigning=false`).
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// SHA-256 of nothing: the body of a GET.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Keys are made per day and region. More regions than this at once are a hostile server's.
const MOST_KEYS: usize = 16;

/// Every byte but these is percent-encoded in a query.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

type SigningKey = Arc<SecretBox<[u8; 32]>>;

/// Signs in the name of one access key.
pub(super) struct Signer {
    access_key_id: String,
    secret: SecretString,
    payload: &'static str,
    keys: Mutex<Vec<(String, SigningKey)>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    pub(super) fn new(
        access_key_id: String,
        secret: SecretString,
        payload_signing: bool,
    ) -> Result<Self, HttpError> {
        let sendable = |b: u8| b.is_ascii_graphic() && !matches!(b, b'/' | b',' | b'=');
        if access_key_id.is_empty() || !access_key_id.bytes().all(sendable) {
            return Err(HttpError::Login {
                what: "access key id",
                reason: "it is empty or holds characters that no key id has",
            });
        }
        Ok(Self {
            access_key_id,
            secret,
            payload: if payload_signing {
                OF_NOTHING
            } else {
                UNSIGNED
            },
            keys: Mutex::default(),
        })
    }

    /// The value of `x-amz-content-sha256`.
    pub(super) fn payload(&self) -> &'static str {
        self.payload
    }

    /// The value of `Authorization` for a GET of this address with these headers, which are sorted by name.
    pub(super) fn authorization(
        &self,
        date: &str,
        at: Timestamp,
        region: &str,
        url: &Url,
        headers: &[(HeaderName, &str)],
    ) -> String {
        let mut names = String::with_capacity(96);
        let mut canonical = String::with_capacity(512);
        // Writing to a string cannot fail.
        let (path, query) = (url.path(), canonical_query(url));
        let _unfailing = write!(canonical, "GET\n{path}\n{query}\n");
        for (name, value) in headers {
            let _unfailing = writeln!(canonical, "{name}:{}", value.trim());
            if !names.is_empty() {
                names.push(';');
            }
            names.push_str(name.as_str());
        }
        let _unfailing = write!(canonical, "\n{names}\n{}", self.payload);

        let scope = format!("{}/{region}/s3/aws4_request", &date[..8]);
        let canonical = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{canonical}");
        let key = self.key(&scope, at, region);
        let signature = calculate_signature(key.expose_secret(), to_sign.as_bytes());
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.access_key_id
        )
    }

    fn key(&self, scope: &str, at: Timestamp, region: &str) -> SigningKey {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = keys.iter().find(|(of, _)| of == scope) {
            return Arc::clone(key);
        }
        let made = generate_signing_key(
            self.secret.expose_secret(),
            SystemTime::from(at),
            region,
            "s3",
        );
        let key = Arc::new(SecretBox::init_with_mut(|key: &mut [u8; 32]| {
            key.copy_from_slice(made.as_ref());
        }));
        if keys.len() >= MOST_KEYS {
            keys.clear();
        }
        keys.push((scope.to_owned(), Arc::clone(&key)));
        key
    }
}

/// Names and values encoded in one way and sorted (SigV4, "Create a canonical request"); empty but after a redirect.
fn canonical_query(url: &Url) -> String {
    let encoded = |text: &str| {
        let bytes = percent_decode_str(text);
        percent_encode(&bytes.collect::<Vec<u8>>(), RESERVED).to_string()
    };
    let mut fields: Vec<(String, String)> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|field| !field.is_empty())
        .map(|field| field.split_once('=').unwrap_or((field, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    fields.sort();
    let fields: Vec<String> = fields
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    fields.join("&")
}

/// `20180212T190411Z`.
pub(super) fn amz_date(at: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(at);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use aws_lc_rs::hmac;
    use aws_sigv4::http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    };
    use aws_sigv4::sign::v4;
    use http::header::{HOST, RANGE};

    use super::*;

    const ID: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn signer(payload_signing: bool) -> Signer {
        Signer::new(ID.to_owned(), SECRET.into(), payload_signing).unwrap()
    }

    fn signature(authorization: &str) -> &str {
        authorization.rsplit_once("Signature=").unwrap().1
    }

    /// "Example: GET Object" of the S3 API reference, Authenticating Requests.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let headers = [
            (HOST, "examplebucket.s3.amazonaws.com"),
            (RANGE, "bytes=0-9"),
            (HeaderName::from_static("x-amz-content-sha256"), OF_NOTHING),
            (HeaderName::from_static("x-amz-date"), "20130524T000000Z"),
        ];
        let at = "2013-05-24T00:00:00Z".parse().unwrap();
        assert_eq!(amz_date(at), "20130524T000000Z");
        assert_eq!(
            signer(true).authorization(
                "20130524T000000Z",
                at,
                "us-east-1",
                &Url::parse("https://examplebucket.s3.amazonaws.com/test.txt").unwrap(),
                &headers
            ),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }

    #[test]
    fn odd_paths_and_queries_are_signed_as_the_library_signs_them() {
        for path in [
            "/b/a%20b%2Bc",
            "/b//x/",
            "/b/%C3%A4",
            "/b/...",
            "/b/%2525",
            "/b/k?r",
            "/b/k?node=2&a=x%20y&a=b/c&b=%C3%A4",
        ] {
            let url = Url::parse(&format!("http://127.0.0.1:9000{path}")).unwrap();
            let at: Timestamp = "2026-02-12T19:04:11Z".parse().unwrap();
            let date = amz_date(at);
            let headers = [
                (HOST, "127.0.0.1:9000"),
                (HeaderName::from_static("x-amz-content-sha256"), UNSIGNED),
                (HeaderName::from_static("x-amz-date"), date.as_str()),
            ];
            let ours = signer(false).authorization(&date, at, "eu-west-1", &url, &headers);
            assert_eq!(signature(&ours), by_library(at, path), "{path}");
        }
    }

    fn by_library(at: Timestamp, path: &str) -> String {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let identity = Credentials::new(ID, SECRET, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-west-1")
            .name("s3")
            .time(SystemTime::from(at))
            .settings(settings)
            .build()
            .unwrap();
        let uri = format!("http://127.0.0.1:9000{path}");
        let request = SignableRequest::new(
            "GET",
            uri,
            std::iter::empty(),
            SignableBody::UnsignedPayload,
        )
        .unwrap();
        sign(request, &params.into())
            .unwrap()
            .signature()
            .to_owned()
    }

    #[test]
    fn the_key_is_the_documented_chain_and_is_made_once_a_day_and_region() {
        let signer = signer(false);
        let at = "2026-02-12T19:04:11Z".parse().unwrap();
        let chain = ["20260212", "eu-west-1", "s3", "aws4_request"].iter().fold(
            format!("AWS4{SECRET}").into_bytes(),
            |key, part| {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
                hmac::sign(&key, part.as_bytes()).as_ref().to_vec()
            },
        );
        let key = signer.key("20260212/eu-west-1", at, "eu-west-1");
        assert_eq!(key.expose_secret()[..], chain);
        assert!(Arc::ptr_eq(
            &key,
            &signer.key("20260212/eu-west-1", at, "eu-west-1")
        ));
        for day in 0..100 {
            drop(signer.key(&format!("day {day}"), at, "eu-west-1"));
        }
        assert!(signer.keys.lock().unwrap().len() <= MOST_KEYS);
    }

    #[test]
    fn a_key_id_that_would_break_the_header_is_refused_without_being_shown() {
        for id in ["", "AKIA\r\nX", "AK IA", "AKIA/x", "AKIÄ"] {
            let error = Signer::new(id.to_owned(), SECRET.into(), false).unwrap_err();
            assert!(matches!(error, HttpError::Login { .. }));
        }
    }
}
