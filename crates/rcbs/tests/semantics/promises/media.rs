//! Chapter "Media".

use rcbs_sim::Content;
use rcbs_sim::cloud::Form;
use rcbs_sim::faults::RequestKind;
use rcbs_sim::quirks::{Descriptor, ETags, Quirks};
use serde_json::{Value, json};

use crate::stage::{Stage, cloud, customer, events, expect_fields, side_by_side};
use crate::support::openssl::Recipient;

/// The customer's key, in the folder of the stage.
fn recipient(stage: &Stage) -> Recipient {
    let key = stage.folder().join("key.pem");
    std::fs::write(&key, &customer().private_key_pem).unwrap();
    let certificate = stage.folder().join("certificate.pem");
    Recipient { key, certificate }
}

#[test]
fn the_place_of_a_media_file() {
    for descriptor in [
        Descriptor::Original,
        Descriptor::Plain,
        Descriptor::UriS3,
        Descriptor::UriHttps,
        Descriptor::UriPath,
    ] {
        let quirks = Quirks {
            descriptor,
            ..Quirks::default()
        };
        let stage = Stage::with(cloud().recording("one").audio().build(), quirks, &[]);
        stage.backup().expect_code(0);
        assert_eq!(stage.states("one"), ["verified"], "{descriptor:?}");
    }
    // Below the address of a store of one's own, a URL names an object too.
    let stage = Stage::new(cloud().recording("one").audio().build());
    let endpoint = stage.server.config_lines();
    let endpoint = endpoint
        .lines()
        .find_map(|line| line.strip_prefix("awsEndpoint="))
        .unwrap();
    stage.server.cloud().change(|cloud| {
        cloud.change("one", |recording| {
            let media = &mut recording.media[0];
            let path = format!("{endpoint}/{}/{}", media.bucket, media.key);
            media.extra.insert(
                "originalMediaDescriptor".to_owned(),
                json!({"storage": "awsS3", "path": path}),
            );
        });
    });
    stage.backup().expect_code(0);
    assert_eq!(stage.states("one"), ["verified"]);
    // The original wins over what was made of it, and a place on another host is named, not asked.
    let wrong = json!({"storage": "aws", "bucket": "sim-callrecordings", "path": "elsewhere"});
    let foreign = "https://recordings.example.com/b/k.mp3";
    let cloud = cloud()
        .recording("both")
        .audio()
        .media_field("mediaDescriptor", wrong)
        .recording("foreign")
        .audio()
        .media_field("originalMediaDescriptor", Value::Null)
        .media_field("mediaDescriptor", Value::Null)
        .media_field("mediaUri", foreign)
        .build();
    let stage = Stage::new(cloud);
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    assert_eq!(stage.states("both"), ["verified"]);
    let waiting = events(&lines, "waiting");
    assert_eq!(waiting.len(), 1);
    expect_fields(
        waiting[0],
        &[("recording", "foreign"), ("class", "unexpected")],
    );
    assert!(
        waiting[0]["reason"]
            .as_str()
            .unwrap()
            .contains("recordings.example.com")
    );
    assert_eq!(stage.object_requests(), 1);
}

#[test]
fn envelope_and_ciphertext_are_joined_without_a_key() {
    let content = || Content::pattern(100_000, 3);
    let forms = [
        ("detached", Form::Detached),
        ("complete", Form::Complete),
        ("streamed", Form::Streamed),
    ];
    let cloud = forms.iter().fold(cloud(), |cloud, (id, form)| {
        cloud
            .recording(id)
            .audio_of(content())
            .kept_as(*form)
            .media_id(id)
            .build()
    });
    let objects: Vec<Vec<u8>> = cloud
        .recordings()
        .iter()
        .map(|recording| cloud.sealed(&recording.media[0]).object.to_vec())
        .collect();
    let stage = Stage::new(cloud);
    stage.backup().expect_code(0);
    let files = stage.archive();
    let file = |id: &str| &files[&format!("2018/02/12/12/{id}/{id}.bin")];
    // Definite-length DER around the very bytes of the object.
    let joined = file("detached");
    assert_eq!(
        joined[..2],
        [0x30, 0x83],
        "a SEQUENCE with a length of three bytes"
    );
    let len_bytes = joined[2..5]
        .iter()
        .fold(0, |len, byte| len << 8 | usize::from(*byte));
    assert_eq!(joined.len(), 5 + len_bytes);
    assert!(
        joined
            .windows(objects[0].len())
            .any(|part| part == objects[0])
    );
    assert!(*file("complete") == objects[1], "stored as it is");
    assert!(*file("streamed") == objects[2], "stored as it is");
    for (id, _) in forms {
        let path = stage.target().join(format!("2018/02/12/12/{id}/{id}.bin"));
        assert!(
            recipient(&stage).decrypt_cms(&path).unwrap() == content().to_vec(),
            "{id}"
        );
    }
}

/// E2, E6.
#[test]
fn a_cut_transfer_goes_on_where_it_stopped() {
    let large = || {
        cloud()
            .recording("one")
            .audio_of(Content::pattern(500_000, 1))
    };
    let cases = [
        (
            "the same version",
            "object 1: cut after=300000",
            Quirks::default(),
            true,
        ),
        (
            "reset",
            "object 1: reset after=300000",
            Quirks::default(),
            true,
        ),
        (
            "no version that can be compared",
            "object 1: cut after=300000",
            Quirks {
                etags: ETags::Weak,
                ..Quirks::default()
            },
            false,
        ),
    ];
    side_by_side(&cases, |(name, fault, quirks, resumes)| {
        let stage = Stage::with(large().build(), quirks.clone(), &[fault]);
        let (finished, lines) = stage.backup_json();
        finished.expect_code(0);
        assert_eq!(events(&lines, "retrying").len(), 1, "{name}");
        let asked = stage.server.requests().of(RequestKind::Object);
        assert_eq!(asked.len(), 2, "{name}");
        assert_eq!(
            asked[1].range.is_some() && asked[1].if_match.is_some(),
            *resumes,
            "{name}: {asked:?}"
        );
        if *resumes {
            // A reset takes with it what the program had not read yet; an end does not.
            let most = if *name == "reset" { 800_000 } else { 510_000 };
            let sent = asked[0].sent_bytes + asked[1].sent_bytes;
            assert!(sent < most, "{name}: {sent} bytes for one object");
        }
        expect_original(&stage);
    });
    // A store that does not heed ranges: from the beginning.
    let again = ["object 1: cut after=300000", "object 2: ignore-range"];
    let stage = Stage::with_faults(large().build(), &again);
    stage.backup().expect_code(0);
    expect_original(&stage);
    // Another version by the time it is asked again: from the beginning, with the envelope of that version.
    for form in [Form::Detached, Form::Complete] {
        let replaced = ["object 1: cut after=300000", "object 2: replace"];
        let stage = Stage::with_faults(large().kept_as(form).build(), &replaced);
        stage.backup().expect_code(0);
        expect_original(&stage);
    }
}

fn expect_original(stage: &Stage) {
    let path = stage.target().join(&stage.media_files()[0]);
    assert!(recipient(stage).decrypt_cms(&path).unwrap() == Content::pattern(500_000, 1).to_vec());
}

/// E4.
#[test]
fn a_length_that_is_not_told_is_found_out() {
    let one = || {
        let content = Content::pattern(500_000, 1);
        cloud().recording("one").audio_of(content).build()
    };
    let chunked = "object always: no-length";
    for (more, requests) in [(None, 2), (Some("object always: ignore-range"), 3)] {
        let faults: Vec<&str> = [chunked].into_iter().chain(more).collect();
        let stage = Stage::with_faults(one(), &faults);
        stage.backup().expect_code(0);
        assert_eq!(stage.states("one"), ["verified"], "{more:?}");
        expect_original(&stage);
        assert_eq!(stage.object_requests(), requests, "{more:?}");
    }
}

/// E9.
#[test]
fn a_file_that_is_gone_is_looked_for_once_more() {
    let stage = Stage::new(cloud().recording("one").audio().without_object().build());
    stage.backup().expect_code(4);
    let counts = stage.server.requests().counts();
    assert_eq!((counts.objects, counts.recordings), (1, 1));
    assert_eq!(stage.states("one"), ["lost"]);
    // The muxer moved it between listing and fetching: the second look finds the new place.
    let moved = cloud().recording("one").audio().media_field(
        "originalMediaDescriptor",
        json!({"storage": "awsS3", "bucket": "sim-callrecordings", "path": "gone"}),
    );
    let stage = Stage::with_faults(moved.build(), &["object~gone always: delay ms=300"]);
    let run = stage.program(&["backup", "--json"]).start();
    let mut run = run;
    run.expect_text("\"event\":\"slice_listed\"");
    stage
        .server
        .cloud()
        .change(|cloud| cloud.change("one", |recording| recording.media[0].extra.clear()));
    run.wait().expect_code(0);
    assert_eq!(stage.states("one"), ["verified"]);
    // An answer that cannot be used is no word about the file: it waits.
    for (json, answer) in [
        (r#"{"id":"one"}"#, ""),
        (r#"{"id":"two","mediaFiles":[]}"#, ""),
        (r#"{"id":"one","mediaFiles":null}"#, ""),
        ("", "recording always: html"),
        ("", "recording always: 403"),
    ] {
        let gone = "object always: 404 code=NoSuchKey";
        let slow = "object always: delay ms=300";
        let cloud = cloud().recording("one").audio().build();
        let stage = Stage::with_faults(cloud, &[gone, slow]);
        let mut run = stage.program(&["backup", "--json"]).start();
        run.expect_text("\"event\":\"slice_listed\"");
        if !json.is_empty() {
            let raw = Some(json.as_bytes().to_vec().into());
            stage
                .server
                .cloud()
                .change(|cloud| cloud.change("one", |recording| recording.raw = raw));
        }
        if !answer.is_empty() {
            stage.server.faults().add(answer.parse().unwrap());
        }
        run.wait().expect_code(3);
        assert_eq!(stage.states("one"), ["waiting"], "{json}{answer}");
    }
    // A lost file that is back is fetched by the next run that sees it.
    let stage = Stage::new(cloud().recording("one").audio().without_object().build());
    stage.backup().expect_code(4);
    stage
        .server
        .cloud()
        .change(|cloud| cloud.change("one", |recording| recording.media[0].object_gone_at = None));
    stage.backup().expect_code(0);
}

/// E9.
#[test]
fn one_refused_object_is_that_object_s_problem() {
    let many = |count: usize| {
        (0..count).fold(cloud(), |cloud, number| {
            cloud.recording(&format!("r{number}")).audio().build()
        })
    };
    let refused = "object~/r0_ always: 403 code=AccessDenied";
    let stage = Stage::with_faults(many(3), &[refused]);
    stage.backup().expect_code(3);
    assert_eq!(stage.states("r0"), ["waiting"]);
    expect_fields(&stage.explain("r0")["media"][0], &[("class", "denied")]);
    expect_fields(&stage.status(), &[("verified", 2), ("waiting", 1)]);
    // Those that were refused before do not keep later ones from being tried.
    let refused: Vec<String> = (0..6)
        .map(|number| format!("object~/r{number}_ always: 403 code=AccessDenied"))
        .collect();
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    let mut stage = Stage::with_faults(many(9), &refused);
    stage.set("downloadMode=single");
    stage.backup();
    stage.backup().expect_code(3);
    expect_fields(&stage.status(), &[("verified", 3), ("waiting", 6)]);
    // Five in a row, and nothing given: the login. Those after it are not tried.
    let mut stage = Stage::with_faults(many(12), &["object always: 403 code=AccessDenied"]);
    stage.set("downloadMode=single");
    stage.backup().expect_code(5);
    assert_eq!(stage.object_requests(), 5);
    // A refused key: at once.
    let mut stage = Stage::with_faults(many(12), &["object always: 403 code=InvalidAccessKeyId"]);
    stage.set("downloadMode=single");
    stage.backup().expect_code(5);
    assert_eq!(stage.object_requests(), 1);
    stage.server.faults().clear();
    stage.backup().expect_code(0);
}

#[test]
fn only_wanted_types_are_fetched() {
    let one = || {
        cloud()
            .recording("one")
            .audio()
            .media_id("1")
            .screen()
            .media_id("2")
            .build()
    };
    for (pattern, states) in [
        ("audio\\/mp3", ["verified", "skipped"]),
        ("video/.*", ["skipped", "verified"]),
        ("audio", ["skipped", "skipped"]),
        ("audio/mp3|video/mp4", ["verified", "verified"]),
    ] {
        let mut stage = Stage::new(one());
        stage.set(&format!("mediaTypePattern={pattern}"));
        stage.backup().expect_code(0);
        assert_eq!(stage.states("one"), states, "{pattern}");
        // A wider pattern brings the rest.
        stage.set("mediaTypePattern=.*");
        stage.backup().expect_code(0);
        assert_eq!(stage.states("one"), ["verified"; 2], "{pattern}");
    }
    let mut stage = Stage::new(one());
    stage.set("metadataOnly=true").unset("awsEndpoint");
    stage
        .without_env("AWS_ACCESS_KEY_ID")
        .without_env("AWS_SECRET_ACCESS_KEY");
    stage.backup().expect_code(0);
    assert_eq!(stage.object_requests(), 0);
    assert_eq!(stage.states("one"), ["skipped"; 2]);
    expect_fields(
        &stage.explain("one")["media"][0],
        &[("rule", "metadataOnly")],
    );
    let files: Vec<String> = stage.archive().into_keys().collect();
    assert_eq!(files, ["2018/02/12/12/one/one.json"]);
}

#[test]
fn an_unknown_type_is_not_an_unwanted_one() {
    let nothing = Value::Null;
    let cloud = cloud()
        .recording("r")
        .audio()
        .media_id("1.mp3.bin")
        .media_field("type", nothing.clone())
        .audio()
        .media_id("2")
        .media_field("type", nothing.clone())
        .audio()
        .media_id("3")
        .media_field("type", "")
        .media_field("mimeType", "audio/mp3")
        .audio()
        .media_id("4")
        .media_field("type", "Audio/MPEG; codecs=mp3")
        .audio()
        .media_id("5.mp4")
        .media_field("type", nothing)
        .audio()
        .media_id("6")
        .media_field("type", "application/octet-stream")
        .audio()
        .media_id("7")
        .media_field("type", "text/plain")
        .build();
    let mut stage = Stage::new(cloud);
    stage.set("mediaTypePattern=audio\\/mp3");
    stage.backup().expect_code(0);
    let mut states = stage.states("r");
    let (named, told) = (states.remove(4), states.remove(5));
    assert_eq!(states, ["verified"; 5]);
    assert_eq!([named, told], ["skipped"; 2]);
}

/// Java's `String.hashCode`, as its documentation has it: over UTF-16, wrapping.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[test]
fn an_instance_owns_a_recording_by_its_hash() {
    assert_eq!(java_hash("hello"), 99_162_322);
    let ids: Vec<String> = (0..12)
        .map(|number| format!("id-{number}"))
        .chain(["Zürich", "𝄞", "polygenelubricants"].map(str::to_owned))
        .collect();
    let cloud = ids
        .iter()
        .fold(cloud(), |cloud, id| cloud.recording(id).audio().build());
    for instance in 0..3 {
        let mut stage = Stage::new(cloud.clone());
        stage.set(&format!("totalRcbsInstances=3\nrcbsInstanceId={instance}"));
        let (finished, lines) = stage.backup_json();
        finished.expect_code(0);
        let mut owned: Vec<&str> = events(&lines, "verified")
            .iter()
            .map(|line| line["recording"].as_str().unwrap())
            .collect();
        owned.sort_unstable();
        let mut expected: Vec<&str> = ids
            .iter()
            .map(String::as_str)
            .filter(|id| java_hash(id).rem_euclid(3) == instance)
            .collect();
        expected.sort_unstable();
        assert_eq!(owned, expected, "instance {instance}");
    }
}
