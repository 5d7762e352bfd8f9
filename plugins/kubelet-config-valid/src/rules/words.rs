//! Words that are one of a few.

use super::{Done, Rules, field};

/// A choice: the field and its words.
type Choice = (&'static [&'static str; 1], &'static str);

const CHOICES: [Choice; 9] = [
    (
        &["/topologyManagerPolicy"],
        "none best-effort restricted single-numa-node",
    ),
    (&["/topologyManagerScope"], "container pod"),
    (&["/hairpinMode"], "none hairpin-veth promiscuous-bridge"),
    (&["/authorization/mode"], "AlwaysAllow Webhook"),
    (&["/logging/format"], "text json"),
    // NewManager of each refuses an unknown policy.
    (&["/cpuManagerPolicy"], "none static"),
    (&["/memoryManagerPolicy"], "None Static"),
    // NewMainKubelet in pkg/kubelet/kubelet.go.
    (
        &["/configMapAndSecretChangeDetectionStrategy"],
        "Get Cache Watch",
    ),
    (
        &["/tlsMinVersion"],
        "VersionTLS10 VersionTLS11 VersionTLS12 VersionTLS13",
    ),
];

pub(super) fn check(rules: &mut Rules) -> Done {
    for (pointers, choices) in CHOICES {
        choose(rules, pointers, choices)?;
    }
    Ok(())
}

/// One of the words that spaces part; an empty one is the default.
pub(super) fn choose(
    rules: &mut Rules,
    pointers: &'static [&'static str; 1],
    choices: &str,
) -> Done {
    let [pointer] = pointers;
    if let Some(word) = rules.settings.text(pointer)?
        && !word.is_empty()
        && choices.split(' ').all(|choice| choice != word)
    {
        let field = field(pointer);
        rules.broken(
            "word",
            pointers,
            &format!("{field} \"{word}\" must be one of: {choices}"),
        );
    }
    Ok(())
}
