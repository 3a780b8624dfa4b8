//! Where the next page is: which of the served links counts, and which is refused.

use http::HeaderMap;
use http::header::LINK;
use rcbs_core::ports::NextLink;
use serde_json::Value;
use url::Url;

use crate::http::foreign_origin_text;

/// A longer link is no link.
const LONGEST_BYTES: usize = 8 * 1024;

/// The links of one answer, resolved.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) next: Option<NextLink>,
    pub(super) refused: Option<String>,
}

/// The link to the next page among the top-level members of an answer: `next` and its variants, in the order of the
/// fields' names below.
pub(super) fn in_body(members: &[(&str, &str)]) -> Option<String> {
    members.iter().find_map(|(name, raw)| {
        // `links` may be anything; a tree of a large one would take many times its size.
        if raw.len() > 8 * LONGEST_BYTES {
            return None;
        }
        let value: Value = serde_json::from_str(raw).ok()?;
        let value = match *name {
            "links" | "_links" | "paging" => match &value {
                Value::Array(links) => links.iter().find(|link| is_next(link))?,
                tree => tree.get("next")?,
            },
            _ => &value,
        };
        target(value)
    })
}

/// The link to the next page in the `Link` headers (RFC 8288).
pub(super) fn in_headers(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(in_header)
}

/// Resolves a link against the address it came from. Only its path and query are kept, and only if it stays on the
/// origin of the API: the login goes with every request.
pub(super) fn resolve(link: &str, from: &Url, prefix: &Url, recordings_path: &str) -> Resolved {
    let refused = |reason: String| Resolved {
        next: None,
        refused: Some(reason),
    };
    if link.len() > LONGEST_BYTES {
        return refused(format!(
            "the link to the next page is {} bytes long",
            link.len()
        ));
    }
    let relative = below_prefix(link, prefix, recordings_path);
    let Ok(to) = from.join(relative.as_deref().unwrap_or(link)) else {
        return refused("the link to the next page is not an address".to_owned());
    };
    if to.origin() != prefix.origin() {
        return refused(format!(
            "the link to the next page leads to {}, which is not the API",
            foreign_origin_text(&to)
        ));
    }
    let mut path_and_query = to.path().to_owned();
    if let Some(query) = to.query() {
        path_and_query.push('?');
        path_and_query.push_str(query);
    }
    Resolved {
        next: Some(NextLink::new(path_and_query)),
        refused: None,
    }
}

/// The offset that a link carries, 0 where it carries none.
pub(super) fn offset(link: &NextLink) -> u64 {
    let query = link.as_str().split_once('?').map_or("", |(_, query)| query);
    let mut parameters = query
        .split('&')
        .filter_map(|parameter| parameter.split_once('='));
    let offset = parameters.find(|(name, _)| *name == "offset");
    offset
        .and_then(|(_, offset)| offset.parse().ok())
        .unwrap_or(0)
}

/// A path that leaves out the API prefix, as the server's `mediaPath` does, with the prefix put before it.
fn below_prefix(link: &str, prefix: &Url, recordings_path: &str) -> Option<String> {
    let base = prefix.path().trim_end_matches('/');
    let is_below = |path: &str| {
        link.strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    };
    (!is_below(base) && is_below(recordings_path)).then(|| format!("{base}{link}"))
}

fn target(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Object(link) => link.get("href").or_else(|| link.get("uri"))?.as_str()?,
        _ => return None,
    };
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn is_next(link: &Value) -> bool {
    link.get("rel")
        .and_then(Value::as_str)
        .is_some_and(|rel| rel.eq_ignore_ascii_case("next"))
}

/// One `Link` header: `<target>; rel="next", <target>; rel=prev`.
fn in_header(mut rest: &str) -> Option<String> {
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        // A target may hold a comma, so the next link begins at the next `<`.
        let parameters = after.split('<').next().unwrap_or_default();
        if parameters.split([';', ',']).any(is_rel_next) {
            let target = target.trim();
            return (!target.is_empty()).then(|| target.to_owned());
        }
        rest = after;
    }
    None
}

fn is_rel_next(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value
                .trim()
                .trim_matches('"')
                .split_ascii_whitespace()
                .any(|relation| relation.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_under_every_known_name() {
        for (name, raw, found) in [
            ("next", r#""/a?b""#, Some("/a?b")),
            ("next", r#"{"href":"/a"}"#, Some("/a")),
            ("next", r#"{"uri":"/a"}"#, Some("/a")),
            ("next", "null", None),
            ("next", r#""""#, None),
            ("next", "true", None),
            ("next", "[", None),
            ("nextUri", r#""/a""#, Some("/a")),
            ("nextPage", r#""/a""#, Some("/a")),
            ("nextPage", "2", None),
            ("links", r#"{"next":"/a"}"#, Some("/a")),
            (
                "links",
                r#"[{"rel":"prev","href":"/b"},{"rel":"next","href":"/a"}]"#,
                Some("/a"),
            ),
            ("_links", r#"{"next":{"href":"/a"}}"#, Some("/a")),
            ("paging", r#"{"next":"/a"}"#, Some("/a")),
            ("paging", r#"{"previous":"/a"}"#, None),
        ] {
            assert_eq!(in_body(&[(name, raw)]).as_deref(), found, "{name} {raw}");
        }
        assert_eq!(
            in_body(&[("next", "null"), ("nextUri", "\"/b\"")]).as_deref(),
            Some("/b")
        );
        let deep = "[".repeat(60_000);
        assert_eq!(in_body(&[("links", &deep)]), None);
    }

    #[test]
    fn a_link_is_found_in_the_header() {
        for (header, found) in [
            (
                r#"<https://a/x?y=1,2>; rel="next""#,
                Some("https://a/x?y=1,2"),
            ),
            (
                "</prev>; rel=prev, </next>; title=x; REL=next",
                Some("/next"),
            ),
            (r#"</both>; rel="last next""#, Some("/both")),
            ("</x>; rel=nextish", None),
            ("</x", None),
            ("<>; rel=next", None),
            ("rel=next", None),
        ] {
            let headers = HeaderMap::from_iter([(LINK, header.parse().unwrap())]);
            assert_eq!(in_headers(&headers).as_deref(), found, "{header}");
        }
    }

    #[test]
    fn links_are_resolved_against_request_and_prefix() {
        let prefix = Url::parse("https://api.example.com/api/v2").unwrap();
        let from = Url::parse("https://api.example.com/api/v2/recordings?offset=0").unwrap();
        for (link, path) in [
            (
                "https://api.example.com/api/v2/recordings?offset=100",
                "/api/v2/recordings?offset=100",
            ),
            (
                "https://API.example.com:443/api/v2/recordings",
                "/api/v2/recordings",
            ),
            (
                "https://u:p@api.example.com/api/v2/recordings",
                "/api/v2/recordings",
            ),
            (
                "/api/v2/recordings?offset=100",
                "/api/v2/recordings?offset=100",
            ),
            ("/recordings?offset=100", "/api/v2/recordings?offset=100"),
            ("/recordings", "/api/v2/recordings"),
            ("/recordings-old?x", "/recordings-old?x"),
            ("/other", "/other"),
            ("?offset=100#part", "/api/v2/recordings?offset=100"),
            ("recordings?offset=100", "/api/v2/recordings?offset=100"),
        ] {
            let resolved = resolve(link, &from, &prefix, "/recordings");
            assert_eq!(resolved.next.unwrap().as_str(), path, "{link}");
        }
    }

    #[test]
    fn links_that_leave_the_origin_are_refused_by_name() {
        let prefix = Url::parse("https://api.example.com/api/v2").unwrap();
        for (link, shown) in [
            (
                "https://evil.example/api/v2/recordings?secret=1",
                "https://evil.example,",
            ),
            (
                "http://api.example.com/api/v2/recordings",
                "http://api.example.com,",
            ),
            (
                "https://api.example.com:8443/x",
                "https://api.example.com:8443,",
            ),
            ("//evil.example/x", "https://evil.example,"),
            ("\\\\evil.example\\x", "https://evil.example,"),
            (
                "https://api.example.com@evil.example/",
                "https://evil.example,",
            ),
            ("file:///etc/passwd", "file:,"),
            ("https://[bad", "not an address"),
            (&format!("/{}", "x".repeat(9_000)), "9001 bytes"),
            (&format!("//{}", "x".repeat(5_000)), "xxx…,"),
        ] {
            let resolved = resolve(link, &prefix, &prefix, "/recordings");
            assert_eq!(resolved.next, None, "{link}");
            let refused = resolved.refused.unwrap();
            assert!(
                refused.contains(shown) && !refused.contains("secret"),
                "{refused}"
            );
        }
    }

    #[test]
    fn the_offset_of_a_link_is_read() {
        for (link, found) in [("/r?limit=1&offset=20", 20), ("/r?offset=x", 0), ("/r", 0)] {
            assert_eq!(offset(&NextLink::new(link.to_owned())), found);
        }
    }

    #[test]
    fn a_prefix_without_a_path_takes_links_as_they_are() {
        let prefix = Url::parse("http://127.0.0.1:80").unwrap();
        let resolved = resolve("/recordings?offset=1", &prefix, &prefix, "/recordings");
        assert_eq!(resolved.next.unwrap().as_str(), "/recordings?offset=1");
    }
}
