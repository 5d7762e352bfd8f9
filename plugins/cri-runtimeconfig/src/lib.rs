//! The runtime tells the kubelet its cgroup driver: the CRI method RuntimeConfig.

use nodepol_plugin::{
    Description, Disruption, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, configured_later, journal, kubelet, no_own_kubelet, node, runbook,
    runtimes,
};

struct CriRuntimeconfig;

/// The socket of the shim that was part of the kubelet until 1.23.
const DOCKERSHIM: &str = "unix:///run/dockershim.sock";

impl Policy for CriRuntimeconfig {
    fn describe() -> Description {
        Description::new(
            "cri-runtimeconfig",
            "The runtime answers RuntimeConfig",
            "the runtime implements the CRI method RuntimeConfig, which kubelets from 1.38 on are \
             planned to need",
        )
        .severity(Severity::TimeBomb)
        .phases(&[Phase::PreJoin, Phase::Boot, Phase::Running])
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
                "no runtime that is installed listens where the kubelet connects",
            ));
        };
        if runtimes::endpoint(at)?.value == DOCKERSHIM {
            return Ok(Judgement::not_applicable(
                "dockershim is part of the kubelet; docker-cri-dockerd judges this",
            ));
        }
        let known = runtimes::supports_runtime_config(&runtime.name)?;
        let Some(answers) = known.or_else(|| fell_back(at).then_some(false)) else {
            // The kubelet talks to cri-dockerd, whose version it is that matters.
            let program = match runtime.name.as_str() {
                "docker" => "cri-dockerd",
                "cri-o" => "crio",
                name => name,
            };
            return Err(unknown(program));
        };
        if answers {
            return Ok(Judgement::pass(format!(
                "{} answers RuntimeConfig",
                runtime.name
            )));
        }
        let own = kubelet::get_version()?.ok_or_else(|| unknown("kubelet"))?;
        let (needs, wanted) = match runtime.name.as_str() {
            "docker" => ("cri-dockerd", "0.3.17"),
            "cri-o" => ("cri-o", "1.28"),
            _ => ("containerd", "2.0"),
        };
        let text = format!(
            "{needs} older than {wanted} does not answer RuntimeConfig: the kubelet {} {}",
            own.text,
            match (own.major, own.minor) {
                (..=1, ..=33) => "does without; kubelets from 1.38 on are planned not to",
                (..=1, ..=37) =>
                    "falls back to its own cgroupDriver and warns; 1.38 is planned not to",
                _ => "is planned to have no fall-back any more",
            }
        );
        let id = "runtime-config-missing";
        let finding = match (own.major, own.minor) {
            (..=1, ..=33) => Finding::note(id, text),
            (..=1, ..=37) => Finding::warn(id, text),
            _ => Finding::fail(id, text),
        };
        let finding = finding.evidence(own.at, own.text);
        let finding = match runtime.version {
            Some(version) => finding.evidence(version.at, version.text),
            None => finding,
        };
        let fix = upgrade(needs, wanted, &runtime.unit)?;
        Ok(Judgement::of(
            vec![finding.fix(fix)],
            format!("the kubelet does not ask {needs} for its cgroup driver yet"),
        ))
    }
}

/// Whether the kubelet itself has said that its runtime does not answer, where
/// the version does not tell.
fn fell_back(at: Horizon) -> bool {
    at == Horizon::Now
        && journal::known_lines().is_ok_and(|lines| {
            lines
                .iter()
                .any(|line| line.signature == "runtime-config-missing")
        })
}

/// A newer runtime, before a newer kubelet. From 1.34 on the kubelet then takes
/// the runtime's cgroup driver, which pods do not survive if it is another one.
fn upgrade(needs: &str, wanted: &str, unit: &str) -> Result<Fix, Unavailable> {
    let joined = node::get_join_state()? == node::JoinState::Joined;
    let mut fix = Fix::new(format!("upgrade {needs} to {wanted} or newer"));
    if joined {
        fix = fix.step(runbook::drain(
            "drain the node, for the kubelet may take another cgroup driver from the new runtime",
        ));
    }
    fix = fix.step(Step::unit(
        UnitVerb::Stop,
        "kubelet.service",
        "stop the kubelet first",
    ));
    fix = fix.step(
        Step::note(match needs {
            "containerd" => "upgrade the package of containerd, before the kubelet's; its file \
                             may stay in version 2, and SystemdCgroup must be true where \
                             `containerd config dump` shows it"
                .to_owned(),
            _ => format!("upgrade the package of {needs}, before the kubelet's"),
        })
        .disrupts(Disruption::Evict),
    );
    let service = match needs {
        "cri-dockerd" => "cri-docker.service",
        _ => unit,
    };
    fix = fix
        .step(Step::unit(
            UnitVerb::Restart,
            service,
            "run the new version",
        ))
        .step(
            Step::unit(UnitVerb::Start, "kubelet.service", "then start the kubelet").verify([
                "systemctl",
                "is-active",
                "kubelet.service",
            ]),
        );
    Ok(if joined {
        fix.step(runbook::uncordon())
    } else {
        fix
    })
}

fn unknown(program: &str) -> Unavailable {
    Unavailable {
        source: format!("{program} --version"),
        reason: "it hangs on the version, which is not known".to_owned(),
    }
}

nodepol_plugin::policy!(CriRuntimeconfig);
