//! Says in words why a request got no answer, without addresses that hold secrets.

use std::error::Error;
use std::sync::Arc;
use std::{io, iter};

use hyper_util::client::legacy;
use rcbs_core::text::printable;
use url::Url;

use super::connect::NotInTime;
use super::{HttpOptions, Timeouts, origin_text};

/// Where requests go: what a message names.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    host: Arc<str>,
    proxy: Option<Arc<str>>,
    connect_s: f64,
}

/// A request that got no answer, or no whole one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A time limit was passed.
    Timeout(String),
    /// No connection.
    Unreachable(String),
    /// There was one, and it broke.
    Cut(String),
}

impl Route {
    pub(crate) fn new(to: &Url, options: &HttpOptions, timeouts: &Timeouts) -> Self {
        Self {
            host: to.host_str().unwrap_or_default().into(),
            proxy: options
                .proxy
                .as_ref()
                .map(|proxy| origin_text(&proxy.url).into()),
            connect_s: timeouts.connect.as_secs_f64(),
        }
    }

    /// The same route to another host of the same service.
    pub(crate) fn to_host(&self, host: &str) -> Self {
        Self {
            host: host.into(),
            ..self.clone()
        }
    }

    /// What an answer of HTTP 407 means.
    pub(crate) fn proxy_login(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("the proxy {proxy} refuses its login (HTTP 407)"),
            None => "a proxy that is not configured asks for a login (HTTP 407)".to_owned(),
        }
    }

    /// Why this request failed.
    pub(crate) fn broken(&self, error: &(dyn Error + 'static)) -> Broken {
        let (is_timeout, is_connect) = (is_timeout(error), is_connect(error));
        if is_timeout && is_connect {
            let via = self
                .proxy
                .as_deref()
                .map(|proxy| format!(" through the proxy {proxy}"));
            return Broken::Unreachable(format!(
                "no connection to {}{} within {} s",
                self.host,
                via.unwrap_or_default(),
                self.connect_s
            ));
        }
        if is_timeout {
            return Broken::Timeout("the connection timed out".to_owned());
        }
        let cause = root_cause(error);
        if !is_connect {
            return Broken::Cut(cause);
        }
        Broken::Unreachable(match &self.proxy {
            Some(proxy) => self.behind_proxy(proxy, error, &cause),
            None if is_dns(error) => {
                format!("the name {} cannot be resolved: {cause}", self.host)
            }
            None => format!("{}: {}", self.host, tls_words(&cause).unwrap_or(cause)),
        })
    }

    /// A failure while connecting is the proxy's, except when it is about the certificate of what lies behind it.
    fn behind_proxy(&self, proxy: &str, error: &(dyn Error + 'static), cause: &str) -> String {
        if let Some(words) = tls_words(cause) {
            return format!("{}: {words}", self.host);
        }
        match cause {
            "tunnel error: proxy authorization required" => self.proxy_login(),
            "tunnel error: unsuccessful" => {
                format!("the proxy {proxy} refuses to connect to {}", self.host)
            }
            _ if is_dns(error) => {
                format!("the name of the proxy {proxy} cannot be resolved: {cause}")
            }
            _ => format!("the proxy {proxy}: {cause}"),
        }
    }
}

/// The last cause of an error, in words. The links of the chain before it may hold an address, this one does not.
pub(crate) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let cause = causes(error).last().unwrap_or(error);
    if let Some(words) = cause.downcast_ref().and_then(io_words) {
        return words.to_owned();
    }
    let text = cause.to_string();
    if text.contains("before message") {
        return "the connection was cut in the middle of the answer".to_owned();
    }
    printable(&text)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

fn is_connect(error: &(dyn Error + 'static)) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<legacy::Error>())
        .any(legacy::Error::is_connect)
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        cause.is::<NotInTime>()
            || io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
            || cause.downcast_ref().is_some_and(hyper::Error::is_timeout)
    })
}

/// Whether a name led nowhere. The library's type for it has no name of its own, only its words.
fn is_dns(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| cause.to_string() == "dns error")
}

fn io_words(error: &io::Error) -> Option<&'static str> {
    // An I/O error that wraps another has the other's meaning, but not as its source. A library error wrapped in one
    // prints as itself.
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    if let Some(inner) = inner {
        return io_words(inner);
    }
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => "connection reset",
        io::ErrorKind::BrokenPipe => "connection closed by the other side",
        io::ErrorKind::UnexpectedEof => "connection closed before it was ready",
        io::ErrorKind::HostUnreachable => "no route to the host",
        io::ErrorKind::NetworkUnreachable => "no route to the network",
        io::ErrorKind::AddrNotAvailable => "no free local port",
        _ => return None,
    })
}

/// The TLS library's words for a refused certificate, made readable.
fn tls_words(cause: &str) -> Option<String> {
    let certificate = cause.strip_prefix("invalid peer certificate: ");
    let words = match certificate {
        Some("UnknownIssuer") => {
            "its TLS certificate comes from an authority that is not trusted here"
        }
        Some(reason) if reason.contains("not valid yet") => "its TLS certificate is not valid yet",
        Some(reason) if reason.contains("xpired") => "its TLS certificate has expired",
        Some(reason)
            if reason.contains("otValidForName") || reason.contains("not valid for name") =>
        {
            "its TLS certificate belongs to another host"
        }
        Some(reason) => return Some(format!("its TLS certificate is refused ({reason})")),
        None if cause.contains("InvalidContentType") || cause.contains("corrupt message") => {
            "it does not speak TLS"
        }
        None => return None,
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_certificates_are_told_in_words() {
        for (cause, words) in [
            (
                "invalid peer certificate: UnknownIssuer",
                "not trusted here",
            ),
            (
                "invalid peer certificate: certificate expired: verification time 2 (UNIX), but",
                "has expired",
            ),
            (
                "invalid peer certificate: certificate not valid for name \"a\"; certificate is only valid for b",
                "another host",
            ),
            (
                "invalid peer certificate: BadSignature",
                "refused (BadSignature)",
            ),
            (
                "received corrupt message of type InvalidContentType",
                "does not speak TLS",
            ),
        ] {
            assert!(tls_words(cause).unwrap().contains(words), "{cause}");
        }
        assert_eq!(tls_words("connection refused"), None);
    }
}
