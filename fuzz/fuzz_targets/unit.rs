//! See [`nodepol_fuzz::unit`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodepol_fuzz::unit(bytes));
