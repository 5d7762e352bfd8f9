//! What systemd, the kubelet and the container runtimes would make of the
//! evidence in a snapshot, each value with its origin.
//!
//! Facts are pure: no IO, no clock, no environment. What they miss they name
//! as a [`nodepol_model::Want`].

pub mod cgroup;
pub mod configs;
pub mod credential;
pub mod document;
pub mod evidence;
pub mod facts;
pub mod files;
mod go_duration;
pub mod join_state;
pub mod journal;
mod kernel_command_line;
pub mod kernel_modules;
pub mod kubelet;
pub mod kubelet_driver;
pub mod mount;
pub mod network;
pub mod node;
mod package;
pub mod runtime;
mod shell_word;
pub mod sourced;
pub mod summary;
pub mod swap;
pub mod systemd;

pub use facts::{Facts, Question};
