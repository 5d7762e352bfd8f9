//! Pulling images and verifying who may use them.

use super::{Done, Rules, words};

pub(super) fn check(rules: &mut Rules) -> Done {
    parallel_pulls(rules)?;
    verification(rules)
}

fn parallel_pulls(rules: &mut Rules) -> Done {
    const FIELDS: [&str; 2] = ["/maxParallelImagePulls", "/serializeImagePulls"];
    let settings = rules.settings;
    if settings.integer(FIELDS[0])?.is_some_and(|pulls| pulls > 1)
        && settings.is(FIELDS[1], true)?
        && settings.since(27)?
    {
        rules.broken(
            "parallel-pulls",
            &FIELDS,
            "maxParallelImagePulls cannot be larger than 1 unless serializeImagePulls is false",
        );
    }
    Ok(())
}

fn verification(rules: &mut Rules) -> Done {
    const FIELD: &str = "/imagePullCredentialsVerificationPolicy";
    const LIST: &str = "/preloadedImagesVerificationAllowlist";
    const GATE: &str = "/featureGates/KubeletEnsureSecretPulledImages";
    const LISTED: &str = "NeverVerifyAllowlistedImages";
    let settings = rules.settings;
    let said = settings
        .said(FIELD)?
        .and_then(|policy| policy.text().map(|policy| !policy.is_empty()))
        .unwrap_or(false);
    let images = settings.words(LIST)?;
    // Before 1.33 the fields are none of the kubelet's.
    if (!said && images.is_empty()) || !settings.since(33)? {
        return Ok(());
    }
    let fields = if said { &[FIELD, GATE] } else { &[LIST, GATE] };
    if rules.lacks_gate("image-verification", fields)? {
        return Ok(());
    }
    words::choose(
        rules,
        &[FIELD],
        "NeverVerify NeverVerifyPreloadedImages NeverVerifyAllowlistedImages AlwaysVerify",
    )?;
    if images.is_empty() {
        return Ok(());
    }
    if settings.text(FIELD)?.is_none_or(|policy| policy != LISTED) {
        rules.broken(
            "image-verification",
            &[FIELD, LIST],
            "preloadedImagesVerificationAllowlist can only be set if \
             imagePullCredentialsVerificationPolicy is NeverVerifyAllowlistedImages",
        );
    }
    if let Some(image) = images.iter().find(|image| !is_pattern(image)) {
        rules.broken(
            "image-verification",
            &[LIST],
            &format!(
                "invalid image pattern \"{image}\" in preloadedImagesVerificationAllowlist: it is \
                 an image without tag and digest, or a registry and path that ends with /*"
            ),
        );
    }
    Ok(())
}

/// `getAllowlistImagePattern` in pkg/kubelet/images/pullmanager, but for the
/// characters of a name.
fn is_pattern(pattern: &str) -> bool {
    let (name, is_wildcard) = match pattern.strip_suffix("/*") {
        Some(name) => (name, true),
        None => (pattern, false),
    };
    let has = |text: &str, c| text.bytes().any(|known| known == c);
    let last = name.rsplit('/').next().unwrap_or(name);
    pattern.trim() == pattern
        && !name.is_empty()
        && !has(name, b'*')
        && (is_wildcard || !(has(name, b'@') || has(last, b':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_images_or_end_with_a_star() {
        for good in [
            "registry.k8s.io/pause",
            "reg:5000/a/b",
            "reg/*",
            "reg:5000/a/*",
        ] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in [
            "",
            "/*",
            "a*",
            "reg/*/a",
            "reg/a:1",
            "reg/a@sha256:0",
            " reg/a",
        ] {
            assert!(!is_pattern(bad), "{bad}");
        }
    }
}
