//! Searches for bytes that break what `rcbs_fuzz::api_recording` says of the JSON of a recording.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rcbs_fuzz::api_recording::holds(bytes));
