#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| keyhop_fuzz::eps_transfer::run(octets));
