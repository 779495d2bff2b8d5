#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| keyhop_fuzz::asn_control_plane::run(octets));
