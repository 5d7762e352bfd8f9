//! Certificates in PEM.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use nodepol_facts::credential::{Certificate, Certs, CredentialFlags};
use nodepol_facts::evidence::Evidence;
use nodepol_model::snapshot::Source;
use serde_json::{Value as Json, json};

use crate::index::{Tally, rows};
use crate::memory::Files;

const PATH: &str = "/pki/some.pem";

pub(crate) fn certs(evidence: Arc<Evidence>, flags: &CredentialFlags) -> Certs {
    let flags = || Ok(flags.clone());
    Certs::with_flags(evidence, flags(), flags())
}

/// Compares certificates with what OpenSSL says of them.
pub(crate) fn compare(tally: &mut Tally, what: &str, ours: &[Certificate], known: &Json) {
    let known = known.as_array().expect("a list");
    tally.compare(
        &format!("{what}: count"),
        &json!(ours.len()),
        &json!(known.len()),
    );
    for (number, (ours, known)) in ours.iter().zip(known).enumerate() {
        let mut compare = |field: &str, ours: Json, known: Json| {
            tally.compare(&format!("{what}: {number} {field}"), &ours, &known);
        };
        let subject = known["subject"].as_str().expect("a subject");
        compare("commonName", json!(ours.common_name), {
            json!(attributes(subject, "CN").into_iter().next())
        });
        let organizations: BTreeSet<&String> = ours.organizations.iter().collect();
        compare(
            "organizations",
            json!(organizations),
            json!(attributes(subject, "O")),
        );
        compare(
            "issuer is subject",
            json!(ours.issuer == ours.subject),
            known["issuer_is_subject"].clone(),
        );
        let seconds = |field: &str| {
            let time: Timestamp = known[field].as_str().expect("a time").parse().unwrap();
            json!(time.as_second())
        };
        compare("notBefore", json!(ours.not_before), seconds("not_before"));
        compare("notAfter", json!(ours.not_after), seconds("not_after"));
        // Without basic constraints a certificate is none of an authority.
        compare(
            "isCa",
            json!(ours.is_ca),
            json!(known["is_ca"] == json!(true)),
        );
    }
}

/// The values of an attribute in a name such as `CN=a,O=b`.
fn attributes(subject: &str, kind: &str) -> BTreeSet<String> {
    subject
        .split(',')
        .filter_map(|part| part.split_once('='))
        .filter(|(key, _)| *key == kind)
        .map(|(_, value)| value.replace("\\\"", "\""))
        .collect()
}

#[test]
fn certificates() {
    let Some(rows) = rows(|kind| kind == "cert") else {
        return;
    };
    let mut tally = Tally::default();
    for row in rows {
        let evidence = Files::default()
            .text(PATH, &row.text())
            .evidence(Source::Tree);
        let certs = certs(evidence, &CredentialFlags::default());
        let found = certs.in_file(PATH).expect("readable").expect("there");
        compare(&mut tally, &row.path, &found, &row.truth["certs"]);
    }
    tally.finish("certificates", &[]);
}
