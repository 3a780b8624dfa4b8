//! Any bytes as the answer to a list request: nothing announced is lost, and no link leaves the API.

use bytes::Bytes;
use rcbs_core::ports::{Entry, Page};
use rcbs_io::gws::{PageSource, read_page};
use serde_json::Value;
use url::Url;

/// Whether what is read stands in the answer, and nothing of the answer is passed over.
pub fn holds(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    let prefix = address("https://api.example.com/api/v2");
    let url = address("https://api.example.com/api/v2/recordings?limit=100");
    let source = PageSource {
        url: &url,
        prefix: &prefix,
        recordings_path: "/recordings",
    };
    match read_page(body.clone(), source) {
        Ok(page) => {
            check_entries(&page, &body);
            check_link(&page, &prefix);
            check_nothing_is_lost(&page, bytes);
        }
        Err(reason) => assert!(crate::is_fit_to_show(&reason), "{reason}"),
    }
}

fn check_entries(page: &Page, body: &Bytes) {
    // The shortest entry and the comma after it.
    assert!(page.entries.len() <= body.len() / 2);
    let all = body.as_ptr_range();
    for entry in &page.entries {
        match entry {
            Entry::Whole(json) => {
                let here = json.as_ptr_range();
                assert!(
                    all.start <= here.start && here.end <= all.end,
                    "a recording is a slice of the page"
                );
                let text = std::str::from_utf8(json).expect("a recording is text");
                assert!(text.starts_with('{') && text.ends_with('}'));
            }
            Entry::Id(id) => {
                assert!(!id.as_str().trim().is_empty());
                assert!(!matches!(id.as_str(), "." | ".."));
            }
            // Made printable by whoever knows the secrets that must go out first.
            Entry::Fault(why) => assert!(why.chars().count() <= 1_100),
        }
    }
}

fn check_link(page: &Page, prefix: &Url) {
    assert!(page.next.is_none() || page.refused_link.is_none());
    if let Some(next) = &page.next {
        let path_and_query = next.as_str();
        assert!(path_and_query.starts_with('/') && !path_and_query.contains('#'));
        assert!(path_and_query.is_ascii() && !path_and_query.contains(char::is_whitespace));
        assert!(path_and_query.len() <= 64 * 1024);
        // What a request line takes is not bent once more on the way: the server gets the link it wrote.
        let whole = format!("{}{path_and_query}", prefix.origin().ascii_serialization());
        let sent = address(&whole);
        assert_eq!(sent.origin(), prefix.origin());
        assert_eq!(sent.as_str(), whole);
    }
    if let Some(refused) = &page.refused_link {
        assert!(crate::is_fit_to_show(refused), "{refused:?}");
    }
}

/// Compares with a parser that keeps everything.
fn check_nothing_is_lost(page: &Page, bytes: &[u8]) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Ok(answer) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    let lines = |name: &str| answer[name].as_array().map_or(0, Vec::len);
    assert!(page.entries.len() >= lines("recordings"));
    if lines("recordings") == 0 {
        assert!(page.entries.len() >= lines("uris"));
    }
}

fn address(text: &str) -> Url {
    Url::parse(text).expect("an address")
}
