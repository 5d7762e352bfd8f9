//! Fields of which a flag hides what a file says.

use super::effective::Effective;
use super::flag_table::FlagKind;
use super::flags::Flags;
use crate::go_duration;
use crate::sourced::Sourced;

/// A field that a file and a flag set to different values: the flag wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagOverride {
    /// The flag's long name, without dashes.
    pub flag: String,
    /// The field, as an RFC 6901 pointer.
    pub pointer: String,
    /// The flag's value, as JSON.
    pub value: Sourced<String>,
    /// The file's value, as JSON.
    pub hidden: Sourced<String>,
}

/// Every such field, in the order of the flags' names. Feature gates count one
/// by one (`kubeletConfigFlagPrecedence` in `cmd/kubelet/app/server.go`).
pub(crate) fn find(flags: &Flags, effective: &Effective) -> Vec<FlagOverride> {
    let mut found = Vec::new();
    for (spec, _, _) in flags.fields() {
        // This one hides nothing, it adds.
        if spec.kind == FlagKind::VModule {
            continue;
        }
        let pointers = if spec.field == "/featureGates" {
            flags
                .entries(spec.name)
                .into_iter()
                .map(|(gate, _)| format!("{}/{}", spec.field, crate::document::escape_token(&gate)))
                .collect()
        } else {
            vec![spec.field.to_owned()]
        };
        for pointer in pointers {
            let Ok(Some(setting)) = effective.get(&pointer) else {
                continue;
            };
            let value = setting.value.to_string();
            if let Some(hidden) = setting.overridden.into_iter().next()
                && !is_same(spec.kind, &value, &hidden.value)
            {
                found.push(FlagOverride {
                    flag: spec.name.to_owned(),
                    pointer,
                    value: Sourced::new(value, setting.origin),
                    hidden,
                });
            }
        }
    }
    found
}

/// Whether two values, as JSON, are one to the kubelet: a duration of `60s` is
/// one of `1m`.
fn is_same(kind: FlagKind, value: &str, hidden: &str) -> bool {
    let nanos = |json: &str| go_duration::parse(json.trim_matches('"'));
    value == hidden
        || kind == FlagKind::Duration
            && matches!((nanos(value), nanos(hidden)), (Ok(value), Ok(hidden)) if value == hidden)
}
