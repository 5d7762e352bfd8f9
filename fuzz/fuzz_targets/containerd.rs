//! See [`nodepol_fuzz::containerd`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodepol_fuzz::containerd(bytes));
