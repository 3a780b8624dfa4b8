//! What people and programs read: help, answers, reports and explanations of the real program, as snapshots.
//!
//! A change that is meant is taken over with `INSTA_UPDATE=always`; the difference is then read in review.
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

mod answers;
mod explanations;
mod help;
mod lines;
mod redact;
mod untouched;
