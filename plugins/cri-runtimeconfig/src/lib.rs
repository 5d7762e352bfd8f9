//! The runtime can tell the kubelet its cgroup driver.

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, configured_later, kubelet, no_own_kubelet, runtimes,
};

struct CriRuntimeconfig;

impl Policy for CriRuntimeconfig {
    fn describe() -> Description {
        Description::new(
            "cri-runtimeconfig",
            "The runtime can tell the kubelet its cgroup driver",
            "the runtime answers the CRI method RuntimeConfig, which a later kubelet needs",
        )
        .severity(Severity::TimeBomb)
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
            return Ok(Judgement::not_applicable(
                "no runtime is behind the endpoint; cri-endpoint judges this",
            ));
        };
        let unknown = |what: &str| Unavailable {
            source: what.to_owned(),
            reason: "its version is not known, and whether they fit hangs on it".to_owned(),
        };
        let name = runtime.name.clone();
        match runtimes::supports_runtime_config(&name)? {
            Some(true) => return Ok(Judgement::pass(format!("{name} answers RuntimeConfig"))),
            Some(false) => {}
            None => return Err(unknown(&name)),
        }
        let Some(version) = kubelet::get_version()? else {
            return Err(unknown("kubelet"));
        };
        // Until 1.33 the kubelet says nothing of it (KEP-4033).
        if version.minor <= 33 {
            return Ok(Judgement::pass(format!(
                "kubelet {} goes by its own cgroupDriver where {name} does not answer",
                version.text
            )));
        }
        let said = runtime.version.map_or_else(
            || {
                (
                    Location::source(name.clone()),
                    "does not answer RuntimeConfig".to_owned(),
                )
            },
            |version| (version.at, version.text),
        );
        let finding = if version.minor >= 38 {
            Finding::fail(
                "no-fallback",
                format!(
                    "{name} does not answer RuntimeConfig, and the kubelet is planned to fall back \
                     to its own cgroupDriver no longer from 1.38 on"
                ),
            )
        } else {
            Finding::warn(
                "falls-back",
                format!(
                    "{name} does not answer RuntimeConfig: kubelet {} falls back to its own \
                     cgroupDriver, which is planned to end with 1.38",
                    version.text
                ),
            )
        };
        Ok(finding
            .explained(said.0, said.1, "before containerd 2.0, CRI-O 1.28, cri-dockerd 0.3.17")
            .fix(Fix::new("upgrade the runtime before the kubelet").step(Step::note(
                "upgrade to containerd 2.0, CRI-O 1.28 or cri-dockerd 0.3.17 (0.4.0) or later, one \
                 drained node at a time; afterwards the kubelet takes the runtime's cgroup driver, \
                 so that both must agree before",
            )))
            .into())
    }
}

nodepol_plugin::policy!(CriRuntimeconfig);
