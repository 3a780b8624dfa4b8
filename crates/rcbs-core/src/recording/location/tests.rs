//! Cases for the choice of a place and for every form of an S3 URL.

use super::*;

fn s3(bucket: &str, path: &str) -> Descriptor {
    descriptor(Some("awsS3"), Some(path), Some(bucket))
}

fn descriptor(storage: Option<&str>, path: Option<&str>, bucket: Option<&str>) -> Descriptor {
    Descriptor {
        storage: storage.map(Into::into),
        path: path.map(Into::into),
        bucket: bucket.map(Into::into),
    }
}

fn uri(text: &str) -> Result<Located, LocationError> {
    locate(None, None, Some(text), None)
}

#[track_caller]
fn is_at(found: Result<Located, LocationError>, bucket: &str, key: &str) {
    let location = found.unwrap().location;
    assert_eq!((&*location.bucket, &*location.key), (bucket, key));
}

#[track_caller]
fn is_foreign(found: Result<Located, LocationError>, expected: &str) {
    match found {
        Err(LocationError::Foreign { place }) => assert_eq!(place, expected),
        other => panic!("not foreign: {other:?}"),
    }
}

#[track_caller]
fn is_unusable(found: Result<Located, LocationError>, part: &str) {
    match found {
        Err(LocationError::Unusable { reason }) => assert!(reason.contains(part), "{reason}"),
        other => panic!("not unusable: {other:?}"),
    }
}

#[test]
fn the_first_place_that_names_an_object_wins() {
    let (a, b) = (s3("bucket-a", "ka"), s3("bucket-b", "kb"));
    let url = Some("s3://bucket-c/kc");
    let source = |found: Result<Located, LocationError>| found.unwrap().source;
    assert_eq!(
        source(locate(Some(&a), Some(&b), url, None)),
        LocationSource::OriginalMediaDescriptor
    );
    assert_eq!(
        source(locate(None, Some(&b), url, None)),
        LocationSource::MediaDescriptor
    );
    assert_eq!(
        source(locate(None, None, url, None)),
        LocationSource::MediaUri
    );
    let empty = Descriptor::default();
    is_at(locate(Some(&empty), Some(&b), url, None), "bucket-b", "kb");
    let dav = descriptor(Some("webDAV"), Some("http://rec.example/x.mp3"), None);
    is_at(locate(Some(&dav), Some(&b), url, None), "bucket-b", "kb");
    let broken = s3("", "ka");
    is_at(
        locate(Some(&broken), Some(&empty), url, None),
        "bucket-c",
        "kc",
    );
}

#[test]
fn when_nothing_can_be_used_the_first_fault_is_told() {
    let dav = descriptor(Some("webDAV"), Some("http://rec.example/x.mp3"), None);
    let broken = s3("", "ka");
    let play = Some("https://gws.example.com/api/v2/recordings/1/play/2.mp3");
    is_foreign(
        locate(Some(&dav), Some(&broken), play, None),
        "rec.example (webDAV)",
    );
    is_unusable(locate(Some(&broken), Some(&dav), play, None), "no bucket");
    is_foreign(locate(None, None, play, None), "gws.example.com");
    assert_eq!(locate(None, None, None, None), Err(LocationError::Absent));
    assert_eq!(
        locate(Some(&Descriptor::default()), None, Some(""), None),
        Err(LocationError::Absent)
    );
    assert_eq!(uri("/recordings/1/play/2.mp3"), Err(LocationError::Absent));
}

#[test]
fn storage_is_recognised_in_any_spelling() {
    for storage in ["awsS3", "AWSS3", "aws-s3", "AWS_S3", "s3", "S3", "amazonS3"] {
        let d = descriptor(Some(storage), Some("k"), Some("bucket"));
        is_at(locate(Some(&d), None, None, None), "bucket", "k");
    }
    let d = descriptor(None, Some("k"), Some("bucket"));
    is_at(locate(Some(&d), None, None, None), "bucket", "k");
    for (storage, place) in [
        ("webDAV", "webDAV"),
        ("azure\u{1b}[1m", "azure\\u{1b}[1m"),
        ("s3s", "s3s"),
    ] {
        let d = descriptor(Some(storage), Some("k"), Some("bucket"));
        is_foreign(locate(Some(&d), None, None, None), place);
    }
}

#[test]
fn a_key_is_data() {
    let long = "é".repeat(512);
    for key in [
        "ccid/file.mp3.bin",
        "../../etc/passwd",
        "/begins/with/slash",
        "a b+c%20d?e#f",
        "Zürich/☎\u{0}",
        "c:\\x",
        long.as_str(),
    ] {
        is_at(
            locate(Some(&s3("bucket", key)), None, None, None),
            "bucket",
            key,
        );
    }
    is_unusable(
        locate(Some(&s3("bucket", &"x".repeat(1025))), None, None, None),
        "1025 bytes",
    );
    is_unusable(locate(Some(&s3("bucket", "")), None, None, None), "no path");
    is_unusable(
        locate(
            Some(&descriptor(Some("s3"), Some("k"), None)),
            None,
            None,
            None,
        ),
        "no bucket",
    );
}

#[test]
fn bucket_names_of_today_and_of_old_are_taken_and_nothing_else() {
    let longest = "x".repeat(255);
    for name in [
        "abc",
        "example-usw1-callrecordings",
        "a.b.c",
        "Old_Bucket",
        longest.as_str(),
        "1.2.3",
    ] {
        is_at(locate(Some(&s3(name, "k")), None, None, None), name, "k");
    }
    for name in [
        "ab",
        "a/b",
        "a..b",
        "..",
        ".abc",
        "abc.",
        "127.0.0.1",
        "a b c",
        "b\u{0}b",
        "bü-cket",
        "user@host",
        "host:80",
        "a%2fb",
        &"x".repeat(256),
    ] {
        is_unusable(
            locate(Some(&s3(name, "k")), None, None, None),
            "no bucket name",
        );
    }
}

#[test]
fn a_descriptor_path_may_be_a_whole_url() {
    let at = |path: &str, bucket| descriptor(Some("awsS3"), Some(path), bucket);
    let url = "https://my-rec.s3.eu-west-1.amazonaws.com/a/b.bin";
    is_at(
        locate(Some(&at(url, None)), None, None, None),
        "my-rec",
        "a/b.bin",
    );
    is_at(
        locate(Some(&at(url, Some("my-rec"))), None, None, None),
        "my-rec",
        "a/b.bin",
    );
    is_unusable(
        locate(Some(&at(url, Some("other"))), None, None, None),
        "another bucket",
    );
    is_foreign(
        locate(
            Some(&at("https://u:p@evil.example:8443/a?q=1", Some("b1b"))),
            None,
            None,
            None,
        ),
        "evil.example:8443 (awsS3)",
    );
}

#[test]
fn media_uris_in_every_s3_form() {
    for host in [
        "s3://my.rec/",
        "S3://my.rec/",
        "https://my.rec.s3.amazonaws.com/",
        "http://my.rec.s3.amazonaws.com/",
        "https://my.rec.s3.amazonaws.com:443/",
        "https://my.rec.S3.AmazonAWS.com/",
        "https://my.rec.s3.us-gov-west-1.amazonaws.com/",
        "https://my.rec.s3-eu-west-1.amazonaws.com/",
        "https://my.rec.s3.dualstack.eu-west-1.amazonaws.com/",
        "https://my.rec.s3-fips.us-east-1.amazonaws.com/",
        "https://my.rec.s3-fips.dualstack.us-east-1.amazonaws.com/",
        "https://my.rec.s3-accelerate.amazonaws.com/",
        "https://my.rec.s3-accelerate.dualstack.amazonaws.com/",
        "https://my.rec.s3.cn-north-1.amazonaws.com.cn/",
        "https://s3.amazonaws.com/my.rec/",
        "https://s3-external-1.amazonaws.com/my.rec/",
        "https://s3.us-east-1.amazonaws.com/my.rec/",
        "https://s3-us-west-2.amazonaws.com/my.rec/",
        "https://s3.dualstack.us-west-2.amazonaws.com/my.rec/",
        "https://s3.cn-north-1.amazonaws.com.cn/my.rec/",
    ] {
        is_at(uri(&format!("{host}a/b.mp3.bin")), "my.rec", "a/b.mp3.bin");
    }
    let key = "https://rec.s3.amazonaws.com/a%2Fb/%C3%BC+c%20d/../%zz%?versionId=7#x";
    is_at(uri(key), "rec", "a/b/ü+c d/../%zz%");
    is_at(uri("https://rec.s3.amazonaws.com//a"), "rec", "/a");
    is_unusable(uri("https://rec.s3.amazonaws.com/%ff"), "UTF-8");
    is_unusable(uri("https://rec.s3.amazonaws.com"), "key is empty");
    is_unusable(uri("https://s3.amazonaws.com/rec"), "key is empty");
    is_unusable(uri("https://s3.amazonaws.com/"), "no bucket name");
    is_unusable(uri("s3://user:pw@bucket/k"), "no bucket name");
    is_unusable(uri("s3:///k"), "no bucket name");
}

#[test]
fn hosts_that_only_look_like_s3_are_foreign_and_told_without_login_and_query() {
    for (text, place) in [
        (
            "https://s3.amazonaws.com.evil.example/bucket/k",
            "s3.amazonaws.com.evil.example",
        ),
        ("https://evilamazonaws.com/bucket/k", "evilamazonaws.com"),
        (
            "https://s3.evilamazonaws.com/bucket/k",
            "s3.evilamazonaws.com",
        ),
        ("https://amazonaws.com/bucket/k", "amazonaws.com"),
        ("https://.amazonaws.com/bucket/k", ".amazonaws.com"),
        ("https://x.s3.amazonaws.com@evil/k", "evil"),
        (
            "https://x.s3.amazonaws.com:pw@evil.example/k?s=1",
            "evil.example",
        ),
        ("https://u:p@x.s3.amazonaws.com/k", "x.s3.amazonaws.com"),
        ("https://evil.example#.s3.amazonaws.com/k", "evil.example"),
        ("https://evil.example?.s3.amazonaws.com/k", "evil.example"),
        ("https://evil.example\\.s3.amazonaws.com/k", "evil.example"),
        (
            "https://x.s3.amazonaws.com:8443/k",
            "x.s3.amazonaws.com:8443",
        ),
        ("https://x.s3.amazonaws.com./k", "x.s3.amazonaws.com."),
        (
            "https://x.ec2.us-east-1.amazonaws.com/k",
            "x.ec2.us-east-1.amazonaws.com",
        ),
        (
            "https://x.us-east-1.amazonaws.com/k",
            "x.us-east-1.amazonaws.com",
        ),
        (
            "https://x.s3-evil.amazonaws.com/k",
            "x.s3-evil.amazonaws.com",
        ),
        (
            "https://x.s3.useast-1.amazonaws.com/k",
            "x.s3.useast-1.amazonaws.com",
        ),
        ("https://x.s3。amazonaws.com/k", "x.s3。amazonaws.com"),
        ("https://x%2es3.amazonaws.com/k", "x%2es3.amazonaws.com"),
        ("http://169.254.169.254/latest", "169.254.169.254"),
        ("file:///etc/passwd", "file://"),
        ("ftp://user:pw@host/x", "host"),
        (
            "https://a\u{1b}[31m\u{202e}.example/",
            "a\\u{1b}[31m\\u{202e}.example",
        ),
    ] {
        is_foreign(uri(text), place);
    }
    for text in [
        "javascript:alert(1)",
        "://x",
        "1http://x",
        "x.s3.amazonaws.com/k",
    ] {
        assert_eq!(uri(text), Err(LocationError::Absent), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic_and_no_other_host_is_taken(text in "(https?|s3)://[-a-z0-9.@:/%\\\\?#é]{0,40}(\\.s3)?(\\.amazonaws\\.com)?[-a-z./@:?#]{0,20}") {
        if let Ok(found) = uri(&text) {
            let host = text.split("://").nth(1).unwrap().split(['/', '?', '#', '\\']).next().unwrap();
            proptest::prop_assert!(text.starts_with("s3://") || host.trim_end_matches(":443").ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"));
            proptest::prop_assert!(is_bucket(&found.location.bucket));
        }
    }

    #[test]
    fn a_key_survives_the_url(key in "[^\u{0}]{1,80}") {
        let encoded: String = key.bytes().map(|b| format!("%{b:02X}")).collect();
        let found = uri(&format!("https://rec.s3.amazonaws.com/{encoded}")).unwrap();
        proptest::prop_assert_eq!(found.location.key, key);
    }
}

#[test]
fn urls_of_the_configured_store_name_objects() {
    let endpoint = Endpoint::parse("http://store.example:9000").unwrap();
    let at = |original: Option<&str>, uri: Option<&str>| {
        let original = original.map(|path| descriptor(Some("awsS3"), Some(path), None));
        locate(original.as_ref(), None, uri, Some(&endpoint))
    };
    for url in [
        "http://store.example:9000/rec/a%20b/c",
        "http://rec.store.example:9000/a%20b/c?X-Amz-Signature=0",
        "https://rec.s3.amazonaws.com/a%20b/c",
    ] {
        is_at(at(Some(url), None), "rec", "a b/c");
        is_at(at(None, Some(url)), "rec", "a b/c");
    }
    let url = "http://store.example:9000/rec/k";
    let other = descriptor(Some("awsS3"), Some(url), Some("another"));
    is_unusable(
        locate(Some(&other), None, None, Some(&endpoint)),
        "another bucket",
    );
    is_foreign(
        at(Some("http://store.example/rec/k"), None),
        "store.example (awsS3)",
    );
    is_foreign(locate(None, None, Some(url), None), "store.example:9000");
    is_unusable(
        at(None, Some("http://store.example:9000/rec")),
        "key is empty",
    );
    is_unusable(
        at(None, Some("http://store.example:9000/")),
        "no bucket name",
    );
}
