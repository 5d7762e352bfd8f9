//! The kubelet fits the API server that runs beside it.

use nodepol_plugin::configs::{self, Scalar};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Place, Policy,
    Severity, Step, Unavailable, Version, kubelet, no_own_kubelet, node, runtimes,
};

struct VersionSkew;

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

impl Policy for VersionSkew {
    fn describe() -> Description {
        Description::new(
            "version-skew",
            "The kubelet fits its API server",
            "the kubelet of a control-plane node is not newer than its API server, and at most \
             three minor versions older",
        )
        .severity(Severity::Degraded)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let note = runtime(at);
        if !node::control_plane() {
            return Ok(note.map_or_else(
                || {
                    Judgement::not_applicable(
                        "no API server runs here, and its version is not known",
                    )
                },
                Judgement::from,
            ));
        }
        let Some((at, image, minor)) = api_server()? else {
            return Ok(Judgement::not_applicable(
                "the image of the API server tells no version",
            ));
        };
        let Some(kubelet) = kubelet::get_version()? else {
            return Err(Unavailable {
                source: "kubelet".to_owned(),
                reason: "its version is not known".to_owned(),
            });
        };
        let summary = format!("kubelet {} fits API server 1.{minor}", kubelet.text);
        let findings = skew(at, image, minor, kubelet).into_iter().chain(note);
        Ok(Judgement::of(findings.collect(), summary))
    }
}

/// kubernetes.io/releases/version-skew-policy.
fn skew(at: Location, image: String, minor: u32, kubelet: Version) -> Option<Finding> {
    // Three since 1.28.
    let allowed = if minor >= 28 { 3 } else { 2 };
    let newer = kubelet.minor > minor;
    if !newer && kubelet.minor + allowed >= minor {
        return None;
    }
    let (id, message) = if newer {
        (
            "kubelet-newer",
            format!(
                "kubelet {} is newer than API server 1.{minor}: that is not supported, and fields \
                 that it sends may be lost",
                kubelet.text
            ),
        )
    } else {
        (
            "kubelet-too-old",
            format!(
                "kubelet {} is more than {allowed} minor versions older than API server 1.{minor}",
                kubelet.text
            ),
        )
    };
    let fix = if newer {
        Fix::new("upgrade the control plane first").step(
            Step::command(
                ["kubeadm", "upgrade", "plan"],
                "the control plane goes before the kubelets, one minor version at a time",
            )
            .on(Place::ControlPlane),
        )
    } else {
        Fix::new("upgrade the kubelet").step(Step::note(format!(
            "drain the node, install kubelet 1.{minor}, run `kubeadm upgrade node`, restart the \
             kubelet, uncordon"
        )))
    };
    let finding = Finding::fail(id, message)
        .evidence(at, image)
        .evidence(kubelet.at, kubelet.text);
    Some(finding.fix(fix))
}

/// Major, minor and patch.
type Release = (u32, u32, u32);

/// What containerd's own table recommends for a release of Kubernetes: the oldest
/// patch of each minor version, the oldest first. Others work as well.
const RECOMMENDED: [(u32, &[Release]); 2] = [
    (35, &[(1, 7, 28), (2, 1, 5), (2, 2, 0)]),
    (36, &[(2, 2, 0), (2, 3, 0)]),
];

/// A note on a containerd that is not recommended for this kubelet. What is not
/// known is not worth one.
fn runtime(at: Horizon) -> Option<Finding> {
    let kubelet = kubelet::get_version().ok()??;
    let runtime = runtimes::selected(at).ok()??;
    let version = runtime.version.filter(|_| runtime.name == "containerd")?;
    let (_, recommended) = RECOMMENDED
        .iter()
        .find(|(minor, _)| (kubelet.major, kubelet.minor) == (1, *minor))?;
    let own = (version.major, version.minor, version.patch);
    let fits = recommended
        .iter()
        .any(|least| (own.0, own.1) == (least.0, least.1) && own >= *least);
    let newest = recommended.last()?;
    if fits || (own.0, own.1) > (newest.0, newest.1) {
        return None;
    }
    let names: String = recommended
        .iter()
        .map(|(major, minor, patch)| match patch {
            0 => format!(" {major}.{minor}"),
            patch => format!(" {major}.{minor}.{patch}"),
        })
        .collect();
    Some(
        Finding::note(
            "runtime-not-recommended",
            format!(
                "containerd {} is none that is recommended for Kubernetes 1.{}:{names}",
                version.text, kubelet.minor
            ),
        )
        .evidence(version.at, version.text),
    )
}

/// The image of the static pod, and its minor version.
fn api_server() -> Result<Option<(Location, String, u32)>, Unavailable> {
    let count = configs::keys(MANIFEST, "/spec/containers")?.len();
    for index in 0..count {
        let Some(image) = configs::get(MANIFEST, &format!("/spec/containers/{index}/image"))?
        else {
            continue;
        };
        let Scalar::Text(text) = image.scalar else {
            continue;
        };
        if !text.contains("kube-apiserver") {
            continue;
        }
        return Ok(minor_of(&text).map(|minor| (image.at, text.clone(), minor)));
    }
    Ok(None)
}

/// 36 of `registry.k8s.io/kube-apiserver:v1.36.2`.
fn minor_of(image: &str) -> Option<u32> {
    let (_, tag) = image.split('@').next()?.rsplit_once(':')?;
    let mut parts = tag.strip_prefix('v')?.split('.');
    if parts.next()? != "1" {
        return None;
    }
    parts.next()?.parse().ok()
}

nodepol_plugin::policy!(VersionSkew);
