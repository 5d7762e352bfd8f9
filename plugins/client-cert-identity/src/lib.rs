//! The client certificate is this node's.

use nodepol_plugin::certs::{self, Certificate, Start};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity, Sourced,
    Step, Unavailable, kubelet, no_credential_yet, node, runbook,
};

struct ClientCertIdentity;

impl Policy for ClientCertIdentity {
    fn describe() -> Description {
        Description::new(
            "client-cert-identity",
            "The client certificate is this node's",
            "the certificate names system:node:NAME of this host and the group system:nodes",
        )
        .severity(Severity::Degraded)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_credential_yet()? {
            return Ok(judgement);
        }
        let certificate = match certs::at_start(at)? {
            Start::Presents(credential) => credential.certificates.into_iter().next(),
            _ => None,
        };
        let Some(certificate) = certificate else {
            return Ok(Judgement::not_applicable(
                "the kubelet presents no certificate",
            ));
        };
        let Some(name) = node_name(at)? else {
            return Err(Unavailable {
                source: "/etc/hostname".to_owned(),
                reason: "the node's name is not known".to_owned(),
            });
        };
        let mut findings = Vec::new();
        match (other_name(&certificate, &name), cloud_names_it(at)?) {
            (Some(_), Some(provider)) => findings.push(named_by_cloud(&certificate, provider)),
            (finding, _) => findings.extend(finding),
        }
        findings.extend(no_group(&certificate));
        findings.extend(no_name_at_all(&name));
        Ok(Judgement::of(
            findings,
            format!("the certificate is that of {}", name.value),
        ))
    }
}

/// `--hostname-override` or the host name, trimmed and in lower case
/// (pkg/util/node, GetHostname).
fn node_name(at: Horizon) -> Result<Option<Sourced>, Unavailable> {
    let name = match kubelet::flag(at, "hostname-override")? {
        Some(flag) if !flag.value.trim().is_empty() => Some(flag),
        _ => node::hostname(at)?,
    };
    Ok(name.map(|name| Sourced {
        value: name.value.trim().to_ascii_lowercase(),
        at: name.at,
    }))
}

/// The flag `--cloud-provider` of a provider that is built into the kubelet (up
/// to 1.30): the node has the name that the cloud gives it (`getNodeName` in
/// cmd/kubelet/app/server.go).
fn cloud_names_it(at: Horizon) -> Result<Option<Sourced>, Unavailable> {
    let flag = kubelet::flag(at, "cloud-provider")?;
    Ok(flag.filter(|flag| !matches!(flag.value.trim(), "" | "external")))
}

fn named_by_cloud(certificate: &Certificate, provider: Sourced) -> Finding {
    Finding::unknown(
        "named-by-cloud",
        format!(
            "the cloud {} names this node, so that its host name says nothing of its certificate",
            provider.value
        ),
    )
    .evidence(
        certificate.at.clone(),
        format!(
            "CN {}",
            certificate.common_name.as_deref().unwrap_or_default()
        ),
    )
    .seen(provider)
}

fn other_name(certificate: &Certificate, name: &Sourced) -> Option<Finding> {
    let wanted = format!("system:node:{}", name.value);
    let said = certificate.common_name.clone().unwrap_or_default();
    if said == wanted {
        return None;
    }
    let old = said
        .strip_prefix("system:node:")
        .unwrap_or(&said)
        .to_owned();
    Some(
        Finding::fail(
            "other-name",
            format!(
                "the certificate is that of {old}, and this host is called {}: the API server \
                 forbids it what it does as this node",
                name.value
            ),
        )
        .evidence(certificate.at.clone(), format!("CN {said}"))
        .explained(
            name.at.clone(),
            name.value.clone(),
            "the name that the kubelet registers",
        )
        .fix(
            Fix::new("give the host its old name, or join it under the new one")
                .step(Step::argv(
                    vec!["hostnamectl".to_owned(), "set-hostname".to_owned(), old],
                    "if the name was changed by mistake; cloud-init may do so again, unless \
                         preserve_hostname is true",
                ))
                .step(Step::restart_kubelet())
                .step(Step::note(
                    "a copy of another node's disk must not keep its identity: remove \
                     /etc/kubernetes/kubelet.conf and /var/lib/kubelet/pki, give it a new \
                     /etc/machine-id, and join it again",
                )),
        ),
    )
}

fn no_group(certificate: &Certificate) -> Option<Finding> {
    let has = certificate
        .organizations
        .iter()
        .any(|group| group == "system:nodes");
    (!has).then(|| {
        Finding::fail(
            "not-in-system-nodes",
            "the certificate lacks the group system:nodes: the API server forbids everything",
        )
        .evidence(
            certificate.at.clone(),
            format!("O {}", certificate.organizations.join(", ")),
        )
        .fix(runbook::new_client_certificate())
    })
}

/// A name from DHCP that never came.
fn no_name_at_all(name: &Sourced) -> Option<Finding> {
    let generic = ["localhost", "localhost.localdomain", "(none)"];
    generic.contains(&name.value.as_str()).then(|| {
        Finding::warn(
            "generic-name",
            format!(
                "this host is called {}, as it is before it gets its name",
                name.value
            ),
        )
        .seen(name.clone())
        .fix(Fix::new("give it its name").step(Step::command(
            ["hostnamectl", "set-hostname", "NAME"],
            "a name of its own, in /etc/hostname",
        )))
    })
}

nodepol_plugin::policy!(ClientCertIdentity);
