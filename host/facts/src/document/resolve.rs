//! What a plain YAML scalar means: YAML 1.1 as `go.yaml.in/yaml/v2` reads it
//! (its `resolve.go`), which is what `sigs.k8s.io/yaml`, and so the kubelet, uses.

use super::Value;

/// A scalar's value by its text alone.
pub(super) fn plain(text: &str) -> Value {
    let Some(first) = text.chars().next() else {
        return Value::Null;
    };
    if let Some(word) = word(text) {
        return word;
    }
    match first {
        '.' => float(text),
        '+' | '-' | '0'..='9' if !is_timestamp(text) => {
            let digits: String = text.chars().filter(|c| *c != '_').collect();
            integer(&digits)
                .or_else(|| match float(&digits) {
                    Value::Text(_) => None,
                    number => Some(number),
                })
                .unwrap_or_else(|| Value::Text(text.to_owned()))
        }
        _ => Value::Text(text.to_owned()),
    }
}

/// A scalar with a tag of the core schema, such as `!!int`; an error names what
/// the text is instead.
pub(super) fn tagged(suffix: &str, text: &str) -> Result<Value, String> {
    let value = plain(text);
    let (is, fits) = match (&value, suffix) {
        (_, "str" | "binary") => return Ok(Value::Text(text.to_owned())),
        (Value::Integer(number), "float") => {
            #[expect(clippy::cast_precision_loss, reason = "as Go converts it")]
            return Ok(Value::Float(*number as f64));
        }
        (Value::Boolean(_), _) => ("bool", suffix == "bool"),
        (Value::Integer(_), _) => ("int", suffix == "int"),
        (Value::Float(_), _) => ("float", suffix == "float"),
        (Value::Null, _) => ("null", suffix == "null"),
        (Value::Text(_), "timestamp") if is_timestamp(text) => ("timestamp", true),
        (Value::Text(_), "bool" | "int" | "float" | "null" | "timestamp") => ("str", false),
        // Any other tag is kept beside the text, which stays what it is.
        _ => return Ok(Value::Text(text.to_owned())),
    };
    match (fits, suffix) {
        (true, _) => Ok(value),
        (false, "bool" | "int" | "float" | "null" | "timestamp") => {
            Err(format!("cannot decode !!{is} `{text}` as a !!{suffix}"))
        }
        (false, _) => Ok(Value::Text(text.to_owned())),
    }
}

fn word(text: &str) -> Option<Value> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Boolean(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Boolean(false)
        }
        "~" | "null" | "Null" | "NULL" => Value::Null,
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

/// `strconv.ParseInt(text, 0, 64)`, then `ParseUint`: `0x`, `0o`, `0b`, and a
/// leading `0` for octal.
pub(crate) fn integer(text: &str) -> Option<Value> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.get(1..)?)
    } else {
        (10, lower.as_str())
    };
    // `from_str_radix` takes a sign of its own.
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let number = if negative { -magnitude } else { magnitude };
    match i64::try_from(number) {
        Ok(number) => Some(Value::Integer(number)),
        #[expect(clippy::cast_precision_loss, reason = "the tree has no u64")]
        Err(_) if !text.starts_with(['-', '+']) && u64::try_from(number).is_ok() => {
            Some(Value::Float(number as f64))
        }
        Err(_) => None,
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, in the range of f64.
fn float(text: &str) -> Value {
    let as_text = || Value::Text(text.to_owned());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let legal = digits(whole)
        && fraction.is_none_or(digits)
        && (!whole.is_empty() || fraction.is_some_and(|part| !part.is_empty()))
        && exponent.is_none_or(|part| {
            let part = part.strip_prefix(['-', '+']).unwrap_or(part);
            !part.is_empty() && digits(part)
        });
    if !legal {
        return as_text();
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => shortest(number),
        _ => as_text(),
    }
}

/// A float without a fraction is written to JSON as an integer, so the kubelet
/// takes it for one.
fn shortest(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "its range is checked")]
    if number.fract() == 0.0 && number.abs() < 9.0e18 {
        Value::Integer(number as i64)
    } else {
        Value::Float(number)
    }
}

/// A date, which stays a text. `parseTimestamp` knows four forms; what matters
/// here is only that none of them is read as a number, and no number looks so.
fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    year.len() == 4
        && digits(year)
        && digits(month)
        && day.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_yaml_1_1() {
        for (text, truth) in [
            ("yes", true),
            ("On", true),
            ("Y", true),
            ("n", false),
            ("OFF", false),
        ] {
            assert_eq!(plain(text), Value::Boolean(truth), "{text}");
        }
        for text in ["", "~", "null", "NULL"] {
            assert_eq!(plain(text), Value::Null, "{text}");
        }
        for text in [
            "yEs", "tRue", "<<", "=", "-", "+", ".", "-.", "nULL", "0x", "1:30", "_1",
        ] {
            assert_eq!(plain(text), Value::Text(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn numbers() {
        for (text, number) in [
            ("0", 0),
            ("0644", 420),
            ("0o644", 420),
            ("0x1F", 31),
            ("-0b11", -3),
            ("+5", 5),
            ("1_000", 1000),
            ("08", 8),
            ("1e3", 1000),
            ("10250.0", 10250),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(plain(text), Value::Integer(number), "{text}");
        }
        assert_eq!(plain("0.9"), Value::Float(0.9));
        assert_eq!(plain(".5"), Value::Float(0.5));
        assert_eq!(plain("18446744073709551615"), Value::Float(u64::MAX as f64));
        for text in [
            "10Mi",
            "1.2.3",
            "1e",
            "0x1G",
            "2020-01-02",
            "1e999",
            "99.99.0.10",
            "--1",
        ] {
            assert_eq!(plain(text), Value::Text(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn tags() {
        assert_eq!(tagged("str", "5"), Ok(Value::Text("5".to_owned())));
        assert_eq!(tagged("float", "5"), Ok(Value::Float(5.0)));
        assert_eq!(tagged("bool", "yes"), Ok(Value::Boolean(true)));
        assert_eq!(
            tagged("int", "five"),
            Err("cannot decode !!str `five` as a !!int".to_owned())
        );
    }
}
