//! The client certificate is this node's.

use nodepol_plugin::certs::{self, Certificate, Start};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Step, Unavailable, files, kubelet, no_credential_yet, node, runbook,
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
        let name = Name::of(at)?;
        let Some(name) = name.filter(|name| name.is_known(at, &certificate)) else {
            return Ok(from_outside(at, &certificate)?.into());
        };
        let mut findings = Vec::new();
        let is_admin = is_administrator(&certificate);
        if is_admin {
            findings.push(administrator(&certificate));
        } else {
            match (other_name(&certificate, &name), cloud_names_it(at)?) {
                (Some(_), Some(provider)) => findings.push(named_by_cloud(&certificate, provider)),
                (finding, _) => findings.extend(finding),
            }
            findings.extend(no_group(&certificate));
        }
        findings.extend(no_name_at_all(&name, &certificate));
        Ok(Judgement::of(
            findings,
            format!("the certificate is that of {}", name.value()),
        ))
    }
}

/// The name that the kubelet registers.
struct Name {
    said: Sourced,
    /// `--hostname-override` says it, not the host.
    is_flag: bool,
}

impl Name {
    /// `--hostname-override` or the host name, trimmed and in lower case
    /// (pkg/util/node, GetHostname).
    fn of(at: Horizon) -> Result<Option<Self>, Unavailable> {
        let (name, is_flag) = match kubelet::flag(at, "hostname-override")? {
            Some(flag) if !flag.value.trim().is_empty() => (Some(flag), true),
            _ => (node::hostname(at)?, false),
        };
        Ok(name
            .map(|name| Self {
                said: Sourced {
                    value: name.value.trim().to_ascii_lowercase(),
                    at: name.at,
                },
                is_flag,
            })
            .filter(|name| !name.value().is_empty()))
    }

    fn value(&self) -> &str {
        &self.said.value
    }

    /// What every host is called before it gets a name.
    fn is_generic(&self) -> bool {
        matches!(
            self.value(),
            "localhost" | "localhost.localdomain" | "(none)"
        )
    }

    /// A name of the next boot that is none is replaced by one of DHCP or of a
    /// cloud, unless the node joined under it.
    fn is_known(&self, at: Horizon, certificate: &Certificate) -> bool {
        at == Horizon::Now
            || self.is_flag
            || !self.is_generic()
            || certificate.common_name.as_deref() == Some(&format!("system:node:{}", self.value()))
    }
}

/// The name comes from DHCP or from a cloud, and no file keeps it.
fn from_outside(at: Horizon, certificate: &Certificate) -> Result<Finding, Unavailable> {
    let today = match at {
        Horizon::Now => None,
        // A tree has no name of today.
        Horizon::NextBoot => node::hostname(Horizon::Now).ok().flatten(),
    };
    let said = node::hostname(at)?;
    let finding = Finding::unknown(
        "name-from-outside",
        "no file names this host: DHCP or a cloud does, after it has booted, and the kubelet may \
         start under another name before",
    )
    .evidence(
        said.as_ref()
            .map_or_else(|| Location::source("/etc/hostname"), |said| said.at.clone()),
        said.map_or_else(|| "no name".to_owned(), |said| said.value),
    )
    .evidence(certificate.at.clone(), common_name(certificate));
    let own = old_name(certificate);
    Ok(match (today, own) {
        (Some(today), Some(own)) if today.value.trim().eq_ignore_ascii_case(&own) => finding
            .explained(
                today.at,
                today.value,
                "its name today, that of the certificate",
            )
            .fix(Fix::new("keep the name that it has").steps(set_hostname(&own))),
        _ => finding,
    })
}

fn common_name(certificate: &Certificate) -> String {
    format!(
        "CN {}",
        certificate.common_name.as_deref().unwrap_or_default()
    )
}

/// The node that the certificate is of; none if it is of no node.
fn old_name(certificate: &Certificate) -> Option<String> {
    let said = certificate.common_name.as_deref()?;
    let name = said.strip_prefix("system:node:")?;
    (!name.is_empty()).then(|| name.to_owned())
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
    .evidence(certificate.at.clone(), common_name(certificate))
    .seen(provider)
}

/// A certificate that may do everything, as kubeadm once gave the kubelets of
/// its control planes: the kubelet asks for its own with it at once
/// (`NewKubeletClientCertificateManager`).
fn is_administrator(certificate: &Certificate) -> bool {
    certificate
        .organizations
        .iter()
        .any(|group| matches!(group.as_str(), "system:masters" | "kubeadm:cluster-admins"))
}

fn administrator(certificate: &Certificate) -> Finding {
    Finding::note(
        "administrator",
        "the certificate is an administrator's: nothing is forbidden to it, and a kubelet that \
         rotates asks for one of its own with it",
    )
    .evidence(
        certificate.at.clone(),
        format!(
            "{}, O {}",
            common_name(certificate),
            certificate.organizations.join(", ")
        ),
    )
}

fn other_name(certificate: &Certificate, name: &Name) -> Option<Finding> {
    let wanted = format!("system:node:{}", name.value());
    let said = certificate.common_name.clone().unwrap_or_default();
    if said == wanted {
        return None;
    }
    let old = old_name(certificate);
    let finding = Finding::fail(
        "other-name",
        format!(
            "the certificate is that of {}, and this host is called {}: the API server forbids it \
             what it does as this node, and nothing approves its request for another name",
            old.as_deref().unwrap_or(&said),
            name.value()
        ),
    )
    .evidence(certificate.at.clone(), format!("CN {said}"))
    .explained(
        name.said.at.clone(),
        name.value(),
        "the name that the kubelet registers",
    );
    let Some(old) = old else {
        return Some(finding.fix(runbook::new_client_certificate()));
    };
    let fix = Fix::new("give the node its old name, or join it under the new one")
        .step(Step::note(format!(
            "a copy of another node's disk must not go on as {old}: in place of the steps below, \
             `kubeadm reset`, `rm /etc/machine-id && systemd-machine-id-setup`, and join it under \
             its own name"
        )))
        .step(Step::note(format!(
            "nor does this host if its new name is meant: drain {old}, `kubeadm reset` here, \
             `kubectl delete node {old}`, and join it again"
        )));
    let fix = if name.is_flag {
        fix.steps(set_flag(&old))
    } else {
        fix.steps(set_hostname(&old)).steps(command_line(name))
    };
    Some(finding.fix(fix.step(Step::restart_kubelet()).step(runbook::ready(&old))))
}

fn set_hostname(name: &str) -> Vec<Step> {
    let mut steps = vec![
        Step::command(
            ["hostnamectl", "set-hostname", name],
            "give the host the name of its certificate, in /etc/hostname",
        )
        .verify([
            "grep",
            "--ignore-case",
            "--line-regexp",
            name,
            "/etc/hostname",
        ]),
    ];
    if files::lstat("/etc/cloud/cloud.cfg").is_ok_and(|stat| stat.is_some()) {
        steps.push(Step::write_file(
            "/etc/cloud/cloud.cfg.d/99-preserve-hostname.cfg",
            0o644,
            "preserve_hostname: true\n",
            "or cloud-init may give it another name at a boot",
        ));
    }
    steps
}

/// systemd.hostname= wins over /etc/hostname.
fn command_line(name: &Name) -> Option<Step> {
    let source = &name.said.at.source;
    let is_file = source == "/etc/hostname" || source == "/proc/sys/kernel/hostname";
    (!is_file).then(|| {
        Step::note(format!(
            "remove systemd.hostname= from the kernel's command line in {source}: it wins over \
             /etc/hostname"
        ))
    })
}

/// The flag wins over the name of the host.
fn set_flag(old: &str) -> Vec<Step> {
    let given = kubelet::flag(Horizon::NextBoot, "hostname-override");
    let Ok(Some(flag)) = given else {
        return Vec::new();
    };
    let mut steps = vec![Step::note(format!(
        "write --hostname-override={old} in place of --hostname-override={} in {}",
        flag.value, flag.at.source
    ))];
    if runbook::is_of_a_unit(&flag.at.source) {
        steps.push(Step::daemon_reload());
    }
    steps
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
fn no_name_at_all(name: &Name, certificate: &Certificate) -> Option<Finding> {
    if !name.is_generic() {
        return None;
    }
    let finding = Finding::warn(
        "generic-name",
        format!(
            "this host is called {}, as it is before it gets its name",
            name.value()
        ),
    )
    .seen(name.said.clone());
    // A name that the node has not joined under is told as another one.
    if old_name(certificate).is_none_or(|old| old != name.value()) {
        return Some(finding);
    }
    let fix = Fix::new("join it under a name of its own").step(Step::note(format!(
        "its certificate is that of {0}: drain {0}, `kubeadm reset` on this node, and `kubectl \
         delete node {0}`",
        name.value()
    )));
    let fix = if name.is_flag {
        fix.steps(runbook::remove_flag(
            "hostname-override",
            "it gives the node this name",
        ))
    } else {
        fix.step(Step::command(
            ["hostnamectl", "set-hostname", "NAME"],
            "a name of its own, in /etc/hostname",
        ))
    };
    Some(finding.fix(fix.step(Step::note("join it again"))))
}

nodepol_plugin::policy!(ClientCertIdentity);
