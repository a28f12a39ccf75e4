#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| orgx_peer::fuzzing::control_socket(data));
