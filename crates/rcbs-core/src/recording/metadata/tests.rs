//! Cases for served recordings: as they should be, as they were seen, and as nobody should send them.

use super::*;
use crate::recording::{LocationError, LocationSource, Media};

fn read(json: &str) -> Recording {
    let json = Bytes::copy_from_slice(json.as_bytes());
    let recording = parse(&json).unwrap();
    assert_eq!(recording.json, json);
    recording
}

/// A recording with this text as its media list.
fn with_media(list: &str) -> Recording {
    read(&format!(r#"{{"id":"R","mediaFiles":{list}}}"#))
}

fn one_media(fields: &str) -> Media {
    let mut found = with_media(&format!(r#"[{{"mediaId":"m",{fields}}}]"#));
    assert_eq!(found.faults, [""; 0]);
    assert_eq!(found.media.len(), 1);
    found.media.remove(0)
}

fn ids(recording: &Recording) -> Vec<&str> {
    recording
        .media
        .iter()
        .map(|media| media.id.as_str())
        .collect()
}

#[track_caller]
fn starts_at(json: &str, expected: &str) {
    let start = read(json).start.map(|at| at.to_string());
    assert_eq!(start.unwrap_or_default(), expected, "{json}");
}

const VOICE: &str = r#"{
  "id": "01K7Q2VD5OA3R9TEMC41L2LAES0002QF",
  "callerPhoneNumber": "+15550100123", "dialedPhoneNumber": "+15550199000",
  "callType": "Inbound", "region": "usw1",
  "startTime": "2018-02-12T19:04:11.000+0000", "stopTime": "2018-02-12T19:09:53.000+0000",
  "mediaFiles": [{
    "mediaId": "01K7_2018-02-12_19-04-11.mp3.bin",
    "mediaUri": "https://gws.example.com/api/v2/recordings/01K7/play/7d0e.mp3",
    "originalMediaDescriptor": {"storage":"awsS3","path":"b4f3/01K7.mp3.bin","data":{"bucket":"example-usw1"}},
    "startTime": "2018-02-12T19:04:11.000+0000", "stopTime": "2018-02-12T19:09:53.000+0000",
    "type": "audio/mp3", "duration": "342184", "size": "1368736",
    "parameters": {"dateTime":"2018-02-12T19:04:11Z","agentId":"6001","username":"agent6001@example.com"},
    "masks": [{"time":"2018-02-12T19:05:40.000Z","type":"paused"}],
    "certAlias": ["rcs_Environment:1:C=US,CN=x:17"],
    "pkcs7": "-----BEGIN PKCS7-----\nMII\/\n-----END PKCS7-----\n"
  }],
  "eventHistory": [
    {"event":"Joined","contact":{"type":"External","phoneNumber":"+15550100123"}},
    {"event":"Joined","contact":{"userName":"zoe@example.com"}},
    {"event":"Left","contact":{"userName":"agent6001@example.com"}}
  ]
}"#;

#[test]
fn the_served_sample_is_read_whole() {
    let found = read(VOICE);
    assert_eq!(found.id.as_str(), "01K7Q2VD5OA3R9TEMC41L2LAES0002QF");
    assert_eq!(found.start, "2018-02-12T19:04:11Z".parse().ok());
    assert_eq!(found.stop, "2018-02-12T19:09:53Z".parse().ok());
    assert_eq!(found.caller.as_deref(), Some("+15550100123"));
    assert_eq!(found.dialed.as_deref(), Some("+15550199000"));
    assert_eq!(
        found.agents,
        ["6001", "agent6001@example.com", "zoe@example.com"]
    );
    assert_eq!(found.faults, [""; 0]);
    assert!(found.has_media_list);
    let [media] = found.media.as_slice() else {
        panic!("{:?}", found.media);
    };
    assert_eq!(media.id.as_str(), "01K7_2018-02-12_19-04-11.mp3.bin");
    assert_eq!(media.content_type, "audio/mp3");
    assert_eq!(media.told_bytes, Some(1_368_736));
    assert_eq!(
        media.envelope.as_deref(),
        Some("-----BEGIN PKCS7-----\nMII/\n-----END PKCS7-----\n")
    );
    let located = media.location.as_ref().unwrap();
    assert_eq!(located.location.bucket, "example-usw1");
    assert_eq!(located.location.key, "b4f3/01K7.mp3.bin");
    assert_eq!(located.source, LocationSource::OriginalMediaDescriptor);
}

#[test]
fn an_id_may_be_a_number_and_must_be_there() {
    assert_eq!(
        read(r#"{"id":123456789012345678901234567890}"#).id.as_str(),
        "123456789012345678901234567890"
    );
    assert_eq!(read(r#"{"id":"x","id":"y"}"#).id.as_str(), "y");
    assert_eq!(
        read(r#"{"\u0069d":"\u00fc\ud83d\ude00"}"#).id.as_str(),
        "ü😀"
    );
    for json in [
        "{}",
        r#"{"id":null}"#,
        r#"{"id":""}"#,
        r#"{"id":" \t"}"#,
        r#"{"id":{}}"#,
        r#"{"id":["x"]}"#,
        r#"{"id":true}"#,
        r#"{"id":"\ud800"}"#,
        r#"{"id":"x","id":null}"#,
    ] {
        let error = parse(&Bytes::copy_from_slice(json.as_bytes())).unwrap_err();
        assert_eq!(error, MetadataError::NoId, "{json}");
    }
}

#[test]
fn what_is_no_object_is_refused_without_repeating_it() {
    for json in [
        "",
        " ",
        "null",
        r#""secret""#,
        r#"["secret"]"#,
        "<html>secret</html>",
        r#"{"id":"R""#,
        r#"{"id":"R"} secret"#,
        r#"{"id":"R",}"#,
        r#"{id:"secret"}"#,
        r#"{"id":"R","x":secret}"#,
    ] {
        match parse(&Bytes::copy_from_slice(json.as_bytes())) {
            Err(MetadataError::NotAnObject { reason }) => {
                assert!(!reason.contains("secret"), "{reason}");
            }
            other => panic!("{json}: {other:?}"),
        }
    }
}

/// D10.
#[test]
fn an_odd_field_never_loses_the_recording() {
    for odd in [
        "null",
        "true",
        "1",
        "-0.5",
        "1e999",
        r#""""#,
        r#""text""#,
        r#""\ud800""#,
        "[]",
        "{}",
        "[1]",
        "[null]",
        "[[]]",
        r#"{"a":1}"#,
        r#"{"\ud800":1e999}"#,
        r#"[{"contact":[]},{"contact":{"userName":{}}}]"#,
    ] {
        for field in [
            "startTime",
            "stopTime",
            "callerPhoneNumber",
            "dialedPhoneNumber",
            "eventHistory",
            "mediaFiles",
            "mediaFile",
            "x",
        ] {
            let found = read(&format!(r#"{{"{field}":{odd},"id":"R"}}"#));
            assert_eq!(found.media.len(), 0);
        }
        for field in [
            "mediaUri",
            "type",
            "size",
            "startTime",
            "pkcs7",
            "parameters",
            "originalMediaDescriptor",
            "mediaDescriptor",
            "x",
        ] {
            assert_eq!(
                ids(&with_media(&format!(
                    r#"[{{"{field}":{odd},"mediaId":"m"}}]"#
                ))),
                ["m"]
            );
        }
        for field in ["storage", "path", "bucket", "data"] {
            let media = one_media(&format!(r#""mediaDescriptor":{{"{field}":{odd}}}"#));
            assert!(media.location.is_err(), "{field} {odd}");
        }
    }
}

#[test]
fn deep_brackets_neither_overflow_nor_lose_the_recording() {
    let (open, close) = ("[".repeat(200_000), "]".repeat(200_000));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(200_000), "}".repeat(200_000));
    for deep in [format!("{open}{close}"), objects] {
        assert_eq!(
            read(&format!(r#"{{"x":{deep},"id":"R"}}"#)).id.as_str(),
            "R"
        );
        for field in ["startTime", "eventHistory", "callerPhoneNumber"] {
            read(&format!(r#"{{"{field}":{deep},"id":"R"}}"#));
        }
        let found = with_media(&deep);
        assert_eq!((found.media.len(), found.faults.len()), (0, 1));
        for field in ["parameters", "originalMediaDescriptor", "pkcs7", "size"] {
            assert_eq!(
                ids(&with_media(&format!(
                    r#"[{{"mediaId":"m","{field}":{deep}}}]"#
                ))),
                ["m"]
            );
        }
    }
    let unclosed = Bytes::from(format!(r#"{{"id":"R","x":{open}"#));
    assert!(matches!(
        parse(&unclosed),
        Err(MetadataError::NotAnObject { .. })
    ));
}

#[test]
fn the_start_comes_from_the_first_field_that_gives_a_time() {
    let media = r#""mediaFiles":[{"startTime":"2018-01-03T00:00:00Z","parameters":{"dateTime":"2018-01-04T00:00:00Z"}},
        {"startTime":"2018-01-02T00:00:00Z"},{"startTime":"13:45:032.000Z"},{"startTime":null}]"#;
    let date =
        r#""mediaFiles":[{"parameters":{"dateTime":"2018-01-04T00:00:00Z"}},{"parameters":"x"}]"#;
    let stop = r#""stopTime":"2018-01-05T00:00:00Z""#;
    starts_at(
        &format!(r#"{{"id":1,"startTime":"2018-01-09T00:00:00.000+0000",{media},{stop}}}"#),
        "2018-01-09T00:00:00Z",
    );
    starts_at(
        &format!(r#"{{"id":1,"startTime":"13:45:032.000Z",{media},{stop}}}"#),
        "2018-01-02T00:00:00Z",
    );
    starts_at(
        &format!(r#"{{"id":1,{date},{stop}}}"#),
        "2018-01-04T00:00:00Z",
    );
    starts_at(
        &format!(r#"{{"id":1,"mediaFiles":null,{stop}}}"#),
        "2018-01-05T00:00:00Z",
    );
    starts_at(r#"{"id":1,"startTime":"2018"}"#, "");
    for number in [
        "1518462251000",
        r#""1518462251000""#,
        "1518462251000.0",
        "1.518462251E12",
        "1518462251",
    ] {
        starts_at(
            &format!(r#"{{"id":1,"startTime":{number}}}"#),
            "2018-02-12T19:04:11Z",
        );
    }
    starts_at(r#"{"id":1,"startTime":1e300}"#, "");
}

#[test]
fn whether_there_is_a_media_list_is_told() {
    for (json, has_list, is_null) in [
        (r#"{"id":1}"#, false, false),
        (r#"{"id":1,"mediaFiles":null}"#, true, true),
        (r#"{"id":1,"media":null,"mediaFiles":null}"#, true, true),
        (r#"{"id":1,"mediaFiles":null,"mediaFile":[]}"#, true, false),
        (r#"{"id":1,"mediaFiles":[],"media":null}"#, true, false),
        (r#"{"id":1,"mediaFiles":[]}"#, true, false),
        (r#"{"id":1,"mediaFile":[]}"#, true, false),
        (r#"{"id":1,"mediaFiles":{}}"#, true, false),
        (r#"{"id":1,"mediaFiles":{"items":null}}"#, true, false),
        (
            r#"{"id":1,"mediaFiles":{"total":0,"items":[]}}"#,
            true,
            false,
        ),
        (r#"{"id":1,"media":"voice"}"#, false, false),
    ] {
        let found = read(json);
        assert_eq!(
            (found.has_media_list, found.media_list_is_null),
            (has_list, is_null),
            "{json}"
        );
        assert_eq!((found.media.len(), found.faults.len()), (0, 0), "{json}");
    }
    let odd = with_media("7");
    assert!(odd.has_media_list);
    assert_eq!(odd.faults, ["mediaFiles is not a list"]);
}

#[test]
fn media_lists_in_every_form() {
    for list in [
        r#""mediaFiles":[{"mediaId":"a"},{"mediaId":7}]"#,
        r#""mediaFile":[{"mediaId":"a"},{"mediaId":7}]"#,
        r#""mediaFiles":[{"mediaId":"a"}],"mediaFile":{"mediaId":7}"#,
        r#""mediaFiles":{"mediaFile":[{"mediaId":"a"},{"mediaId":7}]}"#,
        r#""mediaFiles":{"x":{"mediaId":"a"},"y":{"mediaId":7}}"#,
        r#""mediaFiles":[{"mediaId":"z"}],"mediaFiles":[{"mediaId":"a"},{"mediaId":7}]"#,
        r#""mediaFiles":[{"mediaId":"z","mediaId":"a"},{"mediaId":7}],"mediaFile":null"#,
        r#""mediafiles":[{"mediaId":"a"},{"mediaId":7}]"#,
        r#""MediaFiles":[{"mediaId":"a"},{"mediaId":7}],"media":"voice""#,
        r#""media":[{"mediaId":"a"},{"mediaId":7}]"#,
        r#""mediaFiles":{"items":[{"mediaId":"a"},{"mediaId":7}]}"#,
        r#""media":{"total":2,"items":[{"mediaId":"a"},{"mediaId":7}],"links":{"self":"x"}}"#,
        r#""mediaFiles":{"mediaId":"a"},"media":{"items":{"mediaId":7}}"#,
    ] {
        let found = read(&format!(r#"{{"id":"R",{list}}}"#));
        assert_eq!(ids(&found), ["a", "7"], "{list}");
        assert_eq!(found.faults, [""; 0]);
    }
    assert_eq!(ids(&with_media(r#"{"mediaId":"a","type":"x"}"#)), ["a"]);
}

#[test]
fn no_spelling_of_the_list_hides_another_and_there_is_an_end_to_them() {
    let found = read(
        r#"{"id":1,"mediaFiles":[{"mediaId":"a"}],"mediafiles":[{"mediaId":"b"}],"MEDIA":[{"mediaId":"c"}],
        "media":[{"mediaId":"d"}],"mediaFile":[{"mediaId":"e"}]}"#,
    );
    assert_eq!(ids(&found), ["a", "b", "c", "d"]);
    assert_eq!(found.faults, ["there are more than 4 lists of media files"]);
}

#[test]
fn media_without_an_id_is_a_fault_that_names_its_place_in_the_list() {
    let found = with_media(
        r#"[{"mediaId":"a"},{"type":"x"},{"mediaId":" "},"b",null,{"mediaId":[]},{"mediaId":"c"}]"#,
    );
    assert_eq!(ids(&found), ["a", "c"]);
    assert_eq!(
        found.faults,
        [
            "mediaFiles[1] has no mediaId",
            "mediaFiles[2] has no mediaId",
            "mediaFiles[3] is not an object",
            "mediaFiles[4] is not an object",
            "mediaFiles[5] has no mediaId",
        ]
    );
}

#[test]
fn one_id_for_two_files_is_a_fault_and_the_first_is_used() {
    let at =
        |path: &str, more: &str| format!(r#"{{"mediaId":"m\u001b","mediaUri":"{path}"{more}}}"#);
    let same = with_media(&format!("[{0},{0}]", at("s3://bucket/a", "")));
    assert_eq!((same.media.len(), same.faults.len()), (1, 0));

    let two = with_media(&format!(
        "[{},{}]",
        at("s3://bucket/a", ""),
        at("s3://bucket/b", "")
    ));
    assert_eq!(two.media.len(), 1);
    assert_eq!(two.media[0].location.as_ref().unwrap().location.key, "a");
    assert_eq!(
        two.faults,
        [
            "mediaFiles[1] has the id m\\u{1b} again with another place (s3://bucket/b, first s3://bucket/a); the first is used"
        ]
    );

    let keyed = with_media(&format!(
        "[{},{}]",
        at("s3://bucket/a", ""),
        at("s3://bucket/a", r#","pkcs7":"x""#)
    ));
    assert_eq!(keyed.media[0].envelope, None);
    assert_eq!(
        keyed.faults,
        ["mediaFiles[1] has the id m\\u{1b} again with another envelope; the first is used"]
    );

    let rescued = with_media(&format!(
        "[{},{}]",
        at("/play/x", ""),
        at("s3://bucket/b", "")
    ));
    assert_eq!(
        rescued.media[0].location.as_ref().unwrap().location.key,
        "b"
    );
    assert_eq!(rescued.faults.len(), 1);
    assert!(rescued.faults[0].ends_with("this one is used"));
}

#[test]
fn sizes_in_every_spelling() {
    for (size, expected) in [
        ("1368736", Some(1_368_736)),
        (r#""1368736""#, Some(1_368_736)),
        (r#"" 12 ""#, Some(12)),
        ("1368736.0", Some(1_368_736)),
        (r#""1.5e3""#, Some(1500)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("1e999", None),
        ("-1", None),
        (r#""NaN""#, None),
        (r#""12 KB""#, None),
        ("null", None),
        ("true", None),
    ] {
        assert_eq!(
            one_media(&format!(r#""size":{size}"#)).told_bytes,
            expected,
            "{size}"
        );
    }
}

#[test]
fn a_type_has_several_names_and_the_first_that_says_something_counts() {
    for (fields, expected) in [
        (r#""type":"audio/mp3","mimeType":"x/y""#, "audio/mp3"),
        (r#""mimeType":"audio/mp3""#, "audio/mp3"),
        (r#""contentType":"audio/mp3","type":null"#, "audio/mp3"),
        (r#""content-type":"audio/mp3","type":"""#, "audio/mp3"),
        (r#""mediaType":"audio/mp3","type":7"#, "audio/mp3"),
        (r#""type":"voice","mediaType":"audio/mp3""#, "audio/mp3"),
        (
            r#""contentType":"application/octet-stream","mediaType":"video/mp4""#,
            "video/mp4",
        ),
        (r#""type":"voice","mediaType":"call""#, "voice"),
        (r#""size":1"#, ""),
    ] {
        assert_eq!(one_media(fields).content_type, expected, "{fields}");
    }
}

#[test]
fn an_envelope_is_text_or_lines_and_an_odd_one_is_not_taken_for_none() {
    for (pkcs7, expected) in [
        ("null", None),
        (r#""""#, None),
        (r#"" \n""#, None),
        ("[]", None),
        (r#""MII""#, Some("MII")),
        (r#"["-----BEGIN","MII"]"#, Some("-----BEGIN\nMII\n")),
        (r#"{"pem":"MII"}"#, Some(r#"{"pem":"MII"}"#)),
        (r#"["MII",{}]"#, Some(r#"["MII",{}]"#)),
        ("true", Some("true")),
        ("{}", Some("{}")),
        (r#""\ud800""#, Some(r#""\ud800""#)),
    ] {
        let found = one_media(&format!(r#""pkcs7":{pkcs7}"#));
        assert_eq!(found.envelope.as_deref(), expected, "{pkcs7}");
    }
    assert_eq!(one_media(r#""type":"a""#).envelope, None);
}

#[test]
fn descriptors_in_every_form() {
    for fields in [
        r#""mediaDescriptor":{"storage":"awsS3","path":"k","data":{"bucket":"bucket"}}"#,
        r#""mediaDescriptor":{"storage":"awsS3","path":"k","data":{"bucketName":"bucket"}}"#,
        r#""mediaDescriptor":{"storage":"awsS3","path":"k","bucket":"bucket"}"#,
        r#""mediaDescriptor":{"path":"k","bucketName":"bucket","data":null}"#,
        r#""mediaDescriptor":{"storage":"s3","path":"k","bucket":"other","data":{"bucket":"bucket"}}"#,
        r#""mediaDescriptor":"s3://bucket/k""#,
        r#""mediaDescriptor":{"storage":"awsS3","key":"k","data":{"bucket":"bucket"}}"#,
        r#""mediaDescriptor":{"storage":"awsS3","objectKey":"k","bucket":"bucket"}"#,
        r#""mediaDescriptor":{"storage":"awsS3","data":{"bucket":"bucket","key":"k"}}"#,
        r#""mediaDescriptor":{"storage":"awsS3","data":{"bucket":"bucket","objectKey":"k"}}"#,
        r#""mediaDescriptor":{"storage":"awsS3","data":{"bucketName":"bucket","path":"k"}}"#,
        r#""mediaDescriptor":{"path":"k","key":"other","bucket":"bucket","data":{"key":"other","path":"other"}}"#,
        r#""mediaDescriptor":{"path":"","key":"other","bucket":"bucket","data":{"key":"other","path":"k"}}"#,
        r#""originalMediaDescriptor":null,"mediaDescriptor":{"storage":"awsS3","path":"s3://bucket/k"}"#,
    ] {
        let location = one_media(fields).location.unwrap().location;
        assert_eq!(
            (&*location.bucket, &*location.key),
            ("bucket", "k"),
            "{fields}"
        );
    }
    let dav = r#""originalMediaDescriptor":{"storage":"webDAV","path":"x.mp4","data":{"storagePath":"http://u:p@rec.example/screen/"}}"#;
    assert_eq!(
        one_media(dav).location,
        Err(LocationError::Foreign {
            place: "rec.example (webDAV)".into()
        })
    );
}

#[test]
fn agents_come_from_every_place_sorted_and_each_once() {
    let found = read(
        r#"{"id":1,"mediaFiles":[
            {"mediaId":"a","parameters":{"agentId":6001,"username":"b"}},
            {"mediaId":"c","parameters":{"contact":{"userName":"a"},"agentId":""}},
            {"parameters":{"contact.userName":"d"}}],
          "eventHistory":[{"contact":{"userName":"b"}},{"contact":null},7,{"contact":{"userName":"Ü\u00fc"}}]}"#,
    );
    assert_eq!(found.agents, ["6001", "a", "b", "d", "Üü"]);
    let many: Vec<String> = (0..100)
        .map(|n| format!(r#"{{"contact":{{"userName":"u{n:03}"}}}}"#))
        .collect();
    let found = read(&format!(
        r#"{{"id":1,"eventHistory":[{}]}}"#,
        many.join(",")
    ));
    assert_eq!(found.agents.len(), 64);
    assert_eq!(found.agents[63], "u063");
}

#[test]
fn a_list_of_a_million_faults_stays_small() {
    let found = with_media(&format!("[{}1]", "1,".repeat(1_000_000)));
    assert_eq!(found.media.len(), 0);
    assert_eq!(found.faults.len(), 65);
    assert_eq!(found.faults[64], "and 9937 more faults in the media list");
    let long = "x".repeat(2_000);
    let found = read(&format!(
        r#"{{"id":1,"callerPhoneNumber":"{long}","dialedPhoneNumber":" "}}"#
    ));
    assert_eq!((found.caller, found.dialed), (None, None));
}

#[test]
fn bytes_that_are_not_utf8_cost_no_more_than_themselves() {
    let json = Bytes::from_static(
        b"\xef\xbb\xbf{\"id\":\"R\",\"callerPhoneNumber\":\"M\xfcller\",\"dialedPhoneNumber\":7}\n",
    );
    let found = parse(&json).unwrap();
    assert_eq!(found.caller.as_deref(), Some("M\u{fffd}ller"));
    assert_eq!(found.dialed.as_deref(), Some("7"));
    assert_eq!(found.json, json);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _unused = parse(&Bytes::from(bytes));
    }

    #[test]
    fn damage_to_the_sample_never_panics(at in 0..VOICE.len(), byte in proptest::num::u8::ANY, cut in 0..VOICE.len()) {
        let mut bytes = VOICE.as_bytes().to_vec();
        bytes[at] = byte;
        let _unused = parse(&Bytes::from(bytes.clone()));
        bytes.truncate(cut);
        assert!(parse(&Bytes::from(bytes)).is_err());
    }
}
