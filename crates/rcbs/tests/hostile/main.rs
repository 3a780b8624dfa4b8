//! The real program against a cloud that means harm: whatever is served, good neighbours are stored and nothing else happens.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    unreachable_pub,
    dead_code,
    reason = "the support is shared with other test programs"
)]

mod names;
mod objects;
mod pages;
mod places;
mod planted;
mod scene;

#[path = "../semantics/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;
