//! The authorities that the node knows signed its certificates, and are valid.

use nodepol_plugin::certs::{self, Certificate, Signer};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Place, Policy, Severity,
    Step, Unavailable, files, no_credential_yet, node, render_date, runbook,
};

struct ClientCertIssuer;

const APISERVER: &str = "/etc/kubernetes/pki/apiserver.crt";

impl Policy for ClientCertIssuer {
    fn describe() -> Description {
        Description::new(
            "client-cert-issuer",
            "The node's CA signed its certificate",
            "the client certificate is signed by a CA that the node knows, and that CA is valid",
        )
        .severity(Severity::Degraded)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_credential_yet()? {
            return Ok(judgement);
        }
        let Some(signer) = certs::client_signer(at)? else {
            return Ok(Judgement::not_applicable("the kubelet has no certificate"));
        };
        if signer.authorities.is_empty() {
            return Ok(Judgement::not_applicable(
                "the node knows no CA certificate",
            ));
        }
        let mut findings = Vec::new();
        match (&signer.signed_by, &signer.unverifiable) {
            (Some(ca), _) => findings.extend(expired(ca)),
            (None, Some(why)) => {
                findings.push(Finding::unknown("unverifiable", why.clone()).evidence(
                    signer.certificate.at.clone(),
                    signer.certificate.issuer.clone(),
                ))
            }
            (None, None) => findings.push(other_ca(&signer)),
        }
        findings.extend(api_server(at)?);
        Ok(Judgement::of(
            findings,
            "the CA that the node knows signed its certificate",
        ))
    }
}

/// A CA of which all certificates have expired signs nothing that holds.
fn expired(ca: &Certificate) -> Option<Finding> {
    (ca.not_after < node::taken_at()).then(|| {
        let ended = render_date(ca.not_after);
        Finding::fail(
            "ca-expired",
            format!(
                "the cluster's CA certificate expired on {ended}: nobody accepts what it signed"
            ),
        )
        .evidence(ca.at.clone(), format!("notAfter {ended}"))
        .fix(
            Fix::new("rotate the cluster's CA").step(
                Step::note(
                    "follow \"Manual Rotation of CA Certificates\" of the Kubernetes \
                         documentation: new CA beside the old one first, then new certificates \
                         for every component",
                )
                .on(Place::ControlPlane),
            ),
        )
    })
}

/// On a node of kubeadm one CA signs for both sides. Elsewhere clients may have
/// a CA of their own, which only the control plane knows.
fn other_ca(signer: &Signer) -> Finding {
    let certificate = &signer.certificate;
    let message = format!(
        "none of the CA certificates that this node knows signed its certificate (its issuer is \
         called {}, which says nothing)",
        certificate.issuer
    );
    let finding = if node::flavour().value == "kubeadm" {
        Finding::fail("other-ca", message)
    } else {
        Finding::warn("other-ca", message)
    };
    signer
        .authorities
        .iter()
        .fold(
            finding.evidence(
                certificate.at.clone(),
                format!("issuer {}", certificate.issuer),
            ),
            |finding, ca| finding.explained(ca.at.clone(), ca.subject.clone(), "did not sign it"),
        )
        .fix(runbook::new_client_certificate())
}

/// A control plane's own serving certificate, which its kubelet has to accept.
fn api_server(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    if !node::control_plane() || files::lstat(APISERVER)?.is_none() {
        return Ok(None);
    }
    let Some(signer) = certs::signer_of(at, APISERVER)? else {
        return Ok(None);
    };
    if signer.signed_by.is_some() || signer.unverifiable.is_some() {
        return Ok(None);
    }
    Ok(Some(
        Finding::fail(
            "apiserver-other-ca",
            "the API server's certificate is not signed by the CA of this kubelet: x509: \
             certificate signed by unknown authority",
        )
        .evidence(signer.certificate.at, format!("issuer {}", signer.certificate.issuer))
        .fix(
            Fix::new("sign the API server's certificate again")
                .step(
                    Step::command(
                        ["kubeadm", "certs", "renew", "apiserver"],
                        "with the CA in /etc/kubernetes/pki, if that is the cluster's",
                    )
                    .on(Place::ControlPlane),
                )
                .step(
                    Step::note("restart the kube-apiserver: move its manifest out of /etc/kubernetes/manifests and back")
                        .on(Place::ControlPlane),
                ),
        ),
    ))
}

nodepol_plugin::policy!(ClientCertIssuer);
