//! The ways to new certificates.

use nodepol_plugin::{Fix, Place, Step, files, node, runbook};

/// New ones of the CAs that are there ("Certificate Management with kubeadm").
pub(crate) fn renew() -> Fix {
    let fix = Fix::new("renew the control plane's certificates, before those of kubelets");
    if !matches!(node::flavour().value.as_str(), "kubeadm" | "kubespray") {
        return fix.step(
            Step::note("renew them with what made them, and restart the control plane")
                .on(Place::ControlPlane),
        );
    }
    let fix = fix.step(
        Step::command(
            ["kubeadm", "certs", "check-expiration"],
            "what there is and until when",
        )
        .on(Place::ControlPlane),
    );
    let is_external = files::lstat("/etc/kubernetes/pki/ca.key").is_ok_and(|stat| stat.is_none());
    let fix = if is_external {
        fix.step(
            Step::note(
                "there is no ca.key here: make requests with `kubeadm certs generate-csr`, have \
                 the CA sign them, and put the certificates in the place of the old ones. If \
                 another control plane has the key, copy it from there for this",
            )
            .on(Place::ControlPlane),
        )
    } else {
        fix.step(
            Step::command(
                ["kubeadm", "certs", "renew", "all"],
                "all but CA certificates, and but those of kubelets",
            )
            .on(Place::ControlPlane)
            .verify(["kubeadm", "certs", "check-expiration"]),
        )
    };
    fix.step(
        runbook::restart_static_pods(&[
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
        ])
        .verify([
            "kubectl",
            "--kubeconfig=/etc/kubernetes/admin.conf",
            "get",
            "--raw=/readyz",
        ]),
    )
    .step(
        Step::note(
            "copy /etc/kubernetes/admin.conf to where kubectl reads it (~/.kube/config), and do \
             the same on every other control plane",
        )
        .on(Place::ControlPlane),
    )
}

/// kubeadm renews no CA.
pub(crate) fn rotate() -> Fix {
    Fix::new("rotate the CA").step(
        Step::note(
            "follow \"Manual Rotation of CA Certificates\" of the Kubernetes documentation: the \
             new CA beside the old one first, then new certificates for every component",
        )
        .on(Place::ControlPlane),
    )
}
