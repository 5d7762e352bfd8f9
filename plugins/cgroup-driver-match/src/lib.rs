//! The kubelet and its runtime end up on one cgroup driver.

use nodepol_plugin::{
    Description, Finding, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Unavailable, configured_later, kubelet, no_own_kubelet, runbook, runtimes,
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
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if let Some(judgement) = configured_later(at)? {
            return Ok(judgement);
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
        let same = own.value == theirs.value;
        let mut findings = Vec::new();
        if own.from_runtime {
            // Before a join there is no setting yet that could be ignored.
            let ignored = kubelet::setting(at, "/cgroupDriver").ok().flatten();
            let ignored = ignored.filter(|setting| {
                !setting.is_default && setting.text.as_deref() != Some(own.value.as_str())
            });
            if let Some(ignored) = ignored {
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
                        "the kubelet uses {} and {} uses {}: the kubelet starts, {}",
                        own.value,
                        runtime.name,
                        theirs.value,
                        consequence(&own.value, &runtime.name)
                    ),
                )
                .explained(own.at, own.value.clone(), "the kubelet's")
                .explained(
                    theirs.at,
                    theirs.value.clone(),
                    format!("{}'s", runtime.name),
                )
                .fix(runbook::systemd_driver(at)),
            );
        }
        findings.extend(mixed_handlers(at, &runtime.name)?.map(|finding| {
            if same {
                finding.fix(runbook::systemd_driver(at))
            } else {
                finding
            }
        }));
        Ok(Judgement::of(findings, format!("both use {}", own.value)))
    }
}

/// runc's systemd driver refuses a cgroup path of the other kind; its cgroupfs
/// driver takes any path for a name. CRI-O checks both ways.
fn consequence(own: &str, runtime: &str) -> &'static str {
    if own == "systemd" && runtime == "containerd" {
        "and pods run outside of its cgroups: their limits do not hold, and the node is unstable"
    } else {
        "and no pod sandbox does"
    }
}

/// Pods of a RuntimeClass with the other driver never start.
fn mixed_handlers(at: Horizon, runtime: &str) -> Result<Option<Finding>, Unavailable> {
    let handlers = runtimes::handlers(at, runtime)?
        .into_iter()
        .filter(|handler| handler.cgroup_driver.is_some())
        // What is built in and not the default is used by nobody.
        .filter(|handler| handler.is_default || handler.at.source != "default")
        .collect::<Vec<_>>();
    let Some(first) = handlers
        .iter()
        .find(|handler| handler.is_default)
        .or(handlers.first())
    else {
        return Ok(None);
    };
    let other = handlers
        .iter()
        .find(|handler| handler.cgroup_driver != first.cgroup_driver);
    Ok(other.map(|other| {
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
    }))
}

nodepol_plugin::policy!(CgroupDriverMatch);
