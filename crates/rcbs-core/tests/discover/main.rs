//! Discovery against a pretend server that knows every reading.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod deep;
mod few;
mod laws;
mod longest;
mod runner;
mod server;
