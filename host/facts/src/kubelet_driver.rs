//! The cgroup driver that the kubelet ends up with: its own setting, or since
//! KEP-4033 what the runtime answers (`getCgroupDriverFromCRI` in
//! `cmd/kubelet/app/server.go`).

use nodepol_model::{Horizon, Location, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::kubelet::Kubelet;
use crate::sourced::{Sourced, Version};

/// The gate that makes the kubelet ask.
const GATE: &str = "/featureGates/KubeletCgroupDriverFromCRI";

/// What the runtime behind the kubelet's endpoint would answer.
pub trait RuntimeConfig {
    /// Whether it implements the call `RuntimeConfig` (containerd from 2.0,
    /// CRI-O from 1.28, cri-dockerd from 0.3.17).
    ///
    /// # Errors
    /// [`Unavailable`] if its version is not known.
    fn answers(&self, at: Horizon) -> Result<bool, Unavailable>;

    /// Its own cgroup driver, `systemd` or `cgroupfs`.
    ///
    /// # Errors
    /// [`Unavailable`] if it cannot be worked out.
    fn cgroup_driver(&self, at: Horizon) -> Result<Sourced<String>, Unavailable>;
}

/// The driver in effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Driver {
    /// `systemd` or `cgroupfs`.
    pub value: String,
    /// Where it stands.
    pub at: Location,
    /// The kubelet asks the runtime and ignores its own configuration.
    pub from_runtime: bool,
}

/// The driver that the kubelet uses. With `before_join`, a configuration file
/// that is not there yet is taken for the one that kubeadm will write: with
/// `cgroupDriver: systemd`, since 1.22 (cmd/kubeadm/app/componentconfigs/kubelet.go).
///
/// # Errors
/// [`Unavailable`] if it hangs on something unknown and the possible answers
/// differ.
pub fn cgroup_driver(
    kubelet: &Kubelet,
    runtime: &dyn RuntimeConfig,
    at: Horizon,
    before_join: bool,
) -> Result<Driver, Unavailable> {
    let awaited = before_join
        && kubelet.config_path(at)?.is_some()
        && kubelet.config_present(at) == Ok(false);
    let configured = || -> Result<Driver, Unavailable> {
        if awaited {
            return Ok(match kubelet.flag(at, "cgroup-driver")? {
                Some(flag) => Driver {
                    value: flag.value,
                    at: flag.origin,
                    from_runtime: false,
                },
                None => Driver {
                    value: "systemd".to_owned(),
                    at: Location::source("kubeadm"),
                    from_runtime: false,
                },
            });
        }
        let setting = kubelet
            .setting(at, "/cgroupDriver")?
            .ok_or_else(|| Unavailable::new("kubelet", "no cgroup driver is set"))?;
        Ok(Driver {
            value: setting.value.as_str().unwrap_or_default().to_owned(),
            at: setting.origin,
            from_runtime: false,
        })
    };
    // What the configuration says counts only if the kubelet gets that far.
    let own = configured()?;
    let gate = if awaited {
        None
    } else {
        kubelet.setting(at, GATE)?.map(|gate| gate.value)
    };
    let asks = asks(kubelet.get_version()?.as_ref(), gate.as_ref());
    if asks == Some(false) {
        return Ok(own);
    }
    let answers = runtime.answers(at);
    if answers == Ok(false) {
        return Ok(own);
    }
    let theirs = runtime.cgroup_driver(at);
    match (asks, answers, theirs) {
        (Some(true), Ok(true), Ok(driver)) => Ok(Driver {
            value: driver.value,
            at: driver.origin,
            from_runtime: true,
        }),
        (Some(true), Ok(_), Err(why)) => Err(why),
        // Both ways lead to the same driver.
        (_, _, Ok(driver)) if driver.value == own.value => Ok(own),
        (_, Err(why), _) | (_, _, Err(why)) => Err(why),
        (None, _, _) | (Some(_), _, _) => Err(Unavailable::new(
            "kubelet --version",
            "whether the kubelet asks the runtime for the driver hangs on its version, which is not known",
        )),
    }
}

/// Whether the kubelet asks: off by default from 1.28, on from 1.31, always from
/// 1.34. None if the version is not known.
fn asks(version: Option<&Version>, gate: Option<&Json>) -> Option<bool> {
    let version = version?;
    let gate = gate.and_then(Json::as_bool);
    Some(if version.at_least(1, 34) {
        true
    } else if version.at_least(1, 31) {
        gate != Some(false)
    } else {
        version.at_least(1, 28) && gate == Some(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(minor: u32) -> Version {
        Version {
            major: 1,
            minor,
            patch: 0,
            text: format!("1.{minor}.0"),
            origin: Location::source("assumed"),
        }
    }

    #[test]
    fn who_asks() {
        let off = Json::Bool(false);
        let on = Json::Bool(true);
        for (minor, gate, expected) in [
            (27, Some(&on), false),
            (30, None, false),
            (30, Some(&on), true),
            (31, None, true),
            (33, Some(&off), false),
            (34, Some(&off), true),
        ] {
            assert_eq!(
                asks(Some(&version(minor)), gate),
                Some(expected),
                "{minor} {gate:?}"
            );
        }
        assert_eq!(asks(None, Some(&on)), None);
    }
}
