//! Addresses: base URLs of servers, proxy hosts, paths of the API.

use std::net::Ipv6Addr;

use url::{Host, Url};

use super::finding::Refusal;

/// Why an address is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    /// Not a URL at all, or with blanks, control characters or backslashes that a URL reader would silently drop.
    #[error("is not a URL of the form https://host/path")]
    Url,
    /// Another scheme than http and https.
    #[error("is neither an https:// nor an http:// URL")]
    Scheme,
    /// User or password in the address.
    #[error("contains a login")]
    Login(&'static str),
    /// `?` or `#`.
    #[error("contains a query or a fragment")]
    Query,
    /// `http://` to a host that is not this machine.
    #[error("is not encrypted, so the password would be readable on the way")]
    Insecure(String),
    /// Not a host name or address.
    #[error("is not a host name or IP address")]
    Host,
    /// Host and port in one key.
    #[error("contains a port")]
    Port(String),
    /// A whole URL where a path is wanted.
    #[error("is a whole URL; only the part after gwsUriPrefix belongs here")]
    NotAPath,
    /// Not a path of plain segments.
    #[error("is not a path of the API")]
    Path,
    /// A query that is no list of `name=value`.
    #[error("ends in a query that is not of the form ?name=value&name=value")]
    Parameters,
    /// A parameter of the program's own.
    #[error("sets {0}, which every request sets by itself")]
    Reserved(&'static str),
    /// A parameter that looks like a login.
    #[error("has a parameter that looks like a secret, and addresses are shown")]
    Secret,
}

/// What names of parameters have in them that carry a secret. Paths are shown; secrets never are.
const SECRET: [&str; 7] = [
    "token",
    "key",
    "secret",
    "passw",
    "pwd",
    "auth",
    "credential",
];

/// Parameters that a list of recordings is asked for with.
const RESERVED: [&str; 7] = [
    "startTime",
    "endTime",
    "stopTime",
    "limit",
    "offset",
    "fields",
    "callerPhoneNumber",
];

impl Refusal for AddressError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Url | Self::Scheme => "write it as https://example.com/api/v2".into(),
            Self::Login(instead) => format!("remove it from here; {instead}"),
            Self::Query => "end the URL before the ? or #".into(),
            Self::Insecure(https) => {
                format!("write {https}, or set allowInsecureHttp=true to accept the risk")
            }
            Self::Host => "write it as 10.0.1.31 or http://10.0.1.31".into(),
            Self::Port(port) => format!("move {port} to the port key beside it"),
            Self::NotAPath | Self::Path => "write it as /recordings".into(),
            Self::Parameters => "write it as /recordings?name=value".into(),
            Self::Reserved(name) => format!("remove {name} from here"),
            Self::Secret => "log in with GWS_USERNAME and GWS_PASSWORD".into(),
        })
    }
}

/// Reads the base URL of a server and drops the slash at its end.
///
/// `login` says where a login belongs instead.
pub(super) fn base_url(text: &str, login: &'static str) -> Result<Url, AddressError> {
    if has_odd_character(text) {
        return Err(AddressError::Url);
    }
    // The reader of URLs is lenient (`https:host`, `https:///host`); an operator who writes that has mistyped.
    let (_, authority) = text.split_once("://").ok_or(AddressError::Url)?;
    let mut url = Url::parse(text).map_err(|_| AddressError::Url)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() || authority.starts_with('@') {
        return Err(AddressError::Login(login));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(AddressError::Query);
    }
    if authority.starts_with('/') || url.host().is_none() {
        return Err(AddressError::Url);
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Whether a password sent to this URL can be read by others on the way.
pub(super) fn is_insecure(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            Some(Host::Domain(name)) => name != "localhost",
            Some(Host::Ipv4(address)) => !address.is_loopback(),
            Some(Host::Ipv6(address)) => !address.is_loopback(),
            None => true,
        }
}

/// Refuses a URL that [`is_insecure`].
pub(super) fn secure(url: Url) -> Result<Url, AddressError> {
    if is_insecure(&url) {
        return Err(AddressError::Insecure(
            url.as_str()
                .trim_end_matches('/')
                .replacen("http:", "https:", 1),
        ));
    }
    Ok(url)
}

/// Reads a proxy's host, with or without scheme. The old program wanted the scheme on one side and not on the other.
pub(super) fn proxy_host(text: &str, login: &'static str) -> Result<Url, AddressError> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(AddressError::Scheme);
    }
    let host = rest.strip_suffix('/').unwrap_or(rest);
    if host.contains('@') {
        return Err(AddressError::Login(login));
    }
    if has_odd_character(host) || host.contains(['/', '?', '#']) {
        return Err(AddressError::Host);
    }
    let host = match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    };
    if let Some((_, port)) = host.rsplit_once(':')
        && !host.ends_with(']')
    {
        return Err(AddressError::Port(port.to_owned()));
    }
    Url::parse(&format!("{scheme}://{host}")).map_err(|_| AddressError::Host)
}

/// Reads the path of one part of the API, perhaps with a query; the flag says whether its first slash had to be added.
pub(super) fn api_path(text: &str) -> Result<(String, bool), AddressError> {
    let (text, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    if text.contains("://") {
        return Err(AddressError::NotAPath);
    }
    let query = query.map(parameters).transpose()?.unwrap_or_default();
    let path = text.strip_suffix('/').unwrap_or(text);
    let (path, added) = match path.strip_prefix('/') {
        Some(rest) => (rest, false),
        None => (path, true),
    };
    let plain = |segment: &str| !matches!(segment, "" | "." | "..");
    if has_odd_character(path) || path.contains('#') || !path.split('/').all(plain) {
        return Err(AddressError::Path);
    }
    Ok((format!("/{path}{query}"), added))
}

/// Checks a query and gives it back with its question mark.
fn parameters(query: &str) -> Result<String, AddressError> {
    let mut pairs = query.split('&').map(|pair| pair.split_once('='));
    let is_fine = pairs.all(|pair| pair.is_some_and(|(name, _)| !name.is_empty()));
    if !is_fine || has_odd_character(query) || query.contains(['?', '#']) {
        return Err(AddressError::Parameters);
    }
    let is_secret = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        let name = name.to_ascii_lowercase();
        SECRET.iter().any(|word| name.contains(word))
    };
    if query.split('&').any(is_secret) {
        return Err(AddressError::Secret);
    }
    let is_set = |name: &&str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    match RESERVED.iter().find(|name| is_set(name)) {
        Some(name) => Err(AddressError::Reserved(name)),
        None => Ok(format!("?{query}")),
    }
}

fn has_odd_character(text: &str) -> bool {
    text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_lose_the_slash_at_their_end() {
        for (text, url) in [
            ("https://example.com/api/v2", "https://example.com/api/v2"),
            ("https://example.com/api/v2/", "https://example.com/api/v2"),
            (
                "https://example.com:8443/api//",
                "https://example.com:8443/api",
            ),
            ("https://example.com", "https://example.com/"),
            ("HTTPS://Example.com/API", "https://example.com/API"),
        ] {
            assert_eq!(base_url(text, "").unwrap().as_str(), url);
        }
    }

    #[test]
    fn urls_that_are_not_a_base_are_refused_with_their_reason() {
        use AddressError::*;
        for (text, error) in [
            ("example.com/api/v2", Url),
            ("", Url),
            ("https:example.com", Url),
            ("https:///example.com", Url),
            ("https://", Url),
            ("https://exa mple.com", Url),
            ("https://example.com\\api", Url),
            ("https://exam\tple.com", Url),
            ("ftp://example.com", Scheme),
            ("https://user@example.com", Login("there")),
            ("https://user:word@example.com", Login("there")),
            ("https://@example.com", Login("there")),
            ("https://example.com?key=1", Query),
            ("https://example.com/api#top", Query),
        ] {
            assert_eq!(base_url(text, "there"), Err(error), "{text}");
        }
    }

    #[test]
    fn only_this_machine_may_be_reached_without_encryption() {
        for (text, insecure) in [
            ("https://example.com", false),
            ("http://example.com", true),
            ("http://10.0.0.1", true),
            ("http://localhost:8080", false),
            ("http://localhost.example.com", true),
            ("http://127.0.0.1:8080", false),
            ("http://127.9.9.9", false),
            ("http://[::1]:8080", false),
            ("http://0.0.0.0", true),
        ] {
            assert_eq!(
                secure(base_url(text, "").unwrap()).is_err(),
                insecure,
                "{text}"
            );
        }
    }

    #[test]
    fn proxy_hosts_are_accepted_in_the_forms_of_both_sides() {
        for (text, url) in [
            ("10.0.1.31", "http://10.0.1.31/"),
            ("http://10.0.1.31", "http://10.0.1.31/"),
            ("http://10.0.1.31/", "http://10.0.1.31/"),
            ("https://proxy.acme.com", "https://proxy.acme.com/"),
            ("HTTP://proxy", "http://proxy/"),
            ("::1", "http://[::1]/"),
            ("[::1]", "http://[::1]/"),
        ] {
            assert_eq!(proxy_host(text, "").unwrap().as_str(), url);
        }
        for (text, error) in [
            ("socks5://proxy", AddressError::Scheme),
            ("user:word@proxy", AddressError::Login("there")),
            ("http://user@proxy", AddressError::Login("there")),
            ("proxy:8080", AddressError::Port("8080".into())),
            ("http://proxy:8080", AddressError::Port("8080".into())),
            ("proxy/path", AddressError::Host),
            ("pro xy", AddressError::Host),
            ("http://", AddressError::Host),
        ] {
            assert_eq!(proxy_host(text, "there"), Err(error), "{text}");
        }
    }

    #[test]
    fn paths_of_the_api_begin_with_a_slash() {
        assert_eq!(api_path("/recordings"), Ok(("/recordings".into(), false)));
        assert_eq!(
            api_path("/me/settings/rcbs/"),
            Ok(("/me/settings/rcbs".into(), false))
        );
        assert_eq!(api_path("recordings"), Ok(("/recordings".into(), true)));
        assert_eq!(
            api_path("https://h/recordings"),
            Err(AddressError::NotAPath)
        );
        for text in [
            "", "/", "//", "/a//b", "/../b", "/a#b", "/a b", "\\a", "?a=b", "/?a=b",
        ] {
            assert_eq!(api_path(text), Err(AddressError::Path), "{text}");
        }
    }

    #[test]
    fn paths_of_the_api_may_have_parameters() {
        for (text, path) in [
            ("/recordings?a=b", "/recordings?a=b"),
            ("recordings/?a=b&c=%20/..&d=", "/recordings?a=b&c=%20/..&d="),
            ("/r?to=https://x", "/r?to=https://x"),
        ] {
            assert_eq!(api_path(text).unwrap().0, path);
        }
        for text in [
            "/a?",
            "/a?b",
            "/a?b=c&",
            "/a?=c",
            "/a?b=c d",
            "/a?b=c#d",
            "/a?b=c?d=e",
        ] {
            assert_eq!(api_path(text), Err(AddressError::Parameters), "{text}");
        }
        for text in ["/a?token=c", "/a?b=c&apiKey=c", "/a?Authorization=c"] {
            assert_eq!(api_path(text), Err(AddressError::Secret), "{text}");
        }
        for name in RESERVED {
            let found = api_path(&format!("/a?b=c&{name}=x"));
            assert_eq!(found, Err(AddressError::Reserved(name)));
        }
    }
}
