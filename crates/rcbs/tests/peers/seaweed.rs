//! SeaweedFS: an S3 server that is not ours, that checks signatures, with a key that may do all and one that may only read.

use std::path::Path;
use std::process::Command;

use crate::curl::{Answer, Keys, curl, put, signed};
use crate::server::{Recipe, Server, start};
use crate::support::venv_program;

/// May do everything.
pub const UPLOAD: Keys = Keys {
    id: "upload",
    secret: "uploadUPLOAD+/0",
};

/// May only read objects it knows the names of, as the keys that a customer gets.
pub const BACKUP: Keys = Keys {
    id: "backup",
    secret: "backupBACKUP+/0",
};

const IDENTITIES: &str = r#"{"identities":[
  {"name":"upload","credentials":[{"accessKey":"upload","secretKey":"uploadUPLOAD+/0"}],"actions":["Admin"]},
  {"name":"backup","credentials":[{"accessKey":"backup","secretKey":"backupBACKUP+/0"}],"actions":["Read"]}
]}"#;

/// A running store with one empty bucket.
pub struct Seaweed {
    server: Server,
    port: u16,
}

impl Seaweed {
    /// Its only bucket. Buckets of the pretend cloud begin like this, too.
    pub const BUCKET: &'static str = "sim-recordings";

    /// Starts one; ready after about 6 s.
    pub fn start() -> Self {
        let (server, [port, ..]) = start(&Recipe {
            logs: &["weed.INFO"],
            command: &command,
            ready: &|[port, ..]| bucket_takes_objects(port),
        });
        Self { server, port }
    }

    /// The base URL (path style), without a slash at the end.
    pub fn endpoint(&self) -> String {
        endpoint(self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of an object; `key` has its special characters escaped.
    pub fn url(&self, key: &str) -> String {
        format!("{}/{}/{key}", self.endpoint(), Self::BUCKET)
    }

    /// Puts a file into the bucket; `key` has its special characters escaped.
    pub fn put(&self, key: &str, file: &Path) {
        let answer = put(&UPLOAD, &self.url(key), file);
        assert_eq!(answer.status, 200, "{answer:?}\n{}", self.server.log());
    }
}

fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Every port is named: what is left out would be a fixed one, and two test runs would collide.
fn command(dir: &Path, ports: [u16; 8]) -> Command {
    let identities = dir.join("identities.json");
    std::fs::write(&identities, IDENTITIES).unwrap();
    std::fs::create_dir(dir.join("data")).unwrap();
    let mut command = Command::new(venv_program("weed"));
    command.env_clear().env("HOME", dir).current_dir(dir);
    command.arg("-logdir").arg(dir);
    command.args(["server", "-dir", "data", "-ip", "127.0.0.1"]);
    command.args(["-ip.bind", "127.0.0.1", "-filer", "-s3", "-s3.iam=false"]);
    command.args(["-master.telemetry=false", "-volume.max", "16"]);
    command.args(["-master.volumeSizeLimitMB", "64"]);
    // Buckets may be host names as at Amazon's.
    command.args(["-s3.domainName", "s3.us-east-1.amazonaws.com"]);
    command.args(["-s3.port.iceberg", "0", "-s3.port.lance", "0"]);
    command.arg("-s3.config").arg(identities);
    let flags = [
        "-s3.port",
        "-s3.port.grpc",
        "-master.port",
        "-master.port.grpc",
        "-volume.port",
        "-volume.port.grpc",
        "-filer.port",
        "-filer.port.grpc",
    ];
    for (flag, port) in flags.iter().zip(ports) {
        command.arg(flag).arg(port.to_string());
    }
    command
}

/// The S3 port opens seconds before the parts behind it have found each other, so only a stored object counts.
fn bucket_takes_objects(port: u16) -> bool {
    let bucket = format!("{}/{}", endpoint(port), Seaweed::BUCKET);
    let probe = format!("{bucket}/.ready");
    let file = tempfile::NamedTempFile::new().unwrap();
    // A bucket that an earlier look made is a conflict.
    matches!(signed(&UPLOAD, &["-X", "PUT", &bucket]).status, 200 | 409)
        && put(&UPLOAD, &probe, file.path()).status == 200
        && signed(&UPLOAD, &["-X", "DELETE", &probe]).status == 204
}

#[test]
fn a_put_object_can_be_read_with_the_key_that_may_only_read() {
    let store = Seaweed::start();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "ciphertext").unwrap();
    store.put("folder/one.mp3.bin", file.path());
    store.put("with%20blank%2Bplus.bin", file.path());

    for key in ["folder/one.mp3.bin", "with%20blank%2Bplus.bin"] {
        let got = signed(&BACKUP, &[&store.url(key)]);
        assert_eq!((got.status, got.body.as_str()), (200, "ciphertext"));
    }
    let forbidden = |answer: Answer| {
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.body.contains("<Code>"), "{answer:?}");
    };
    let url = store.url("folder/one.mp3.bin");
    forbidden(put(&BACKUP, &store.url("two.bin"), file.path()));
    forbidden(signed(
        &BACKUP,
        &[&format!(
            "{}/{}?list-type=2",
            store.endpoint(),
            Seaweed::BUCKET
        )],
    ));
    forbidden(curl(&[&url]));
    let wrong = Keys {
        secret: "wrong",
        ..BACKUP
    };
    forbidden(signed(&wrong, &[&url]));
}
