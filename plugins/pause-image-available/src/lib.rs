//! The pause image that the runtime uses is not garbage to the kubelet.

use nodepol_plugin::configs::{self, Scalar};
use nodepol_plugin::runtimes::Runtime;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Step, Unavailable, UnitVerb, configured_later, kubelet, no_own_kubelet, runbook,
    runtimes,
};

struct PauseImageAvailable;

const FLAG: &str = "pod-infra-container-image";
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
            "the pause image is pinned by the runtime, or the one that the kubelet is told to keep",
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
        let runtime = runtimes::selected(at)?;
        let Some(runtime) = runtime.filter(|runtime| runtime.name == "containerd") else {
            return Ok(Judgement::not_applicable(
                "only containerd's image is known here",
            ));
        };
        let (Some(own), Some(version)) = (kubelet::get_version()?, runtime.version.clone()) else {
            // Whoever gives no flag leaves it to the runtime.
            return match kubelet::flag(at, FLAG)? {
                None => Ok(Judgement::not_applicable(
                    "the kubelet is told of no pause image, and the versions are not known",
                )),
                Some(_) => Err(Unavailable::new(
                    "kubelet --version, containerd --version",
                    "who keeps the pause image hangs on them, and one is not known",
                )),
            };
        };
        let kubelet = (own.major, own.minor, own.patch);
        let pins = pins((version.major, version.minor, version.patch));
        if pins && respects_pins(kubelet) {
            return Ok(Judgement::pass(format!(
                "containerd {} pins its pause image",
                version.text
            )));
        }
        // Since then the flag does nothing (kubernetes/kubernetes#118544).
        if kubelet >= (1, 29, 0) {
            return Ok(nobody_keeps_it(&runtime, own.text)?.into());
        }
        let Some(kept) = kubelet::flag(at, FLAG)? else {
            return Ok(Judgement::not_applicable(
                "the kubelet keeps the pause image of its version, and is told of no other",
            ));
        };
        let used = used(&runtime, (version.major, version.minor))?;
        let is_same = match &used {
            Used::Configured(used) => used.value == kept.value,
            Used::BuiltIn(name) => kept.value.ends_with(&format!("/{name}")),
        };
        if is_same {
            return Ok(Judgement::pass(format!("{} is used and kept", kept.value)));
        }
        Ok(another_is_kept(kept, used).into())
    }
}

/// Whether containerd marks the image that it starts pods with as pinned
/// (containerd/containerd#7944, in 1.7.3, and #8720, in 1.6.22).
fn pins(version: (u32, u32, u32)) -> bool {
    match version {
        (1, 6, patch) => patch >= 22,
        (1, 7, patch) => patch >= 3,
        version => version >= (2, 0, 0),
    }
}

/// Whether the kubelet leaves pinned images alone (kubernetes/kubernetes#119986
/// and its backports).
fn respects_pins(version: (u32, u32, u32)) -> bool {
    match version {
        (1, 25, patch) => patch >= 14,
        (1, 26, patch) => patch >= 9,
        (1, 27, patch) => patch >= 6,
        (1, 28, patch) => patch >= 2,
        version => version >= (1, 29, 0),
    }
}

/// What containerd starts pods with.
enum Used {
    /// Its file says it.
    Configured(Sourced),
    /// The last part of its built-in image.
    BuiltIn(&'static str),
}

/// # Errors
/// [`Unavailable`] if its file could not be read, or says nothing and the image
/// of that version is not known.
fn used(runtime: &Runtime, version: (u32, u32)) -> Result<Used, Unavailable> {
    if let Some(path) = &runtime.config_path
        && let Some(image) = sandbox_image(path)?
    {
        return Ok(Used::Configured(image));
    }
    match version {
        (1, 6) => Ok(Used::BuiltIn("pause:3.6")),
        (1, 7) => Ok(Used::BuiltIn("pause:3.8")),
        _ => Err(Unavailable::new(
            "containerd",
            "no file names its pause image, and the one that is built in is not known",
        )),
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

fn nobody_keeps_it(runtime: &Runtime, kubelet: String) -> Result<Finding, Unavailable> {
    let (text, at) = runtime.version.as_ref().map_or_else(
        || (String::new(), Location::source("containerd")),
        |version| (version.text.clone(), version.at.clone()),
    );
    let finding = Finding::warn(
        "nobody-keeps-it",
        format!(
            "containerd {text} does not pin its pause image, and kubelet {kubelet} keeps none by \
             itself: it may be removed as garbage, and then no pod starts without the registry"
        ),
    )
    .evidence(at, text);
    let image = match &runtime.config_path {
        Some(path) => sandbox_image(path)?,
        None => None,
    };
    let finding = match image {
        Some(image) => finding.explained(image.at, image.value, "containerd uses this"),
        None => finding,
    };
    Ok(finding.fix(
        Fix::new("let the runtime keep it")
            .step(Step::note(
                "upgrade containerd to 1.7.3 or newer (1.6.22 of 1.6)",
            ))
            .step(
                Step::unit(
                    UnitVerb::Restart,
                    "containerd.service",
                    "containers keep running",
                )
                .verify(["systemctl", "is-active", "containerd.service"]),
            ),
    ))
}

fn another_is_kept(kept: Sourced, used: Used) -> Finding {
    let (image, at) = match used {
        Used::Configured(used) => (used.value, used.at),
        Used::BuiltIn(name) => (
            format!("registry.k8s.io/{name}"),
            Location::source("default"),
        ),
    };
    let finding = Finding::warn(
        "another-image-is-kept",
        format!(
            "the kubelet keeps {}, and containerd starts pods with {image}: that one may be \
             removed as garbage, and then no pod starts without the registry",
            kept.value
        ),
    )
    .explained(
        kept.at,
        kept.value.clone(),
        "the kubelet does not remove this",
    )
    .explained(at, image.clone(), "containerd uses this");
    // A process does not tell the file that its arguments came from.
    let given = kubelet::flag(Horizon::NextBoot, FLAG);
    let fix = Fix::new("keep the image that is used");
    let fix = match given {
        Ok(Some(given)) => {
            let fix = fix.step(Step::note(format!(
                "write --pod-infra-container-image={image} in place of {} in {}",
                given.value, given.at.source
            )));
            if runbook::is_of_a_unit(&given.at.source) {
                fix.step(Step::daemon_reload())
            } else {
                fix
            }
        }
        _ => fix,
    };
    finding.fix(fix.step(Step::restart_kubelet()))
}

nodepol_plugin::policy!(PauseImageAvailable);
