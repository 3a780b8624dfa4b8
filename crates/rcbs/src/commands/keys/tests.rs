//! What is told of recipients and proofs, without an archive.

use rcbs_core::recording::{MediaId, RecordingId};

use super::*;

fn sample(recording: &str) -> MediaKey {
    MediaKey {
        recording: RecordingId::new(recording).unwrap(),
        media: MediaId::new("m").unwrap(),
    }
}

fn key_use(recipient: &str, samples: &[&str]) -> KeyUse {
    KeyUse {
        recipient: recipient.to_owned(),
        files: 2,
        first: "2018-02-12T12:00:00Z".parse().ok(),
        last: "2018-03-01T12:00:00Z".parse().ok(),
        samples: samples.iter().map(|one| sample(one)).collect(),
    }
}

fn opened(recipient: &str) -> Proof {
    Proof::Opened {
        recipient: recipient.to_owned(),
        path: "p.bin".to_owned(),
        key: "key.pem".to_owned(),
    }
}

fn failed(is_damage: bool) -> Proof {
    Proof::Failed {
        path: "p.bin".to_owned(),
        reason: "it is broken".to_owned(),
        is_damage,
    }
}

/// One proof for each of the recordings `r0`, `r1` and so on.
fn proofs(each: &[Proof]) -> Proofs {
    let numbered = each.iter().cloned().enumerate();
    Some(
        numbered
            .map(|(number, proof)| (sample(&format!("r{number}")), proof))
            .collect(),
    )
}

#[test]
fn the_exit_code_is_that_of_the_worst_proof() {
    for (each, expected) in [
        (vec![], Exit::Complete),
        (vec![opened("a"), opened("b")], Exit::Complete),
        (vec![opened("a"), Proof::NoKey], Exit::Waiting),
        // The key may be the wrong one.
        (vec![opened("a"), failed(false)], Exit::Waiting),
        (vec![failed(true), Proof::NoKey, opened("a")], Exit::Damaged),
        (vec![failed(false), failed(true)], Exit::Damaged),
    ] {
        assert_eq!(exit(proofs(&each).as_ref()), expected, "{each:?}");
    }
    assert_eq!(exit(None), Exit::Complete);
}

#[test]
fn of_several_proofs_the_one_that_says_most_is_told() {
    let word = |each: &[Proof]| {
        let names: Vec<String> = (0..each.len()).map(|number| format!("r{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let told = as_json(&key_use("a", &names), Standing::Untold, &proofs(each));
        told["proof"].as_str().map(str::to_owned)
    };
    for (each, expected) in [
        (vec![opened("a")], "opened"),
        (vec![opened("b")], "not_tried"),
        (vec![opened("b"), opened("a")], "opened"),
        (vec![Proof::NoKey, opened("a")], "opened"),
        (vec![opened("b"), Proof::NoKey], "no_key"),
        (vec![opened("a"), failed(false)], "failed"),
        (vec![failed(true), opened("a")], "failed"),
        (vec![Proof::NoKey, failed(false)], "failed"),
    ] {
        assert_eq!(word(&each).as_deref(), Some(expected), "{each:?}");
    }
    assert_eq!(word(&[]), None);
}

#[test]
fn a_recipient_is_told_in_json_with_days_standing_and_proof() {
    let until: Timestamp = "2019-01-01T00:00:00Z".parse().unwrap();
    let told = |standing, each: &[Proof]| as_json(&key_use("a", &["r0"]), standing, &proofs(each));
    let known = told(Standing::Known { until: Some(until) }, &[opened("a")]);
    assert_eq!(
        known,
        json!({
            "recipient": "a", "files": 2, "first": "2018-02-12T12:00:00Z",
            "last": "2018-03-01T12:00:00Z", "certificate": "known", "until": "2019-01-01T00:00:00Z",
            "proof": "opened", "key": "key.pem", "path": "p.bin", "reason": null,
        })
    );
    let expired = told(Standing::Expired { since: until }, &[opened("b")]);
    assert_eq!(expired["certificate"], "expired");
    assert_eq!(expired["until"], "2019-01-01T00:00:00Z");
    // The key that opened it belongs to somebody else.
    assert!(expired["key"].is_null() && expired["path"].is_null());
    let unknown = told(Standing::Unknown, &[failed(true)]);
    assert_eq!(unknown["certificate"], "unknown");
    assert_eq!(
        (&unknown["path"], &unknown["reason"]),
        (&json!("p.bin"), &json!("it is broken"))
    );
    assert!(unknown["until"].is_null() && unknown["key"].is_null());
    let untold = as_json(&key_use("", &["r0"]), Standing::Untold, &None);
    assert!(untold["recipient"].is_null() && untold["certificate"].is_null());
    assert!(untold["proof"].is_null());
}

#[test]
fn a_recipient_is_told_in_words_with_days_standing_and_proof() {
    let until: Timestamp = "2019-01-01T00:00:00Z".parse().unwrap();
    for (standing, proof, expected) in [
        (
            Standing::Known { until: Some(until) },
            opened("a"),
            [
                "certificate known, valid until 2019-01-01",
                "key.pem opens it, proven with p.bin",
            ],
        ),
        (
            Standing::Known { until: None },
            opened("b"),
            [
                "certificate known\n",
                "not tried: the same files were opened as sealed for b",
            ],
        ),
        (
            Standing::Expired { since: until },
            Proof::NoKey,
            ["certificate expired 2019-01-01", "no key given fits"],
        ),
        (
            Standing::Unknown,
            failed(true),
            [
                "certificate not in certificateFile",
                "not proven: p.bin: it is broken",
            ],
        ),
    ] {
        let told = as_text(&key_use("a", &["r0"]), standing, &proofs(&[proof]));
        let head = "a\n    2 media files, first 2018-02-12, last 2018-03-01\n";
        assert!(told.starts_with(head), "{told}");
        for words in expected {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
    let mut nobody = key_use("", &[]);
    (nobody.first, nobody.last, nobody.files) = (None, None, 1);
    assert_eq!(
        as_text(&nobody, Standing::Untold, &None),
        "unknown recipients (taken over without their envelopes)\n    1 media file, first undated, last undated\n"
    );
}
