//! `curl` as the client that is not ours: plain requests, requests through a proxy, requests signed for S3.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::process::run;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status; 0 when there was no answer.
    pub status: u16,
    /// The body, as text.
    pub body: String,
    /// Why there was no answer, in curl's words.
    pub error: String,
}

/// Sends one request; `args` are curl's options and the URL.
pub fn curl(args: &[&str]) -> Answer {
    // Only what the test says counts: no proxy from the environment, no file in the home folder.
    let mut command = Command::new("curl");
    command
        .args(["-q", "-sS", "--max-time", "30", "-w", "\n%{http_code}"])
        .args(args)
        .env_clear();
    let output = run(&mut command, Duration::from_secs(40));
    let (body, status) = output.stdout.rsplit_once('\n').unwrap_or_default();
    Answer {
        status: status.parse().unwrap_or(0),
        body: body.to_owned(),
        error: output.stderr,
    }
}

/// Sends one request signed (Signature Version 4) with these keys.
pub fn signed(keys: &Keys, args: &[&str]) -> Answer {
    let login = format!("{}:{}", keys.id, keys.secret);
    let mut all = vec!["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", &login];
    all.extend_from_slice(args);
    curl(&all)
}

/// Puts a file as an object; `url` has its special characters escaped.
pub fn put(keys: &Keys, url: &str, file: &Path) -> Answer {
    signed(keys, &["-T", file.to_str().unwrap(), url])
}

/// A pair of S3 keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    pub id: &'static str,
    pub secret: &'static str,
}
