//! See [`nodepol_fuzz::environment_file`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodepol_fuzz::environment_file(bytes));
