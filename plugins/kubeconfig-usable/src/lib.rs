//! At its start the kubelet gets a credential: from its kubeconfig, or with the
//! bootstrap kubeconfig.
//!
//! One line of its log, `unable to load bootstrap kubeconfig`, has six causes;
//! the files tell which (pkg/kubelet/certificate/bootstrap/bootstrap.go).

use nodepol_plugin::certs::{self, Fault, Start};
use nodepol_plugin::node::{self, JoinState};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Place, Policy, Severity,
    Step, Unavailable, files, no_own_kubelet, runbook,
};

struct KubeconfigUsable;

impl Policy for KubeconfigUsable {
    fn describe() -> Description {
        Description::new(
            "kubeconfig-usable",
            "The kubelet gets a credential at its start",
            "kubelet.conf, or else the bootstrap kubeconfig, gives the kubelet a credential",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let joined = node::get_join_state()?;
        Ok(match certs::at_start(at)? {
            Start::Standalone => {
                Judgement::not_applicable("the kubelet has no --kubeconfig and runs by itself")
            }
            Start::Presents(credential) => {
                let path = credential.path.unwrap_or(credential.at.source);
                Judgement::pass(format!("the kubelet presents the certificate in {path}"))
            }
            Start::Connects => Judgement::pass("the kubeconfig connects without a certificate"),
            Start::Bootstraps(fault) => bootstraps(&fault, joined),
            Start::Exits(fault) if joined == JoinState::InstalledNotJoined => Finding::waiting(
                "not-joined",
                "the node has not joined a cluster: it has no kubeconfig yet",
            )
            .evidence(fault.at, fault.message)
            .into(),
            Start::Exits(fault) => exits(at, fault)?.into(),
        })
    }
}

fn bootstraps(fault: &Fault, joined: JoinState) -> Judgement {
    if joined == JoinState::Joining && fault.kind == "kubeconfig-absent" {
        return Judgement::pass("the kubelet asks for its first certificate");
    }
    Finding::warn(
        "bootstraps-again",
        format!(
            "the kubeconfig cannot be used ({}), so the kubelet asks for a new certificate; that \
             works while the token of the bootstrap kubeconfig is valid, 24 hours by default",
            cause(fault)
        ),
    )
    .evidence(fault.at.clone(), fault.message.clone())
    .into()
}

fn exits(at: Horizon, fault: Fault) -> Result<Finding, Unavailable> {
    let message = format!(
        "the kubelet exits for want of a credential: {}",
        cause(&fault)
    );
    let finding = Finding::fail(&fault.kind, message)
        .evidence(fault.at.clone(), fault.message.clone())
        .fix(fix(at, &fault)?);
    Ok(match fault.kind.as_str() {
        "expired" => finding
            .symptom_of("kubelet-conf-embedded-cert/embedded-expired")
            .symptom_of("client-cert-expiry/expired"),
        _ => finding,
    })
}

fn cause(fault: &Fault) -> &str {
    match fault.kind.as_str() {
        "kubeconfig-absent" => "the kubeconfig does not exist",
        "kubeconfig-malformed" => "the kubeconfig cannot be read",
        "certificate-missing" => "a file that the kubeconfig names does not exist",
        "key-mismatch" => "the key is not the certificate's",
        "ca-unreadable" => "the cluster's CA certificate cannot be read",
        "not-pem" => "the certificate is not PEM",
        "expired" => "the client certificate has expired",
        "store-corrupt" => "the stored client certificate cannot be read",
        other => other,
    }
}

/// A rotated certificate that is still good makes a new one unnecessary.
fn fix(at: Horizon, fault: &Fault) -> Result<Fix, Unavailable> {
    let paths = certs::config_paths(at)?;
    let store = certs::client_store(at)?;
    let now = node::taken_at();
    let good = match &store {
        certs::Store::Link(credential) | certs::Store::Regular(credential) => {
            credential
                .certificates
                .iter()
                .all(|certificate| certificate.not_after > now)
                && !credential.certificates.is_empty()
                && credential.key_matches != Some(false)
        }
        _ => false,
    };
    if let Some(kubeconfig) = paths.kubeconfig.as_deref()
        && good
        && files::lstat(kubeconfig)?.is_some()
        && ["expired", "certificate-missing", "key-mismatch", "not-pem"]
            .contains(&fault.kind.as_str())
    {
        return Ok(runbook::use_rotated_certificate(
            kubeconfig,
            &user_pointer(at)?,
        ));
    }
    if fault.kind == "kubeconfig-absent" && node::get_join_state()? != JoinState::Joined {
        return Ok(Fix::new("join the node again")
            .step(
                Step::command(
                    ["kubeadm", "token", "create", "--print-join-command"],
                    "a token is valid for 24 hours",
                )
                .on(Place::ControlPlane),
            )
            .step(
                Step::command(
                    ["kubeadm", "reset"],
                    "clear what is left of the earlier join",
                )
                .disrupts(nodepol_plugin::Disruption::Evict),
            )
            .step(Step::note("run the printed `kubeadm join …` on this node")));
    }
    runbook::new_client_certificate()
}

/// The user's map in the kubeconfig, from where its certificate stands.
fn user_pointer(at: Horizon) -> Result<String, Unavailable> {
    let pointer = certs::kubelet_kubeconfig(at)?
        .and_then(|kubeconfig| kubeconfig.client)
        .and_then(|client| client.at.pointer)
        .and_then(|pointer| pointer.rsplit_once('/').map(|(user, _)| user.to_owned()));
    Ok(pointer.unwrap_or_else(|| "/users/0/user".to_owned()))
}

nodepol_plugin::policy!(KubeconfigUsable);
