//! The `openssl` program: keys and certificates the way a customer makes them, and the manual's decrypt commands.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{Output, run};

const LIMIT: Duration = Duration::from_secs(60);

/// A recipient of recordings: a private key and the certificate that goes to the cloud.
pub struct Recipient {
    pub key: PathBuf,
    pub certificate: PathBuf,
}

impl Recipient {
    /// Makes an RSA-2048 key and a self-signed certificate in `dir`.
    pub fn make(dir: &Path, name: &str) -> Self {
        let made = Self {
            key: dir.join(format!("{name}.key.pem")),
            certificate: dir.join(format!("{name}.cert.pem")),
        };
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            &format!("/O=Test/CN={name}"),
            "-keyout",
            text(&made.key),
            "-out",
            text(&made.certificate),
        ])
        .expect("making a key and a certificate");
        made
    }

    /// The manual's command for Linux, `openssl cms -decrypt`; the error is OpenSSL's.
    pub fn decrypt_cms(&self, bin: &Path) -> Result<Vec<u8>, String> {
        self.decrypt(&["cms", "-decrypt", "-inform", "DER", "-binary"], bin)
    }

    /// The manual's command for Windows, `openssl smime -decrypt`; the error is OpenSSL's.
    pub fn decrypt_smime(&self, bin: &Path) -> Result<Vec<u8>, String> {
        self.decrypt(&["smime", "-decrypt", "-inform", "DER"], bin)
    }

    fn decrypt(&self, command: &[&str], bin: &Path) -> Result<Vec<u8>, String> {
        let clear = tempfile::NamedTempFile::new().unwrap();
        let mut args = command.to_vec();
        args.extend(["-in", text(bin), "-inkey", text(&self.key)]);
        args.extend(["-out", text(clear.path())]);
        let output = openssl(&args);
        if !output.success {
            return Err(output.stderr);
        }
        Ok(std::fs::read(clear.path()).unwrap())
    }

    /// Encrypts for this recipient as one DER file; `cipher` is an option such as `-aes256`.
    pub fn encrypt(&self, clear: &Path, cipher: &str, bin: &Path) {
        let certificate = text(&self.certificate);
        openssl(&[
            "cms",
            "-encrypt",
            "-binary",
            cipher,
            "-outform",
            "DER",
            "-in",
            text(clear),
            "-out",
            text(bin),
            certificate,
        ])
        .expect("encrypting");
    }
}

/// Runs `openssl` with these arguments.
pub fn openssl(args: &[&str]) -> Output {
    run(Command::new("openssl").args(args), LIMIT)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is no text")
}
