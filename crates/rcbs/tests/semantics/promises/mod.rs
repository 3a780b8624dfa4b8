//! The chapters of `docs/semantics.md`; the longer ones in several files.

mod archive;
mod decrypting;
mod discovery;
mod disk;
mod guard;
mod keys;
mod manifests;
mod media;
mod media_of_later_runs;
mod outages;
mod promises_of_a_file;
mod promises_of_a_run;
mod promises_of_safety;
mod proof;
mod queue;
mod rates;
mod share;
mod unencrypted;
mod verifying;
mod window;
