//! Searches for bytes that break what `rcbs_fuzz::key_file` says of a file with keys or certificates.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rcbs_fuzz::key_file::holds(bytes));
