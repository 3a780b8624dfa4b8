//! What a recording costs, in counts that are the same on every machine: calls, requests, transactions, instructions.
//!
//! A run of few recordings is taken from a run of many, so that starting and ending the program drop out. The bounds
//! stand some way above what was measured when they were written; who makes a recording cheaper lowers them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    unreachable_pub,
    dead_code,
    reason = "the support is shared with other test programs"
)]

mod calls;
mod instructions;
mod requests;
mod transactions;

#[path = "../semantics/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;

use rcbs_sim::{Cloud, Content};

use stage::cloud;

/// So many recordings within one day, each with one media file of 2 kB.
fn many(count: u64) -> Cloud {
    (0..count).fold(cloud(), |cloud, number| {
        let (hour, minute, second) = (number / 100, number / 60 % 60, number % 60);
        cloud
            .recording(&format!("MANY{number:05}"))
            .at(&format!("2018-02-12T{hour:02}:{minute:02}:{second:02}Z"))
            .audio_of(Content::pattern(2_000, number))
            .build()
    })
}
