//! `--register-with-taints` (`RegisterWithTaintsVar` in `pkg/util/flag` and
//! `ParseTaints` in `pkg/util/taints` of kubernetes).

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

/// The taints: `key=value:effect,key:effect`.
///
/// # Errors
/// What the kubelet says of them.
pub(super) fn parse(value: &str) -> Result<Json, String> {
    let mut taints = Vec::new();
    let mut seen = BTreeSet::new();
    if value.is_empty() {
        return Ok(Json::from(taints));
    }
    for text in value.split(',') {
        // With a dash at its end it takes a taint away, and there is none yet.
        if let Some(text) = text.strip_suffix('-') {
            taint(text)?;
            continue;
        }
        let (key, value, effect) = taint(text)?;
        if effect.is_empty() {
            return Err(format!("invalid taint spec: {text}"));
        }
        if !seen.insert((key, effect)) {
            return Err(format!(
                "duplicated taints with the same key and effect: {{{key} {value} {effect} <nil>}}"
            ));
        }
        let mut taint = json!({ "key": key, "effect": effect });
        if let Some(fields) = taint.as_object_mut().filter(|_| !value.is_empty()) {
            fields.insert("value".to_owned(), Json::from(value));
        }
        taints.push(taint);
    }
    Ok(Json::from(taints))
}

fn taint(text: &str) -> Result<(&str, &str, &str), String> {
    let wrong = |why: &str| Err(format!("invalid taint spec: {text}{why}"));
    let (key, value, effect) = match text.split_once(':') {
        None => (text, "", ""),
        Some((_, effect)) if effect.contains(':') => return wrong(""),
        Some((pair, effect)) => {
            if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
                return Err(format!(
                    "invalid taint effect: {effect}, unsupported taint effect"
                ));
            }
            match pair.split_once('=') {
                Some((_, value)) if value.contains('=') => return wrong(""),
                Some((key, value)) if is_label_value(value) => (key, value, effect),
                Some(_) => {
                    return wrong(
                        ", a valid label must be an empty string or consist of alphanumeric \
                         characters, '-', '_' or '.', and must start and end with an alphanumeric \
                         character",
                    );
                }
                None => (pair, "", effect),
            }
        }
    };
    if !is_qualified_name(key) {
        return wrong(
            ", name part must consist of alphanumeric characters, '-', '_' or '.', and must start \
             and end with an alphanumeric character",
        );
    }
    Ok((key, value, effect))
}

/// `validation.IsQualifiedName` of apimachinery.
fn is_qualified_name(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name(name),
        None => is_name(key),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && is_label_value(name)
}

fn is_label_value(value: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    bytes.len() <= 63
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// `validation.IsDNS1123Subdomain`.
fn is_subdomain(text: &str) -> bool {
    let is_end = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.len() <= 253
        && text.split('.').all(|label| {
            let bytes = label.as_bytes();
            is_end(bytes.first())
                && is_end(bytes.last())
                && bytes.iter().all(|byte| *byte == b'-' || is_end(Some(byte)))
        })
}
