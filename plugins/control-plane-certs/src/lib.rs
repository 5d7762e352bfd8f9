//! The control plane's own certificates are valid.

use nodepol_plugin::certs::{self, Certificate};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Place, Policy, Severity,
    Step, Unavailable, Value, no_own_kubelet, node, render_date, render_span,
};

struct ControlPlaneCerts;

/// What `kubeadm init` makes below /etc/kubernetes/pki.
const FILES: [&str; 10] = [
    "apiserver.crt",
    "apiserver-etcd-client.crt",
    "apiserver-kubelet-client.crt",
    "ca.crt",
    "etcd/ca.crt",
    "etcd/healthcheck-client.crt",
    "etcd/peer.crt",
    "etcd/server.crt",
    "front-proxy-ca.crt",
    "front-proxy-client.crt",
];

const KUBECONFIGS: [&str; 4] = [
    "admin.conf",
    "controller-manager.conf",
    "scheduler.conf",
    "super-admin.conf",
];

impl Policy for ControlPlaneCerts {
    fn describe() -> Description {
        Description::new(
            "control-plane-certs",
            "The control plane's own certificates are valid",
            "no certificate in /etc/kubernetes/pki and no kubeconfig beside it has expired",
        )
        .severity(Severity::Degraded)
        .phases(&[Phase::Boot, Phase::Running])
        .parameter(
            "horizon",
            Value::Duration(30 * 86_400),
            "how far ahead an end is worth a warning",
        )
    }

    fn judge(_: Horizon, parameters: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if !node::control_plane() {
            return Ok(Judgement::not_applicable("no control plane runs here"));
        }
        let mut certificates = Vec::new();
        let mut unavailable = None;
        for name in FILES {
            let path = format!("/etc/kubernetes/pki/{name}");
            match certs::in_file(&path) {
                Ok(found) => {
                    certificates.extend(found.into_iter().flatten().map(|it| (path.clone(), it)))
                }
                Err(why) => {
                    unavailable.get_or_insert(why);
                }
            }
        }
        for name in KUBECONFIGS {
            let path = format!("/etc/kubernetes/{name}");
            match certs::kubeconfig_at(&path) {
                Ok(kubeconfig) => certificates.extend(
                    kubeconfig
                        .and_then(|kubeconfig| kubeconfig.client)
                        .into_iter()
                        .flat_map(|client| client.certificates)
                        .map(|it| (path.clone(), it)),
                ),
                Err(why) => {
                    unavailable.get_or_insert(why);
                }
            }
        }
        let findings = judge(&certificates, parameters.seconds("horizon"));
        if findings.is_empty() {
            if let Some(unavailable) = unavailable {
                return Err(unavailable);
            }
            if certificates.is_empty() {
                return Ok(Judgement::not_applicable(
                    "there are no certificates in /etc/kubernetes/pki",
                ));
            }
        }
        Ok(Judgement::of(
            findings,
            format!("{} certificates are valid", certificates.len()),
        ))
    }
}

fn judge(certificates: &[(String, Certificate)], ahead: u64) -> Vec<Finding> {
    let now = node::taken_at();
    let ends = |certificate: &Certificate| certificate.not_after - now;
    let expired: Vec<_> = certificates
        .iter()
        .filter(|(_, it)| ends(it) <= 0)
        .collect();
    let soon: Vec<_> = certificates
        .iter()
        .filter(|(_, it)| ends(it) > 0 && ends(it).unsigned_abs() < ahead)
        .collect();
    let mut findings = Vec::new();
    if !expired.is_empty() {
        findings.push(tell(
            Finding::fail(
                "expired",
                format!(
                    "{} of the control plane {} expired: the API server does not answer, and \
                     healthy kubelets look broken",
                    count(expired.len()),
                    if expired.len() == 1 { "has" } else { "have" }
                ),
            ),
            &expired,
        ));
    }
    if let Some(first) = soon.iter().map(|(_, it)| ends(it)).min() {
        findings.push(tell(
            Finding::warn(
                "expires-soon",
                format!(
                    "{} of the control plane {} within {}",
                    count(soon.len()),
                    if soon.len() == 1 {
                        "ends"
                    } else {
                        "end soon, the first"
                    },
                    render_span(first.unsigned_abs().max(1))
                ),
            ),
            &soon,
        ));
    }
    findings
}

fn count(number: usize) -> String {
    match number {
        1 => "one certificate".to_owned(),
        number => format!("{number} certificates"),
    }
}

fn tell(finding: Finding, certificates: &[&(String, Certificate)]) -> Finding {
    certificates
        .iter()
        .fold(finding, |finding, (_, certificate)| {
            finding.evidence(
                certificate.at.clone(),
                format!("notAfter {}", render_date(certificate.not_after)),
            )
        })
        .fix(
            Fix::new("renew the control plane's certificates, before those of kubelets")
                .step(
                    Step::command(
                        ["kubeadm", "certs", "check-expiration"],
                        "what there is and until when",
                    )
                    .on(Place::ControlPlane),
                )
                .step(
                    Step::command(
                        ["kubeadm", "certs", "renew", "all"],
                        "all but CA certificates, which are rotated by hand",
                    )
                    .on(Place::ControlPlane)
                    .verify(["kubeadm", "certs", "check-expiration"]),
                )
                .step(
                    Step::note(
                        "restart the static pods: move the manifests out of \
                         /etc/kubernetes/manifests, wait 20 seconds, and move them back",
                    )
                    .on(Place::ControlPlane),
                ),
        )
}

nodepol_plugin::policy!(ControlPlaneCerts);
