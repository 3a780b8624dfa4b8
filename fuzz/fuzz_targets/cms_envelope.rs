//! Searches for bytes that break what `rcbs_fuzz::cms_envelope` says of an envelope, as text and as BER.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rcbs_fuzz::cms_envelope::holds(bytes));
