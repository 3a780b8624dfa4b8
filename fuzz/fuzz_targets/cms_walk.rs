//! Searches for bytes that break what `rcbs_fuzz::cms_walk` says of a stored file that streams by.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rcbs_fuzz::cms_walk::holds(bytes));
