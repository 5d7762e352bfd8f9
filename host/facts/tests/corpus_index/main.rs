//! Every field of the corpus's index that a fact answers, compared: each area
//! prints how many agree. Kubelet configurations are compared in `kubelet`,
//! runtimes' drivers in `runtime`, units in `units_oracle`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

#[path = "../memory/mod.rs"]
mod memory;
#[path = "../tree/mod.rs"]
mod tree;

mod certificates;
mod drop_ins;
mod fstab;
mod index;
mod kubeconfigs;
mod runtimes;
mod swaps;
