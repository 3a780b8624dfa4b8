//! `rcbs decrypt` beside the programs that people have: files that OpenSSL sealed, keys in the forms that it writes, and
//! what is said when one of them cannot be used; killed, interrupted and out of space.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    unreachable_pub,
    dead_code,
    reason = "the support is shared with other test programs"
)]

#[path = "../support/mod.rs"]
mod support;

mod broken_off;
mod keys;
mod killed;
mod large;
mod lines;
mod place;
