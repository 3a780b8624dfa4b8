//! Which certificates are trusted, tried on OpenSSL's own server. Nothing is tried where there is no `openssl`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rcbs_core::ports::{ApiError, RecordingApi as _};
use rcbs_io::gws::{Gws, GwsOptions};
use rcbs_io::http::HttpOptions;
use tempfile::TempDir;
use url::Url;

/// A certificate authority and a server with one of its certificates. Ends when dropped.
struct TlsServer {
    files: TempDir,
    server: Child,
    port: String,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

fn openssl(files: &Path, arguments: &str) -> Option<()> {
    let done = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(files)
        .output()
        .ok()?;
    assert!(
        done.status.success(),
        "{arguments}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    Some(())
}

/// A server for `name` whose certificate is valid for so many days; `None` where there is no OpenSSL.
fn serve(name: &str, days: i32) -> Option<TlsServer> {
    let files = TempDir::new().expect("a temporary folder");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        files.path(),
        &format!("req -x509 {key} -subj /CN=test-ca -keyout ca.key -out ca.pem -days 3"),
    )?;
    openssl(
        files.path(),
        &format!("req {key} -subj /CN=x -keyout leaf.key -out leaf.csr"),
    )?;
    std::fs::write(files.path().join("san"), format!("subjectAltName={name}")).expect("a file");
    openssl(
        files.path(),
        &format!(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile san -days {days} -out leaf.pem"
        ),
    )?;
    let mut server = Command::new("openssl")
        .args([
            "s_server",
            "-accept",
            "127.0.0.1:0",
            "-cert",
            "leaf.pem",
            "-key",
            "leaf.key",
            "-www",
        ])
        .current_dir(files.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let said = BufReader::new(server.stdout.take().expect("it is piped"));
    let port = said
        .lines()
        .map_while(Result::ok)
        .find_map(|line| Some(line.strip_prefix("ACCEPT 127.0.0.1:")?.trim().to_owned()));
    Some(TlsServer {
        files,
        server,
        port: port.expect("it says its port"),
    })
}

/// What a client says that trusts the server's authority, or does not.
async fn ask(server: &TlsServer, trusting: bool) -> String {
    let ca = std::fs::read(server.files.path().join("ca.pem")).expect("a certificate");
    let gws = Gws::new(GwsOptions {
        prefix: Url::parse(&format!("https://127.0.0.1:{}", server.port)).expect("an address"),
        recordings_path: "/recordings".to_owned(),
        settings_path: "/settings".to_owned(),
        username: "u".to_owned(),
        password: "p".into(),
        http: HttpOptions {
            proxy: None,
            extra_ca_pem: trusting.then_some(ca),
        },
    });
    match gws
        .expect("the options are fine")
        .settings()
        .await
        .expect_err("it serves a page of HTML")
    {
        ApiError::Unreachable { reason } | ApiError::Malformed { reason } => reason,
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn an_own_authority_is_trusted_only_when_given() {
    let Some(server) = serve("IP:127.0.0.1", 2) else {
        return;
    };
    let trusted = ask(&server, true).await;
    assert!(trusted.contains("text/html"), "{trusted}");
    assert_eq!(
        ask(&server, false).await,
        "127.0.0.1: its TLS certificate comes from an authority that is not trusted here"
    );
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let Some(server) = serve("DNS:other.example.com", 2) else {
        return;
    };
    assert_eq!(
        ask(&server, true).await,
        "127.0.0.1: its TLS certificate belongs to another host"
    );
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let Some(server) = serve("IP:127.0.0.1", -1) else {
        return;
    };
    assert_eq!(
        ask(&server, true).await,
        "127.0.0.1: its TLS certificate has expired"
    );
}
