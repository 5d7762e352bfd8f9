//! The authorities that the node knows signed its certificates, and are valid.

use nodepol_plugin::certs::{self, Certificate, Signer};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Place, Policy, Severity,
    Step, Unavailable, files, kubelet, no_credential_yet, node, render_date, runbook,
};

struct ClientCertIssuer;

const APISERVER: &str = "/etc/kubernetes/pki/apiserver.crt";
const PKI_CA: &str = "/etc/kubernetes/pki/ca.crt";

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
            (None, None) => findings.push(other_ca(at, &signer)?),
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
        .by_the_clock()
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

/// On a node of kubeadm one CA signs for both sides, as long as `clientCAFile` is
/// that of the kubeconfig. Elsewhere clients may have a CA of their own, which
/// only the control plane knows.
fn other_ca(at: Horizon, signer: &Signer) -> Result<Finding, Unavailable> {
    let certificate = &signer.certificate;
    let message = format!(
        "none of the CA certificates that this node knows signed its certificate (its issuer is \
         called {}, which says nothing)",
        certificate.issuer
    );
    let is_one_ca = of_kubeconfig(signer).len() == signer.authorities.len();
    let finding = if node::flavour().value == "kubeadm" && is_one_ca {
        Finding::fail("other-ca", message)
    } else {
        Finding::warn("other-ca", message)
    };
    let mut fix = Fix::new("give the node the cluster's CA and a certificate of it");
    let client_ca = kubelet::setting(at, "/authentication/x509/clientCAFile")?
        .map(|setting| setting.display().to_owned())
        .filter(|path| !path.is_empty());
    if let Some(path) = client_ca
        && !node::control_plane()
    {
        fix = fix.step(Step::note(format!(
            "copy /etc/kubernetes/pki/ca.crt of the control plane to {path} on this node"
        )));
    }
    Ok(signer
        .authorities
        .iter()
        .fold(
            finding.evidence(
                certificate.at.clone(),
                format!("issuer {}", certificate.issuer),
            ),
            |finding, ca| finding.explained(ca.at.clone(), ca.subject.clone(), "did not sign it"),
        )
        .fix(fix.followed_by(runbook::new_client_certificate())))
}

/// What the kubeconfig trusts: its authorities come first, and those of
/// `clientCAFile` that are not among them after them.
fn of_kubeconfig(signer: &Signer) -> Vec<&Certificate> {
    let first = signer.authorities.first().map(|ca| &ca.at.source);
    signer
        .authorities
        .iter()
        .filter(|ca| Some(&ca.at.source) == first)
        .collect()
}

/// A control plane's own serving certificate, which its kubelet has to accept by
/// the CA of its kubeconfig; that of `clientCAFile` is for those who call it.
fn api_server(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    if !node::control_plane() || files::lstat(APISERVER)?.is_none() {
        return Ok(None);
    }
    let Some(signer) = certs::signer_of(at, APISERVER)? else {
        return Ok(None);
    };
    if signer.unverifiable.is_some() {
        return Ok(None);
    }
    let trusted: Vec<&str> = of_kubeconfig(&signer)
        .into_iter()
        .map(|ca| ca.public_key_sha256.as_str())
        .collect();
    let is_trusted = |ca: &Certificate| trusted.contains(&ca.public_key_sha256.as_str());
    if signer.signed_by.as_ref().is_some_and(is_trusted) {
        return Ok(None);
    }
    // Which of the two is the cluster's tells the CA that signs here.
    let own = certs::in_file(PKI_CA)?.unwrap_or_default();
    let fix = if own.iter().any(is_trusted) {
        Fix::new("sign the API server's certificate again")
            .step(
                Step::command(
                    ["kubeadm", "certs", "renew", "apiserver"],
                    "with the CA in /etc/kubernetes/pki, which is that of the kubeconfig",
                )
                .on(Place::ControlPlane),
            )
            .step(runbook::restart_static_pods(&["kube-apiserver"]))
    } else {
        runbook::new_client_certificate()
    };
    Ok(Some(
        Finding::fail(
            "apiserver-other-ca",
            "the API server's certificate is not signed by the CA of this kubelet: x509: \
             certificate signed by unknown authority",
        )
        .evidence(
            signer.certificate.at.clone(),
            format!("issuer {}", signer.certificate.issuer),
        )
        .fix(fix),
    ))
}

nodepol_plugin::policy!(ClientCertIssuer);
