//! Finds every recording of the window, whatever the server makes of time bounds, pages and order.
//!
//! Nobody outside knows how the real server reads a request (`genesys.md` 2.4 and 8), so nothing is believed that was not
//! seen: whether there are links, whether offsets count, how long a page gets, which time of a recording the bounds are
//! compared with. [`Walk`] decides without I/O which page to ask for next and when a range is complete; [`Discovery`]
//! asks and hands on. What cannot be proved complete fails, and says why.
//!
//! Assumed are: bounds are honoured to the second or not at all; no recording lasts longer than a day; and a server that
//! offers neither links nor offsets nor a count does not cut its answers to one entry, nor take entries out of a page
//! after it has cut it, nor cut its answers to fewer than in an earlier run, unless to a multiple of five.

mod beginning;
mod burst;
mod discovery;
mod errand;
mod error;
mod facts;
mod learned;
mod listing;
mod resolve;
mod seen;
mod server;
mod silence;
mod stride;
mod survey;
mod walk;

pub use beginning::beginning;
pub use discovery::{Batch, Discovery, SliceReport};
pub use error::DiscoverError;
pub use facts::{EntryFacts, Key, PageFacts};
pub use learned::{Learned, Lists, Offsets, Reading};
pub use resolve::Found;
pub use survey::Survey;
pub use walk::{Step, Walk};
