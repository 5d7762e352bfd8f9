//! See [`nodepol_fuzz::pem`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodepol_fuzz::pem(bytes));
