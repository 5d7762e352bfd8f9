//! At its start the kubelet gets a credential: from its kubeconfig, or with the
//! bootstrap kubeconfig.
//!
//! One line of its log, `unable to load bootstrap kubeconfig`, has six causes;
//! the files tell which (pkg/kubelet/certificate/bootstrap/bootstrap.go).

use nodepol_plugin::certs::{self, Fault, Start};
use nodepol_plugin::node::{self, JoinState};
use nodepol_plugin::{
    Description, Disruption, Finding, Fix, Horizon, Judgement, Parameters, Phase, Place, Policy,
    Severity, Sourced, Step, Unavailable, files, kubelet, no_own_kubelet, runbook,
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
        if joined == JoinState::InstalledNotJoined {
            return before_join(at);
        }
        Ok(match certs::at_start(at)? {
            Start::Standalone => standalone(),
            Start::Presents(credential) => {
                let path = credential.path.unwrap_or(credential.at.source);
                Judgement::pass(format!("the kubelet presents the certificate in {path}"))
            }
            Start::Connects => Judgement::pass("the kubeconfig connects without a certificate"),
            Start::Bootstraps(fault) => bootstraps(at, &fault, joined),
            Start::Exits(fault) => exits(at, &fault).into(),
        })
    }
}

fn standalone() -> Judgement {
    Judgement::not_applicable("the kubelet has no --kubeconfig and runs by itself")
}

/// Nothing is written yet, the configuration included.
fn before_join(at: Horizon) -> Result<Judgement, Unavailable> {
    let flag = match kubelet::flag(at, "kubeconfig") {
        Ok(flag) => flag,
        // What an agent will write before it starts the kubelet.
        Err(_) if node::flavour().value != "kubeadm" => {
            return Ok(Judgement::not_applicable("nothing starts the kubelet yet"));
        }
        Err(unavailable) => return Err(unavailable),
    };
    let Some(flag) = flag.filter(|flag| !flag.value.is_empty()) else {
        return Ok(standalone());
    };
    let message = format!(
        "the node has not joined a cluster: {} does not exist yet",
        flag.value
    );
    Ok(Finding::waiting("not-joined", message)
        .evidence(flag.at, flag.value)
        .fix(runbook::join("join the node to a cluster"))
        .into())
}

fn bootstraps(at: Horizon, fault: &Fault, joined: JoinState) -> Judgement {
    if joined == JoinState::Joining && fault.kind == "kubeconfig-absent" {
        return Judgement::pass("the kubelet asks for its first certificate");
    }
    if let Some(path) = own_certificate(at, fault) {
        return asks_with_its_own(&path, fault);
    }
    if let Some(other) = other_credential(at, fault) {
        return asks_with(&other, fault);
    }
    let paths = certs::config_paths(at).ok();
    let bootstrap = paths
        .and_then(|paths| paths.bootstrap_kubeconfig)
        .unwrap_or_else(|| "the bootstrap kubeconfig".to_owned());
    Finding::warn(
        "bootstraps-again",
        format!(
            "{}, so the kubelet asks for a new certificate; that works while the token in \
             {bootstrap} is valid, 24 hours by default",
            cause(fault)
        ),
    )
    .evidence(fault.at.clone(), fault.message.clone())
    .fix(
        Fix::new("give the bootstrap kubeconfig a token that is valid")
            .step(
                Step::command(
                    ["kubeadm", "token", "create"],
                    "make a token; it is valid for 24 hours",
                )
                .on(Place::ControlPlane),
            )
            .step(Step::note(format!(
                "write it to users[0].user.token in {bootstrap}"
            )))
            .step(Step::restart_kubelet()),
    )
    .into()
}

/// What the kubeconfig has in place of a certificate, if the kubelet asks for its
/// first one with that.
fn other_credential(at: Horizon, fault: &Fault) -> Option<String> {
    if fault.kind != "certificate-missing" {
        return None;
    }
    let kubeconfig = certs::kubelet_kubeconfig(at).ok().flatten()?;
    kubeconfig
        .other_credential
        .filter(|_| kubeconfig.client.is_none() && kubeconfig.path == fault.at.source)
}

fn asks_with(other: &str, fault: &Fault) -> Judgement {
    Finding::note(
        "asks-with-the-kubeconfig",
        format!(
            "rotation is on and there is no certificate yet: the kubelet asks for one with what \
             the kubeconfig has ({other}), and exits after five minutes unless that is granted"
        ),
    )
    .evidence(fault.at.clone(), fault.message.clone())
    .into()
}

/// The file with the kubeconfig's own certificate, if that is still good: what
/// has expired is the one that was stored.
fn own_certificate(at: Horizon, fault: &Fault) -> Option<String> {
    if fault.kind != "expired" {
        return None;
    }
    let client = certs::kubelet_kubeconfig(at).ok().flatten()?.client?;
    let now = node::taken_at();
    let good = !client.certificates.is_empty()
        && client.certificates.iter().all(|own| own.not_after > now);
    good.then(|| client.path.unwrap_or(client.at.source))
}

fn asks_with_its_own(path: &str, fault: &Fault) -> Judgement {
    let stored = &fault.at.source;
    Finding::warn(
        "presents-none",
        format!(
            "the rotated certificate in {stored} has expired: the kubelet presents none, and asks \
             for a new one with the certificate in {path}, which is valid"
        ),
    )
    .evidence(fault.at.clone(), fault.message.clone())
    .by_the_clock()
    .fix(
        Fix::new("see that the request is granted")
            .step(Step::restart_kubelet())
            .step(
                Step::command(
                    ["kubectl", "get", "certificatesigningrequests"],
                    "that of this node must be Approved,Issued; approve it if it is Pending",
                )
                .on(Place::Admin),
            ),
    )
    .into()
}

fn exits(at: Horizon, fault: &Fault) -> Finding {
    let message = format!(
        "the kubelet exits for want of a credential: {}",
        cause(fault)
    );
    let mut finding =
        Finding::fail(&fault.kind, message).evidence(fault.at.clone(), fault.message.clone());
    if let Some((flag, elsewhere)) = flag_elsewhere(at, fault) {
        finding = finding.explained(
            flag.at.clone(),
            flag.value.clone(),
            format!("{elsewhere} exists: the flag names the wrong file"),
        );
        return finding
            .fix(
                Fix::new("make the flag name the kubeconfig that is there")
                    .step(Step::note(format!(
                        "set --kubeconfig={elsewhere} in {}",
                        flag.at.source
                    )))
                    .step(Step::daemon_reload())
                    .step(Step::restart_kubelet()),
            )
            .symptom_of("kubeadm-dropin");
    }
    let finding = finding.fix(fix(at, fault));
    match fault.kind.as_str() {
        "expired" => finding
            .symptom_of("kubelet-conf-embedded-cert/embedded-expired")
            .symptom_of("client-cert-expiry/expired")
            .by_the_clock(),
        "store-corrupt" => finding.symptom_of("client-cert-store"),
        "key-mismatch" => finding.symptom_of("client-cert-store/key-mismatch"),
        "certificate-missing" => finding.symptom_of("client-cert-store/dangling-link"),
        "ca-unreadable" if is_client_ca(at, fault) => {
            finding.symptom_of("kubelet-config-paths/client-ca-missing")
        }
        _ => finding,
    }
}

/// Whether the file that cannot be read is also the one that clients of the
/// kubelet are known by.
fn is_client_ca(at: Horizon, fault: &Fault) -> bool {
    kubelet::setting(at, "/authentication/x509/clientCAFile")
        .ok()
        .flatten()
        .is_some_and(|file| !file.display().is_empty() && fault.message.contains(file.display()))
}

/// The flag `--kubeconfig` that names a file that does not exist, where the one
/// that kubeadm writes does.
fn flag_elsewhere(at: Horizon, fault: &Fault) -> Option<(Sourced, &'static str)> {
    const WRITTEN: &str = "/etc/kubernetes/kubelet.conf";
    let flag = kubelet::flag(at, "kubeconfig").ok().flatten()?;
    let configuration = kubelet::config_path(at).ok().flatten();
    // OpenShift's file of that name is the configuration.
    let other = fault.kind == "kubeconfig-absent"
        && flag.value != WRITTEN
        && configuration.is_none_or(|path| path.value != WRITTEN)
        && files::lstat(WRITTEN).ok().flatten().is_some();
    other.then_some((flag, WRITTEN))
}

fn cause(fault: &Fault) -> &str {
    match fault.kind.as_str() {
        "kubeconfig-absent" => "the kubeconfig does not exist",
        "kubeconfig-malformed" => "the kubeconfig cannot be read",
        "certificate-missing" => "the kubeconfig names no certificate that exists",
        "key-mismatch" => "the key is not the certificate's",
        "ca-unreadable" => "the cluster's CA certificate cannot be read",
        "not-pem" => "the certificate is not PEM",
        "expired" => "the client certificate has expired",
        "store-corrupt" => "the stored client certificate cannot be read",
        other => other,
    }
}

/// A rotated certificate that is still good makes a new one unnecessary.
fn fix(at: Horizon, fault: &Fault) -> Fix {
    let kubeconfig = certs::config_paths(at)
        .ok()
        .and_then(|paths| paths.kubeconfig);
    let there = |path: &str| files::lstat(path).is_ok_and(|stat| stat.is_some());
    let store = certs::client_store(at);
    let now = node::taken_at();
    let good = match &store {
        Ok(certs::Store::Link(credential) | certs::Store::Regular(credential)) => {
            credential
                .certificates
                .iter()
                .all(|certificate| certificate.not_after > now)
                && !credential.certificates.is_empty()
                && credential.key_matches != Some(false)
        }
        _ => false,
    };
    let mendable = ["expired", "certificate-missing", "key-mismatch", "not-pem"];
    if let Some(kubeconfig) = kubeconfig.as_deref()
        && good
        && there(kubeconfig)
        && mendable.contains(&fault.kind.as_str())
    {
        return runbook::use_rotated_certificate(kubeconfig, &user_pointer(at));
    }
    if fault.kind == "ca-unreadable" {
        return bring_back_ca(fault);
    }
    if fault.message.contains("interactiveMode") {
        return Fix::new("say that the plugin asks nobody")
            .step(Step::note(format!(
                "set interactiveMode: Never beside the command of the plugin in {}",
                fault.at.source
            )))
            .step(Step::restart_kubelet());
    }
    // A reset would take the control plane with it.
    if fault.kind == "kubeconfig-absent"
        && matches!(store, Ok(certs::Store::Absent))
        && !node::control_plane()
    {
        return Fix::new("join the node again")
            .step(
                Step::command(
                    ["kubeadm", "token", "create", "--print-join-command"],
                    "print the command for this node; a token is valid for 24 hours",
                )
                .on(Place::ControlPlane),
            )
            .step(
                Step::command(
                    ["kubeadm", "reset"],
                    "clear what is left of the earlier join",
                )
                .disrupts(Disruption::Evict),
            )
            .step(Step::note("run the printed `kubeadm join …` on this node"));
    }
    runbook::new_client_certificate()
}

/// Every namespace has the cluster's CA certificate (RootCAConfigMap, since 1.21).
fn bring_back_ca(fault: &Fault) -> Fix {
    Fix::new("bring back the cluster's CA certificate")
        .step(
            Step::command(
                [
                    "kubectl",
                    "get",
                    "configmap",
                    "kube-root-ca.crt",
                    "--namespace=kube-system",
                    "--output=jsonpath={.data.ca\\.crt}",
                ],
                "print it; any other node of the cluster has it as well",
            )
            .on(Place::Admin),
        )
        .step(Step::note(format!(
            "write it to the file that {} names as certificate-authority, or there in base64 as \
             certificate-authority-data",
            fault.at.source
        )))
        .step(Step::restart_kubelet())
}

/// The user's map in the kubeconfig, from where its certificate stands.
fn user_pointer(at: Horizon) -> String {
    certs::kubelet_kubeconfig(at)
        .ok()
        .flatten()
        .and_then(|kubeconfig| kubeconfig.client)
        .and_then(|client| client.at.pointer)
        .and_then(|pointer| pointer.rsplit_once('/').map(|(user, _)| user.to_owned()))
        .unwrap_or_else(|| "/users/0/user".to_owned())
}

nodepol_plugin::policy!(KubeconfigUsable);
