//! The rules of the ledger: which moves between states are legal, and when the checkpoint may move.

pub mod checkpoint;
pub mod state;
