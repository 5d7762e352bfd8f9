//! Runtimes, control groups and the node: each rule with texts of our own, then
//! real nodes, then containerd itself.

mod containerd;
mod corpus;
mod crio_docker;
mod node;
mod node_facts;
#[path = "../tree/mod.rs"]
mod tree;
