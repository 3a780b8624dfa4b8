//! Talks: arguments, configuration, environment, terminal, exit codes. No SQL, S3 or HTTP words below this line.
//!
//! | module | question it answers |
//! | --- | --- |
//! | [`args`] | what was typed? |
//! | [`config`] | what does it mean, together with the file and the environment? |
//! | [`assemble`] | which target, ledger and clients does a command work with? |
//! | [`commands`] | what does each command do? |
//! | [`report`] | what does a person, or a program, see of it? |
//! | [`explain`] | what went wrong, and what is to be done? |
//! | [`exit`] | which number does the caller get? |
//! | [`logging`] | how does the program speak of itself? |

pub mod args;
pub mod assemble;
pub mod commands;
pub mod config;
pub mod exit;
pub mod explain;
pub mod logging;
pub mod report;
pub mod signals;
