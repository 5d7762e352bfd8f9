//! What one evaluation may use.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// The limits of one evaluation. Each has a default that a standard policy
/// stays far below; a policy set may change them for a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Fuel, about one unit for each instruction: the limit that decides, since
    /// it ends the same component on the same snapshot at the same place on
    /// every machine. Default: 200 million, some 0.2 s.
    pub fuel: u64,
    /// Wall-clock time, in steps of 10 ms: the net for what fuel does not see.
    /// Default: 5 s.
    pub wall: Duration,
    /// Bytes of all linear memories together. Default: 64 MiB.
    pub memory: usize,
    /// Linear memories. Default: 4.
    pub memories: usize,
    /// Tables. Default: 16.
    pub tables: usize,
    /// Core instances. Default: 32.
    pub instances: usize,
    /// Elements of all tables together. Default: 20 000.
    pub table_elements: usize,
    /// Bytes that one call may copy from the component to the host: arguments
    /// of an import, or an answer. Default: 4 MiB.
    pub hostcall_fuel: usize,
    /// Handles of resources. No interface has any. Default: 100.
    pub handles: usize,
    /// Calls of host functions. Default: 100 000.
    pub host_calls: u64,
    /// Files and units that it may ask for which nobody has looked at yet: each
    /// will be read from the node. Default: 10 000.
    pub wants: usize,
    /// Lines of the log. Default: 256.
    pub log_lines: usize,
    /// Bytes of the log. Default: 64 KiB.
    pub log_bytes: usize,
    /// Findings of an answer. Default: 256.
    pub findings: usize,
    /// Bytes of one text of an answer. Default: 64 KiB.
    pub text: usize,
    /// Bytes of all texts of an answer, each item of a list counted as 16 more.
    /// Default: 1 MiB.
    pub answer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 200_000_000,
            wall: Duration::from_secs(5),
            memory: 64 << 20,
            memories: 4,
            tables: 16,
            instances: 32,
            table_elements: 20_000,
            hostcall_fuel: 4 << 20,
            handles: 100,
            host_calls: 100_000,
            wants: 10_000,
            log_lines: 256,
            log_bytes: 64 << 10,
            findings: 256,
            text: 64 << 10,
            answer: 1 << 20,
        }
    }
}

/// A limit of [`Limits`] that a component ran into inside the host. (Fuel, time
/// and stack are traps of wasmtime's own.)
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    #[error("it wanted {wanted} of memory and may have {limit}", wanted = Bytes(*.wanted), limit = Bytes(*.limit))]
    Memory { wanted: usize, limit: usize },
    #[error("it wanted tables of {wanted} elements and may have {limit}")]
    TableElements { wanted: usize, limit: usize },
    #[error("the system has no more memory for it: {0}")]
    System(String),
    #[error("it called the host more than {0} times")]
    HostCalls(u64),
    #[error("it asked for more than {0} files or units that were not read before")]
    Wants(usize),
    #[error("it logged more than {0} lines")]
    LogLines(usize),
    #[error("it logged more than {limit}", limit = Bytes(*.0))]
    LogBytes(usize),
    #[error("`describe` read facts of the node, and must not")]
    FactsInDescribe,
}

/// A number of bytes, for people.
pub(crate) struct Bytes(pub(crate) usize);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            n if n >= 1 << 20 && n.is_multiple_of(1 << 20) => write!(f, "{} MiB", n >> 20),
            n if n >= 1 << 10 && n.is_multiple_of(1 << 10) => write!(f, "{} KiB", n >> 10),
            n => write!(f, "{n} bytes"),
        }
    }
}

/// Counts memory over all memories and tables of a store: wasmtime's own
/// `StoreLimits` counts each by itself.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    memory: usize,
    table_elements: usize,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            memory: 0,
            table_elements: 0,
        }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.memory.saturating_add(desired.saturating_sub(current));
        if wanted > self.limits.memory {
            // An error and not `false`: a component that is told -1 would
            // panic, and its panic would hide why.
            return Err(Exceeded::Memory {
                wanted,
                limit: self.limits.memory,
            }
            .into());
        }
        self.memory = wanted;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(Exceeded::System(crate::clean_line(&format!("{error:#}"))).into())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self
            .table_elements
            .saturating_add(desired.saturating_sub(current));
        if wanted > self.limits.table_elements {
            return Err(Exceeded::TableElements {
                wanted,
                limit: self.limits.table_elements,
            }
            .into());
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.limits.instances
    }

    fn tables(&self) -> usize {
        self.limits.tables
    }

    fn memories(&self) -> usize {
        self.limits.memories
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_summed_over_memories() {
        let mut meter = Meter::new(Limits {
            memory: 3 << 16,
            ..Limits::default()
        });
        assert!(meter.memory_growing(0, 2 << 16, None).unwrap());
        assert!(meter.memory_growing(0, 1 << 16, None).unwrap());
        let error = meter.memory_growing(1 << 16, 2 << 16, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it wanted 256 KiB of memory and may have 192 KiB"
        );
    }

    #[test]
    fn table_elements_are_summed_over_tables() {
        let mut meter = Meter::new(Limits {
            table_elements: 10,
            ..Limits::default()
        });
        assert!(meter.table_growing(0, 6, None).unwrap());
        assert!(meter.table_growing(0, 5, None).is_err());
        assert!(meter.table_growing(6, 10, None).unwrap());
    }
}
