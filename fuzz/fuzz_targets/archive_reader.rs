//! Reads backups made of the fuzzer's bytes.
#![no_main]

#[path = "../bodies/archive_reader.rs"]
mod archive_reader;

libfuzzer_sys::fuzz_target!(|data: &[u8]| archive_reader::body(data));
