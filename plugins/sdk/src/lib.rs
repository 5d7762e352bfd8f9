//! What an author of a nodepol policy depends on.
//!
//! A policy is a type that implements [`Policy`]: who it is ([`Description`])
//! and how it judges one horizon. [`policy!`] makes a component of it.
//!
//! ```
//! use nodepol_plugin::{Description, Finding, Horizon, Judgement, Parameters, Policy, Severity};
//! use nodepol_plugin::{Unavailable, swap};
//!
//! struct NoSwap;
//!
//! impl Policy for NoSwap {
//!     fn describe() -> Description {
//!         Description::new("no-swap", "No swap at all", "/proc/swaps is empty")
//!             .severity(Severity::Hygiene)
//!     }
//!
//!     fn judge(_at: Horizon, _parameters: &Parameters) -> Result<Judgement, Unavailable> {
//!         let findings = swap::active()?
//!             .into_iter()
//!             .map(|device| {
//!                 Finding::fail("swap-on", format!("{} is on", device.path))
//!                     .evidence(device.at, device.path)
//!             })
//!             .collect();
//!         Ok(Judgement::of(findings, "no swap is on"))
//!     }
//! }
//!
//! nodepol_plugin::policy!(NoSwap);
//! # fn main() {}
//! ```
//!
//! Every function that reads facts fails with [`Unavailable`] where evidence
//! could not be read; passing that on with `?` makes the verdict `unknown`, as
//! it must be. What a component imports is what its code really calls, and that
//! is its list of permissions.
//!
//! `nodepol plugin new` writes a project that uses this crate; the tutorial in
//! `docs/` leads through it.
//!
//! # Parameters
//!
//! A default says a parameter's type. A policy set may give another value; the
//! host checks its type before anything is evaluated.
//!
//! ```
//! # use std::time::Duration;
//! # use nodepol_plugin::{Description, Parameters};
//! fn describe() -> Description {
//!     Description::new("acme-lease", "The lease is fresh", "the lease is younger than `age`")
//!         .parameter("age", Duration::from_secs(3600), "how old it may be")
//!         .parameter("strict", false, "whether a missing lease fails")
//! }
//!
//! fn oldest(parameters: &Parameters) -> u64 {
//!     parameters.seconds("age")
//! }
//! ```
//!
//! # Findings and fixes
//!
//! A finding has a stable id, evidence with its place, and the steps of a fix.
//! Steps are data: the report prints them, and what they would change can be
//! tried on a snapshot before anyone runs them.
//!
//! ```
//! # use nodepol_plugin::{Finding, Fix, Judgement, Location, Step, UnitVerb, Verdict};
//! let fix = Fix::new("start it at every boot")
//!     .step(Step::unit(UnitVerb::Enable, "acme.service", "start it at boot"))
//!     .step(Step::command(["acme", "--renew"], "and now").verify(["acme", "--check"]));
//! let finding = Finding::fail("lease-stale", "the lease is 3 hours old")
//!     .evidence(Location::line("/etc/acme.conf", 7), "lease = 2026-05-01")
//!     .fix(fix);
//! let judgement = Judgement::of(vec![finding], "the lease is fresh");
//! assert_eq!(judgement.verdict(), Verdict::Fail);
//! ```
//!
//! # Tests
//!
//! Facts are read from a host, which a plain `cargo test` has none of. Keep the
//! rule in functions that take what was read and give a [`Judgement`]: those are
//! tested like any others. The whole policy is tested by its cases, in the real
//! sandbox: `nodepol plugin test`.
//!
//! A panic ends the evaluation, and the report says where and why.

#[expect(
    missing_docs,
    reason = "the WIT documents them; see wit/ and the re-exports below"
)]
#[allow(
    unsafe_code,
    reason = "generated: the canonical ABI of the component model"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "policy-full",
        pub_export_macro: true,
        additional_derives: [Clone, PartialEq],
    });
}

mod answer;
mod cpu_set;
mod description;
pub mod endpoint;
mod facts;
mod finding;
mod fix;
pub mod json;
mod kernel_arguments;
mod parameters;
mod policy;
pub mod quantity;
pub mod runbook;
pub mod runtime;

pub use bindings::exports::nodepol::policy::check::{
    Action, Answer, Argument, Disruption, Failure, Phase, Place, Severity, UnitVerb, Value, Verdict,
};
pub use bindings::nodepol::policy::types::{
    Horizon, Location, Problem, Sourced, Unavailable, Version,
};
pub use bindings::nodepol::policy::{
    certs, cgroups, configs, files, journal, kubelet, log, network, node, runtimes, swap, units,
};
pub use cpu_set::CpuSet;
pub use description::Description;
pub use facts::{
    configured_later, flags_later, no_credential_yet, no_own_kubelet, no_settings, part_of_a_tree,
    refuses_swap, render_date, render_span,
};
pub use finding::Finding;
pub use fix::{Fix, Step};
pub use kernel_arguments::kernel_arguments;
pub use parameters::Parameters;
pub use policy::{Judgement, Policy, component};
