//! A forward proxy for tests: `CONNECT` and absolute-form requests, any host name mapped to a loopback port.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use super::listen::{Listening, accept, bind};

/// The longest request head that is read.
const HEAD_BYTES: usize = 64 * 1_024;

/// A running forward proxy. Dropping it closes all its connections.
#[derive(Debug)]
pub struct SimProxy {
    listening: Listening,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Loopback ports by host name, with or without `:port`.
    hosts: HashMap<String, u16>,
    /// The value of `Proxy-Authorization` that is let in.
    login: Option<String>,
    seen: Mutex<Vec<ProxySeen>>,
}

/// One request to the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySeen {
    /// `CONNECT`, `GET` …
    pub method: String,
    /// Host and port that were asked for.
    pub to: String,
    /// What the proxy answered by itself; 200 for what it passed on.
    pub status: u16,
}

impl SimProxy {
    /// Starts a proxy that leads these hosts (`name` or `name:port`) to these loopback ports, and knows no others. With
    /// a login it asks everybody for it.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start<'a>(
        hosts: impl IntoIterator<Item = (&'a str, u16)>,
        login: Option<(&str, &str)>,
    ) -> io::Result<Self> {
        let state = Arc::new(State {
            hosts: hosts
                .into_iter()
                .map(|(host, port)| (host.to_owned(), port))
                .collect(),
            login: login.map(|(user, password)| {
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }),
            seen: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let listening = accept(bind(0).await?, move |stream| {
            let state = Arc::clone(&shared);
            async move {
                // A client that goes away in the middle is no failure of the proxy.
                pass(stream, &state).await.ok();
            }
        })?;
        Ok(Self { listening, state })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<ProxySeen> {
        self.state
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl State {
    fn note(&self, head: &Head, status: u16) {
        let seen = ProxySeen {
            method: head.method.clone(),
            to: head.authority.clone(),
            status,
        };
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seen);
    }

    fn port(&self, authority: &str) -> Option<u16> {
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        self.hosts
            .get(authority)
            .or_else(|| self.hosts.get(host))
            .copied()
    }
}

/// The head of a request to a proxy.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    method: String,
    /// Host and port.
    authority: String,
    login: Option<String>,
    /// The head as the origin gets it; empty for `CONNECT`.
    forwarded: Vec<u8>,
}

/// Serves one connection: one request, then bytes in both directions until either side ends.
async fn pass(mut client: TcpStream, state: &State) -> io::Result<()> {
    let Some((head, rest)) = read_head(&mut client).await? else {
        return client
            .write_all(
                b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            )
            .await;
    };
    if state.login.is_some() && state.login != head.login {
        state.note(&head, 407);
        let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"rcbs-sim\"\r\n\
            content-length: 0\r\nconnection: close\r\n\r\n";
        return client.write_all(answer).await;
    }
    let Some(port) = state.port(&head.authority) else {
        state.note(&head, 502);
        return client
            .write_all(
                b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            )
            .await;
    };
    state.note(&head, 200);
    let mut origin = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    if head.method == "CONNECT" {
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await?;
    } else {
        origin.write_all(&head.forwarded).await?;
    }
    origin.write_all(&rest).await?;
    copy_bidirectional(&mut client, &mut origin)
        .await
        .map(|_| ())
}

/// Reads up to the empty line; also gives what came after it.
async fn read_head(client: &mut TcpStream) -> io::Result<Option<(Head, Vec<u8>)>> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            return Ok(std::str::from_utf8(&read)
                .ok()
                .and_then(parse_head)
                .map(|head| (head, rest)));
        }
        if read.len() > HEAD_BYTES || client.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse_head(text: &str) -> Option<Head> {
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_connect = method == "CONNECT";
    let (authority, path) = if is_connect {
        (target, String::new())
    } else {
        let after = target.strip_prefix("http://")?;
        let (authority, path) = after.split_at(after.find(['/', '?']).unwrap_or(after.len()));
        (
            authority,
            if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("/{path}")
            },
        )
    };
    let mut login = None;
    let mut forwarded = format!("{method} {path} {version}\r\n");
    for line in lines {
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "proxy-authorization" => login = Some(value.trim().to_owned()),
            "proxy-connection" | "connection" => {}
            _ => forwarded.extend([line, "\r\n"]),
        }
    }
    // One request per connection: the next one may be for another host.
    forwarded.push_str("connection: close\r\n\r\n");
    Some(Head {
        method: method.to_owned(),
        authority: authority.to_owned(),
        login,
        forwarded: if is_connect {
            Vec::new()
        } else {
            forwarded.into_bytes()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_form_becomes_origin_form_without_the_proxy_login() {
        let head = parse_head(
            "GET http://gws.example:8080/api?a=b HTTP/1.1\r\nHost: gws.example:8080\r\n\
             Proxy-Authorization: Basic eDp5\r\nAuthorization: Basic YTpi\r\n\r\n",
        )
        .unwrap();
        assert_eq!(head.authority, "gws.example:8080");
        assert_eq!(head.login.as_deref(), Some("Basic eDp5"));
        assert_eq!(
            String::from_utf8(head.forwarded).unwrap(),
            "GET /api?a=b HTTP/1.1\r\nHost: gws.example:8080\r\nAuthorization: Basic YTpi\r\nconnection: close\r\n\r\n"
        );
    }

    #[test]
    fn what_is_no_request_to_a_proxy_is_refused() {
        for text in [
            "",
            "GET / HTTP/1.1\r\n\r\n",
            "GET\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nno colon\r\n\r\n",
        ] {
            assert_eq!(parse_head(text), None, "{text}");
        }
    }
}
