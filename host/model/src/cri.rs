//! What container runtimes answer over CRI, the kubelet's own interface to them.
//!
//! Source: `k8s.io/cri-api/pkg/apis/runtime/v1/api.proto`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answers of `runtime.v1.RuntimeService` behind one socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cri {
    /// `Version`.
    pub version: CriReply<CriVersion>,
    /// `RuntimeConfig`, which the kubelet asks for the cgroup driver.
    pub runtime_config: CriReply<CriRuntimeConfig>,
    /// `Status`.
    pub status: CriReply<CriStatus>,
}

/// What one method answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CriReply<T> {
    /// Its response.
    Answer(T),
    /// A gRPC status other than `OK`.
    Refused(CriRefusal),
}

/// A gRPC status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CriRefusal {
    /// The name of its code, such as `Unimplemented`.
    pub code: String,
    /// Its message, without secrets.
    pub message: String,
}

/// `VersionResponse`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CriVersion {
    /// `containerd`, `cri-o`, `docker`.
    pub runtime_name: String,
    /// The version of the daemon that runs, which may be older than its program.
    pub runtime_version: String,
    /// `v1`.
    pub runtime_api_version: String,
}

/// `RuntimeConfigResponse`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CriRuntimeConfig {
    /// `linux.cgroup_driver`: `systemd` or `cgroupfs`; `null` if the response
    /// says nothing of Linux.
    pub cgroup_driver: Option<String>,
}

/// `StatusResponse`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CriStatus {
    /// `RuntimeReady`, `NetworkReady` and what the runtime adds, in its order.
    pub conditions: Vec<CriCondition>,
    /// Of what containerd says of its configuration in `info`, the part
    /// `containerd` with its handlers, without secrets.
    pub containerd: Option<serde_json::Value>,
}

/// `RuntimeCondition`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CriCondition {
    /// `RuntimeReady`, `NetworkReady`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: bool,
    /// A word, if it does not.
    pub reason: String,
    /// A sentence, if it does not, without secrets.
    pub message: String,
}

impl<T> CriReply<T> {
    /// The response, if it is one.
    pub fn answer(&self) -> Option<&T> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::Refused(_) => None,
        }
    }
}
