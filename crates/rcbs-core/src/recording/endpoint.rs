//! The configured store's own address: which URLs in metadata name objects below it.

/// Where an S3-compatible store is (`awsEndpoint`). Nothing is requested from a URL in metadata: it only has to be
/// told from one of another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    /// `None` is the usual one of the scheme.
    port: Option<u16>,
    /// The path before the bucket, without a slash at its end; usually empty.
    prefix: String,
}

impl Endpoint {
    /// Reads `https://host:port/prefix`; `None` for anything else.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let (host, port) = host_and_port(scheme, authority)?;
        Some(Self {
            host,
            port,
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Bucket and key, not decoded, of a URL below the store's address: the bucket in the path, or before the host.
    /// `None` for any other URL.
    pub(super) fn object<'a>(
        &self,
        scheme: &str,
        authority: &'a str,
        path: &'a str,
    ) -> Option<(&'a str, &'a str)> {
        let (host, port) = host_and_port(scheme, authority)?;
        if port != self.port {
            return None;
        }
        if host == self.host {
            let below = path.strip_prefix(&self.prefix)?.strip_prefix('/')?;
            let (bucket, key) = below.split_once('/').unwrap_or((below, ""));
            return (!is_playback(below)).then_some((bucket, key));
        }
        let bucket = host.strip_suffix(&self.host)?.strip_suffix('.')?;
        let key = path.strip_prefix(&self.prefix)?.strip_prefix('/')?;
        let is_address = self.host.starts_with('[')
            || self.host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        // From the text itself: the copy above is in small letters.
        let bucket = authority.get(..bucket.len())?;
        (!is_address && !is_playback(key)).then_some((bucket, key))
    }
}

/// The recording API's own addresses, which play a file and name no object (`genesys.md` 2.6). Where API and store share
/// a host or a domain, they would pass for a bucket.
fn is_playback(path: &str) -> bool {
    matches!(path.split('/').next(), Some("api" | "internal-api"))
}

/// Host in small letters, and the port unless it is the scheme's own. `None` for another scheme, with a login, and where
/// the host has anything but letters, digits, dots, dashes and underscores, or the brackets of an IPv6 address.
fn host_and_port(scheme: &str, authority: &str) -> Option<(String, Option<u16>)> {
    let usual = if scheme.eq_ignore_ascii_case("https") {
        443
    } else if scheme.eq_ignore_ascii_case("http") {
        80
    } else {
        return None;
    };
    let at_port = match authority.rfind(']') {
        Some(bracket) => authority[bracket..].find(':').map(|at| bracket + at),
        None => authority.find(':'),
    };
    let (host, port) = match at_port {
        Some(at) => (
            &authority[..at],
            authority[at + 1..].parse().ok().map(Some)?,
        ),
        None => (authority, None),
    };
    let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let inside = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = match inside {
        Some(address) => address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
        None => !host.is_empty() && host.bytes().all(name),
    };
    is_host.then(|| {
        let host = host.to_ascii_lowercase();
        (host, port.filter(|port| *port != usual))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(endpoint: &str, url: &str) -> Option<(String, String)> {
        let (scheme, rest) = url.split_once("://").unwrap();
        let end = rest.find(['/', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let endpoint = Endpoint::parse(endpoint).unwrap();
        let (bucket, key) = endpoint.object(scheme, authority, path)?;
        Some((bucket.to_owned(), key.to_owned()))
    }

    #[test]
    fn bucket_and_key_below_the_endpoint_are_found_in_path_and_host() {
        for (endpoint, url) in [
            ("http://store:9000/", "http://store:9000/rec/a/k"),
            ("http://store:9000", "HTTP://Store:9000/rec/a/k"),
            ("http://store:9000", "http://rec.store:9000/a/k"),
            (
                "https://s3.acme.example",
                "https://s3.acme.example:443/rec/a/k",
            ),
            ("https://s3.acme.example", "https://rec.s3.acme.example/a/k"),
            // Nothing is asked of that URL, so its scheme does not matter where its port does not differ.
            ("https://s3.acme.example", "http://s3.acme.example/rec/a/k"),
            (
                "https://acme.example/s3/",
                "https://acme.example/s3/rec/a/k",
            ),
            ("http://[::1]:9000", "http://[::1]:9000/rec/a/k"),
            ("http://10.0.0.1:9000", "http://10.0.0.1:9000/rec/a/k"),
        ] {
            assert_eq!(
                found(endpoint, url),
                Some(("rec".to_owned(), "a/k".to_owned())),
                "{url}"
            );
        }
        assert_eq!(
            found("http://store:9000", "http://Re_C.store:9000/k"),
            Some(("Re_C".to_owned(), "k".to_owned()))
        );
    }

    #[test]
    fn what_is_not_below_the_endpoint_is_not_taken_for_an_object() {
        for (endpoint, url) in [
            ("http://store:9000", "http://store:9001/rec/k"),
            ("http://store:9000", "http://store/rec/k"),
            ("http://store:9000", "http://other:9000/rec/k"),
            ("http://store:9000", "http://evilstore:9000/rec/k"),
            ("http://store:9000", "http://store.evil:9000/rec/k"),
            ("http://store:9000", "http://user@store:9000/rec/k"),
            ("http://store:9000", "http://rec%2estore:9000/k"),
            ("http://store:9000", "http://store:9000\\rec/k"),
            ("http://store:9000", "ftp://store:9000/rec/k"),
            ("http://store:9000", "http://store:nine/rec/k"),
            ("https://acme.example/s3", "https://acme.example/rec/k"),
            ("https://acme.example/s3", "https://acme.example/s3x/rec/k"),
            ("http://0.0.1:9000", "http://10.0.0.1:9000/rec/k"),
            // The API plays files on its own host; that is no object.
            (
                "https://acme.example",
                "https://acme.example/api/v2/recordings/1/play/2.mp3",
            ),
            (
                "https://acme.example",
                "https://gws.acme.example/api/v2/recordings/1/play/2.mp3",
            ),
            (
                "https://acme.example",
                "https://gws.acme.example/internal-api/x/content/2.mp4",
            ),
        ] {
            assert_eq!(found(endpoint, url), None, "{endpoint} {url}");
        }
        for odd in [
            "store:9000",
            "s3://store",
            "http://",
            "http://a b",
            "http://u:p@store",
        ] {
            assert_eq!(Endpoint::parse(odd), None, "{odd}");
        }
    }
}
