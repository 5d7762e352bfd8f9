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
//! is its list of permissions: there is nothing to declare.

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
mod description;
mod facts;
mod finding;
mod fix;
mod parameters;
mod policy;
pub mod runbook;

pub use bindings::exports::nodepol::policy::check::{
    Action, Answer, Argument, Disruption, Failure, Phase, Place, Severity, UnitVerb, Value, Verdict,
};
pub use bindings::nodepol::policy::types::{
    Horizon, Location, Problem, Sourced, Unavailable, Version,
};
pub use bindings::nodepol::policy::{
    certs, cgroups, configs, files, journal, kubelet, log, node, runtimes, swap, units,
};
pub use description::Description;
pub use facts::{
    configured_later, no_credential_yet, no_own_kubelet, no_settings, refuses_swap, render_date,
    render_span,
};
pub use finding::Finding;
pub use fix::{Fix, Step};
pub use parameters::Parameters;
pub use policy::{Judgement, Policy, component};
