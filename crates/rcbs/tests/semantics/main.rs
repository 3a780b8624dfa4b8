//! The promises of `docs/semantics.md`, each with a test of its own name: the real program on the pretend cloud.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    unreachable_pub,
    dead_code,
    reason = "the support is shared with other test programs"
)]

#[path = "../support/mod.rs"]
mod support;

mod headings;
mod keys;
mod promises;
mod stage;
