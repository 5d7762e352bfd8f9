//! The running kubelet.

use nodepol_model::{Location, Part, Unavailable};
use serde::Serialize;
use serde_json::Value as Json;

use crate::evidence::Evidence;
use crate::sourced::Sourced;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its cgroup, without the mount point.
    pub cgroup: Option<String>,
}

/// The main process of a service.
pub(crate) fn running(evidence: &Evidence, unit: &str) -> Result<Option<Process>, Unavailable> {
    let Some(loaded) = evidence.known_unit(unit)? else {
        return Ok(None);
    };
    let properties = &loaded.properties;
    let pid = properties
        .get("MainPID")
        .and_then(Json::as_u64)
        .and_then(|pid| u32::try_from(pid).ok());
    let Some(pid) = pid.filter(|pid| *pid != 0) else {
        return Ok(None);
    };
    let of_unit = || {
        properties
            .get("ControlGroup")
            .and_then(Json::as_str)
            .filter(|cgroup| !cgroup.is_empty())
            .map(str::to_owned)
    };
    let cgroup = match evidence.text(&format!("/proc/{pid}/cgroup")) {
        Part::Present(text) => cgroup(text).or_else(of_unit),
        Part::Absent | Part::Unreadable(_) => of_unit(),
    };
    Ok(Some(Process { pid, cgroup }))
}

/// The cgroup in `/proc/<pid>/cgroup`: that of v2, or that which systemd names
/// on v1 (cgroups(7)).
fn cgroup(text: &str) -> Option<String> {
    let of = |controllers: &str| {
        text.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, found, path) = (parts.next()?, parts.next()?, parts.next()?);
            (found == controllers).then(|| path.to_owned())
        })
    };
    of("name=systemd").or_else(|| of(""))
}

/// The words of a process. None if it is gone.
pub(crate) fn argv(
    evidence: &Evidence,
    pid: u32,
) -> Result<Option<Vec<Sourced<String>>>, Unavailable> {
    let path = format!("/proc/{pid}/cmdline");
    match evidence.text(&path) {
        Part::Present(text) if !text.is_empty() => Ok(Some(
            text.strip_suffix('\0')
                .unwrap_or(text)
                .split('\0')
                .map(|word| Sourced::new(word.to_owned(), Location::source(path.clone())))
                .collect(),
        )),
        Part::Present(_) | Part::Absent => Ok(None),
        Part::Unreadable(why) => Err(Unavailable::new(path, why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroups() {
        assert_eq!(
            cgroup("0::/system.slice/kubelet.service\n").as_deref(),
            Some("/system.slice/kubelet.service")
        );
        assert_eq!(
            cgroup("4:cpu,cpuacct:/\n1:name=systemd:/kubelet.slice/kubelet.service\n0::/\n")
                .as_deref(),
            Some("/kubelet.slice/kubelet.service")
        );
    }
}
