//! What policies about one container runtime ask first.

use crate::runtimes::{self, Runtime};
use crate::{Horizon, Judgement, Problem, Unavailable, configured_later, no_own_kubelet, units};

/// A runtime that the kubelet connects to, or why a policy about it has no
/// meaning here.
#[derive(Debug, Clone)]
pub enum InUse {
    /// The kubelet connects to it, or will.
    Yes(Runtime),
    /// It is not there, or the kubelet uses another.
    No(Judgement),
}

/// Whether the kubelet uses the runtime of this name (`containerd`, `cri-o`,
/// `docker`). Where its endpoint is not known, the one runtime that is
/// installed counts.
///
/// # Errors
/// [`Unavailable`] if the files that tell could not be read.
pub fn in_use(at: Horizon, name: &str) -> Result<InUse, Unavailable> {
    if let Some(judgement) = no_own_kubelet()? {
        return Ok(InUse::No(judgement));
    }
    if let Some(judgement) = configured_later(at)? {
        return Ok(InUse::No(judgement));
    }
    let all = runtimes::all(at)?;
    let Some(runtime) = all.iter().find(|runtime| runtime.name == name) else {
        return Ok(InUse::No(Judgement::not_applicable(format!(
            "{name} is not installed"
        ))));
    };
    Ok(match runtimes::selected(at) {
        Ok(Some(selected)) if selected.name == name => InUse::Yes(selected),
        Ok(Some(selected)) => InUse::No(Judgement::not_applicable(format!(
            "the kubelet connects to {}",
            selected.name
        ))),
        Ok(None) => InUse::No(Judgement::not_applicable(format!(
            "the kubelet does not connect to {name}"
        ))),
        Err(_) if all.len() == 1 => InUse::Yes(runtime.clone()),
        Err(unavailable) => return Err(unavailable),
    })
}

/// What is wrong with the files of a runtime, as far as it works with them.
///
/// # Errors
/// [`Unavailable`] if a file could not be read; now also if the daemon runs and
/// its files changed since it started, or would not let it start.
pub fn problems(at: Horizon, runtime: &Runtime) -> Result<Vec<Problem>, Unavailable> {
    let problems = runtimes::problems(&runtime.name)?;
    if at == Horizon::NextBoot {
        return Ok(problems);
    }
    if let Some(fatal) = problems.iter().find(|problem| problem.fatal)
        && units::get(at, &runtime.unit)?.active_state.as_deref() == Some("active")
    {
        return Err(Unavailable {
            source: fatal.at.source.clone(),
            reason: format!(
                "{} runs and would not start with this file: what it read is not known",
                runtime.unit
            ),
        });
    }
    if let Some(file) = runtimes::pending(&runtime.name)? {
        return Err(Unavailable {
            source: file.source,
            reason: format!(
                "it changed after {} started, which has not read it since",
                runtime.unit
            ),
        });
    }
    Ok(problems)
}
