//! What `nodepol facts` tells of the kubelet.

use std::collections::BTreeMap;

use nodepol_model::{Horizon, Location};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::Kubelet;
use crate::sourced::{Sourced, Version};

/// The defaults that are worth telling although nobody set them.
const TELLING: [&str; 16] = [
    "authentication.anonymous.enabled",
    "authentication.webhook.enabled",
    "authorization.mode",
    "cgroupDriver",
    "cgroupsPerQOS",
    "containerRuntimeEndpoint",
    "cpuManagerPolicy",
    "enforceNodeAllocatable",
    "failCgroupV1",
    "failSwapOn",
    "memoryManagerPolicy",
    "protectKernelDefaults",
    "readOnlyPort",
    "resolvConf",
    "rotateCertificates",
    "serverTLSBootstrap",
];

/// The kubelet at its next start; `null` where the evidence does not tell.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Its version.
    pub version: Option<Version>,
    /// Its arguments, the program first.
    pub argv: Option<Vec<Sourced<String>>>,
    /// The value of `--config`.
    pub config_path: Option<Sourced<String>>,
    /// Every field that is set, and the defaults that matter most, by names such
    /// as `memorySwap.swapBehavior`.
    pub settings: Option<BTreeMap<String, Setting>>,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// Its value.
    pub value: Json,
    /// Where it stands.
    pub origin: Location,
    /// What it overrode, the strongest first.
    pub overridden: Vec<Overridden>,
}

/// A value that is not in effect.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Overridden {
    /// The value.
    pub value: Json,
    /// Where it stands.
    pub origin: Location,
}

impl Summary {
    pub(super) fn of(kubelet: &Kubelet) -> Self {
        let started = kubelet.started(Horizon::NextBoot).ok();
        let settings = started
            .and_then(|started| started.config.effective.as_ref().ok())
            .map(|effective| {
                effective
                    .all()
                    .into_iter()
                    .filter(|(name, setting)| {
                        !setting.is_default
                            || !setting.overridden.is_empty()
                            || TELLING.contains(&name.as_str())
                    })
                    .map(|(name, setting)| {
                        let overridden = setting
                            .overridden
                            .into_iter()
                            .map(|old| Overridden {
                                value: serde_json::from_str(&old.value)
                                    .unwrap_or(Json::String(old.value)),
                                origin: old.origin,
                            })
                            .collect();
                        let setting = Setting {
                            value: setting.value,
                            origin: setting.origin,
                            overridden,
                        };
                        (name, setting)
                    })
                    .collect()
            });
        Self {
            version: kubelet.known_version().clone(),
            argv: started.map(|started| started.argv.clone()),
            config_path: started.and_then(|started| started.config.path.clone()),
            settings,
        }
    }
}
