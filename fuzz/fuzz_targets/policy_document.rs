//! Compiles policy documents made of the fuzzer's bytes.
#![no_main]

#[path = "../bodies/policy_document.rs"]
mod policy_document;

libfuzzer_sys::fuzz_target!(|data: &[u8]| policy_document::body(data));
