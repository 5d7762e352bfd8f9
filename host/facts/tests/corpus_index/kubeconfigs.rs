//! Kubeconfigs, seen from their current context.

use nodepol_facts::credential::CredentialFlags;
use nodepol_model::Horizon;
use nodepol_model::snapshot::Source;
use serde_json::{Value as Json, json};

use crate::certificates::{certs, compare};
use crate::index::{Tally, rows};
use crate::memory::Files;

const PATH: &str = "/etc/kubernetes/kubelet.conf";

#[test]
fn kubeconfigs() {
    let Some(rows) = rows(|kind| kind == "kubeconfig") else {
        return;
    };
    let mut tally = Tally::default();
    for row in rows {
        let evidence = Files::default()
            .text(PATH, &row.text())
            .evidence(Source::Tree);
        let flags = CredentialFlags {
            kubeconfig: Some(PATH.to_owned()),
            ..CredentialFlags::default()
        };
        let found = certs(evidence, &flags)
            .kubelet_kubeconfig(Horizon::NextBoot)
            .expect("readable")
            .expect("there");
        let known = &row.truth;
        let what = |field: &str| format!("{}: {field}", row.path);
        let selects = known["context_exists"] == json!(true);
        // A server is known of the current context alone.
        let server = known["servers"].get(0).cloned().unwrap_or(Json::Null);
        if selects {
            let ours = found.server.clone().filter(|server| !server.is_empty());
            let known = if server == "" { Json::Null } else { server };
            tally.compare(&what("server"), &json!(ours), &known);
        } else {
            tally.compare(
                &what("problem"),
                &json!(found.problem.is_some()),
                &json!(true),
            );
        }
        if let Some(auth) = known["auth"].as_array() {
            let other = auth
                .iter()
                .filter_map(Json::as_str)
                .find(|kind| !kind.starts_with("client-certificate"));
            tally.compare(&what("auth"), &json!(found.other_credential), &json!(other));
            let certificate = auth
                .iter()
                .any(|kind| kind == "client-certificate" || kind == "client-certificate-data");
            let ours = found.client.is_some()
                || found
                    .problem
                    .as_deref()
                    .is_some_and(|problem| problem.contains("client-cert"));
            tally.compare(&what("certificate"), &json!(ours), &json!(certificate));
        }
        if let Some(certificates) = known.get("client_cert") {
            let ours = found.client.map(|client| client.certificates);
            compare(
                &mut tally,
                &what("client"),
                &ours.unwrap_or_default(),
                certificates,
            );
        }
    }
    let explained = [(
        "microshift/deps/github.com/openshift/kubernetes/cmd/kubeadm/app/util/config/testdata/\
         kubelet-without-cert.yaml: server",
        "the name of its cluster is indented into the cluster, so the context's does not exist",
    )];
    tally.finish("kubeconfigs", &explained);
}
