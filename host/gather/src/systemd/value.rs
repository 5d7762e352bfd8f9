//! D-Bus values as JSON.

use serde_json::{Map, Number, Value as Json};
use zbus::zvariant::{Array, Value};

/// How deep containers may lie in each other: what the D-Bus specification
/// allows (32 arrays and 32 structures).
const DEPTH: usize = 64;

/// `value` as JSON: structures and arrays become arrays, an array of bytes a
/// string in hexadecimal, dictionaries objects with sorted keys, object paths
/// strings, a variant what it holds. Numbers keep their value to the last
/// digit: "infinity" of systemd stays 18446744073709551615.
///
/// `None` if it holds what JSON cannot say (a file descriptor, a number that is
/// not finite) or is nested too deep.
pub(super) fn to_json(value: &Value<'_>) -> Option<Json> {
    convert(value, DEPTH)
}

fn convert(value: &Value<'_>, depth: usize) -> Option<Json> {
    let depth = depth.checked_sub(1)?;
    Some(match value {
        Value::U8(number) => Json::from(*number),
        Value::Bool(bool) => Json::from(*bool),
        Value::I16(number) => Json::from(*number),
        Value::U16(number) => Json::from(*number),
        Value::I32(number) => Json::from(*number),
        Value::U32(number) => Json::from(*number),
        Value::I64(number) => Json::from(*number),
        Value::U64(number) => Json::from(*number),
        Value::F64(number) => Json::Number(Number::from_f64(*number)?),
        Value::Str(text) => Json::from(text.as_str()),
        Value::Signature(signature) => Json::from(signature.to_string()),
        Value::ObjectPath(path) => Json::from(path.as_str()),
        Value::Value(inner) => convert(inner, depth)?,
        Value::Array(array) => match bytes(array) {
            Some(hexadecimal) => Json::from(hexadecimal),
            None => array
                .iter()
                .map(|item| convert(item, depth))
                .collect::<Option<Vec<_>>>()?
                .into(),
        },
        Value::Structure(structure) => structure
            .fields()
            .iter()
            .map(|field| convert(field, depth))
            .collect::<Option<Vec<_>>>()?
            .into(),
        Value::Dict(dict) => {
            let mut entries = Vec::new();
            for (key, value) in dict.iter() {
                let key = match convert(key, depth)? {
                    Json::String(key) => key,
                    other => other.to_string(),
                };
                entries.push((key, convert(value, depth)?));
            }
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            Json::Object(entries.into_iter().collect::<Map<_, _>>())
        }
        Value::Fd(_) => return None,
    })
}

/// An array of bytes in hexadecimal; `None` if it is an array of anything else.
fn bytes(array: &Array<'_>) -> Option<String> {
    use std::fmt::Write as _;
    if array.element_signature() != &zbus::zvariant::Signature::U8 {
        return None;
    }
    let mut text = String::new();
    for item in array.iter() {
        let Value::U8(byte) = item else { return None };
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;
    use zbus::zvariant::ObjectPath;

    use super::*;

    #[test]
    fn every_shape_that_systemd_uses() {
        let argv = ("/usr/bin/kubelet", vec!["kubelet", "-v"], true, -1_i32);
        assert_eq!(
            to_json(&Value::new(vec![argv])),
            Some(json!([["/usr/bin/kubelet", ["kubelet", "-v"], true, -1]]))
        );
        assert_eq!(
            to_json(&Value::new(vec![0_u8, 0xab, 0xff])),
            Some(json!("00abff"))
        );
        assert_eq!(to_json(&Value::new(Vec::<u8>::new())), Some(json!("")));
        assert_eq!(to_json(&Value::new(Vec::<String>::new())), Some(json!([])));
        let path = ObjectPath::try_from("/org/x").expect("a path");
        assert_eq!(
            to_json(&Value::new((7_u32, path))),
            Some(json!([7, "/org/x"]))
        );
    }

    #[test]
    fn infinity_keeps_every_digit() {
        let text = to_json(&Value::new(u64::MAX))
            .expect("a number")
            .to_string();
        assert_eq!(text, "18446744073709551615");
    }

    #[test]
    fn dictionaries_are_sorted() {
        let dict: HashMap<String, u32> = (0..50).map(|n| (format!("k{n:02}"), n)).collect();
        let Some(Json::Object(object)) = to_json(&Value::new(dict)) else {
            panic!("no object")
        };
        let keys: Vec<_> = object.keys().cloned().collect();
        assert!(keys.is_sorted());
        assert_eq!(keys.len(), 50);
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        assert_eq!(to_json(&Value::new(f64::NAN)), None);
        let mut nested = Value::new(1_u8);
        for _ in 0..200 {
            nested = Value::Value(Box::new(nested));
        }
        assert_eq!(to_json(&nested), None);
    }
}
