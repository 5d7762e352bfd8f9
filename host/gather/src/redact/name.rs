//! Names that say that their value is a secret.

/// Last words that say so by themselves.
const WORDS: &[&str] = &[
    "token",
    "tokens",
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "apikey",
    "clientsecret",
    "secretkey",
    "privatekey",
    "presharedkey",
    "accesskey",
    "psk",
    "dockerconfigjson",
    "dockercfg",
];

/// Last two words that say so together.
const PAIRS: &[(&str, &str)] = &[
    ("api", "key"),
    ("private", "key"),
    ("secret", "key"),
    ("access", "key"),
    ("preshared", "key"),
    ("shared", "key"),
    ("encryption", "key"),
    ("signing", "key"),
    ("master", "key"),
    ("account", "key"),
    ("storage", "key"),
    ("auth", "key"),
    // kubeadm's, which opens the certificates of the control plane.
    ("certificate", "key"),
    // `client-key-data` of a kubeconfig.
    ("key", "data"),
    // `SetCredential=` of systemd.exec(5) holds the secret itself.
    ("set", "credential"),
    // `--manifest-url-header` and `staticPodURLHeader` of the kubelet.
    ("url", "header"),
];

/// Whether a value called `name` is a secret, in whichever of the usual ways
/// the name is written: `client-secret`, `clientSecret`, `CLIENT_SECRET`.
pub(super) fn is_secret(name: &str) -> bool {
    if name.len() > 128 {
        return false;
    }
    let words = words(name);
    let Some(last) = words.last() else {
        return false;
    };
    if WORDS.contains(&last.as_str()) || last.ends_with("token") || last.ends_with("password") {
        return true;
    }
    if words.len() == 1 {
        // `auth` of a docker configuration, whole or not at all.
        return last == "auth" || last == "setcredential";
    }
    let before = words.get(words.len().saturating_sub(2));
    let pair = before.map(|first| (first.as_str(), last.as_str()));
    pair.is_some_and(|pair| PAIRS.contains(&pair))
        || (last == "pass" && !name.bytes().any(|byte| byte.is_ascii_lowercase()))
}

/// Whether everything below `name` is secret, under whatever names.
pub(super) fn holds_secrets(name: &str) -> bool {
    name == "staticPodURLHeader"
}

/// Whether `name` is a shorthand that is a secret only as an assignment: `pass=x`.
pub(super) fn is_shorthand(name: &str) -> bool {
    matches!(name, "pass" | "pwd")
}

fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = name.chars().peekable();
    let mut last = '_';
    while let Some(character) = characters.next() {
        let next_is_lower = characters.peek().is_some_and(char::is_ascii_lowercase);
        let starts =
            character.is_ascii_uppercase() && (!last.is_ascii_uppercase() || next_is_lower);
        if (starts || !character.is_ascii_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_ascii_alphanumeric() {
            word.push(character.to_ascii_lowercase());
        }
        last = character;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn names_of_secrets() {
        for name in [
            "token",
            "bootstrap-token",
            "idToken",
            "REGISTRY_PASSWORD",
            "client-secret",
            "apiKey",
            "APIKey",
            "aadClientSecret",
            "client-key-data",
            ".dockerconfigjson",
            "identitytoken",
            "SetCredential",
            "systemd.set_credential",
            "certificate-key",
            "AWS_SECRET_ACCESS_KEY",
            "auth",
            "DB_PASS",
            "private_key",
            "manifest-url-header",
        ] {
            assert!(is_secret(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_sound_alike() {
        for name in [
            "tokenFile",
            "serviceAccountTokenFile",
            "authentication",
            "authorization",
            "authentication-token-webhook",
            "authentication-token-webhook-cache-ttl",
            "secretName",
            "tokenAttributes",
            "rotateCertificates",
            "certificate-authority-data",
            "clientCAFile",
            "client-certificate-data",
            "imagePullSecrets",
            "tls-private-key-file",
            "private_key_id",
            "image-credential-provider-config",
            "LoadCredential",
            "PassEnvironment",
            "global_auth_file",
            "configMapAndSecretChangeDetectionStrategy",
            "passno",
            "keyring",
            "auths",
            "bypass",
            "enable-bootstrap-token-auth",
            "discovery-token-ca-cert-hash",
            "serviceAccountTokenAudience",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
