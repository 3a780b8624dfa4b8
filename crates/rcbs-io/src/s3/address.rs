//! Where an object is asked for: host and path, exactly as they are signed and sent.

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;
use rcbs_core::ports::StoreError;
use rcbs_core::recording::Location;
use rcbs_core::text::printable;
use url::Url;

use crate::http::{HttpError, base_address};

/// The service that is asked; never another host.
#[derive(Debug)]
pub(super) enum Service {
    /// Amazon's, in one partition.
    Aws {
        /// `amazonaws.com` or `amazonaws.com.cn`.
        domain: &'static str,
    },
    /// One that speaks the same protocol, buckets in the path.
    Endpoint {
        /// Scheme, host, port and path, without a slash at the end.
        base: Url,
    },
}

/// The address of one object.
#[derive(Debug)]
pub(super) struct Place {
    /// Its path is the one that is sent, byte for byte.
    pub(super) url: Url,
    /// The host, where it depends on the bucket or the region.
    pub(super) host_of_its_own: Option<String>,
    host: String,
}

impl Service {
    pub(super) fn new(endpoint: Option<Url>, region: Option<&str>) -> Result<Self, HttpError> {
        if let Some(region) = region
            && !is_region(region)
        {
            return Err(HttpError::Address {
                address: printable(region),
                reason: "it is no region".to_owned(),
            });
        }
        let Some(base) = endpoint else {
            let china = region.is_some_and(|region| region.starts_with("cn-"));
            return Ok(Self::Aws {
                domain: if china {
                    "amazonaws.com.cn"
                } else {
                    "amazonaws.com"
                },
            });
        };
        base_address(&base)?;
        Ok(Self::Endpoint { base })
    }

    /// What a message names before any object is asked for.
    pub(super) fn base(&self) -> Url {
        match self {
            Self::Endpoint { base } => base.clone(),
            Self::Aws { domain } => {
                Url::parse(&format!("https://s3.{domain}")).expect("a constant address is one")
            }
        }
    }

    /// The address of an object.
    ///
    /// # Errors
    /// [`StoreError::Unexpected`] for a bucket that cannot be part of one, and for a key that would arrive as another.
    pub(super) fn place(&self, location: &Location, region: &str) -> Result<Place, StoreError> {
        let Location { bucket, key } = location;
        if !is_bucket(bucket) {
            return Err(unusable("the bucket", bucket));
        }
        if key.is_empty() {
            return Err(unusable("the key", key));
        }
        let mut path = String::with_capacity(key.len() + bucket.len() + 16);
        let (origin, own) = match self {
            Self::Endpoint { base } => {
                path.push_str(base.path().trim_end_matches('/'));
                path.push('/');
                path.push_str(bucket);
                (crate::http::origin_text(base), false)
            }
            Self::Aws { domain } if is_host_label(bucket) => {
                (format!("https://{bucket}.s3.{region}.{domain}"), true)
            }
            Self::Aws { domain } => {
                path.push('/');
                path.push_str(bucket);
                (format!("https://s3.{region}.{domain}"), true)
            }
        };
        path.push('/');
        encode_key(key, &mut path);
        let url =
            Url::parse(&format!("{origin}{path}")).map_err(|_| unusable("the bucket", bucket))?;
        if url.path() != path {
            // Segments `.` and `..` walk, percent-encoded or not: another object would be asked for.
            return Err(unusable("the key", key));
        }
        // As the HTTP client writes it: no port where it is the usual one.
        let host = origin
            .split_once("//")
            .map_or("", |(_, host)| host)
            .to_owned();
        Ok(Place {
            url,
            host_of_its_own: own.then(|| host.clone()),
            host,
        })
    }
}

impl Place {
    /// Another path and query of the same origin.
    ///
    /// # Errors
    /// [`StoreError::Unexpected`] where the path cannot be written in one way only, as a signature wants it.
    pub(super) fn moved_to(mut self, to: &Url) -> Result<Self, StoreError> {
        let refused = || unusable("the address of a redirect", to.path());
        let decoded = percent_decode_str(to.path())
            .decode_utf8()
            .map_err(|_| refused())?;
        let mut path = String::with_capacity(to.path().len());
        encode_key(&decoded, &mut path);
        self.url.set_path(&path);
        self.url.set_query(to.query());
        if self.url.path() == path {
            Ok(self)
        } else {
            Err(refused())
        }
    }

    /// The `Host` header.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

/// Whether a text may be put where a region belongs: as a label of a host name too (RFC 1035, 2.3.4), and in signatures.
#[must_use]
pub fn is_region(region: &str) -> bool {
    (1..=63).contains(&region.len())
        && region
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !region.starts_with('-')
        && !region.ends_with('-')
}

/// The region in a host name of S3, such as `bucket.s3.eu-west-1.amazonaws.com` or `s3-eu-west-1.amazonaws.com`.
pub(super) fn region_of_host(host: &str) -> Option<&str> {
    let name = host
        .strip_suffix(".amazonaws.com")
        .or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let mut labels = name.rsplit('.');
    let last = labels.next()?;
    if let Some(region) = last.strip_prefix("s3-") {
        return is_numbered(region).then_some(region);
    }
    let service = match labels.next()? {
        "dualstack" => labels.next()?,
        service => service,
    };
    (matches!(service, "s3" | "s3-fips") && is_numbered(last)).then_some(last)
}

/// A region as Amazon names them; `s3-accelerate` and `s3-external-1` are none.
fn is_numbered(region: &str) -> bool {
    is_region(region)
        && region.split('-').count() >= 3
        && region.ends_with(|last: char| last.is_ascii_digit())
}

/// Buckets of the old kind may have capitals and underscores; nothing may end the host or the path.
fn is_bucket(bucket: &str) -> bool {
    (3..=255).contains(&bucket.len())
        && bucket
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        && bucket.bytes().any(|b| b != b'.')
}

/// Whether a bucket can be part of a host name under the store's wildcard certificate, which covers one label.
fn is_host_label(bucket: &str) -> bool {
    bucket.len() <= 63
        && bucket
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !bucket.starts_with('-')
        && !bucket.ends_with('-')
}

/// Every byte but the unreserved ones and the slash is percent-encoded, once (S3 API reference, SigV4).
fn encode_key(key: &str, path: &mut String) {
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                path.push(char::from(byte));
            }
            _ => {
                // Writing to a string cannot fail.
                let _unfailing = write!(path, "%{byte:02X}");
            }
        }
    }
}

fn unusable(what: &str, name: &str) -> StoreError {
    StoreError::Unexpected {
        reason: format!("{what} \"{}\" cannot be part of a request", printable(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(service: &Service, bucket: &str, key: &str) -> Result<String, StoreError> {
        let location = Location {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        };
        let place = service.place(&location, "eu-west-1")?;
        assert_eq!(place.url.authority(), place.host());
        Ok(place.url.to_string())
    }

    #[test]
    fn aws_buckets_are_hosts_where_they_can_be() {
        let aws = Service::new(None, None).unwrap();
        for (bucket, url) in [
            ("acme-rec", "https://acme-rec.s3.eu-west-1.amazonaws.com/k"),
            ("acme.rec", "https://s3.eu-west-1.amazonaws.com/acme.rec/k"),
            ("AcmeRec", "https://s3.eu-west-1.amazonaws.com/AcmeRec/k"),
            ("acme_rec", "https://s3.eu-west-1.amazonaws.com/acme_rec/k"),
            ("-acme", "https://s3.eu-west-1.amazonaws.com/-acme/k"),
        ] {
            assert_eq!(place(&aws, bucket, "k").unwrap(), url);
        }
        let china = Service::new(None, Some("cn-north-1")).unwrap();
        assert!(
            place(&china, "acme-rec", "k")
                .unwrap()
                .contains(".amazonaws.com.cn/")
        );
    }

    #[test]
    fn an_endpoint_has_its_buckets_in_the_path() {
        for (base, url) in [
            (
                "http://127.0.0.1:9000",
                "http://127.0.0.1:9000/acme-rec/a/b",
            ),
            (
                "https://store.example.com:443/s3/",
                "https://store.example.com/s3/acme-rec/a/b",
            ),
            ("http://[::1]:9000", "http://[::1]:9000/acme-rec/a/b"),
        ] {
            let endpoint = Service::new(Some(Url::parse(base).unwrap()), None).unwrap();
            assert_eq!(place(&endpoint, "acme-rec", "a/b").unwrap(), url);
        }
    }

    #[test]
    fn keys_are_encoded_once_and_completely() {
        let aws = Service::new(None, None).unwrap();
        for (key, path) in [
            ("a/b c+d.mp3", "a/b%20c%2Bd.mp3"),
            ("a//b/", "a//b/"),
            ("/a", "/a"),
            ("ä€", "%C3%A4%E2%82%AC"),
            ("a?b#c%2Fd\\e", "a%3Fb%23c%252Fd%5Ce"),
            ("\t\n\0", "%09%0A%00"),
            ("-._~!*'()", "-._~%21%2A%27%28%29"),
            ("a/...", "a/..."),
            ("%2e%2e/x", "%252e%252e/x"),
        ] {
            let url = place(&aws, "acme-rec", key).unwrap();
            assert_eq!(url.split_once(".com/").unwrap().1, path, "{key}");
        }
    }

    #[test]
    fn a_key_or_bucket_that_would_arrive_as_another_is_refused() {
        let aws = Service::new(None, None).unwrap();
        for key in ["", ".", "..", "a/../b", "a/./b", "../a", "a/.."] {
            assert!(
                matches!(
                    place(&aws, "acme-rec", key),
                    Err(StoreError::Unexpected { .. })
                ),
                "{key}"
            );
        }
        for bucket in [
            "",
            "ab",
            "...",
            "a/b/c",
            "evil.com#",
            "a@evil.com",
            "a b",
            "a:80",
            "ä-bucket",
        ] {
            assert!(
                matches!(place(&aws, bucket, "k"), Err(StoreError::Unexpected { .. })),
                "{bucket}"
            );
        }
    }

    #[test]
    fn a_region_cannot_leave_its_place_in_the_host() {
        for (region, fine) in [
            ("us-east-1", true),
            ("garage", true),
            ("", false),
            ("evil.com/", false),
            ("us-east-1.evil.com", false),
            ("US-EAST-1", false),
            ("-", false),
            (&"a".repeat(63), true),
            (&"a".repeat(64), false),
        ] {
            assert_eq!(is_region(region), fine, "{region}");
            assert_eq!(Service::new(None, Some(region)).is_ok(), fine, "{region}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_key_is_refused_or_arrives_as_it_is(key in "\\PC{1,30}|[./%a]{1,12}") {
            let aws = Service::new(None, None).unwrap();
            if let Ok(url) = place(&aws, "acme-rec", &key) {
                let path = url.split_once(".com/").unwrap().1;
                let back = percent_decode_str(path).decode_utf8().unwrap();
                proptest::prop_assert_eq!(back, key);
            } else {
                proptest::prop_assert!(key.split('/').any(|s| s == "." || s == ".."), "{}", key);
            }
        }
    }
}
