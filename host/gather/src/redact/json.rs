//! Secrets in values that are no text: the properties of D-Bus.

use serde_json::Value;

use super::{REDACTED, name, text, value};

/// Levels that are looked at; what lies deeper is taken out as a whole.
const DEPTH: usize = 64;

/// Takes secrets out of every string of `document`, out of values whose key
/// names a secret, and out of the argument that follows a flag such as
/// `--token` in an argv.
pub fn json(document: &mut Value) {
    clean(document, false, DEPTH);
}

fn clean(document: &mut Value, secret: bool, depth: usize) {
    if depth == 0 {
        *document = Value::String(format!("{REDACTED}: nested too deeply"));
        return;
    }
    match document {
        Value::String(string) if secret => {
            if !value::is_harmless(string) {
                REDACTED.clone_into(string);
            }
        }
        Value::String(string) => {
            if let std::borrow::Cow::Owned(clean) = text(string) {
                *string = clean;
            }
        }
        // A number may be a password; `false` and `null` never are.
        Value::Number(_) if secret => *document = Value::String(REDACTED.to_owned()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::Array(items) => clean_items(items, secret, depth),
        Value::Object(fields) => {
            let is_kind = |kind: &Value| kind.as_str() == Some("Secret");
            let is_secret = fields.get("kind").is_some_and(is_kind);
            let names_secret = fields
                .get("name")
                .and_then(Value::as_str)
                .is_some_and(name::is_secret);
            for (key, field) in fields.iter_mut() {
                let own = match field {
                    // A map that is called `secret` is a volume; its fields tell by themselves.
                    Value::Object(_) => {
                        name::holds_secrets(key)
                            || (is_secret && matches!(key.as_str(), "data" | "stringData"))
                    }
                    _ => name::is_secret(key) || (names_secret && key == "value"),
                };
                clean(field, secret || own, depth - 1);
            }
        }
    }
}

fn clean_items(items: &mut [Value], secret: bool, depth: usize) {
    let mut after_flag = false;
    for item in items {
        let flag = item
            .as_str()
            .filter(|word| word.starts_with('-'))
            .is_some_and(|word| name::is_secret(word.trim_start_matches('-')));
        let argument = after_flag && !item.as_str().is_some_and(|word| word.starts_with('-'));
        clean(item, secret || argument, depth - 1);
        after_flag = flag;
    }
}
