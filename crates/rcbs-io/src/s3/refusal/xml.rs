//! Reads the few words of an error document that matter, whatever else is in it.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The longest code or region that is believed to be one.
const LONGEST_BYTES: usize = 64;

/// What an error document says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// `<Code>`, letters and digits only.
    pub(super) code: Option<String>,
    /// `<Region>`.
    pub(super) region: Option<String>,
    /// `<Endpoint>`: the host to ask instead.
    pub(super) endpoint: Option<String>,
}

/// Reads a document, as far as it is one. Nothing is expanded or followed; depth is a number, not a stack.
pub(super) fn read(document: &[u8]) -> Told {
    let mut told = Told::default();
    let Ok(text) = std::str::from_utf8(document) else {
        return told;
    };
    let mut reader = Reader::from_str(text);
    let mut depth = 0_usize;
    // The text of the field that is open; the field counts only once it is closed.
    let mut open: Option<String> = None;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                depth += 1;
                let known = matches!(start.local_name().as_ref(), "Code" | "Region" | "Endpoint");
                open = (depth == 2 && known).then(String::new);
            }
            Ok(Event::Text(text)) => {
                if let Some(open) = &mut open {
                    open.push_str(&text);
                }
            }
            Ok(Event::End(end)) => {
                depth = depth.saturating_sub(1);
                if let Some(value) = open.take() {
                    match end.local_name().as_ref() {
                        "Code" => told.code = word(&value),
                        "Endpoint" => told.endpoint = host(&value),
                        _ => told.region = word(&value),
                    }
                }
            }
            Ok(Event::Eof) | Err(_) => return told,
            // An entity, CDATA, a comment: no code and no region has one.
            Ok(_) => open = None,
        }
    }
}

/// The longest host name there is.
const LONGEST_HOST_BYTES: usize = 253;

fn host(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = (1..=LONGEST_HOST_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    fits.then(|| text.to_owned())
}

fn word(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty()
        && text.len() <= LONGEST_BYTES
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_region_are_read_wherever_the_rest_breaks() {
        for (document, code, region) in [
            (
                "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>x</Message></Error>",
                Some("NoSuchKey"),
                None,
            ),
            (
                "<Error><Code> A </Code><Region>eu-west-1</Region></Error>",
                Some("A"),
                Some("eu-west-1"),
            ),
            (
                "<Error xmlns=\"x\"><s:Code>A</s:Code></Error>",
                Some("A"),
                None,
            ),
            ("<Error><Code>A</Code><Region>eu", Some("A"), None),
            // Only the error's own fields count.
            ("<Error><Other><Code>A</Code></Other></Error>", None, None),
            ("<Error><Code><b>A</b></Code></Error>", None, None),
            ("<Error><Code>not one word</Code></Error>", None, None),
            ("<Error><Code>&lt;A&gt;</Code></Error>", None, None),
            ("<Error><Code>\u{1b}[31m</Code></Error>", None, None),
            (
                "<!DOCTYPE x [<!ENTITY a \"bomb\">]><Error><Code>&a;</Code></Error>",
                None,
                None,
            ),
            ("<html><body>403</body></html>", None, None),
            ("", None, None),
            ("{}", None, None),
        ] {
            let told = read(document.as_bytes());
            assert_eq!(
                (told.code.as_deref(), told.region.as_deref()),
                (code, region),
                "{document}"
            );
        }
        let long = format!("<Error><Code>{}</Code></Error>", "A".repeat(65));
        assert_eq!(read(long.as_bytes()), Told::default());
    }

    #[test]
    fn depth_is_no_danger() {
        assert_eq!(read("<a>".repeat(20_000).as_bytes()), Told::default());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in "[<>/CodeRgin&;!\\[\\]\"a \\PC]{0,80}") {
            drop(read(bytes.as_bytes()));
        }
    }
}
