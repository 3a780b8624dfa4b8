//! How many requests may be under way at the same time, and how many bytes a second may be moved.

mod bandwidth;
mod climb;
mod concurrency;
mod gate;
mod pace;
mod start;
mod timetable;
mod unit;

pub use bandwidth::Bandwidth;
pub use concurrency::Concurrency;
pub(crate) use gate::Gate;
pub(crate) use pace::Pace;
pub use timetable::{Timetable, TimetableError};
pub(crate) use unit::parse_bytes;
pub use unit::{parse_rate, parse_size};
