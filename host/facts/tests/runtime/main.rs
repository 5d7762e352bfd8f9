//! Runtimes, control groups and the node: each rule with texts of our own, then
//! real nodes, then containerd itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may end so"
)]

mod containerd;
mod corpus;
mod crio_docker;
mod daemon;
mod decoding;
mod edits;
mod live;
mod node;
mod node_facts;
#[path = "../tree/mod.rs"]
mod tree;
