//! kubelet.conf names the certificate that is rotated, and embeds no copy that
//! grows old.

use nodepol_plugin::certs::{self, Credential};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity, Step,
    Unavailable, kubelet, no_credential_yet, node, render_date, runbook,
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
        if let Some(judgement) = no_credential_yet()? {
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
        if client.kind == "embedded" {
            return Ok(embedded(at, &client, &kubeconfig.path, &user)?.into());
        }
        if client.certificates.is_empty() {
            return Ok(Judgement::not_applicable(
                "the certificate that the kubeconfig names cannot be read: see kubeconfig-usable",
            ));
        }
        let Some(path) = client.path.as_deref().filter(|path| {
            // The link itself, or where it leads today.
            *path != runbook::rotated()
        }) else {
            return Ok(rotated());
        };
        let current = match certs::client_store(at)? {
            certs::Store::Link(stored) | certs::Store::Regular(stored) => stored.path,
            _ => None,
        };
        if current.as_deref() == Some(path) {
            return Ok(rotated());
        }
        Ok(Finding::warn(
            "names-unrotated-file",
            format!(
                "{} names {path}, which the kubelet never renews: once it has expired, no start \
                 succeeds",
                kubeconfig.path
            ),
        )
        .evidence(client.at.clone(), path)
        .fix(name_rotated(current.is_some(), &kubeconfig.path, &user))
        .into())
    }
}

fn rotated() -> Judgement {
    Judgement::pass("the kubeconfig names the certificate that is rotated")
}

/// While the old certificate is valid, a start makes the rotated one of it.
fn name_rotated(stored: bool, kubeconfig: &str, user: &str) -> Fix {
    let fix = runbook::use_rotated_certificate(kubeconfig, user);
    if stored {
        return fix;
    }
    let path = runbook::rotated();
    Fix::new("make the kubeconfig name the rotated certificate")
        .step(Step::restart_kubelet().verify(["test", "-e", &path]))
        .followed_by(fix)
}

fn embedded(
    at: Horizon,
    client: &Credential,
    kubeconfig: &str,
    user: &str,
) -> Result<Finding, Unavailable> {
    let now = node::taken_at();
    let ends = client
        .certificates
        .iter()
        .map(|certificate| certificate.not_after)
        .min();
    let stored = match certs::client_store(at)? {
        certs::Store::Link(stored) | certs::Store::Regular(stored) => Some(stored),
        _ => None,
    };
    let rotated = stored.as_ref().and_then(|stored| {
        let ends = stored
            .certificates
            .iter()
            .map(|certificate| certificate.not_after);
        ends.min()
    });
    let rotated_is_good = rotated.is_some_and(|ends| ends > now);
    let fix = if rotated_is_good || ends.is_some_and(|ends| ends > now) {
        name_rotated(rotated_is_good, kubeconfig, user)
    } else {
        runbook::new_client_certificate()
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
    Ok(match (stored, rotated) {
        (Some(stored), Some(rotated)) => finding.evidence(
            stored.at,
            format!("the rotated certificate, notAfter {}", render_date(rotated)),
        ),
        _ => finding,
    }
    .fix(fix))
}

nodepol_plugin::policy!(KubeletConfEmbeddedCert);
