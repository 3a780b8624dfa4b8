//! Searches for bytes that break what `rcbs_fuzz::cms_open` says of a stored file that is opened.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rcbs_fuzz::cms_open::holds(bytes));
