//! The interface `log`.

use crate::bindings::nodepol::policy::log::{Host, Level};
use crate::host_state::{HostState, LogLevel};

impl Host for HostState {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.write_log(level, &message)
    }
}
