//! The HTTP client that the API and the store share: proxies, extra certificates, time limits, no redirects.

mod body;
mod client;
mod connect;
mod proxy;
mod reason;
mod retry_after;
mod secrets;
mod stream;
mod tls;

use std::time::Duration;

use http::HeaderMap;
use rcbs_core::text::printable;
use secrecy::SecretString;
use url::Url;

pub(crate) use body::{BodyError, Timed, read_at_most, read_beginning};
pub(crate) use client::Client;
pub(crate) use reason::{Broken, Route};
pub(crate) use retry_after::{retry_after, server_date};
pub(crate) use secrets::Redactor;

/// How one side (the API or the store) is reached.
#[derive(Debug, Clone, Default)]
pub struct HttpOptions {
    /// The proxy for this side; `None` connects directly, whatever the environment says.
    pub proxy: Option<ProxyOptions>,
    /// PEM certificates trusted besides the system's (`caFile`).
    pub extra_ca_pem: Option<Vec<u8>>,
}

/// A proxy and its login.
#[derive(Debug, Clone)]
pub struct ProxyOptions {
    /// Scheme, host and port.
    pub url: Url,
    /// User and password, where the proxy wants them.
    pub login: Option<(String, SecretString)>,
}

/// How long the other side may take. The defaults suit a slow line and a busy server.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To a connection that can carry a request: name, TCP, proxy and TLS together.
    pub connect: Duration,
    /// Between sending the request and the first byte of the answer, and between any two pieces of it.
    pub idle: Duration,
    /// To the first byte of a list: a server says nothing while it searches, and the gateways before it give it a minute.
    pub search: Duration,
    /// For one whole answer of the API, redirects included. Media have no such limit, only a least speed.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            search: Duration::from_mins(1),
            answer: Duration::from_mins(5),
        }
    }
}

/// What is wrong with the settings of a connection. Nothing was asked of any server yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The proxy's address is none.
    #[error("the proxy {proxy} cannot be used: {reason}")]
    Proxy {
        /// Scheme, host and port.
        proxy: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The extra certificates are none.
    #[error("the extra CA certificates cannot be used: {reason}")]
    Certificates {
        /// What is wrong with them.
        reason: String,
    },
    /// The address of the API or of the store is none.
    #[error("the address {address} cannot be used: {reason}")]
    Address {
        /// Scheme, host and port.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A user name or key id that no request can carry.
    #[error("the {what} cannot be sent: {reason}")]
    Login {
        /// Which one.
        what: &'static str,
        /// What is wrong with it, without repeating it.
        reason: &'static str,
    },
    /// The client could not be set up, for example because the system trusts no certificate at all.
    #[error("the HTTP client cannot be set up: {reason}")]
    Client {
        /// The root cause in words.
        reason: String,
    },
}

/// Scheme, host and port: what may be shown of a URL.
pub(crate) fn origin_text(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None if host.is_empty() => format!("{}:", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// [`origin_text`] of an address that a server named, as long as a message may be: hosts have no bound of their own.
pub(crate) fn foreign_origin_text(url: &Url) -> String {
    printable(&origin_text(url))
}

/// Checks that a base address is `http` or `https` with a host and nothing that a request must not carry.
pub(crate) fn base_address(url: &Url) -> Result<(), HttpError> {
    let reason = if !matches!(url.scheme(), "http" | "https") {
        "only http and https are spoken"
    } else if !url.username().is_empty() || url.password().is_some() {
        "it holds a login, which belongs in the settings of its own"
    } else if url.query().is_some() || url.fragment().is_some() {
        "it ends in a query or a fragment"
    } else {
        return Ok(());
    };
    Err(HttpError::Address {
        address: origin_text(url),
        reason: reason.to_owned(),
    })
}

/// The content coding of an answer, where it has one other than `identity`. We ask for none.
pub(crate) fn content_coding(headers: &HeaderMap) -> Option<String> {
    let coding = headers.get(http::header::CONTENT_ENCODING)?;
    let coding = String::from_utf8_lossy(coding.as_bytes());
    let coding = coding.trim();
    let plain = coding.is_empty() || coding.eq_ignore_ascii_case("identity");
    (!plain).then(|| printable(coding))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_an_origin_is_shown_of_a_url() {
        for (url, shown) in [
            (
                "https://user:pw@api.example.com/a?b=secret#c",
                "https://api.example.com",
            ),
            ("http://[::1]:8080/x", "http://[::1]:8080"),
            ("javascript:alert(1)", "javascript:"),
        ] {
            assert_eq!(origin_text(&Url::parse(url).unwrap()), shown);
        }
    }

    #[test]
    fn a_host_without_end_is_cut() {
        let url = Url::parse(&format!("https://{}/", "x".repeat(5_000))).unwrap();
        assert_eq!(foreign_origin_text(&url).chars().count(), 201);
    }

    #[test]
    fn a_base_address_is_plain() {
        for (url, fine) in [
            ("https://api.example.com/api/v2", true),
            ("http://127.0.0.1:9000", true),
            ("ftp://api.example.com", false),
            ("https://u:p@api.example.com", false),
            ("https://api.example.com/?a=b", false),
        ] {
            assert_eq!(
                base_address(&Url::parse(url).unwrap()).is_ok(),
                fine,
                "{url}"
            );
        }
    }

    fn refusal(options: &HttpOptions) -> HttpError {
        let client = Client::new(options, &Timeouts::default());
        client.err().expect("it cannot be used")
    }

    #[test]
    fn unusable_settings_are_refused_without_their_secrets() {
        for proxy in ["socks5://u:hush@127.0.0.1:1", "http://u:hush@127.0.0.1:1"] {
            let options = HttpOptions {
                proxy: Some(ProxyOptions {
                    url: Url::parse(proxy).unwrap(),
                    login: None,
                }),
                extra_ca_pem: None,
            };
            let error = refusal(&options);
            assert!(matches!(error, HttpError::Proxy { .. }));
            assert!(!error.to_string().contains("hush"), "{error}");
        }

        for pem in [
            &b"no certificate here"[..],
            b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
        ] {
            let options = HttpOptions {
                proxy: None,
                extra_ca_pem: Some(pem.to_vec()),
            };
            let error = refusal(&options);
            assert!(matches!(error, HttpError::Certificates { .. }), "{error}");
        }
    }

    #[test]
    fn a_content_coding_is_named_unless_it_is_none() {
        for (value, coding) in [
            ("gzip", Some("gzip")),
            ("identity", None),
            ("", None),
            ("Identity", None),
        ] {
            let headers = HeaderMap::from_iter([(
                http::header::CONTENT_ENCODING,
                HeaderValue::from_static(value),
            )]);
            assert_eq!(content_coding(&headers).as_deref(), coding);
        }
    }
}
