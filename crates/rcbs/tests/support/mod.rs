//! What the tests of the whole program share: child processes, the binary itself, what lies in a
//! folder, OpenSSL as the foreign oracle.
//!
//! A test program takes it in with `#[path = "../support/mod.rs"] mod support;`.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test program takes in the whole rig and uses its own part of it"
)]

pub mod archive;
pub mod books;
pub mod invariants;
pub mod listener;
pub mod openssl;
pub mod process;
pub mod rcbs;
pub mod rounds;
pub mod small_disk;
pub mod snapshot;
pub mod wire;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The top of the source tree.
pub fn source_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the crate lies two folders below the top")
}

/// A folder in memory, where the system has such a place: for what needs to survive nothing.
pub fn scratch() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap_or_else(|_| TempDir::new().unwrap())
}

/// A program that `scripts/install.sh` put into `target/venv`.
pub fn venv_program(name: &str) -> PathBuf {
    let path = source_root().join("target/venv/bin").join(name);
    assert!(
        path.exists(),
        "{} is missing; `scripts/install.sh test` installs it",
        path.display()
    );
    path
}
