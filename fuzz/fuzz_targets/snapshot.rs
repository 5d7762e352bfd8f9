//! See [`nodepol_fuzz::snapshot`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodepol_fuzz::snapshot(bytes));
