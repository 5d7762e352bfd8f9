//! Quantities of Kubernetes, as settings hold them.

/// A quantity of memory in bytes, rounded up: `256Mi`, `0.5Gi`, `1e3`,
/// `1073741824`. `None` if it is none, or less than nothing.
pub fn bytes(text: &str) -> Option<u64> {
    scaled(text, 0)
}

/// A quantity of CPU in thousandths, rounded up: `250m`, `2`, `0.5`. `None` if it
/// is none, or less than nothing.
pub fn milli_cpus(text: &str) -> Option<u64> {
    scaled(text, 3)
}

/// A quantity as a whole number after its point was moved by some decimals to the
/// right (k8s.io/apimachinery/pkg/api/resource/suffix.go). What is finer is
/// rounded up, what is too large is the largest. `None` if it is none, or less
/// than nothing.
pub fn scaled(text: &str, decimals: i32) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && part.is_empty()) || part.bytes().any(|c| c == b'.') {
        return None;
    }
    let (doublings, power) = scale(suffix)?;
    if doublings == 0 {
        return Some(digits(whole, part, power.saturating_add(decimals)));
    }
    // Of the part after the point what is twice, again and again, more than one.
    const ONE: u64 = 1_000_000_000;
    let mut rest = digits("", part, 9);
    let mut carried = 0_u64;
    for _ in 0..doublings {
        rest *= 2;
        carried = carried.saturating_mul(2);
        if rest >= ONE {
            rest -= ONE;
            carried += 1;
        }
    }
    let value = digits(whole, "", 0)
        .saturating_mul(1 << doublings)
        .saturating_add(carried)
        .saturating_add(u64::from(rest > 0));
    (0..decimals.min(20))
        .fold(value, |value, _| value.saturating_mul(10))
        .into()
}

/// A decimal number times a power of ten, rounded up.
fn digits(whole: &str, part: &str, power: i32) -> u64 {
    // More digits than that are too many for any number.
    let before = i32::try_from(whole.len())
        .unwrap_or(i32::MAX)
        .saturating_add(power);
    let mut value = 0_u64;
    let mut rest = false;
    let mut count = 0_i32;
    for digit in whole.bytes().chain(part.bytes()) {
        let digit = u64::from(digit.wrapping_sub(b'0'));
        if count < before {
            value = value.saturating_mul(10).saturating_add(digit);
        } else {
            rest |= digit > 0;
        }
        count = count.saturating_add(1);
    }
    for _ in count..before.min(count.saturating_add(64)) {
        value = value.saturating_mul(10);
    }
    value.saturating_add(u64::from(rest))
}

/// What a suffix multiplies by: a power of two, and a power of ten.
fn scale(suffix: &str) -> Option<(u32, i32)> {
    const SUFFIXES: [(&str, u32, i32); 16] = [
        ("", 0, 0),
        ("n", 0, -9),
        ("u", 0, -6),
        ("m", 0, -3),
        ("k", 0, 3),
        ("M", 0, 6),
        ("G", 0, 9),
        ("T", 0, 12),
        ("P", 0, 15),
        ("E", 0, 18),
        ("Ki", 10, 0),
        ("Mi", 20, 0),
        ("Gi", 30, 0),
        ("Ti", 40, 0),
        ("Pi", 50, 0),
        ("Ei", 60, 0),
    ];
    match SUFFIXES.iter().find(|(name, ..)| *name == suffix) {
        Some((_, doublings, power)) => Some((*doublings, *power)),
        None => Some((0, suffix.strip_prefix(['e', 'E'])?.parse().ok()?)),
    }
}

/// The value of a key of a JSON object of strings and numbers, such as
/// `kubeReserved`.
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
        assert_eq!(bytes("2Ei"), Some(2 << 60));
        assert_eq!(bytes("1E"), Some(1_000_000_000_000_000_000));
        assert_eq!(bytes("1.1Ki"), Some(1127));
        assert_eq!(bytes("many"), None);
        assert_eq!(bytes("-1Gi"), None);
        // More than there can be is no less than all.
        assert_eq!(bytes("99999999999Pi"), Some(u64::MAX));
        assert_eq!(bytes("1e999"), Some(u64::MAX));
        assert_eq!(bytes("0e999"), Some(0));
    }

    #[test]
    fn every_suffix_and_exponent() {
        const NANO: u64 = 1_000_000_000;
        for (text, expected) in [
            ("1n", 1),
            ("1u", 1_000),
            ("1m", 1_000_000),
            ("1", NANO),
            ("1k", 1_000 * NANO),
            ("1.5M", 1_500_000 * NANO),
            ("1Ki", 1024 * NANO),
            ("1Mi", (1 << 20) * NANO),
            ("1e3", 1_000 * NANO),
            ("1E3", 1_000 * NANO),
            ("12e-1", 1_200_000_000),
            ("12e-99", 1),
            (".5", 500_000_000),
            ("5.", 5 * NANO),
            ("+1", NANO),
            // Rounded up.
            ("0.1n", 1),
        ] {
            assert_eq!(scaled(text, 9), Some(expected), "{text}");
        }
        for text in ["", ".", "1.2.3", "1K", "1mi", "1 Gi", "Gi", "1e", "0x1"] {
            assert_eq!(scaled(text, 9), None, "{text}");
        }
        for (text, expected) in [
            ("1T", 1_000_000_000_000),
            ("1P", 1_000_000_000_000_000),
            ("1Ti", 1 << 40),
            ("1Pi", 1 << 50),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn cpus() {
        assert_eq!(milli_cpus("250m"), Some(250));
        assert_eq!(milli_cpus("1.5"), Some(1500));
        assert_eq!(milli_cpus("100u"), Some(1));
        assert_eq!(milli_cpus("1k"), Some(1_000_000));
        assert_eq!(milli_cpus("1Ki"), Some(1_024_000));
        assert_eq!(milli_cpus("x"), None);
    }

    #[test]
    fn values() {
        let json = r#"{"cpu":"100m","pid":1000}"#;
        assert_eq!(value_of(json, "cpu"), Some("100m"));
        assert_eq!(value_of(json, "pid"), Some("1000"));
        assert_eq!(value_of(json, "memory"), None);
    }
}
