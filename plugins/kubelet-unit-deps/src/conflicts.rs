//! Units that stop the kubelet by being started.
//!
//! A boot that is to start both drops the start of the one that the other names in
//! its `Conflicts=`, without a word (`delete_one_unmergeable_job` in
//! `src/core/transaction.c`); the conditions of the other do not matter.

use nodepol_plugin::units;
use nodepol_plugin::{Finding, Fix, Horizon, Step, Unavailable, UnitVerb};

use crate::{KUBELET, place, requirements};

/// The units that the boot starts and that do not go with the kubelet.
pub(crate) fn of_boot(chain: &[String]) -> Result<Vec<Finding>, Unavailable> {
    if chain.is_empty() {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    for name in units::dependencies(Horizon::NextBoot, KUBELET, "ConflictedBy")? {
        let other = units::pulled_in_by(&name)?;
        if other.is_empty() {
            continue;
        }
        let later = other.iter().any(|unit| {
            [".timer", ".socket", ".path"]
                .iter()
                .any(|kind| unit.ends_with(kind))
        });
        let (fails, what) = if later {
            (false, "whenever it starts, the kubelet is stopped")
        } else if requirements::is_required(chain)? {
            (
                false,
                "the boot starts the kubelet, which the default target requires; whenever the \
                 other is started, the kubelet is stopped",
            )
        } else {
            (
                true,
                "the boot is to start both, and systemd drops the start of the kubelet and says \
                 nothing",
            )
        };
        let message = format!("{name} conflicts with kubelet.service: {what}");
        let finding = if fails {
            Finding::fail("conflict", message)
        } else {
            Finding::warn("conflict", message)
        };
        findings.push(
            finding
                .evidence(
                    place(&name, "Conflicts", KUBELET)?,
                    format!("Conflicts={KUBELET}"),
                )
                .fix(
                    Fix::new(format!("let one of the two start: the kubelet, or {name}"))
                        .step(
                            Step::unit(UnitVerb::Disable, name.as_str(), "do not start it at boot")
                                .verify(["systemctl", "is-enabled", name.as_str()]),
                        )
                        .step(Step::note(format!(
                            "or remove kubelet.service from Conflicts= of {name}"
                        ))),
                ),
        );
    }
    Ok(findings)
}
