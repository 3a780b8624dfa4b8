//! A folder with sealed files and the keys of the tests.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcbs_sim::samples;
use tempfile::TempDir;

use crate::support::openssl::openssl;
use crate::support::rcbs::{Finished, Rcbs};
use crate::support::source_root;

/// Words that protect a key.
pub const PASSPHRASE: &str = "open sesame";

/// Keys `one.pem` and `two.pem`, their certificates `one.cert` and `two.cert`, and what a test puts there.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        for name in ["one", "two"] {
            let from = source_root().join("testdata/cms");
            for (file, to) in [("key.pem", "pem"), ("cert.pem", "cert")] {
                let bytes = std::fs::read(from.join(format!("{name}.{file}"))).unwrap();
                place.write(&format!("{name}.{to}"), &bytes);
            }
        }
        place.write("word", format!("{PASSPHRASE}\n").as_bytes());
        place.write("greeting.mp3", &samples::speech(0).to_vec());
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a private file; its folder is made.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Runs OpenSSL with these words; names of files count from this folder.
    pub fn openssl(&self, words: &str) {
        let words: Vec<String> = words
            .split_whitespace()
            .map(|word| match word.strip_prefix('@') {
                Some(name) => self.path(name).to_str().unwrap().to_owned(),
                None => word.replace('@', self.0.path().join("").to_str().unwrap()),
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = openssl(&words);
        assert!(output.success, "openssl {words:?}: {}", output.stderr);
    }

    /// Seals the greeting.
    pub fn seal(&self, to: &str, options: &str) {
        std::fs::create_dir_all(self.path(to).parent().unwrap()).unwrap();
        self.openssl(&format!(
            "cms -encrypt -binary -outform DER -in @greeting.mp3 -out @{to} {options}"
        ));
    }

    pub fn decrypt(&self, words: &str) -> Finished {
        self.program(words).run()
    }

    /// The same, not yet started.
    pub fn program(&self, words: &str) -> Rcbs {
        let words = words.split_whitespace();
        Rcbs::new()
            .args(["decrypt"].into_iter().chain(words))
            .current_dir(self.0.path())
    }

    pub fn is_greeting(&self, name: &str) -> bool {
        std::fs::read(self.path(name)).is_ok_and(|bytes| bytes == samples::speech(0).to_vec())
    }

    /// Names of all files below a folder.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let files = crate::support::snapshot::files(Path::new(&self.path(folder)));
        let name = |path: PathBuf| path.to_str().unwrap().to_owned();
        files.into_keys().map(name).collect()
    }
}
