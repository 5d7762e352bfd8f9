//! See [`nodepol_fuzz::fstab`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodepol_fuzz::fstab(bytes));
