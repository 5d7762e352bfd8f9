//! placeholder

pub mod systemd;
