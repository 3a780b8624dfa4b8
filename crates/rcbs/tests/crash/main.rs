//! The real program killed, interrupted and starved: the next run completes the work, and one checker says whether all is well.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    unreachable_pub,
    dead_code,
    reason = "the support is shared with other test programs"
)]

mod bounds;
mod checker;
mod clocks;
mod found_out;
mod full;
mod in_place;
mod interrupted;
mod killed;
mod killed_at_calls;
mod listing;
mod paused;
mod refused_calls;
mod starved;
mod wires;

#[path = "../semantics/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;
