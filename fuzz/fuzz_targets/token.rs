//! Offers the fuzzer's bytes to the directory.
#![no_main]

#[path = "../bodies/token.rs"]
mod token;

libfuzzer_sys::fuzz_target!(|data: &[u8]| token::body(data));
