//! Container runtimes: which are there, which one the kubelet talks to, and
//! the cgroup driver that each of them ends up with.

mod types;

pub use types::{Edit, Handler, Runtime};
