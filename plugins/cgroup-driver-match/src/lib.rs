//! The kubelet and its runtime end up on one cgroup driver.

use nodepol_plugin::{
    Description, Finding, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Unavailable, kubelet, no_own_kubelet, node, runbook, runtimes,
};

struct CgroupDriverMatch;

impl Policy for CgroupDriverMatch {
    fn describe() -> Description {
        Description::new(
            "cgroup-driver-match",
            "The kubelet and its runtime use one cgroup driver",
            "the kubelet and the runtime behind its endpoint end up on the same cgroup driver",
        )
        .severity(Severity::Degraded)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if node::get_join_state()? == node::JoinState::NoKubelet {
            return Ok(Judgement::not_applicable("no kubelet is installed"));
        }
        if node::embedded_kubelet() {
            return Ok(no_own_kubelet()?.unwrap_or_else(|| Judgement::not_applicable("embedded")));
        }
        let Some(runtime) = runtimes::selected(at)? else {
            let endpoint = runtimes::endpoint(at)?;
            return Ok(Judgement::not_applicable(format!(
                "no runtime that is installed listens at {}",
                endpoint.value
            )));
        };
        let own = kubelet::cgroup_driver(at)?;
        let Some(theirs) = runtimes::cgroup_driver(at, &runtime.name)? else {
            return Err(Unavailable {
                source: runtime.name,
                reason: "its cgroup driver cannot be told".to_owned(),
            });
        };
        let mut findings = mixed_handlers(at, &runtime.name)?;
        if own.from_runtime {
            let ignored = kubelet::setting(at, "/cgroupDriver")?
                .filter(|setting| setting.text.as_deref() != Some(own.value.as_str()));
            if let Some(ignored) = ignored.filter(|setting| !setting.is_default) {
                findings.push(
                    Finding::note(
                        "kubelet-setting-ignored",
                        format!(
                            "this kubelet asks {} and ignores its own cgroupDriver",
                            runtime.name
                        ),
                    )
                    .evidence(ignored.at.clone(), ignored.display()),
                );
            }
        } else if own.value != theirs.value {
            findings.push(
                Finding::fail(
                    "drivers-differ",
                    format!(
                        "the kubelet uses {} and {} uses {}: the kubelet starts, and no pod sandbox does",
                        own.value, runtime.name, theirs.value
                    ),
                )
                .explained(own.at, own.value.clone(), "the kubelet's")
                .explained(theirs.at, theirs.value.clone(), format!("{}'s", runtime.name))
                .fix(runbook::systemd_driver(at)?),
            );
        }
        Ok(Judgement::of(findings, format!("both use {}", own.value)))
    }
}

/// Pods of a RuntimeClass with the other driver never start.
fn mixed_handlers(at: Horizon, runtime: &str) -> Result<Vec<Finding>, Unavailable> {
    let handlers = runtimes::handlers(at, runtime)?
        .into_iter()
        .filter(|handler| handler.cgroup_driver.is_some())
        .collect::<Vec<_>>();
    let Some(first) = handlers
        .iter()
        .find(|handler| handler.is_default)
        .or(handlers.first())
    else {
        return Ok(Vec::new());
    };
    let other = handlers
        .iter()
        .find(|handler| handler.cgroup_driver != first.cgroup_driver);
    Ok(other
        .map(|other| {
            let driver =
                |handler: &runtimes::Handler| handler.cgroup_driver.clone().unwrap_or_default();
            let seen = |finding: Finding, handler: &runtimes::Handler| {
                let at: Location = handler.at.clone();
                finding.evidence(at, format!("{}: {}", handler.name, driver(handler)))
            };
            let finding = Finding::warn(
                "handlers-differ",
                format!(
                    "the handler {} uses {} and {} uses {}: pods of one of them fail",
                    first.name,
                    driver(first),
                    other.name,
                    driver(other)
                ),
            );
            seen(seen(finding, first), other)
        })
        .into_iter()
        .collect())
}

nodepol_plugin::policy!(CgroupDriverMatch);
