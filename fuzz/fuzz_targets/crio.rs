//! See [`nodepol_fuzz::crio`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodepol_fuzz::crio(bytes));
