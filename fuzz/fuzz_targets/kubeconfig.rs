//! See [`nodepol_fuzz::kubeconfig`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodepol_fuzz::kubeconfig(bytes));
