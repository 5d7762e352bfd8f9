//! Time spans: `5s`, `1min 30s`, `infinity`.
//!
//! Source: `man systemd.time` (parsing time spans); `parse_time` in
//! `src/basic/time-util.c`.

/// `infinity`, in microseconds (`USEC_INFINITY`).
pub const INFINITY: u64 = u64::MAX;

const SECOND: u64 = 1_000_000;

/// The units, longest word first where one starts another.
const UNITS: [(&str, u64); 30] = [
    ("seconds", SECOND),
    ("second", SECOND),
    ("sec", SECOND),
    ("s", SECOND),
    ("minutes", 60 * SECOND),
    ("minute", 60 * SECOND),
    ("min", 60 * SECOND),
    ("months", 2_629_800 * SECOND),
    ("month", 2_629_800 * SECOND),
    ("M", 2_629_800 * SECOND),
    ("msec", 1_000),
    ("ms", 1_000),
    ("m", 60 * SECOND),
    ("hours", 3_600 * SECOND),
    ("hour", 3_600 * SECOND),
    ("hr", 3_600 * SECOND),
    ("h", 3_600 * SECOND),
    ("days", 86_400 * SECOND),
    ("day", 86_400 * SECOND),
    ("d", 86_400 * SECOND),
    ("weeks", 604_800 * SECOND),
    ("week", 604_800 * SECOND),
    ("w", 604_800 * SECOND),
    ("years", 31_557_600 * SECOND),
    ("year", 31_557_600 * SECOND),
    ("y", 31_557_600 * SECOND),
    ("usec", 1),
    ("us", 1),
    ("µs", 1),
    ("μs", 1),
];

/// Reads a time span in microseconds; a number without a unit counts `default`
/// microseconds each. `None` if systemd refuses it.
pub fn parse(text: &str, default: u64) -> Option<u64> {
    let mut rest = text.trim_matches([' ', '\t', '\n', '\r']);
    if let Some(tail) = rest.strip_prefix("infinity") {
        return tail.trim().is_empty().then_some(INFINITY);
    }
    let mut total: Option<u64> = None;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, tail) = rest.split_at(digits);
        let mut fraction = "";
        rest = tail;
        if let Some(tail) = rest.strip_prefix('.') {
            let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            (fraction, rest) = tail.split_at(digits);
        } else if whole.is_empty() {
            return None;
        }
        let whole: u64 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let unit = UNITS.iter().find(|(word, _)| rest.starts_with(word));
        let multiplier = match unit {
            Some((word, multiplier)) => {
                rest = rest.get(word.len()..)?;
                *multiplier
            }
            None => default,
        };
        let mut sum = total
            .unwrap_or(0)
            .checked_add(whole.checked_mul(multiplier)?)?;
        let mut place = multiplier / 10;
        for digit in fraction.bytes() {
            sum = sum.checked_add(place.checked_mul(u64::from(digit - b'0'))?)?;
            place /= 10;
        }
        total = Some(sum);
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }
    total
}

/// Reads a span of which a bare number means seconds (`parse_sec`).
pub fn parse_seconds(text: &str) -> Option<u64> {
    parse(text, SECOND)
}

/// A span as `systemctl show` prints it: `1min 30s`, `100ms`, `0`.
pub fn format(span: u64) -> String {
    const TABLE: [(&str, u64); 9] = [
        ("y", 31_557_600 * SECOND),
        ("month", 2_629_800 * SECOND),
        ("w", 604_800 * SECOND),
        ("d", 86_400 * SECOND),
        ("h", 3_600 * SECOND),
        ("min", 60 * SECOND),
        ("s", SECOND),
        ("ms", 1_000),
        ("us", 1),
    ];
    match span {
        INFINITY => return "infinity".to_owned(),
        0 => return "0".to_owned(),
        _ => {}
    }
    let mut left = span;
    let mut parts = Vec::new();
    for (unit, size) in TABLE {
        if left < size {
            continue;
        }
        // From here on, what is left below a minute is written as a fraction.
        if left < 60 * SECOND && !left.is_multiple_of(size) {
            let digits = match size {
                SECOND => 6,
                1_000 => 3,
                _ => 0,
            };
            let fraction = format!("{:0digits$}", left % size);
            let fraction = fraction.trim_end_matches('0');
            parts.push(format!("{}.{fraction}{unit}", left / size));
            left = 0;
        } else {
            parts.push(format!("{}{unit}", left / size));
            left %= size;
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_spans() {
        assert_eq!(parse_seconds("10"), Some(10 * SECOND));
        assert_eq!(parse_seconds("100ms"), Some(100_000));
        assert_eq!(parse_seconds("1min 30s"), Some(90 * SECOND));
        assert_eq!(parse_seconds("5min20s"), Some(320 * SECOND));
        assert_eq!(parse_seconds("1.5s"), Some(1_500_000));
        assert_eq!(parse_seconds(".5"), Some(500_000));
        assert_eq!(parse_seconds("1M"), Some(2_629_800 * SECOND));
        assert_eq!(parse_seconds(" infinity "), Some(INFINITY));
    }

    #[test]
    fn prints_spans() {
        assert_eq!(format(90 * SECOND), "1min 30s");
        assert_eq!(format(100_000), "100ms");
        assert_eq!(format(1_500_000), "1.5s");
        assert_eq!(format(0), "0");
    }

    #[test]
    fn refuses_what_is_no_span() {
        for text in [
            "",
            "x",
            "-1",
            "5 parsecs",
            "1.",
            "infinity 1",
            "99999999999999999999",
        ] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
    }
}
