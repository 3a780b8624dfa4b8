//! Searches for bytes that break what `rcbs_fuzz::folder_format` says of `recordingFolderFormat`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rcbs_fuzz::folder_format::holds(bytes));
