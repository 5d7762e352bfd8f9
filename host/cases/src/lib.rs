//! Cases: a small snapshot written as YAML, and what a policy must say of it.
//!
//! A case is a closed world: what it does not list does not exist on its node.
//!
//! ```yaml
//! proves: "policy 14: a row in /proc/swaps fails while failSwapOn is true"
//! base: kubeadm
//! files:
//!   /proc/swaps: |
//!     Filename   Type       Size     Used  Priority
//!     /dev/sda2  partition  8388604  0     -2
//! expect:
//!   now: fail
//!   next-boot: not-applicable
//!   findings: [swap-on]
//! ```

mod base;
mod build;
mod certificate;
mod expectation;
mod format;

pub use base::{base_names, base_text};
pub use build::snapshot;
pub use expectation::{Expectation, differences, differing, render};
pub use format::{At, Case, CaseError};
