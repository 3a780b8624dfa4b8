//! Makes clear files of sealed ones: what is opened, published, left alone, suspected or given up, and why.
//!
//! | file | holds |
//! | --- | --- |
//! | `files` | the port: sealed files, and places for clear ones |
//! | `outcome` | what became of a file, and the sum of many |
//! | `one` | one file from its first byte to its end |
//! | `crew` | many files at once, each worker with memory of its own |
//! | `trial` | one key on one file in memory, to prove the key |
//! | `evidence` | what many trials prove together |

mod crew;
mod evidence;
mod files;
mod one;
mod outcome;
mod trial;

pub use crew::{Crew, decrypt_all};
pub use evidence::{Evidence, Harm, Pair, Verdict};
pub use files::{ClearFile, Facts, SealedFile};
pub use one::{Rules, decrypt};
pub use outcome::{Outcome, Settled, Tally};
pub use trial::{Found, ODD_TRIALS, Trial, Tried};

#[cfg(test)]
mod tests;
