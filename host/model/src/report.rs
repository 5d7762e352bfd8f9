//! The report: what every policy said, and what follows for the node.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fix::Fix;
use crate::verdict::{Horizon, Location, Phase, Severity, Verdict, Verdicts};

/// The answer of `nodepol eval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    /// [`crate::API_VERSION`].
    pub api_version: String,
    /// Always `Report`.
    pub kind: String,
    /// The node, as its own files name it.
    pub node: NodeSummary,
    /// The phase in which the node was judged.
    pub phase: PhaseChoice,
    /// The instant that was judged: when the snapshot was taken, or `--at`.
    #[schemars(with = "String")]
    pub taken_at: Timestamp,
    /// The gravest verdict of all policies that count, for each horizon.
    pub verdict: Verdicts,
    /// Every policy of the set, in order of its id.
    pub policies: Vec<PolicyReport>,
    /// Waivers that no longer waive anything, or that have expired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverNote>,
}

/// Who was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeSummary {
    /// The host name.
    pub name: Option<String>,
    /// `PRETTY_NAME` of os-release(5).
    pub os: Option<String>,
    /// The release of the running kernel.
    pub kernel: Option<String>,
    /// The version of the kubelet, without its `v`.
    pub kubelet: Option<String>,
    /// The container runtime that the kubelet would use, and its version.
    pub runtime: Option<String>,
    /// How far the node has come into a cluster.
    pub join_state: String,
}

/// The phase and how it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PhaseChoice {
    /// The phase.
    pub name: Phase,
    /// Why it is this one.
    pub reason: String,
}

/// What one policy said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyReport {
    /// The policy's id.
    pub id: String,
    /// The component that was run.
    pub plugin: PluginIdentity,
    /// What is at stake.
    pub severity: Severity,
    /// What it said; `null` if the policy itself failed, see `error`.
    pub verdict: Option<Verdicts>,
    /// Its answer in one line.
    pub summary: String,
    /// What it found.
    pub findings: Vec<Finding>,
    /// What the evaluation cost.
    pub cost: Cost,
    /// The policy itself failed: neither a pass nor a verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<PolicyError>,
}

/// Which component answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginIdentity {
    /// `standard`, or the path that the policy set names.
    pub origin: String,
    /// SHA-256 of the component's bytes, in hexadecimal; of a standard policy, those
    /// of the component that is built from it alone.
    pub digest: String,
}

/// One thing that a policy found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Finding {
    /// A stable name inside the policy: what waivers and scripts refer to.
    pub id: String,
    /// What it means for the verdict.
    pub verdict: Verdict,
    /// The horizons it speaks of.
    pub horizons: Vec<Horizon>,
    /// What is wrong, for a person.
    pub message: String,
    /// What was seen, where.
    pub evidence: Vec<Evidence>,
    /// The way out, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// `policy` or `policy/finding` that explain this one if they speak.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symptom_of: Vec<String>,
    /// Why it is not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waived>,
}

/// What was seen, where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// Where it stands.
    pub at: Location,
    /// The value that was seen.
    pub value: String,
    /// What it means here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The line of the file, so that a report can show it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

/// Why a finding is not counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waived {
    /// The reason that the policy set gives.
    pub reason: String,
    /// When the waiver ends.
    #[schemars(with = "Option<String>")]
    pub expires: Option<Timestamp>,
}

/// A waiver that did nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaiverNote {
    /// What it names.
    pub names: String,
    /// Where the policy set says so.
    pub at: Location,
    /// Why it did nothing: it has expired, or nothing matches it.
    pub problem: String,
}

/// What an evaluation cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cost {
    /// Fuel: the same on every machine for the same policies and snapshot. (Standard
    /// policies share an instance, so that a few units depend on which of them were
    /// asked before.) 0 where the policy was not asked: in this phase, or of a node of
    /// a stream of which it says what it says of the model of its kind.
    pub fuel: u64,
    /// Wall time in microseconds; `null` where the report must be reproducible.
    pub micros: Option<u64>,
}

/// A policy that failed by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyError {
    /// The class of the failure, a stable word.
    pub kind: PolicyErrorKind,
    /// What happened and what to do about it.
    pub message: String,
}

/// The ways in which a policy itself can fail.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyErrorKind {
    /// The component trapped (a panic, an out-of-bounds access, a stack overflow).
    Trap,
    /// It used up its fuel.
    Fuel,
    /// It ran longer than the wall clock allows.
    Timeout,
    /// It wanted more memory, tables or instances than it may have.
    Memory,
    /// Its answer, its log or its calls were too many or too large.
    Budget,
    /// Its answer contradicts itself or breaks the rules of the ABI.
    BadAnswer,
    /// It said itself that it could not work.
    Plugin,
    /// It imports what it was not granted.
    NotGranted,
    /// It is no component of this ABI, or does not compile within its limits.
    NotLoadable,
}
