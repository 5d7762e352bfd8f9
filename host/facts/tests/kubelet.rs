//! The kubelet's facts on nodes of our own, and against what is known of real ones.

#[cfg(test)]
mod tree;

#[cfg(test)]
#[path = "kubelet/corpus.rs"]
mod corpus;
#[cfg(test)]
#[path = "kubelet/gates.rs"]
mod gates;
#[cfg(test)]
#[path = "kubelet/merged.rs"]
mod merged;
#[cfg(test)]
#[path = "kubelet/node.rs"]
mod node;
#[cfg(test)]
#[path = "kubelet/nodes.rs"]
mod nodes;
