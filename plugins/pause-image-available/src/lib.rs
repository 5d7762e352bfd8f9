//! The pause image that the runtime uses is not garbage to the kubelet.

use nodepol_plugin::configs::{self, Scalar};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity, Sourced,
    Step, Unavailable, UnitVerb, configured_later, kubelet, no_own_kubelet, runtimes,
};

struct PauseImageAvailable;

/// Where containerd reads its sandbox image: version 3 and later, and before.
const POINTERS: [&str; 2] = [
    "/plugins/io.containerd.cri.v1.images/pinned_images/sandbox",
    "/plugins/io.containerd.grpc.v1.cri/sandbox_image",
];

impl Policy for PauseImageAvailable {
    fn describe() -> Description {
        Description::new(
            "pause-image-available",
            "The runtime's pause image is kept",
            "the image that the kubelet is told to keep is the one that the runtime uses",
        )
        .severity(Severity::Hygiene)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if let Some(judgement) = configured_later(at)? {
            return Ok(judgement);
        }
        let Some(kept) = kubelet::flag(at, "pod-infra-container-image")? else {
            return Ok(Judgement::not_applicable(
                "the kubelet is not told of a pause image: the runtime pins its own",
            ));
        };
        let runtime = runtimes::selected(at)?;
        let path = runtime
            .filter(|runtime| runtime.name == "containerd")
            .and_then(|runtime| runtime.config_path);
        let Some(path) = path else {
            return Ok(Judgement::not_applicable(
                "only containerd's image is known here",
            ));
        };
        let Some(used) = sandbox_image(&path)? else {
            return Ok(Judgement::pass(
                "containerd uses its built-in pause image, and pins it",
            ));
        };
        if used.value == kept.value {
            return Ok(Judgement::pass(format!("{} is used and kept", used.value)));
        }
        Ok(Finding::warn(
            "another-image-is-kept",
            format!(
                "the kubelet keeps {}, and containerd starts pods with {}: that one may be \
                 removed as garbage, and then no pod starts without the registry",
                kept.value, used.value
            ),
        )
        .explained(
            kept.at.clone(),
            kept.value.clone(),
            "the kubelet does not remove this",
        )
        .explained(used.at.clone(), used.value.clone(), "containerd uses this")
        .fix(
            Fix::new("name one image")
                .step(Step::note(format!(
                    "set the sandbox image in {} to {}, or remove --pod-infra-container-image from \
                     {} (the flag is gone in 1.35)",
                    used.at.source, kept.value, kept.at.source
                )))
                .step(Step::unit(
                    UnitVerb::Restart,
                    "containerd.service",
                    "containers keep running",
                ))
                .step(Step::restart_kubelet()),
        )
        .into())
    }
}

fn sandbox_image(path: &str) -> Result<Option<Sourced>, Unavailable> {
    for pointer in POINTERS {
        if let Some(value) = configs::get(path, pointer)?
            && let Scalar::Text(image) = value.scalar
        {
            return Ok(Some(Sourced {
                value: image,
                at: value.at,
            }));
        }
    }
    Ok(None)
}

nodepol_plugin::policy!(PauseImageAvailable);
