//! nginx: TLS by a server that is not ours, in front of a loopback port, with certificates of our own authority.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::curl::curl;
use crate::server::{Recipe, Server, start};
use crate::support::openssl::openssl;

/// A certificate authority that only the test knows.
pub struct Authority {
    dir: TempDir,
}

/// Which certificate a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// Valid for `localhost` and `127.0.0.1`.
    Valid,
    /// Valid for another host.
    WrongHost,
    /// For `localhost` and `127.0.0.1`, but it ended yesterday.
    Expired,
    /// Valid for buckets in two regions of Amazon, and for the regions themselves.
    Amazon,
}

impl Authority {
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let (key, certificate) = (dir.path().join("ca.key"), dir.path().join("ca.pem"));
        let mut args = vec!["req", "-x509"];
        args.extend(NEW_KEY);
        // No two have the same name: a stranger must be unknown, not a forger.
        let subject = format!(
            "/CN=Test authority {}",
            dir.path().file_name().unwrap().display()
        );
        args.extend(["-days", "30", "-subj", &subject]);
        args.extend(["-addext", "basicConstraints=critical,CA:TRUE"]);
        args.extend(["-addext", "keyUsage=critical,keyCertSign"]);
        args.extend(["-keyout", key.to_str().unwrap()]);
        args.extend(["-out", certificate.to_str().unwrap()]);
        openssl(&args).expect("making a certificate authority");
        Self { dir }
    }

    /// Its certificate (PEM), for `caFile`.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Writes `server.pem` and `server.key` into `dir`.
    fn issue(&self, kind: Certificate, dir: &Path) {
        let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
        let own = |name: &str| self.dir.path().join(name).to_str().unwrap().to_owned();
        let (names, days) = match kind {
            Certificate::Valid => ("DNS:localhost,IP:127.0.0.1", "30"),
            Certificate::WrongHost => ("DNS:elsewhere.example", "30"),
            Certificate::Expired => ("DNS:localhost,IP:127.0.0.1", "-1"),
            Certificate::Amazon => (
                "DNS:*.s3.us-east-1.amazonaws.com,DNS:s3.us-east-1.amazonaws.com,\
                 DNS:*.s3.eu-west-1.amazonaws.com,DNS:s3.eu-west-1.amazonaws.com",
                "30",
            ),
        };
        std::fs::write(
            path("extensions"),
            format!("subjectAltName={names}\nbasicConstraints=CA:FALSE\n"),
        )
        .unwrap();
        let (request, key) = (path("server.csr"), path("server.key"));
        let mut args = vec!["req"];
        args.extend(NEW_KEY);
        args.extend([
            "-subj",
            "/CN=Test server",
            "-keyout",
            &key,
            "-out",
            &request,
        ]);
        openssl(&args).expect("making a certificate request");
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &own("ca.pem"),
            "-CAkey",
            &own("ca.key"),
            "-set_serial",
            "2",
            "-days",
            days,
            "-extfile",
            &path("extensions"),
            "-out",
            &path("server.pem"),
        ])
        .expect("issuing a certificate");
    }
}

const NEW_KEY: [&str; 5] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
];

/// A running TLS server that hands every request to a port behind it, unchanged.
pub struct TlsFront {
    server: Server,
    port: u16,
}

/// One request as the front saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Serial number of the connection it came on.
    pub connection: u64,
    /// The status of the answer.
    pub status: u16,
    pub method: String,
    /// Path and query as sent.
    pub target: String,
}

impl TlsFront {
    /// Starts one in front of `127.0.0.1:behind`.
    pub fn start(authority: &Authority, certificate: Certificate, behind: u16) -> Self {
        let (server, [port]) = start(&Recipe {
            logs: &["error.log"],
            command: &|dir, [port]| {
                authority.issue(certificate, dir);
                std::fs::write(dir.join("nginx.conf"), configuration(dir, port, behind)).unwrap();
                let mut command = Command::new("nginx");
                // nginx lies in a folder that is not in everyone's path.
                let path = std::env::var("PATH").unwrap_or_default();
                command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
                command.arg("-e").arg(dir.join("error.log"));
                command.arg("-c").arg(dir.join("nginx.conf"));
                command
            },
            ready: &|[port]| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(),
        });
        Self { server, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its base URL, `https://localhost:<port>`.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The requests so far, in the order in which they were answered.
    pub fn requests(&self) -> Vec<Seen> {
        std::fs::read_to_string(self.server.dir().join("access.log"))
            .unwrap_or_default()
            .lines()
            .map(|line| {
                let mut words = line.splitn(4, ' ');
                let mut word = || words.next().unwrap_or_default().to_owned();
                Seen {
                    connection: word().parse().unwrap(),
                    status: word().parse().unwrap(),
                    method: word(),
                    target: word(),
                }
            })
            .collect()
    }
}

fn configuration(dir: &Path, port: u16, behind: u16) -> String {
    let dir = dir.display();
    format!(
        "daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 512; }}
http {{
  log_format seen '$connection $status $request_method $request_uri';
  access_log {dir}/access.log seen;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {dir}/server.pem; ssl_certificate_key {dir}/server.key;
    # The signature of a request covers its Host and its path, so both go on as they came.
    location / {{ proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1; proxy_set_header Host $http_host; }}
  }}
}}
"
    )
}

#[test]
fn only_the_right_certificate_is_believed() {
    let authority = Authority::new();
    let stranger = Authority::new();
    // Behind it: another nginx that answers 400, because it is asked plainly where it wants TLS.
    let behind = TlsFront::start(&authority, Certificate::Valid, 9);
    let ask = |front: &TlsFront, authority: &Authority, host: &str| {
        let url = format!("https://{host}:{}/page?x=a%2Fb", front.port());
        curl(&["--cacert", authority.certificate().to_str().unwrap(), &url])
    };

    let valid = TlsFront::start(&authority, Certificate::Valid, behind.port());
    assert_eq!(ask(&valid, &authority, "localhost").status, 400);
    assert_eq!(ask(&valid, &authority, "127.0.0.1").status, 400);
    let seen = valid.requests();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0].target, "/page?x=a%2Fb");
    assert_eq!((seen[0].method.as_str(), seen[0].status), ("GET", 400));
    assert_ne!(seen[0].connection, seen[1].connection);

    let refused = |front: &TlsFront, authority: &Authority, why: &str| {
        let answer = ask(front, authority, "localhost");
        assert_eq!(answer.status, 0, "{answer:?}");
        assert!(answer.error.contains(why), "{answer:?}");
        assert_eq!(front.requests(), [], "a request came through");
    };
    let unknown = TlsFront::start(&authority, Certificate::Valid, behind.port());
    refused(&unknown, &stranger, "certificate");
    let wrong = TlsFront::start(&authority, Certificate::WrongHost, behind.port());
    refused(&wrong, &authority, "subject name");
    let expired = TlsFront::start(&authority, Certificate::Expired, behind.port());
    refused(&expired, &authority, "expired");
}
