//! From what wasmtime says to what a person needs to know.
//!
//! Wasmtime's errors are never printed as they are: they would show frames of
//! the host.

use nodepol_model::report::{PolicyError, PolicyErrorKind};
use wasmtime::Trap;

use crate::clean::clean_line;
use crate::host_state::HostState;
use crate::limits::{Bytes, Exceeded, Limits};

/// What the component was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Start,
    Describe,
    Evaluate,
}

impl Stage {
    const fn phrase(self) -> &'static str {
        match self {
            Self::Start => "while it started",
            Self::Describe => "in `describe`",
            Self::Evaluate => "in `evaluate`",
        }
    }
}

/// A policy that answers against the rules of `wit/check.wit`.
pub(crate) fn bad_answer(message: String) -> PolicyError {
    PolicyError {
        kind: PolicyErrorKind::BadAnswer,
        message,
    }
}

/// An error of the policy, from an error of wasmtime.
pub(crate) fn policy_error(
    error: &wasmtime::Error,
    stage: Stage,
    state: &HostState,
    limits: &Limits,
) -> PolicyError {
    let at = stage.phrase();
    if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
        return PolicyError {
            kind: match exceeded {
                Exceeded::Memory { .. } | Exceeded::TableElements { .. } | Exceeded::System(_) => {
                    PolicyErrorKind::Memory
                }
                Exceeded::HostCalls(_)
                | Exceeded::Wants(_)
                | Exceeded::LogLines(_)
                | Exceeded::LogBytes(_) => PolicyErrorKind::Budget,
                Exceeded::FactsInDescribe => PolicyErrorKind::BadAnswer,
            },
            message: format!("{exceeded} ({at})"),
        };
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return trapped(*trap, at, state, limits);
    }
    let text = clean_line(&format!("{error:#}"));
    if text.contains("fuel allocated for hostcalls") {
        return PolicyError {
            kind: PolicyErrorKind::Budget,
            message: format!(
                "it hands the host more than {} in one call ({at})",
                Bytes(limits.hostcall_fuel)
            ),
        };
    }
    if text.contains("resource limit exceeded") {
        return PolicyError {
            kind: PolicyErrorKind::Memory,
            message: format!(
                "it has more instances ({}), memories ({}) or tables ({}) than it may ({at})",
                limits.instances, limits.memories, limits.tables
            ),
        };
    }
    PolicyError {
        // The system may have no memory left for it.
        kind: if stage == Stage::Start {
            PolicyErrorKind::Memory
        } else {
            PolicyErrorKind::BadAnswer
        },
        message: if stage == Stage::Start {
            format!("it could not be started: {text}")
        } else {
            format!("what it hands to the host is malformed ({at}): {text}")
        },
    }
}

fn trapped(trap: Trap, at: &str, state: &HostState, limits: &Limits) -> PolicyError {
    let (kind, message) = match trap {
        Trap::OutOfFuel => (
            PolicyErrorKind::Fuel,
            format!(
                "it used up its {} units of fuel {at}: it loops, or needs a higher \
                 `limits.fuel`",
                limits.fuel
            ),
        ),
        Trap::Interrupt => (
            PolicyErrorKind::Timeout,
            format!(
                "it ran longer than {} ms {at}: the machine is slow, or it needs a higher \
                 `limits.wall`",
                limits.wall.as_millis()
            ),
        ),
        Trap::StackOverflow => (
            PolicyErrorKind::Trap,
            format!("its calls went too deep {at}: it has no bound on its recursion"),
        ),
        Trap::StringOutOfBounds
        | Trap::ListOutOfBounds
        | Trap::InvalidDiscriminant
        | Trap::InvalidChar
        | Trap::UnalignedPointer => (
            PolicyErrorKind::BadAnswer,
            format!(
                "what it hands to the host is malformed {at}: {}",
                description(trap)
            ),
        ),
        Trap::UnreachableCodeReached => (
            PolicyErrorKind::Trap,
            match state.last_error() {
                Some(said) => format!("it panicked {at}: {}", clean_line(said)),
                None => format!("it gave up {at} without a message (`unreachable`)"),
            },
        ),
        _ => (
            PolicyErrorKind::Trap,
            format!("it trapped {at}: {}", description(trap)),
        ),
    };
    PolicyError { kind, message }
}

/// What a trap is, without wasmtime's prefix.
fn description(trap: Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
}
