//! Power cuts: the system calls of a real run are recorded, and of every moment between two of them it is asked what
//! a disk may hold when the power fails there. Whatever it is, the next run ends in a whole archive.
//!
//! | file | holds |
//! | --- | --- |
//! | `trace` | a run under `strace`, and its calls as values |
//! | `disk` | what those calls leave behind: for sure, and perhaps |
//! | `cut` | one choice among all that a cut may leave |
//! | `aftermath` | the next run on such a disk; what must hold is in `support/invariants` |
//! | `cuts` | the tests |
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    unreachable_pub,
    dead_code,
    reason = "the support is shared with other test programs"
)]

mod aftermath;
mod cut;
mod cuts;
mod disk;
mod trace;

#[path = "../../../rcbs-core/tests/support/mod.rs"]
mod ports;
#[path = "../semantics/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;
