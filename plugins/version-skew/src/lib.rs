//! The kubelet fits what it works with: its API server, kubeadm, containerd.

mod joining;
mod runtime;

use nodepol_plugin::configs::{self, Scalar};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Place, Policy,
    Severity, Step, Unavailable, Version, kubelet, no_own_kubelet, node,
};

struct VersionSkew;

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

impl Policy for VersionSkew {
    fn describe() -> Description {
        Description::new(
            "version-skew",
            "The kubelet fits its API server and kubeadm",
            "kubeadm takes the kubelet, and that of a control-plane node is not newer than its \
             API server, and at most three minor versions older",
        )
        .severity(Severity::Degraded)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let note = runtime::not_recommended(at);
        let server = if node::control_plane() {
            api_server()?
        } else {
            None
        };
        let kubeadm = node::kubeadm_version()?;
        if server.is_none() && kubeadm.is_none() {
            return Ok(note.map_or_else(
                || {
                    Judgement::not_applicable(
                        "neither kubeadm's version nor that of an API server is known here",
                    )
                },
                Judgement::from,
            ));
        }
        let Some(kubelet) = kubelet::get_version()? else {
            return Err(Unavailable {
                source: "kubelet".to_owned(),
                reason: "its version is not known".to_owned(),
            });
        };
        let with: Vec<String> = [
            server
                .as_ref()
                .map(|(_, _, minor)| format!("API server 1.{minor}")),
            kubeadm.as_ref().map(|own| format!("kubeadm {}", own.text)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let summary = format!("kubelet {} fits {}", kubelet.text, with.join(" and "));
        let mut findings = Vec::new();
        if let Some((at, image, minor)) = server {
            findings.extend(skew(at, image, minor, kubelet.clone()));
        }
        if let Some(kubeadm) = kubeadm {
            findings.extend(joining::against(&kubeadm, &kubelet)?);
        }
        findings.extend(note);
        Ok(Judgement::of(findings, summary))
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
