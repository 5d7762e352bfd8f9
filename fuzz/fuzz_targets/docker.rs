//! See [`nodepol_fuzz::docker`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodepol_fuzz::docker(bytes));
