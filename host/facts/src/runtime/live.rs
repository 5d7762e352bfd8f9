//! What runtimes say of themselves while they run: over CRI, and docker by
//! `docker info`. It is what the kubelet meets now; the files are for the next
//! start of the runtime.

use nodepol_model::cri::{Cri, CriCondition, CriReply};
use nodepol_model::{Location, Part, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::types::{Answer, Handler};
use crate::evidence::Evidence;
use crate::sourced::{Sourced, Version};

const DOCKER_INFO: &str = "docker info";

/// What one runtime says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The version of the daemon that runs.
    pub version: Option<Version>,
    /// The cgroup driver that it uses.
    pub cgroup_driver: Option<Sourced<String>>,
    /// Whether it answers RuntimeConfig.
    pub answers_runtime_config: Option<bool>,
    /// `RuntimeReady`, `NetworkReady` and others.
    pub conditions: Vec<CriCondition>,
}

impl Running {
    /// The runtime behind `url`, if it was asked and answered. It says nothing
    /// of a service that does not serve CRI.
    pub(super) fn of(evidence: &Evidence, url: &str) -> Option<Self> {
        let cri = evidence.cri(url);
        let cri = cri.present()?;
        let from = |method: &str| Location::source(format!("{method} of {url}"));
        let version = cri
            .version
            .answer()
            .and_then(|version| Version::parse(version.runtime_version.trim(), from("Version")));
        let status = cri.status.answer();
        Some(Self {
            version,
            cgroup_driver: driver(cri, &from),
            answers_runtime_config: match &cri.runtime_config {
                CriReply::Answer(_) => Some(true),
                CriReply::Refused(refusal) if refusal.code == "Unimplemented" => Some(false),
                CriReply::Refused(_) => None,
            },
            conditions: status.map_or_else(Vec::new, |status| status.conditions.clone()),
        })
    }

    /// dockerd itself, which speaks no CRI.
    pub(super) fn docker(evidence: &Evidence) -> Option<Self> {
        let output = evidence.program(DOCKER_INFO);
        let output = output.present().filter(|output| output.status == Some(0))?;
        let mut words = output.stdout.split_whitespace();
        let from = Location::source(DOCKER_INFO);
        let driver = words
            .next()
            .filter(|driver| matches!(*driver, "systemd" | "cgroupfs"))?;
        Some(Self {
            version: words
                .next()
                .and_then(|version| Version::parse(version, from.clone())),
            cgroup_driver: Some(Sourced::new(driver.to_owned(), from)),
            answers_runtime_config: None,
            conditions: Vec::new(),
        })
    }
}

/// What RuntimeConfig says; or where it is not implemented (containerd 1.x),
/// what the verbose Status says of the default handler.
fn driver(cri: &Cri, from: &dyn Fn(&str) -> Location) -> Option<Sourced<String>> {
    if let Some(config) = cri.runtime_config.answer() {
        let driver = config.cgroup_driver.clone()?;
        return Some(Sourced::new(driver, from("RuntimeConfig")));
    }
    let handlers = cri.status.answer()?.containerd.as_ref()?;
    let name = handlers.get("defaultRuntimeName")?.as_str()?;
    let driver = driver_of(handlers.get("runtimes")?.get(name)?)?;
    Some(Sourced::new(driver.to_owned(), from("Status")))
}

/// Who answers `Version` at `url`.
///
/// # Errors
/// [`Unavailable`] if nobody was asked, as in a tree, or nothing came of it.
pub(super) fn answer(evidence: &Evidence, url: &str) -> Result<Answer, Unavailable> {
    match evidence.cri(url) {
        Part::Absent => Ok(Answer::Nobody),
        Part::Unreadable(why) => Err(Unavailable::new(url, why)),
        Part::Present(cri) => Ok(match &cri.version {
            CriReply::Answer(version) => Answer::Serves {
                name: version.runtime_name.clone(),
                version: version.runtime_version.clone(),
            },
            CriReply::Refused(refusal) => {
                Answer::Refuses(format!("{}: {}", refusal.code, refusal.message))
            }
        }),
    }
}

/// What containerd's verbose Status says of its handlers, sorted by name.
pub(super) fn handlers(evidence: &Evidence, url: &str) -> Option<Vec<Handler>> {
    let cri = evidence.cri(url);
    let said = cri.present()?.status.answer()?.containerd.as_ref()?;
    let default = said.get("defaultRuntimeName").and_then(Json::as_str);
    let runtimes = said.get("runtimes")?.as_object()?;
    let mut handlers: Vec<Handler> = runtimes
        .iter()
        .map(|(name, runtime)| Handler {
            name: name.clone(),
            kind: kind(runtime).map(str::to_owned),
            cgroup_driver: driver_of(runtime).map(str::to_owned),
            is_default: default == Some(name),
            at: Location::source(format!("Status of {url}")),
        })
        .collect();
    handlers.sort_by(|one, other| one.name.cmp(&other.name));
    Some(handlers)
}

fn kind(runtime: &Json) -> Option<&str> {
    let kind = runtime.get("runtimeType")?.as_str()?;
    (!kind.is_empty()).then_some(kind)
}

/// The driver of a handler of runc; others have no such choice.
fn driver_of(runtime: &Json) -> Option<&'static str> {
    if kind(runtime) != Some("io.containerd.runc.v2") {
        return None;
    }
    let systemd = runtime
        .get("options")
        .and_then(|options| options.get("SystemdCgroup"));
    // Not set is false (`runc/options` of containerd).
    Some(match systemd.and_then(Json::as_bool) {
        Some(true) => "systemd",
        _ => "cgroupfs",
    })
}
