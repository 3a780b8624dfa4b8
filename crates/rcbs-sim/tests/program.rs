//! The program `rcbs-sim`, run as operators and scripts run it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rcbs_sim::Identity;
use serde_json::Value;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcbs-sim"));
    command.env_clear();
    command
}

/// A running `serve` that ends when its standard input is closed.
struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    ready: Value,
}

impl Serving {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command()
            .args(["serve", "--until-stdin-closes"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        Self {
            child,
            out,
            ready: serde_json::from_str(&line).unwrap(),
        }
    }

    /// Closes the standard input and gives the last line.
    fn end(mut self) -> Value {
        drop(self.child.stdin.take());
        let mut line = String::new();
        self.out.read_to_string(&mut line).unwrap();
        assert!(self.child.wait().unwrap().success());
        serde_json::from_str(&line).unwrap()
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn serving_writes_what_a_rehearsal_needs_and_counts_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let serving = Serving::start(&[
        "--recordings",
        "30",
        "--days",
        "2",
        "--screens",
        "100",
        "--ready-file",
        at("ready.json").to_str().unwrap(),
        "--stats-file",
        at("stats.json").to_str().unwrap(),
        "--write-config",
        at("rehearsal").to_str().unwrap(),
    ]);
    assert_eq!(
        (&serving.ready["recordings"], &serving.ready["media"]),
        (&30.into(), &60.into())
    );
    let ready: Value = serde_json::from_str(&read(&at("ready.json"))).unwrap();
    assert_eq!(ready, serving.ready);

    let config = read(&at("rehearsal/config.properties"));
    let api_url = serving.ready["api_url"].as_str().unwrap();
    assert!(
        config.contains(&format!("\ngwsUriPrefix={api_url}\n")),
        "{config}"
    );
    assert!(
        config.contains("\nawsEndpoint=http://127.0.0.1:"),
        "{config}"
    );
    assert!(config.contains("\nmaxAge=3\n"), "{config}");
    assert!(config.contains("/rehearsal/target\n"), "{config}");
    let environment = read(&at("rehearsal/env.sh"));
    for name in [
        "GWS_USERNAME",
        "GWS_PASSWORD",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ] {
        assert!(
            environment.contains(&format!("\nexport {name}='")),
            "{environment}"
        );
    }
    assert!(read(&at("rehearsal/customer.cert.pem")).contains("BEGIN CERTIFICATE"));

    let asked = ask(api_url, "/diagnostics/version");
    assert!(asked.contains("8.5.200.50-sim"), "{asked}");
    let counts = serving.end();
    assert_eq!(
        (&counts["lists"], &counts["objects"]),
        (&0.into(), &0.into())
    );
    assert_eq!(
        serde_json::from_str::<Value>(&read(&at("stats.json"))).unwrap(),
        counts
    );
}

#[cfg(unix)]
#[test]
fn logins_and_keys_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    Serving::start(&[
        "--recordings",
        "1",
        "--write-config",
        folder.path().to_str().unwrap(),
    ])
    .end();
    for name in ["env.sh", "customer.key.pem"] {
        let mode = std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn the_same_seed_is_the_same_cloud_in_another_process() {
    let list = || {
        let serving = Serving::start(&[
            "--recordings",
            "3",
            "--days",
            "1",
            "--last-day",
            "2018-02-12",
            "--user",
            "u",
            "--password",
            "p",
        ]);
        let list = ask(
            serving.ready["api_url"].as_str().unwrap(),
            "/recordings?limit=3&fields=*",
        );
        serving.end();
        list.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    let first = list();
    assert!(first.contains("-----BEGIN PKCS7-----"), "{first}");
    assert_eq!(first, list());
}

#[test]
fn faults_and_quirks_come_from_the_command_line_and_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faults.json");
    std::fs::write(
        &file,
        r#"{"faults": [{"on": "version", "when": "2", "does": "503 retry-after=9"}]}"#,
    )
    .unwrap();
    let serving = Serving::start(&[
        "--recordings",
        "0",
        "--faults",
        file.to_str().unwrap(),
        "--fault",
        "version 3: html",
        "--quirk",
        "settings=404",
        "--user",
        "u",
        "--password",
        "p",
    ]);
    let api_url = serving.ready["api_url"].as_str().unwrap();
    assert!(ask(api_url, "/diagnostics/version").starts_with("HTTP/1.1 200"));
    let second = ask(api_url, "/diagnostics/version");
    assert!(
        second.starts_with("HTTP/1.1 503") && second.contains("retry-after: 9"),
        "{second}"
    );
    assert!(ask(api_url, "/diagnostics/version").contains("<html>"));
    assert!(ask(api_url, "/me/settings/rcbs").starts_with("HTTP/1.1 404"));
    assert_eq!(serving.end()["refusals"], 2);
}

#[test]
fn faults_are_listed_with_their_parts() {
    let listed = command().arg("faults").output().unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.status.success());
    for part in [
        "TARGET",
        "object~.mp4",
        "every-3",
        "wrong-region",
        "cut after=1000",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let help = command().args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("rcbs-sim faults"), "{help}");
}

#[test]
fn what_is_wrong_is_named() {
    for (arguments, expected) in [
        (&["serve", "--quirk", "order=random"][..], "shuffled"),
        (
            &["serve", "--fault", "list 2 500"],
            "<target> <when>: <effect>",
        ),
        (
            &["serve", "--fault", "list 2: explode"],
            "known are 300 to 599, slow-down, status-code, html, ",
        ),
        (
            &["serve", "--faults", "/no/such/file"],
            "cannot read /no/such/file",
        ),
        (
            &["serve", "--cert", "/no/such/file"],
            "cannot read /no/such/file",
        ),
        (&["serve", "--media-bytes", "many"], "lognormal"),
    ] {
        let output = command()
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && text.contains(expected),
            "{arguments:?}: {text}"
        );
    }
}

#[cfg(unix)]
#[test]
fn sigterm_ends_it_in_order() {
    let mut serving = Serving::start(&["--recordings", "1"]);
    let killed = Command::new("kill")
        .arg(serving.child.id().to_string())
        .status()
        .unwrap();
    assert!(killed.success());
    let mut line = String::new();
    serving.out.read_to_string(&mut line).unwrap();
    assert!(serving.child.wait().unwrap().success());
    assert!(line.contains("\"lists\":0"), "{line}");
}

#[test]
fn a_sealed_file_is_opened_by_openssl() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("cert.pem"), &Identity::shared(0).certificate_pem).unwrap();
    std::fs::write(at("key.pem"), &Identity::shared(0).private_key_pem).unwrap();
    std::fs::write(at("clear"), "some media").unwrap();
    let sealed = command()
        .args([
            "seal",
            "--cert",
            &at("cert.pem"),
            "--in",
            &at("clear"),
            "--cipher",
            "aes128",
        ])
        .args([
            "--out-envelope",
            &at("envelope"),
            "--out-ciphertext",
            &at("cipher"),
            "--out-complete",
            &at("complete"),
        ])
        .status()
        .unwrap();
    assert!(sealed.success());
    for source in [
        vec!["-inform", "PEM", "-in", "envelope", "-content", "cipher"],
        vec!["-inform", "DER", "-in", "complete"],
    ] {
        let opened = Command::new("openssl")
            .args(["cms", "-decrypt", "-binary", "-inkey", "key.pem"])
            .args(source)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(
            opened.stdout,
            b"some media",
            "{}",
            String::from_utf8_lossy(&opened.stderr)
        );
    }
}

/// A GET with the login `u` and `p`, as text.
fn ask(api_url: &str, path: &str) -> String {
    use std::io::Write as _;
    let (host, base) = api_url
        .trim_start_matches("http://")
        .split_once('/')
        .unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET /{base}{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Basic dTpw\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
