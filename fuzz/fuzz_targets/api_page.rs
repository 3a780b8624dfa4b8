//! Searches for bytes that break what `rcbs_fuzz::api_page` says of the answer to a list request.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rcbs_fuzz::api_page::holds(bytes));
