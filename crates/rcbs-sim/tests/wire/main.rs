//! The pretend cloud over real HTTP, seen by a client that looks at raw bytes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod client;
mod faults;
mod proxy;
mod store;
