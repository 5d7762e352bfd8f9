//! The kubelet renews its client certificate, and has done so in time.

use nodepol_plugin::certs::{self, Certificate, Start, Store};
use nodepol_plugin::kubelet::SettingValue;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Place, Policy, Severity,
    Step, Unavailable, files, kubelet, no_credential_yet, node, render_date, runbook,
};

/// The kubelet renews at a moment between these parts of the lifetime
/// (client-go, util/certificate/certificate_manager.go, nextRotationDeadline).
const EARLIEST_PERCENT: i64 = 70;
const LATEST_PERCENT: i64 = 90;

struct CertRotation;

impl Policy for CertRotation {
    fn describe() -> Description {
        Description::new(
            "cert-rotation",
            "The client certificate is rotated in time",
            "rotateCertificates is on, and no renewal is overdue while the kubelet runs",
        )
        .severity(Severity::TimeBomb)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_credential_yet()? {
            return Ok(judgement);
        }
        let rotation = kubelet::setting(at, "/rotateCertificates")?;
        let rotates = rotation.as_ref().is_some_and(SettingValue::is_true);
        let presented = match certs::at_start(at)? {
            Start::Presents(credential) => credential.certificates.into_iter().next(),
            _ => None,
        };
        // Without rotation the store is not looked at.
        let stored = match certs::client_store(at)? {
            Store::Link(credential) | Store::Regular(credential) if rotates => {
                credential.certificates.into_iter().next()
            }
            _ => None,
        };
        // A kubelet that runs has what is stored, whatever it would begin with now.
        let is_over = |certificate: &Certificate| certificate.not_after <= node::taken_at();
        let in_use = match (stored, presented) {
            (Some(stored), Some(presented)) if is_over(&stored) => Some(presented),
            (stored, presented) => stored.or(presented),
        };
        let Some(certificate) = in_use else {
            return Ok(Judgement::not_applicable(
                "the kubelet has no certificate to rotate",
            ));
        };
        if !rotates {
            return Ok(off(at, rotation, &certificate)?.into());
        }
        judge_deadline(at, &certificate)
    }
}

fn off(
    at: Horizon,
    rotation: Option<SettingValue>,
    certificate: &Certificate,
) -> Result<Finding, Unavailable> {
    let ends = render_date(certificate.not_after);
    let finding = Finding::warn(
        "rotation-off",
        format!("rotateCertificates is off: the kubelet loses its access on {ends}"),
    );
    let fix = Fix::new("let the kubelet renew it").steps(switch_on(at, rotation.as_ref())?);
    let finding = match rotation {
        Some(setting) => finding.evidence(setting.at, "rotateCertificates: false"),
        None => finding,
    };
    let fix = fix.step(Step::restart_kubelet().verify(["test", "-e", &runbook::rotated()]));
    Ok(finding
        .evidence(certificate.at.clone(), format!("notAfter {ends}"))
        .fix(match other_certificate(at)? {
            Some((kubeconfig, user)) => {
                fix.followed_by(runbook::use_rotated_certificate(&kubeconfig, &user))
            }
            None => fix,
        }))
}

/// Where the value that counts is said: a flag wins over a drop-in, and that
/// over the file.
fn switch_on(at: Horizon, rotation: Option<&SettingValue>) -> Result<Vec<Step>, Unavailable> {
    let mut steps = runbook::remove_flag("rotate-certificates", "it wins over the file");
    let said = rotation
        .filter(|setting| !setting.is_default && setting.at.pointer.is_some())
        .map(|setting| setting.at.source.clone());
    let file = match (said, kubelet::config_path(at)?) {
        (Some(said), _) => Some(said),
        (None, Some(path)) if kubelet::config_present(at)? => Some(path.value),
        (None, _) => None,
    };
    match file {
        Some(file) => {
            steps.push(Step::set_value(
                file,
                "/rotateCertificates",
                "true",
                "the default of the kubelet is false, that of kubeadm true",
            ));
            if node::flavour().value == "kubeadm" {
                steps.push(
                    Step::command(
                        [
                            "kubectl",
                            "--namespace",
                            "kube-system",
                            "edit",
                            "configmap",
                            "kubelet-config",
                        ],
                        "set rotateCertificates: true in the cluster's copy too, or the next \
                         upgrade reverts it",
                    )
                    .on(Place::Admin),
                );
            }
        }
        None => steps.push(Step::note(
            "give the kubelet --rotate-certificates=true where its other flags are",
        )),
    }
    Ok(steps)
}

/// The kubeconfig, and its user, that has another certificate than the rotated
/// one.
fn other_certificate(at: Horizon) -> Result<Option<(String, String)>, Unavailable> {
    let Some(kubeconfig) = certs::kubelet_kubeconfig(at)? else {
        return Ok(None);
    };
    let Some(client) = kubeconfig.client else {
        return Ok(None);
    };
    let rotated = runbook::rotated();
    let stored = files::resolve(&rotated)?;
    let is_rotated = client.kind != "embedded"
        && client
            .path
            .is_some_and(|path| path == rotated || Some(path) == stored);
    let user = client
        .at
        .pointer
        .as_deref()
        .and_then(|pointer| pointer.rsplit_once('/'))
        .map_or("/users/0/user", |(user, _)| user);
    Ok((!is_rotated).then(|| (kubeconfig.path, user.to_owned())))
}

fn judge_deadline(at: Horizon, certificate: &Certificate) -> Result<Judgement, Unavailable> {
    let lifetime = (certificate.not_after - certificate.not_before).max(1);
    let moment = |percent: i64| certificate.not_before + lifetime / 100 * percent;
    let now = node::taken_at();
    if now <= moment(LATEST_PERCENT) {
        return Ok(Judgement::pass(format!(
            "it is renewed between {} and {}",
            render_date(moment(EARLIEST_PERCENT)),
            render_date(moment(LATEST_PERCENT))
        )));
    }
    // What is over is client-cert-expiry's to tell.
    if now >= certificate.not_after {
        return Ok(Judgement::not_applicable(
            "the certificate has expired; client-cert-expiry judges this",
        ));
    }
    let evidence = format!(
        "notBefore {}, notAfter {}",
        render_date(certificate.not_before),
        render_date(certificate.not_after)
    );
    let fix = Fix::new("find out why it is not renewed")
        .step(Step::command(
            [
                "journalctl",
                "--unit=kubelet.service",
                "--grep=certificate",
                "--lines=20",
            ],
            "what the kubelet says of its request: `expected … to be a symlink`, an API server \
             that cannot be reached, or `certificate request was not signed`",
        ))
        .step(
            Step::command(
                [
                    "kubectl",
                    "get",
                    "certificatesigningrequests",
                    "--field-selector=spec.signerName=kubernetes.io/kube-apiserver-client-kubelet",
                ],
                format!(
                    "requests of system:node:{} must be Approved,Issued; if one is Pending, \
                     nothing approves it: `kubectl certificate approve` it. If it is only \
                     Approved, nothing signs it: kube-controller-manager does not run, or has no \
                     ca.key, as with an external CA",
                    runbook::node_name()
                ),
            )
            .on(Place::Admin),
        )
        .step(Step::restart_kubelet());
    let due = render_date(moment(LATEST_PERCENT));
    let running = at == Horizon::Now && kubelet::running()?.is_some();
    let finding = if running {
        Finding::fail(
            "rotation-broken",
            format!(
                "the kubelet runs, and should have renewed its certificate by {due}: rotation is broken"
            ),
        )
    } else {
        Finding::warn(
            "rotation-overdue",
            format!(
                "the certificate should have been renewed by {due}; the kubelet tries when it starts"
            ),
        )
    };
    Ok(finding
        .evidence(certificate.at.clone(), evidence)
        .symptom_of("client-cert-store/not-a-link")
        .by_the_clock()
        .fix(fix)
        .into())
}

nodepol_plugin::policy!(CertRotation);
