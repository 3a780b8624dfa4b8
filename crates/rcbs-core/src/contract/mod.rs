//! The promises of the ports as tests. Each function takes an implementation and panics where a promise is broken.

pub mod clock;
pub mod ledger;
pub mod media_store;
pub mod recording_api;
pub mod target;
