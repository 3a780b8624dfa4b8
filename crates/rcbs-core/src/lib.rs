//! Decides what `rcbs` does: values in, values out, and one pipeline over five ports.
//!
//! Stages in reading order: [`plan`] → [`discover`] → [`select`] → [`fetch`] → [`store`] → [`ledger`] → [`event`];
//! only [`run`] knows them all. The outside world is [`ports`].

pub mod cms;
#[cfg(feature = "contract")]
pub mod contract;
pub mod decrypt;
mod digest;
pub mod discover;
pub mod encryption;
pub mod event;
pub mod failure;
pub mod fetch;
pub mod identity;
pub mod ledger;
pub mod manifest;
pub mod media_kind;
mod patience;
pub mod plan;
pub mod ports;
pub mod proof;
pub mod rate;
pub mod readiness;
pub mod recording;
pub mod retention;
pub mod retry;
pub mod run;
pub mod select;
pub mod space;
pub mod store;
pub mod text;
pub mod verify;
