//! Damage of every kind to every kind of file of an archive: what `rcbs verify` finds, mends, and exits with.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    unreachable_pub,
    dead_code,
    reason = "the support is shared with other test programs"
)]

#[path = "../semantics/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;

mod beside;
mod flips;
mod journal;
mod ledger;
mod lost_ledger;
mod manifests;
mod matrix;
