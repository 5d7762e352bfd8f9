//! The control plane's own certificates are valid.

mod fix;

use nodepol_plugin::certs::{self, Certificate};
use nodepol_plugin::{
    Description, Finding, Horizon, Judgement, Parameters, Phase, Policy, Severity, Unavailable,
    Value, no_own_kubelet, node, render_date, render_span,
};

struct ControlPlaneCerts;

/// What becomes of a cluster without one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    /// The control plane is down, or a part of it that nodes need.
    Down,
    /// Something that no node needs to come up.
    Less,
}

use Without::{Down, Less};

/// What `kubeadm init` makes below /etc/kubernetes/pki, and what does not work
/// without it.
const FILES: [(&str, Without, &str); 10] = [
    ("apiserver.crt", Down, "nobody accepts the API server"),
    (
        "apiserver-etcd-client.crt",
        Down,
        "the API server does not reach etcd",
    ),
    (
        "apiserver-kubelet-client.crt",
        Less,
        "kubectl logs and exec do not work",
    ),
    ("ca.crt", Down, "nothing that it signed holds"),
    ("etcd/ca.crt", Down, "the API server does not reach etcd"),
    (
        "etcd/healthcheck-client.crt",
        Less,
        "etcd cannot be asked for its health",
    ),
    (
        "etcd/peer.crt",
        Down,
        "the members of etcd do not reach each other",
    ),
    (
        "etcd/server.crt",
        Down,
        "the API server does not reach etcd",
    ),
    ("front-proxy-ca.crt", Less, "aggregated APIs do not work"),
    (
        "front-proxy-client.crt",
        Less,
        "aggregated APIs do not work",
    ),
];

const KUBECONFIGS: [(&str, Without, &str); 4] = [
    ("admin.conf", Less, "kubectl does not work with it"),
    (
        "controller-manager.conf",
        Down,
        "no request for a certificate is approved or signed",
    ),
    ("scheduler.conf", Down, "no pod gets a node"),
    ("super-admin.conf", Less, "kubectl does not work with it"),
];

/// A certificate, and what hangs on it.
struct Found {
    certificate: Certificate,
    without: Without,
    consequence: &'static str,
}

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
        let (found, unavailable) = gather();
        if found.is_empty() && unavailable.is_empty() {
            return Ok(Judgement::not_applicable(
                "there are no certificates in /etc/kubernetes/pki",
            ));
        }
        let mut findings = judge(&found, parameters.seconds("horizon"));
        // What could not be read may have expired.
        findings.extend(unavailable.into_iter().map(Finding::from));
        Ok(Judgement::of(
            findings,
            format!("{} certificates are valid", found.len()),
        ))
    }
}

fn gather() -> (Vec<Found>, Vec<Unavailable>) {
    let mut found = Vec::new();
    let mut unavailable = Vec::new();
    let files = FILES.iter().map(|(name, without, consequence)| {
        let certificates = certs::in_file(&format!("/etc/kubernetes/pki/{name}"));
        let certificates = certificates.map(|all| that_count(all.unwrap_or_default()));
        (certificates, without, consequence)
    });
    let kubeconfigs = KUBECONFIGS.iter().map(|(name, without, consequence)| {
        let certificates = certs::kubeconfig_at(&format!("/etc/kubernetes/{name}"));
        let certificates = certificates.map(|kubeconfig| {
            let client = kubeconfig.and_then(|kubeconfig| kubeconfig.client);
            client.map_or_else(Vec::new, |client| client.certificates)
        });
        (certificates, without, consequence)
    });
    for (certificates, without, consequence) in files.chain(kubeconfigs) {
        match certificates {
            Ok(certificates) => {
                found.extend(certificates.into_iter().map(|certificate| Found {
                    certificate,
                    without: *without,
                    consequence,
                }));
            }
            Err(why) => unavailable.push(why),
        }
    }
    (found, unavailable)
}

/// Of a bundle of CAs, as while one is rotated, the one that is valid longest; of
/// a chain all.
fn that_count(certificates: Vec<Certificate>) -> Vec<Certificate> {
    if !certificates.iter().all(|certificate| certificate.is_ca) {
        return certificates;
    }
    let longest = certificates
        .into_iter()
        .max_by_key(|certificate| certificate.not_after);
    longest.into_iter().collect()
}

fn judge(found: &[Found], ahead: u64) -> Vec<Finding> {
    let now = node::taken_at();
    let ends = |found: &Found| found.certificate.not_after - now;
    let mut findings = Vec::new();
    for is_ca in [true, false] {
        let of = |is_due: &dyn Fn(i64) -> bool, without: Option<Without>| -> Vec<&Found> {
            found
                .iter()
                .filter(|found| found.certificate.is_ca == is_ca)
                .filter(|found| without.is_none_or(|without| found.without == without))
                .filter(|found| is_due(ends(found)))
                .collect()
        };
        let is_over = |ends: i64| ends <= 0;
        let down = of(&is_over, Some(Down));
        if !down.is_empty() {
            let id = if is_ca { "ca-expired" } else { "expired" };
            findings.push(tell(
                Finding::fail(id, over(&down)).by_the_clock(),
                &down,
                is_ca,
            ));
        }
        let less = of(&is_over, Some(Less));
        if !less.is_empty() {
            let id = if is_ca {
                "ca-expired-beside"
            } else {
                "expired-beside"
            };
            findings.push(tell(
                Finding::warn(id, over(&less)).by_the_clock(),
                &less,
                is_ca,
            ));
        }
        let soon = of(&|ends| ends > 0 && ends.unsigned_abs() < ahead, None);
        if let Some(first) = soon.iter().map(|found| ends(found)).min() {
            let id = if is_ca {
                "ca-expires-soon"
            } else {
                "expires-soon"
            };
            let message = format!(
                "{} of the control plane {} within {}",
                count(soon.len()),
                if soon.len() == 1 {
                    "ends"
                } else {
                    "end soon, the first"
                },
                render_span(first.unsigned_abs().max(1))
            );
            findings.push(tell(Finding::warn(id, message), &soon, is_ca));
        }
    }
    findings
}

/// That they have expired, and what does not work for that.
fn over(found: &[&Found]) -> String {
    let mut consequences: Vec<&str> = Vec::new();
    for found in found {
        if !consequences.contains(&found.consequence) {
            consequences.push(found.consequence);
        }
    }
    format!(
        "{} of the control plane {} expired: {}",
        count(found.len()),
        if found.len() == 1 { "has" } else { "have" },
        consequences.join("; ")
    )
}

fn count(number: usize) -> String {
    match number {
        1 => "one certificate".to_owned(),
        number => format!("{number} certificates"),
    }
}

fn tell(finding: Finding, found: &[&Found], is_ca: bool) -> Finding {
    let finding = found.iter().fold(finding, |finding, found| {
        finding.evidence(
            found.certificate.at.clone(),
            format!("notAfter {}", render_date(found.certificate.not_after)),
        )
    });
    finding.fix(if is_ca { fix::rotate() } else { fix::renew() })
}

nodepol_plugin::policy!(ControlPlaneCerts);
