//! Private keys never pass; their public halves are those that OpenSSL computes.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests end by panicking"
)]

use std::fs;
use std::path::Path;

use nodepol_gather::redact::{KEY_BEGIN, KEY_END, text};

fn keys() -> Vec<(String, String, Option<String>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys");
    let mut keys = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            let digest = fs::read_to_string(path.with_extension("spki")).ok();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let digest = digest.map(|digest| digest.trim().to_owned());
            keys.push((name, fs::read_to_string(&path).unwrap(), digest));
        }
    }
    keys.sort();
    assert!(keys.len() > 10, "the keys are there");
    keys
}

fn certificate() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys/certificate.crt");
    fs::read_to_string(path).unwrap()
}

/// The lines of a key that must not be seen: every body line.
fn canaries(pem: &str) -> Vec<String> {
    let body = pem
        .lines()
        .filter(|line| !line.starts_with("---") && !line.contains(':'));
    body.filter(|line| line.len() >= 4)
        .map(str::to_owned)
        .collect()
}

fn check(name: &str, input: &str, pem: &str) -> String {
    let output = text(input).into_owned();
    for canary in canaries(pem) {
        assert!(
            !output.contains(&canary),
            "{name}: {canary} is in\n{output}"
        );
    }
    assert_eq!(
        output.matches('\n').count(),
        input.matches('\n').count(),
        "{name}\n{output}"
    );
    assert_eq!(text(&output), output, "{name}: twice is once");
    output
}

fn encode(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn the_marker_carries_the_digest_of_the_public_half() {
    for (name, pem, digest) in keys() {
        let output = check(&name, &pem, &pem);
        let lines: Vec<&str> = output.lines().collect();
        assert_eq!(lines[0], KEY_BEGIN, "{name}");
        match digest {
            Some(digest) => assert_eq!(lines[1], format!("spki-sha256:{digest}"), "{name}"),
            None if name == "openssh" => assert_eq!(lines[1], "spki-unknown:openssh"),
            None => assert_eq!(lines[1], "spki-unknown:encrypted", "{name}"),
        }
        assert!(
            lines[2..lines.len() - 1].iter().all(|line| line.is_empty()),
            "{name}"
        );
        assert_eq!(lines[lines.len() - 1], KEY_END, "{name}");
    }
}

#[test]
fn carriage_returns_and_indentation_stay() {
    for (name, pem, _) in keys() {
        let windows = pem.replace('\n', "\r\n");
        let output = check(&name, &windows, &pem);
        assert_eq!(
            output.matches("\r\n").count(),
            windows.matches("\r\n").count()
        );

        let indented: String = pem.lines().map(|line| format!("    {line}\n")).collect();
        let yaml = format!("tls:\n  key.pem: |\n{indented}after: 1\n");
        let output = check(&name, &yaml, &pem);
        assert!(
            output.contains(&format!("    {KEY_BEGIN}\n    spki-")),
            "{output}"
        );
        assert!(
            output.ends_with(&format!("    {KEY_END}\nafter: 1\n")),
            "{output}"
        );
    }
}

#[test]
fn several_keys_among_certificates() {
    let certificate = certificate();
    for (name, pem, digest) in keys() {
        let input = format!("{certificate}{pem}# between\n{pem}{certificate}");
        let output = check(&name, &input, &pem);
        assert_eq!(output.matches(KEY_BEGIN).count(), 2);
        assert_eq!(output.matches(&certificate).count(), 2, "certificates stay");
        assert!(output.contains("# between\n"));
        if let Some(digest) = digest {
            assert_eq!(output.matches(&digest).count(), 2);
        }
    }
}

#[test]
fn a_torn_key_stays_torn() {
    for (name, pem, _) in keys() {
        let torn = pem.split("-----END").next().unwrap().trim_end().to_owned();
        for input in [
            format!("{torn}\n"),
            torn.clone(),
            format!("{torn}\nnext: value\nother: 1\n"),
        ] {
            let output = check(&name, &input, &pem);
            assert!(
                output.contains("spki-unknown:truncated"),
                "{name}\n{output}"
            );
            assert!(!output.contains(KEY_END), "{name}\n{output}");
            assert_eq!(
                output.contains("next: value\nother: 1\n"),
                input.contains("next"),
                "{output}"
            );
        }
        let headless = pem
            .lines()
            .skip(3)
            .map(|line| format!("{line}\n"))
            .collect::<String>();
        if headless.lines().count() > 1 {
            let output = text(&headless).into_owned();
            for canary in canaries(&headless).iter().filter(|line| line.len() > 15) {
                assert!(!output.contains(canary.as_str()), "{name}\n{output}");
            }
            assert_eq!(output.lines().count(), headless.lines().count());
        }
    }
}

#[test]
fn a_key_in_one_line() {
    for (name, pem, digest) in keys() {
        let json = format!(
            "{{\"key\": {}, \"n\": 1}}\n",
            serde_json::to_string(&pem).unwrap()
        );
        let output = check(&name, &json, &pem);
        let value: serde_json::Value = serde_json::from_str(&output).expect("still JSON");
        assert!(value["key"].as_str().unwrap().starts_with(KEY_BEGIN));
        assert_eq!(value["n"], 1);
        if let Some(digest) = digest {
            assert!(
                value["key"]
                    .as_str()
                    .unwrap()
                    .contains(&format!("\nspki-sha256:{digest}\n"))
            );
        }
        let folded = pem.trim_end().replace('\n', " ");
        check(&name, &format!("ENV_KEY={folded}\nX=1\n"), &pem);
    }
}

#[test]
fn base64_of_a_key() {
    for (name, pem, digest) in keys() {
        let encoded = encode(&pem);
        for input in [
            format!("    client-key-data: {encoded}\n    token: null\n"),
            format!("{{\"client-key-data\":\"{encoded}\"}}\n"),
            format!("KEY={encoded}\n"),
            format!("blob {encoded} in a log\n"),
        ] {
            let output = text(&input).into_owned();
            assert!(!output.contains(&encoded[..24]), "{name}\n{output}");
            if let Some(digest) = &digest {
                let marker = format!("nodepol-redacted:spki-sha256:{digest}");
                assert!(output.contains(&marker), "{name}\n{output}");
            }
            assert_eq!(text(&output), output);
        }
        // Wrapped, as `base64` prints it.
        let wrapped: Vec<&str> = (0..encoded.len())
            .step_by(76)
            .map(|at| &encoded[at..encoded.len().min(at + 76)])
            .collect();
        let input = format!("data:\n  {}\nafter: 1\n", wrapped.join("\n  "));
        let output = text(&input).into_owned();
        assert!(
            wrapped.iter().all(|line| !output.contains(line)),
            "{name}\n{output}"
        );
        assert_eq!(output.lines().count(), input.lines().count());
        assert!(output.ends_with("after: 1\n"));
        // Encoded twice.
        let twice = encode(&encoded);
        assert!(!text(&twice).contains(&twice[..40]), "{name}");
    }
}

#[test]
fn base64_of_der() {
    let der: String = canaries(&keys().iter().find(|key| key.0 == "rsa-pkcs8").unwrap().1).concat();
    assert!(!text(&format!("key {der}\n")).contains(&der[..40]));
}

#[test]
fn certificates_and_digests_stay() {
    let certificate = certificate();
    let encoded = encode(&certificate);
    for input in [
        certificate.clone(),
        format!("    client-certificate-data: {encoded}\n"),
        format!("    certificate-authority-data: {encoded}\n"),
        "sha256:0f2a9b0c4d8e1f2a9b0c4d8e1f2a9b0c4d8e1f2a9b0c4d8e1f2a9b0c4d8e1f2a\n".to_owned(),
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n".to_owned(),
        "The text -----BEGIN CERTIFICATE----- in a comment\n".to_owned(),
    ] {
        assert_eq!(text(&input), input);
    }
    // Together with a key, the certificate can still be read.
    let (_, pem, digest) = keys()
        .into_iter()
        .find(|key| key.0 == "ec-prime256v1-sec1")
        .unwrap();
    let output = text(&encode(&format!("{certificate}{pem}"))).into_owned();
    use base64::Engine as _;
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(output)
        .unwrap();
    let decoded = String::from_utf8(decoded).unwrap();
    assert!(decoded.starts_with(&certificate));
    assert!(decoded.contains(&digest.unwrap()));
}
