//! The kubelet renews its client certificate, and has done so in time.

use nodepol_plugin::certs::{self, Certificate, Start, Store};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Place, Policy, Severity,
    Step, Unavailable, kubelet, no_credential_yet, node, render_date, runbook,
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
        let stored = match certs::client_store(at)? {
            Store::Link(credential) | Store::Regular(credential) => credential.certificates,
            _ => Vec::new(),
        };
        let presented = match certs::at_start(at)? {
            Start::Presents(credential) => credential.certificates,
            _ => Vec::new(),
        };
        let Some(certificate) = stored.into_iter().chain(presented).next() else {
            return Ok(Judgement::not_applicable(
                "the kubelet has no certificate to rotate",
            ));
        };
        let rotation = kubelet::setting(at, "/rotateCertificates")?;
        if rotation.as_ref().is_none_or(|setting| !setting.is_true()) {
            return Ok(off(at, rotation.map(|setting| setting.at), &certificate).into());
        }
        judge_deadline(at, &certificate)
    }
}

fn off(
    at: Horizon,
    origin: Option<nodepol_plugin::Location>,
    certificate: &Certificate,
) -> Finding {
    let ends = render_date(certificate.not_after);
    let finding = Finding::warn(
        "rotation-off",
        format!("rotateCertificates is off: the kubelet loses its access on {ends}"),
    );
    let finding = match origin {
        Some(origin) => finding.evidence(origin, "rotateCertificates: false"),
        None => finding,
    };
    let mut fix = Fix::new("let the kubelet renew it");
    if let Ok(Some(path)) = kubelet::config_path(at) {
        fix = fix.step(Step::set_value(
            path.value,
            "/rotateCertificates",
            "true",
            "the default of the kubelet is false, that of kubeadm true",
        ));
    }
    finding
        .evidence(certificate.at.clone(), format!("notAfter {ends}"))
        .fix(
            fix.step(Step::restart_kubelet().verify(["test", "-e", &runbook::rotated()]))
                .step(Step::note(format!(
                    "make the kubeconfig name {} as client-certificate and client-key",
                    runbook::rotated()
                ))),
        )
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
        .step(
            Step::command(
                ["kubectl", "get", "certificatesigningrequests"],
                "requests of this node must be Approved,Issued; if they are Pending, nothing \
                 approves or signs them: look at kube-controller-manager and its CA key",
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
        .fix(fix)
        .into())
}

nodepol_plugin::policy!(CertRotation);
