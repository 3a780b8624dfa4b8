//! From window options, checkpoint and now to the list of slices a run will walk. Values in, a value out.
//!
//! `min` and `max` of the old program end at the border of the `rcbs` crate; here there is only `since` and `until`,
//! and every range is half-open: `[since, until)`.

mod clocks;
mod instance;
mod slice;
mod window;

pub use clocks::{ClockNote, Clocks};
pub use instance::{Instance, InstanceError};
pub use slice::{Slice, Slices, slices};
pub use window::{SinceEdge, SinceReason, UntilEdge, Window, WindowError, WindowOptions, window};

use jiff::{Span, Timestamp};

/// What a run intends to do; `rcbs plan` prints it, `rcbs backup` executes it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The moment the plan was made at.
    pub now: Timestamp,
    /// The whole range.
    pub window: Window,
    /// Where listing begins: the window's oldest edge, or where the recordings begin; `None` when there are none.
    pub since: Option<Timestamp>,
    /// Length of a slice (`shardBy`).
    pub slice_length: Span,
    /// Which share of the recordings is ours.
    pub instance: Instance,
}
