//! Quantities of Kubernetes and sets of CPUs, as settings hold them.

use std::collections::BTreeSet;

/// A quantity of memory in bytes: `256Mi`, `1G`, `1073741824`, `0.5Gi`
/// (k8s.io/apimachinery/pkg/api/resource). `None` if it is none.
pub fn bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 13] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("m", 0),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("P", 1_000_000_000_000_000),
        ("e3", 1_000),
        ("", 1),
    ];
    let (number, unit) = UNITS
        .into_iter()
        .find_map(|(name, unit)| text.trim().strip_suffix(name).map(|rest| (rest, unit)))?;
    let milli = decimal_milli(number)?;
    if unit == 0 {
        return Some(milli.div_ceil(1_000_000));
    }
    milli
        .checked_mul(unit)
        .map(|product| product.div_ceil(1_000))
}

/// A quantity of CPU in thousandths: `250m`, `2`, `0.5`. `None` if it is none.
pub fn milli_cpus(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_suffix('m') {
        Some(milli) => milli.parse().ok(),
        None => decimal_milli(text),
    }
}

/// A decimal number in thousandths, rounded up.
fn decimal_milli(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: u64 = if whole.is_empty() && !part.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut milli = 0;
    let mut scale = 100;
    for digit in part.chars() {
        let digit = u64::from(digit.to_digit(10)?);
        milli += digit * scale;
        if scale == 0 && digit > 0 {
            milli += 1;
            break;
        }
        scale /= 10;
    }
    whole.checked_mul(1_000)?.checked_add(milli)
}

/// A set of CPUs such as `0-3,6`. `None` if it is none, or has more than a
/// machine can have.
pub fn cpu_set(text: &str) -> Option<BTreeSet<u32>> {
    const MOST: u32 = 8_192;
    let mut set = BTreeSet::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        if first > last || last > MOST {
            return None;
        }
        set.extend(first..=last);
    }
    Some(set)
}

/// The string values of a JSON object of strings and numbers, such as
/// `kubeReserved`, by key.
pub fn value_of<'j>(json: &'j str, key: &str) -> Option<&'j str> {
    let (_, rest) = json.split_once(&format!("\"{key}\":"))?;
    let rest = rest.trim_start();
    match rest.strip_prefix('"') {
        Some(text) => text.split('"').next(),
        None => rest.split([',', '}']).next().map(str::trim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory() {
        assert_eq!(bytes("256Mi"), Some(256 << 20));
        assert_eq!(bytes("1G"), Some(1_000_000_000));
        assert_eq!(bytes("0.5Gi"), Some(512 << 20));
        assert_eq!(bytes("1024"), Some(1024));
        assert_eq!(bytes("many"), None);
        assert_eq!(bytes("99999999999Pi"), None);
    }

    #[test]
    fn cpus() {
        assert_eq!(milli_cpus("250m"), Some(250));
        assert_eq!(milli_cpus("1.5"), Some(1500));
        assert_eq!(milli_cpus("x"), None);
        assert_eq!(cpu_set("0-2,5").map(|set| set.len()), Some(4));
        assert_eq!(cpu_set("3-1"), None);
        assert_eq!(cpu_set(""), Some(BTreeSet::new()));
    }

    #[test]
    fn values() {
        let json = r#"{"cpu":"100m","pid":1000}"#;
        assert_eq!(value_of(json, "cpu"), Some("100m"));
        assert_eq!(value_of(json, "pid"), Some("1000"));
        assert_eq!(value_of(json, "memory"), None);
    }
}
