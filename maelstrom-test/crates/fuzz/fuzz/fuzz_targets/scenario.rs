#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| maelstrom_fuzz::scenario(data));
