#![no_main]

#[allow(dead_code)] // each binary runs one of the targets
#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::check(bytes));
