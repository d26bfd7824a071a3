//! Imports API descriptions made of the fuzzer's bytes.
#![no_main]

#[path = "../bodies/api_description.rs"]
mod api_description;

libfuzzer_sys::fuzz_target!(|data: &[u8]| api_description::body(data));
