//! See [`nodepol_fuzz::kubelet_config`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodepol_fuzz::kubelet_config(bytes));
