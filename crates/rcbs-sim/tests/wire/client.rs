//! A client without any HTTP library, so that nothing is mended or hidden; signs for S3 with code of its own.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rcbs_sim::Seed;
use rcbs_sim::server::SimServer;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
    /// Nothing came any more.
    Silent,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A header of our own that says that the answer is expected to stop coming.
pub(crate) const SILENCE: &str = "x-expects-silence";

/// Sends a GET with these headers to a port and reads until the connection ends or falls silent.
pub(crate) fn get(port: u16, target: &str, headers: &[(&str, String)]) -> Answer {
    let mut head = format!("GET {target} HTTP/1.1\r\nconnection: close\r\n");
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        head.push_str(&format!("host: 127.0.0.1:{port}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let is_silence_expected = headers.iter().any(|(name, _)| *name == SILENCE);
    send_and_wait(
        port,
        &(head + "\r\n"),
        Duration::from_secs(if is_silence_expected { 2 } else { 20 }),
    )
}

/// Sends these bytes.
pub(crate) fn send(port: u16, request: &str) -> Answer {
    send_and_wait(port, request, Duration::from_secs(20))
}

/// Sends these bytes and waits so long for more; a test that expects silence waits less.
pub(crate) fn send_and_wait(port: u16, request: &str, patience: Duration) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(patience)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut all = Vec::new();
    let mut buffer = [0; 65_536];
    let end = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break End::Closed,
            Ok(len) => all.extend_from_slice(&buffer[..len]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break End::Reset,
            Err(_) => break End::Silent,
        }
    };
    let split = all
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map_or(all.len(), |at| at + 4);
    let body = all.split_off(split);
    let head = String::from_utf8(all).unwrap();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    Answer {
        status,
        head,
        body,
        end,
    }
}

/// Asks the API with the right login.
pub(crate) fn api(server: &SimServer, target: &str) -> Answer {
    get(
        server.api_port(),
        &format!("/api/v2{target}"),
        &[("authorization", login(server))],
    )
}

pub(crate) fn login(server: &SimServer) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!(
            "{}:{}",
            server.options.user, server.options.password
        ))
    )
}

/// How a request to the store is made.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) region: &'static str,
    pub(crate) at: Timestamp,
    pub(crate) host: Option<String>,
    pub(crate) secret_key: String,
    /// Signed along with the others.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Ask {
    pub(crate) fn new(server: &SimServer) -> Self {
        Self {
            region: "us-east-1",
            at: Timestamp::now(),
            host: None,
            secret_key: server.options.secret_key.clone(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// GETs a path with a signature of version 4 (AWS, "Signature Version 4 signing process").
    pub(crate) fn get(&self, server: &SimServer, path: &str) -> Answer {
        let port = server.s3_port();
        let (stamp, day) = (
            self.at.strftime("%Y%m%dT%H%M%SZ").to_string(),
            self.at.strftime("%Y%m%d").to_string(),
        );
        let mut headers = vec![
            (
                "host",
                self.host
                    .clone()
                    .unwrap_or_else(|| format!("127.0.0.1:{port}")),
            ),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD".to_owned()),
            ("x-amz-date", stamp.clone()),
        ];
        headers.extend(self.headers.clone());
        headers.sort();
        let names = headers
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(";");
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let (target, query) = path.split_once('?').unwrap_or((path, ""));
        let canonical = format!("GET\n{target}\n{query}\n{lines}\n{names}\nUNSIGNED-PAYLOAD");
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}",
            hex(digest(&SHA256, canonical.as_bytes()).as_ref())
        );
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for part in [day.as_str(), self.region, "s3", "aws4_request"] {
            key = sign(&key, part);
        }
        let signature = hex(&sign(&key, &to_sign));
        headers.push((
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
                server.options.access_key
            ),
        ));
        get(port, path, &headers)
    }
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
        .as_ref()
        .to_vec()
}

fn hex(bytes: &[u8]) -> String {
    rcbs_sim::hex(bytes)
}

/// Something that differs from seed to seed, for numbers in tests.
pub(crate) fn number(label: &str, bound: u64) -> u64 {
    Seed::new(1).below(label, bound)
}
