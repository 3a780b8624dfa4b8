//! Searches for bytes that break what `rcbs_fuzz::properties` says of `config.properties`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rcbs_fuzz::properties::holds(bytes));
