//! What is told of a recipient and its proof, without an archive.

use super::*;

fn key_use(recipient: &str) -> KeyUse {
    KeyUse {
        recipient: recipient.to_owned(),
        files: 2,
        first: "2018-02-12T12:00:00Z".parse().ok(),
        last: "2018-03-01T12:00:00Z".parse().ok(),
        samples: Vec::new(),
    }
}

fn until() -> Timestamp {
    "2019-01-01T00:00:00Z".parse().unwrap()
}

fn proof(state: State) -> Option<Proof> {
    let keys = match state {
        State::Opened => BTreeMap::from([("key.pem".to_owned(), "p.bin".to_owned())]),
        _ => BTreeMap::new(),
    };
    Some(Proof { keys, state })
}

fn failed() -> State {
    State::Failed {
        path: "p.bin".to_owned(),
        reason: "it is broken".to_owned(),
    }
}

fn elsewhere() -> State {
    State::Elsewhere {
        recipient: "b".to_owned(),
    }
}

#[test]
fn a_recipient_is_told_in_json_with_days_standing_and_proof() {
    let of = key_use("a");
    let told = |standing, proof| {
        let of = &of;
        Row {
            of,
            standing,
            proof,
        }
        .as_json()
    };
    let known = Standing::Known {
        until: Some(until()),
    };
    assert_eq!(
        told(known, proof(State::Opened)),
        json!({
            "recipient": "a", "files": 2, "first": "2018-02-12T12:00:00Z",
            "last": "2018-03-01T12:00:00Z", "certificate": "known", "until": "2019-01-01T00:00:00Z",
            "proof": "opened", "key": "key.pem", "path": "p.bin", "reason": null,
        })
    );
    let expired = told(Standing::Expired { since: until() }, proof(elsewhere()));
    assert_eq!(expired["certificate"], "expired");
    assert_eq!(expired["until"], "2019-01-01T00:00:00Z");
    assert_eq!(expired["proof"], "not_tried");
    // The key that opened it belongs to somebody else.
    assert!(expired["key"].is_null() && expired["path"].is_null());
    let unknown = told(Standing::Unknown, proof(failed()));
    assert_eq!(unknown["certificate"], "unknown");
    assert_eq!(
        (&unknown["path"], &unknown["reason"]),
        (&json!("p.bin"), &json!("it is broken"))
    );
    assert!(unknown["until"].is_null() && unknown["key"].is_null());
    for (state, word) in [(State::NoKey, "no_key"), (State::Ambiguous, "ambiguous")] {
        assert_eq!(told(Standing::Untold, proof(state))["proof"], word);
    }
    assert_eq!(told(Standing::Nobody, None)["certificate"], "none");
    let untold = Row {
        of: &key_use(""),
        standing: Standing::Untold,
        proof: None,
    };
    let untold = untold.as_json();
    assert!(untold["recipient"].is_null() && untold["certificate"].is_null());
    assert!(untold["proof"].is_null());
}

#[test]
fn a_recipient_is_told_in_words_with_days_standing_and_proof() {
    let until = until();
    for (standing, state, expected) in [
        (
            Standing::Known { until: Some(until) },
            State::Opened,
            [
                "certificate known, valid until 2019-01-01",
                "key.pem opens it, proven with p.bin",
            ],
        ),
        (
            Standing::Known { until: None },
            elsewhere(),
            [
                "certificate known\n",
                "no key given is its; the same files open as sealed for b",
            ],
        ),
        (
            Standing::Expired { since: until },
            State::NoKey,
            ["certificate expired 2019-01-01", "no key given fits"],
        ),
        (
            Standing::Unknown,
            failed(),
            [
                "certificate not in certificateFile",
                "not proven: p.bin: it is broken",
            ],
        ),
        (
            Standing::Nobody,
            State::Ambiguous,
            [
                "no key is needed (plainMedia=store)",
                "cannot be told without certificates",
            ],
        ),
    ] {
        let told = Row {
            of: &key_use("a"),
            standing,
            proof: proof(state),
        }
        .as_text();
        let head = "a\n    2 media files, first 2018-02-12, last 2018-03-01\n";
        assert!(told.starts_with(head), "{told}");
        for words in expected {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
    let mut nobody = key_use("");
    (nobody.first, nobody.last, nobody.files) = (None, None, 1);
    let told = Row {
        of: &nobody,
        standing: Standing::Untold,
        proof: None,
    };
    assert_eq!(
        told.as_text(),
        "unknown recipients (taken over without their envelopes)\n    1 media file, first undated, last undated\n"
    );
}
