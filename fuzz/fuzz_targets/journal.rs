//! See [`nodepol_fuzz::journal`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodepol_fuzz::journal(bytes));
