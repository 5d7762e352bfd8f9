//! kubelet.conf names the certificate that is rotated, and embeds no copy that
//! grows old.

use nodepol_plugin::certs::{self, Credential};
use nodepol_plugin::{
    Description, Finding, Horizon, Judgement, Parameters, Phase, Policy, Severity, Unavailable,
    kubelet, no_own_kubelet, node, render_date, runbook,
};

struct KubeletConfEmbeddedCert;

impl Policy for KubeletConfEmbeddedCert {
    fn describe() -> Description {
        Description::new(
            "kubelet-conf-embedded-cert",
            "kubelet.conf names the rotated certificate",
            "kubelet.conf points at kubelet-client-current.pem, and embeds no certificate",
        )
        .severity(Severity::TimeBomb)
        .phases(&[Phase::Boot])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let Some(kubeconfig) = certs::kubelet_kubeconfig(at)? else {
            return Ok(Judgement::not_applicable(
                "there is no kubeconfig of the kubelet",
            ));
        };
        let Some(client) = kubeconfig.client else {
            return Ok(Judgement::not_applicable(
                "the kubeconfig has no client certificate",
            ));
        };
        let rotates =
            kubelet::setting(at, "/rotateCertificates")?.is_some_and(|setting| setting.is_true());
        if !rotates {
            return Ok(Judgement::not_applicable(
                "rotateCertificates is off: the kubeconfig's certificate is the only one",
            ));
        }
        let user = client
            .at
            .pointer
            .as_deref()
            .and_then(|pointer| pointer.rsplit_once('/'))
            .map_or("/users/0/user", |(user, _)| user)
            .to_owned();
        Ok(match (client.kind.as_str(), client.path.as_deref()) {
            ("embedded", _) => embedded(&client, &kubeconfig.path, &user)?.into(),
            (_, Some(path)) if outlived(path) => Finding::warn(
                "names-unrotated-file",
                format!(
                    "{} names {path}, which the kubelet never renews",
                    kubeconfig.path
                ),
            )
            .evidence(client.at.clone(), path)
            .fix(runbook::use_rotated_certificate(&kubeconfig.path, &user))
            .into(),
            _ => Judgement::pass("the kubeconfig names the certificate that is rotated"),
        })
    }
}

/// Files of old versions: kubelet-client.crt, and a certificate directory on a
/// tmpfs before 1.8.
fn outlived(path: &str) -> bool {
    path.ends_with("/kubelet-client.crt")
        || path.starts_with("/var/run/kubernetes/")
        || path.starts_with("/run/kubernetes/")
}

fn embedded(client: &Credential, kubeconfig: &str, user: &str) -> Result<Finding, Unavailable> {
    let now = node::taken_at();
    let ends = client
        .certificates
        .iter()
        .map(|certificate| certificate.not_after)
        .min();
    let store = certs::client_store(Horizon::NextBoot)?;
    let rotated = match &store {
        certs::Store::Link(stored) | certs::Store::Regular(stored) => stored
            .certificates
            .iter()
            .map(|certificate| certificate.not_after)
            .min(),
        _ => None,
    };
    let rotated_is_good = rotated.is_some_and(|ends| ends > now);
    let fix = if rotated_is_good {
        runbook::use_rotated_certificate(kubeconfig, user)
    } else {
        runbook::new_client_certificate()?
    };
    let Some(ends) = ends else {
        return Ok(Finding::fail(
            "embedded-unreadable",
            "the embedded certificate cannot be read",
        )
        .evidence(client.at.clone(), "client-certificate-data")
        .fix(fix));
    };
    let evidence = format!("an embedded certificate, notAfter {}", render_date(ends));
    let finding = if ends > now {
        Finding::warn(
            "embedded",
            format!(
                "{kubeconfig} embeds a certificate that ends on {}: the first start after that fails, \
                 however new the rotated certificate is",
                render_date(ends)
            ),
        )
    } else if rotated_is_good {
        Finding::fail(
            "embedded-expired",
            format!(
                "{kubeconfig} embeds a certificate that expired on {}; the rotated one is good, and \
                 the kubelet does not get to it",
                render_date(ends)
            ),
        )
    } else {
        Finding::fail(
            "embedded-expired",
            format!(
                "{kubeconfig} embeds a certificate that expired on {}",
                render_date(ends)
            ),
        )
    };
    let finding = finding.evidence(client.at.clone(), evidence);
    Ok(match rotated {
        Some(rotated) => {
            let note = format!("notAfter {}", render_date(rotated));
            finding.evidence(
                nodepol_plugin::Location::source("/var/lib/kubelet/pki/kubelet-client-current.pem"),
                note,
            )
        }
        None => finding,
    }
    .fix(fix))
}

nodepol_plugin::policy!(KubeletConfEmbeddedCert);
