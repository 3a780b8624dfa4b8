//! Objects that are not what the metadata announced: none gets a final name, and none spoils its neighbours.

use rcbs_sim::Content;
use rcbs_sim::quirks::Quirks;

use crate::scene::{run, with_neighbours};
use crate::stage::{Stage, cloud};

/// A fault of one object, and the class under which its file waits; `None` when the file is stored all the same.
const CASES: [(&str, Option<&str>); 17] = [
    ("always: shorter by=7", Some("corrupt")),
    ("always: shorter by=16", Some("corrupt")),
    ("always: shorter by=99984", Some("corrupt")),
    ("always: longer by=7", Some("corrupt")),
    ("always: longer by=16", Some("corrupt")),
    ("always: flip at=0", Some("corrupt")),
    ("always: flip at=99999", Some("corrupt")),
    ("always: xml-error", Some("corrupt")),
    ("always: html", Some("corrupt")),
    ("always: wrong-checksum", Some("corrupt")),
    ("always: no-length", None),
    ("first-1: flip at=500", None),
    ("first-2: cut after=70000", None),
    ("first-2: reset after=70000", None),
    ("1: shorter by=16", None),
    ("always: trailing by=1000", None),
    ("always: encoded", None),
];

/// E3, E4, E12.
#[test]
fn what_is_not_the_announced_object_is_not_stored() {
    let mut cloud = with_neighbours(cloud());
    let mut faults = Vec::new();
    for (number, (fault, _)) in CASES.iter().enumerate() {
        cloud = cloud
            .recording(&format!("OBJECT{number:02}"))
            .at("2018-02-12T12:00:00Z")
            .audio_of(Content::pattern(100_000, number as u64))
            .stored_as("objects", &format!("key{number:02}"))
            .build();
        faults.push(format!("object~key{number:02} {fault}"));
    }
    let faults: Vec<&str> = faults.iter().map(String::as_str).collect();
    let stage = Stage::with_faults(cloud, &faults);
    let report = run(&stage).expect_code(3).expect_neighbours();
    for (number, (fault, class)) in CASES.iter().enumerate() {
        let id = format!("OBJECT{number:02}");
        let (verified, waiting) = (report.of("verified", &id), report.of("waiting", &id));
        match class {
            None => assert_eq!(
                (verified.len(), waiting.len()),
                (1, 0),
                "{fault}: {waiting:?}"
            ),
            Some(class) => {
                assert_eq!((verified.len(), waiting.len()), (0, 1), "{fault}");
                assert_eq!(waiting[0]["class"], *class, "{fault}: {}", waiting[0]);
            }
        }
    }
    // The cloud is well again, and so is the archive after the next run.
    stage.server.faults().clear();
    let healed = run_whole(&stage);
    assert_eq!(
        healed,
        CASES.iter().filter(|(_, class)| class.is_some()).count()
    );
}

/// Runs to the end and gives the number of files fetched.
fn run_whole(stage: &Stage) -> usize {
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    crate::stage::events(&lines, "verified").len()
}

/// E12.
#[test]
fn without_a_checksum_the_structure_still_shows_what_is_wrong() {
    let quirks = Quirks::from_settings(["checksums=none", "etags=none"]).unwrap();
    let cases = [
        ("shorter by=7", 3),
        ("longer by=9", 3),
        ("xml-error", 3),
        ("html", 3),
    ];
    for (fault, code) in cases {
        let cloud = with_neighbours(cloud())
            .recording("OBJECT")
            .at("2018-02-12T12:00:00Z")
            .audio_of(Content::pattern(100_000, 1))
            .stored_as("objects", "key")
            .build();
        let fault = format!("object~key always: {fault}");
        let report = run(&Stage::with(cloud, quirks.clone(), &[&fault])).expect_code(code);
        report.expect_neighbours();
    }
}

#[test]
fn hostile_envelopes_are_refused() {
    let good = "-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n";
    let envelopes = [
        String::new(),
        "not an envelope".to_owned(),
        good.to_owned(),
        format!(
            "-----BEGIN PKCS7-----\n{}\n-----END PKCS7-----\n",
            "MIAG".repeat(200_000)
        ),
        // A length of 2^63 in a SEQUENCE of its own.
        "-----BEGIN PKCS7-----\nMIh/////////\n-----END PKCS7-----\n".to_owned(),
        format!(
            "-----BEGIN PKCS7-----\n{}\n-----END PKCS7-----\n",
            "MIAwgDCA".repeat(100_000)
        ),
    ];
    let mut cloud = with_neighbours(cloud());
    for (number, envelope) in envelopes.iter().enumerate() {
        cloud = cloud
            .recording(&format!("ENVELOPE{number}"))
            .at("2018-02-12T12:00:00Z")
            .audio_of(Content::pattern(1_000, 1))
            .stored_as("envelopes", &number.to_string())
            .media_field("pkcs7", envelope.clone())
            .build();
    }
    let report = run(&Stage::new(cloud)).expect_code(3).expect_neighbours();
    for number in 0..envelopes.len() {
        let id = format!("ENVELOPE{number}");
        assert_eq!(report.of("waiting", &id).len(), 1, "{id}");
    }
}
