//! Many recordings: all of them come, in memory that does not grow with their number.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    unreachable_pub,
    dead_code,
    reason = "the support is shared with other test programs"
)]

mod many;

#[path = "../semantics/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;
