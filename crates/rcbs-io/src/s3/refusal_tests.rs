//! Tables of what the store may say instead of an object.

use std::time::Duration;

use http::HeaderName;
use rcbs_core::ports::ETag;
use rcbs_core::recording::Location;

use super::*;

const NOW: &str = "2026-02-12T19:04:11Z";

fn headers(headers: &[(&'static str, &str)]) -> HeaderMap {
    headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

fn url() -> Url {
    Url::parse("https://acme-rec.s3.us-east-1.amazonaws.com/k").unwrap()
}

fn request(from: u64, if_match: bool) -> GetRequest {
    GetRequest {
        location: Location {
            bucket: "acme-rec".to_owned(),
            key: "k".to_owned(),
        },
        from,
        if_match: if_match.then(|| ETag("\"a\"".to_owned())),
    }
}

fn verdict(
    request: &GetRequest,
    status: u16,
    told: &[(&'static str, &str)],
    code: &str,
) -> Verdict {
    let asked = Asked {
        request,
        region: "us-east-1",
        hopped: false,
        mended: false,
        url: &url(),
        followed: false,
    };
    let document = match code {
        "" => "<html>".to_owned(),
        code => format!("<Error><Code>{code}</Code></Error>"),
    };
    judge(
        &asked,
        status,
        &headers(told),
        document.as_bytes(),
        NOW.parse().unwrap(),
    )
}

/// E11.
#[test]
fn every_status_and_code_has_its_error() {
    let whole = request(0, false);
    let resumed = request(5, true);
    for (request, status, code, error) in [
        (&whole, 404, "NoSuchKey", "NotFound"),
        (&whole, 404, "NoSuchBucket", "NoBucket"),
        (&whole, 404, "", "Unexpected"),
        (&whole, 404, "NotFound", "Unexpected"),
        (&whole, 403, "AccessDenied", "Denied"),
        (&whole, 403, "InvalidAccessKeyId", "Denied"),
        (&whole, 403, "SignatureDoesNotMatch", "Denied"),
        (&whole, 403, "RequestTimeTooSkewed", "Denied"),
        (&whole, 403, "InvalidObjectState", "Unexpected"),
        (&whole, 403, "", "Denied"),
        (&whole, 401, "", "Denied"),
        (&whole, 400, "ExpiredToken", "Denied"),
        (&whole, 400, "RequestTimeout", "Timeout"),
        (&whole, 400, "InvalidRequest", "Unexpected"),
        (&whole, 408, "", "Timeout"),
        (&resumed, 412, "PreconditionFailed", "Changed"),
        (&whole, 412, "PreconditionFailed", "Unexpected"),
        (&resumed, 416, "InvalidRange", "Changed"),
        (&whole, 416, "InvalidRange", "Unexpected"),
        (&whole, 429, "", "Throttled"),
        (&whole, 503, "SlowDown", "Throttled"),
        (&whole, 503, "", "Throttled"),
        (&whole, 500, "SlowDown", "Throttled"),
        (&whole, 500, "InternalError", "Server"),
        (&whole, 502, "", "Server"),
        (&whole, 204, "", "Unexpected"),
        (&whole, 304, "", "Unexpected"),
        (&whole, 301, "PermanentRedirect", "Unexpected"),
    ] {
        let Verdict::Error(found) = verdict(request, status, &[], code) else {
            panic!("{status} {code}")
        };
        assert!(
            format!("{found:?}").starts_with(error),
            "{status} {code}: {found:?}"
        );
    }
}

#[test]
fn retry_after_is_handed_on() {
    let Verdict::Error(StoreError::Throttled { after }) =
        verdict(&request(0, false), 503, &[("retry-after", "7")], "SlowDown")
    else {
        panic!()
    };
    assert_eq!(after, Some(Duration::from_secs(7)));
}

#[test]
fn the_region_is_learned_from_header_or_document_and_nothing_else() {
    let request = request(0, false);
    for (status, header, xml, region) in [
        (301, Some("eu-west-1"), "", Some("eu-west-1")),
        (307, Some("eu-west-1"), "ap-south-1", Some("eu-west-1")),
        (400, None, "ap-south-1", Some("ap-south-1")),
        (301, None, "", None),
        // The same again would loop.
        (301, Some("us-east-1"), "", None),
        (301, Some("evil.com/"), "", None),
        (301, None, "EVIL", None),
        // A refused key is a refused key, whatever region it names.
        (403, Some("eu-west-1"), "", None),
    ] {
        let asked = Asked {
            request: &request,
            region: "us-east-1",
            hopped: false,
            mended: false,
            url: &url(),
            followed: false,
        };
        let mut told = vec![("location", "https://evil.example/bucket/key?secret=1")];
        told.extend(header.map(|region| ("x-amz-bucket-region", region)));
        let document = format!("<Error><Code>X</Code><Region>{xml}</Region></Error>");
        let judged = judge(
            &asked,
            status,
            &headers(&told),
            document.as_bytes(),
            NOW.parse().unwrap(),
        );
        match (judged, region) {
            (Verdict::Region(found), Some(region)) => assert_eq!(found, region),
            (Verdict::Error(error), None) => {
                assert!(!error.to_string().contains("secret"), "{error}");
            }
            (judged, _) => panic!("{status} {header:?} {xml}: {judged:?}"),
        }
        let again = Asked {
            hopped: true,
            ..asked
        };
        let judged = judge(
            &again,
            status,
            &headers(&told),
            document.as_bytes(),
            NOW.parse().unwrap(),
        );
        assert!(matches!(judged, Verdict::Error(_)), "one hop only");
    }
}

#[test]
fn a_skewed_clock_is_mended_once() {
    let request = request(0, false);
    let document = b"<Error><Code>RequestTimeTooSkewed</Code></Error>";
    let told = headers(&[("date", "Thu, 12 Feb 2026 18:04:11 GMT")]);
    let asked = Asked {
        request: &request,
        region: "us-east-1",
        hopped: false,
        mended: false,
        url: &url(),
        followed: false,
    };
    let Verdict::Clock { server, skew_s } =
        judge(&asked, 403, &told, document, NOW.parse().unwrap())
    else {
        panic!()
    };
    assert_eq!(server, "2026-02-12T18:04:11Z".parse().unwrap());
    assert_eq!(skew_s, 3_600, "this machine is ahead");
    let again = Asked {
        mended: true,
        ..asked
    };
    assert!(matches!(
        judge(&again, 403, &told, document, NOW.parse().unwrap()),
        Verdict::Error(StoreError::ClockSkew { skew_s: 3_600 })
    ));
}

#[test]
fn the_region_is_taken_out_of_the_host_that_the_store_would_have_us_ask() {
    let request = request(0, false);
    for (endpoint, location, region) in [
        ("acme-rec.s3.eu-west-1.amazonaws.com", "", Some("eu-west-1")),
        ("s3.ap-south-1.amazonaws.com", "", Some("ap-south-1")),
        ("acme-rec.s3-us-west-2.amazonaws.com", "", Some("us-west-2")),
        (
            "acme.rec.s3.dualstack.eu-west-1.amazonaws.com",
            "",
            Some("eu-west-1"),
        ),
        ("s3.cn-north-1.amazonaws.com.cn", "", Some("cn-north-1")),
        (
            "",
            "https://acme-rec.s3.eu-west-1.amazonaws.com/k?secret=1",
            Some("eu-west-1"),
        ),
        (
            "",
            "//acme-rec.s3-eu-west-1.amazonaws.com/k",
            Some("eu-west-1"),
        ),
        ("acme-rec.s3.amazonaws.com", "", None),
        ("acme-rec.s3-accelerate.amazonaws.com", "", None),
        ("s3-external-1.amazonaws.com", "", None),
        ("acme-rec.s3.us-east-1.amazonaws.com", "", None),
        ("acme-rec.s3.eu-west-1.amazonaws.com.evil.example", "", None),
        ("acme-rec.s3.eu-west-1.evilamazonaws.com", "", None),
        ("", "https://evil.example/s3.eu-west-1.amazonaws.com", None),
    ] {
        let asked = Asked {
            request: &request,
            region: "us-east-1",
            hopped: false,
            mended: false,
            url: &url(),
            followed: false,
        };
        let document = format!("<Error><Code>X</Code><Endpoint>{endpoint}</Endpoint></Error>");
        let told = headers(&[("location", location)]);
        let judged = judge(
            &asked,
            307,
            &told,
            document.as_bytes(),
            NOW.parse().unwrap(),
        );
        let found = match &judged {
            Verdict::Region(found) => Some(found.as_str()),
            _ => None,
        };
        assert_eq!(found, region, "{endpoint} {location}: {judged:?}");
    }
}

#[test]
fn one_redirect_to_the_same_origin_is_followed_and_no_other() {
    let request = request(0, false);
    let base = "https://acme-rec.s3.us-east-1.amazonaws.com";
    for (status, location, expected) in [
        (
            307,
            "/k?node=2".to_owned(),
            Some(format!("{base}/k?node=2")),
        ),
        (
            302,
            format!("{base}:443/other"),
            Some(format!("{base}/other")),
        ),
        (308, "other".to_owned(), Some(format!("{base}/other"))),
        (307, "https://evil.example/k".to_owned(), None),
        (307, "//evil.example/k".to_owned(), None),
        (
            307,
            "http://acme-rec.s3.us-east-1.amazonaws.com/k".to_owned(),
            None,
        ),
        (307, format!("{base}:8443/k"), None),
        (
            307,
            "https://u:p@acme-rec.s3.us-east-1.amazonaws.com/k".to_owned(),
            None,
        ),
        (307, "file:///etc/passwd".to_owned(), None),
        (307, String::new(), None),
        (403, "/k".to_owned(), None),
        (200, "/k".to_owned(), None),
    ] {
        let asked = Asked {
            request: &request,
            region: "us-east-1",
            hopped: false,
            mended: false,
            url: &url(),
            followed: false,
        };
        let told = headers(&[("location", &location)]);
        let judged = judge(&asked, status, &told, b"", NOW.parse().unwrap());
        let found = match &judged {
            Verdict::Redirect(to) => Some(to.to_string()),
            _ => None,
        };
        assert_eq!(found, expected, "{status} {location}: {judged:?}");
        let again = Asked {
            followed: true,
            ..asked
        };
        let judged = judge(&again, status, &told, b"", NOW.parse().unwrap());
        assert!(matches!(judged, Verdict::Error(_)), "one redirect only");
    }
}
