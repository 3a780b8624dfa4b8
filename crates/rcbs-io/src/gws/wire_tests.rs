//! Answers as servers write them, and as broken ones do.

use super::*;

fn parse(text: &str) -> Result<Envelope, NotAnEnvelope> {
    read(&Received::new(Bytes::copy_from_slice(text.as_bytes())))
}

/// Entries in short: `{..}` for a recording, `#id` for an id, `!` for a fault.
fn short(envelope: &Envelope) -> Option<String> {
    let entries = envelope.entries.as_ref()?;
    let entries: Vec<String> = entries
        .iter()
        .map(|entry| match entry {
            Entry::Whole(json) => String::from_utf8(json.to_vec()).unwrap(),
            Entry::Id(id) => format!("#{}", id.as_str()),
            Entry::Fault(_) => "!".to_owned(),
        })
        .collect();
    Some(entries.join(" "))
}

#[test]
fn silence_is_a_status_and_nothing_else() {
    for (text, is_silent) in [
        (r#"{"statusCode":0}"#, true),
        (r#"{"statusCode":"0","statusMessage":"OK"}"#, true),
        (r#"{"statusCode":0,"total":0}"#, false),
        (r#"{"statusCode":0,"total":5}"#, false),
        (r#"{"statusCode":0,"count":0}"#, false),
        (r#"{"statusCode":0,"recordings":[]}"#, false),
        (r#"{"statusCode":0,"uris":null}"#, false),
        (r#"{"statusCode":0,"items":[]}"#, false),
        (r#"{"statusCode":0,"next":"/x"}"#, false),
        (r#"{"statusCode":0,"recording":{}}"#, false),
        (r#"{"statusCode":4}"#, false),
        ("{}", false),
    ] {
        assert_eq!(parse(text).unwrap().is_silent, is_silent, "{text}");
    }
}

#[test]
fn lists_are_read_in_every_form() {
    for (text, entries) in [
        (
            r#"{"statusCode":0,"recordings":[{"id": "a" },{"id":"b"}]}"#,
            Some(r#"{"id": "a" } {"id":"b"}"#),
        ),
        (r#"{"recordings":[]}"#, Some("")),
        (r#"{"recordings":null,"total":0}"#, Some("")),
        (r#"{"recordings":{"id":"a"}}"#, Some(r#"{"id":"a"}"#)),
        (
            r#"{"uris":["https://elsewhere/api/v2/recordings/a%2Fb?x=1","/recordings/c/"]}"#,
            Some("#a/b #c"),
        ),
        (r#"{"uris":["d"],"recordings":[]}"#, Some("#d")),
        (
            r#"{"uris":["d"],"recordings":[{"id":"d"}]}"#,
            Some(r#"{"id":"d"}"#),
        ),
        (
            r#"{"recordings":[{"id":"a"}],"recordings":[{"id":"b"}]}"#,
            Some(r#"{"id":"a"} {"id":"b"}"#),
        ),
        (
            r#"{"recordings":[null,1,[],true,{"id":"a"},"u/b"]}"#,
            Some(r#"! ! ! ! {"id":"a"} #b"#),
        ),
        (
            r#"{"uris":["","/","x/..","x/%2e","x/%ff","  "]}"#,
            Some("! ! ! ! ! !"),
        ),
        (r#"{"statusCode":0}"#, None),
        (r#"{"statusCode":0,"total":0}"#, Some("")),
        (r#"{"statusCode":"0","totalCount":"0"}"#, Some("")),
        (r#"{"statusCode":0,"total":1}"#, None),
        (r#"{"total":0}"#, None),
    ] {
        assert_eq!(short(&parse(text).unwrap()).as_deref(), entries, "{text}");
    }
}

#[test]
fn a_recording_is_a_slice_of_the_page() {
    let page = Bytes::from_static(br#" {"recordings": [ {"id":"a"} ]} "#);
    let envelope = read(&Received::new(page.clone())).unwrap();
    let Some([Entry::Whole(json)]) = envelope.entries.as_deref() else {
        panic!()
    };
    assert_eq!(json.as_ptr(), page[18..].as_ptr());
    assert_eq!(&json[..], br#"{"id":"a"}"#);
}

#[test]
fn an_entry_that_is_not_utf_8_does_not_hide_its_neighbours() {
    let page = Bytes::from_static(b"\xef\xbb\xbf{\"recordings\":[{\"id\":\"a\"},{\"id\":\"\xe4\xff\"},{\"id\":\"\xc3\xa4\"}]}");
    let envelope = read(&Received::new(page)).unwrap();
    assert_eq!(
        short(&envelope).as_deref(),
        Some(r#"{"id":"a"} ! {"id":"ä"}"#)
    );
}

#[test]
fn numbers_may_be_strings() {
    for (text, code, total) in [
        (r#"{"statusCode":0,"total":250}"#, Some(0), Some(250)),
        (r#"{"statusCode":"20","totalCount":"7"}"#, Some(20), Some(7)),
        (r#"{"statusCode":null,"total":-1}"#, None, None),
        (r#"{"total":1e3}"#, None, None),
        (r#"{"count":3,"recordings":[{},{},{}]}"#, None, None),
        (r#"{"count":30,"recordings":[{},{},{}]}"#, None, Some(30)),
        (r#"{"count":30,"total":40,"recordings":[]}"#, None, Some(40)),
    ] {
        let envelope = parse(text).unwrap();
        assert_eq!((envelope.code, envelope.total), (code, total), "{text}");
    }
}

#[test]
fn single_recordings_are_unwrapped_byte_for_byte() {
    for (text, recording, bare) in [
        (
            r#"{"statusCode":0,"recording": {"id" : "a"} }"#,
            Some(r#"{"id" : "a"}"#),
            None,
        ),
        (r#" {"id":"a"}"#, None, Some(r#"{"id":"a"}"#)),
        (r#"{"recording":"a"}"#, None, None),
    ] {
        let envelope = parse(text).unwrap();
        assert_eq!(envelope.recording.as_deref(), recording.map(str::as_bytes));
        assert_eq!(envelope.bare.as_deref(), bare.map(str::as_bytes));
    }
}

#[test]
fn links_and_messages_are_found() {
    let envelope = parse(r#"{"statusMessage":"caf\u00e9","previous":"/p","next":"/n"}"#).unwrap();
    assert_eq!(envelope.message.as_deref(), Some("café"));
    assert_eq!(envelope.next.as_deref(), Some("/n"));
}

#[test]
fn what_is_not_an_envelope_is_an_error() {
    for text in [
        "",
        "<html>",
        "[]",
        "7",
        r#"{"recordings":[{"id":"a"}"#,
        r#"{"recordings":[{"id":"a"}]} trailing"#,
        r#"{"recordings":7}"#,
        r#"{"uris":{"a":"b"}}"#,
        r#"{"recordings":null,"total":3}"#,
        r#"{"statusCode":"fine","recordings":[]}"#,
        r#"{"statusCode":[0],"recordings":[]}"#,
        &"[".repeat(200_000),
    ] {
        assert!(parse(text).is_err(), "{}", &text[..text.len().min(60)]);
    }
}

#[test]
fn nesting_does_not_exhaust_the_stack() {
    let (open, close) = ("[".repeat(200_000), "]".repeat(200_000));
    for text in [
        format!(r#"{{"recordings":[{{"id":"a","x":{open}{close}}}]}}"#),
        format!(r#"{{"x":{open}{close},"recordings":[{{"id":"a"}}]}}"#),
        format!(r#"{{"links":{open}{close},"recordings":[{{"id":"a"}}]}}"#),
    ] {
        assert_eq!(parse(&text).unwrap().entries.unwrap().len(), 1);
    }
    assert!(parse(&format!(r#"{{"recordings":[{open}"#)).is_err());
}

#[test]
fn a_page_with_absurdly_many_entries_is_no_page() {
    let page = format!(r#"{{"recordings":[{}0]}}"#, "0,".repeat(100_000));
    assert!(parse(&page).is_err());
}

#[test]
fn words_of_the_parser_do_not_repeat_content() {
    let NotAnEnvelope(reason) = parse(r#"{"recordings":"hush"}"#).unwrap_err();
    assert!(!reason.contains("hush"), "{reason}");
    let NotAnEnvelope(reason) = parse(r#"{"recordings":[}"#).unwrap_err();
    assert_eq!(reason, "no JSON at line 1 column 16");
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        drop(read(&Received::new(Bytes::from(bytes))));
    }

    #[test]
    fn whatever_json_an_entry_holds_comes_back_as_served(text in r#"[ -~äß€]{0,40}"#, gap in "[ \n\t]{0,3}") {
        let served = format!(r#"{{{gap}"id":{gap}{}}}"#, serde_json::to_string(&text).unwrap());
        let page = format!(r#"{{"statusCode":0,{gap}"recordings":[{gap}{served}{gap},{gap}{served}]}}"#);
        let envelope = parse(&page).unwrap();
        for entry in envelope.entries.unwrap() {
            let Entry::Whole(json) = entry else { panic!("{entry:?}") };
            proptest::prop_assert_eq!(&json[..], served.as_bytes());
        }
    }
}
