//! Makes clear files of sealed ones: what is opened, published, left alone, suspected or given up, and why.
//!
//! | file | holds |
//! | --- | --- |
//! | `files` | the port: sealed files, and places for clear ones |
//! | `outcome` | what became of a file, and the sum of many |
//! | `one` | one file from its first byte to its end |
//! | `crew` | many files at once, each worker with memory of its own |

mod crew;
mod files;
mod one;
mod outcome;

pub use crew::{Crew, decrypt_all};
pub use files::{ClearFile, Facts, SealedFile};
pub use one::{Rules, decrypt};
pub use outcome::{Outcome, Settled, Tally};

#[cfg(test)]
mod tests;
