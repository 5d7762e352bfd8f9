//! What the kubelet's server may use (`InitializeTLS` in cmd/kubelet/app/server.go,
//! k8s.io/component-base/cli/flag).

use nodepol_plugin::json::Json;

use super::{Done, Rules};

/// Every suite of Go's crypto/tls since 1.14, the insecure ones last, and two
/// names of old. Go has moved some to the insecure ones; none went.
const SUITES: &str = "\
AES_128_GCM_SHA256 AES_256_GCM_SHA384 CHACHA20_POLY1305_SHA256 \
ECDHE_ECDSA_WITH_AES_128_CBC_SHA ECDHE_ECDSA_WITH_AES_256_CBC_SHA \
ECDHE_RSA_WITH_AES_128_CBC_SHA ECDHE_RSA_WITH_AES_256_CBC_SHA \
ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 \
ECDHE_RSA_WITH_AES_128_GCM_SHA256 ECDHE_RSA_WITH_AES_256_GCM_SHA384 \
ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 \
ECDHE_RSA_WITH_CHACHA20_POLY1305 ECDHE_ECDSA_WITH_CHACHA20_POLY1305 \
RSA_WITH_AES_128_CBC_SHA RSA_WITH_AES_256_CBC_SHA RSA_WITH_AES_128_GCM_SHA256 \
RSA_WITH_AES_256_GCM_SHA384 RSA_WITH_AES_128_CBC_SHA256 RSA_WITH_RC4_128_SHA \
RSA_WITH_3DES_EDE_CBC_SHA ECDHE_RSA_WITH_3DES_EDE_CBC_SHA ECDHE_RSA_WITH_RC4_128_SHA \
ECDHE_ECDSA_WITH_RC4_128_SHA ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 \
ECDHE_RSA_WITH_AES_128_CBC_SHA256";

/// P-256, P-384, P-521, X25519 and the hybrids with ML-KEM that Go has.
const CURVES: [u16; 7] = [23, 24, 25, 29, 4587, 4588, 4589];

pub(super) fn check(rules: &mut Rules) -> Done {
    const FIELD: &str = "/tlsCipherSuites";
    for name in rules.settings.words(FIELD)? {
        let is_known = name
            .strip_prefix("TLS_")
            .is_some_and(|name| SUITES.split(' ').any(|suite| suite == name));
        if !is_known {
            rules.broken(
                "cipher-suite",
                &[FIELD],
                &format!("Cipher suite {name} not supported or doesn't exist"),
            );
        }
    }
    curves(rules)
}

fn curves(rules: &mut Rules) -> Done {
    const FIELD: &str = "/tlsCurvePreferences";
    let list = rules.settings.json(FIELD)?;
    let ids = list.as_ref().map(Json::items).unwrap_or_default();
    // Before 1.36 the field is none of the kubelet's.
    if ids.is_empty() || !rules.settings.since(36)? {
        return Ok(());
    }
    for (index, id) in ids.iter().enumerate() {
        let id = id.text().unwrap_or_default();
        let curve = id.parse::<u16>().unwrap_or(0);
        let again = ids.iter().take(index).any(|other| other.text() == Some(id));
        let why = if curve == 0 {
            "is out of range (must be 1-65535)"
        } else if again {
            "is duplicate"
        } else if !CURVES.contains(&curve) {
            "is not supported by the current Go version"
        } else {
            continue;
        };
        let message = format!("curve preference {id} {why}");
        rules.broken("curve", &[FIELD], &message);
    }
    Ok(())
}
