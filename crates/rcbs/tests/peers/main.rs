//! Real servers on loopback: SeaweedFS, tinyproxy, nginx, and OpenSSL as the foreign oracle;
//! each by itself, and the program on all of them.
//!
//! `scripts/install.sh test` installs them; a missing one fails its test and says so.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    reason = "a test program has no API; what a server offers is there for the next test, too"
)]

mod backup_proxy;
mod backup_store;
mod backup_tls;
mod curl;
mod nginx;
mod rig;
mod seaweed;
mod server;
mod tinyproxy;

#[path = "../semantics/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;
