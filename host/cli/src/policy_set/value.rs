//! Amounts with a unit, and instants, as people write them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

/// The time of `30d`, `12h`, `1h30m`, `500ms`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 6] = [
        ("w", 604_800_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        // Before `m`, of which it is the start.
        ("ms", 1),
        ("m", 60_000),
        ("s", 1000),
    ];
    let mut rest = text;
    let mut total: u64 = 0;
    let mut previous = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let (unit, size) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit))?;
        // From large to small, each unit once.
        if *size >= previous {
            return None;
        }
        previous = *size;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*size)?)?;
        rest = tail.get(unit.len()..)?;
    }
    (previous != u64::MAX).then(|| Duration::from_millis(total))
}

/// The bytes of `16MiB`, `512KiB`, `1GiB`, or a plain number.
pub(super) fn bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)];
    let (unit, size) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    text.strip_suffix(unit)?
        .trim_end()
        .parse::<u64>()
        .ok()?
        .checked_mul(*size)
}

/// An instant, or a date: its first moment, in UTC.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    // A longer text that starts with a date is an instant that is misspelt.
    let date: Date = (text.len() == "2026-01-01".len())
        .then(|| text.parse().ok())
        .flatten()?;
    format!("{date}T00:00:00Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("30d"), Some(Duration::from_secs(30 * 86_400)));
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        for wrong in ["", "30", "d", "1m1h", "-1d", "1.5h", "99999999999999999999w"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn bytes_have_binary_units() {
        assert_eq!(bytes("16MiB"), Some(16 << 20));
        assert_eq!(bytes("4096"), Some(4096));
        assert_eq!(bytes("16MB"), None);
        assert_eq!(bytes("99999999999GiB"), None);
    }

    #[test]
    fn a_date_is_its_first_moment() {
        let instant_of = |text| instant(text).map(|it| it.to_string());
        assert_eq!(
            instant_of("2027-01-01").as_deref(),
            Some("2027-01-01T00:00:00Z")
        );
        assert_eq!(
            instant_of("2027-01-01T12:00:00+02:00").as_deref(),
            Some("2027-01-01T10:00:00Z")
        );
        for wrong in ["", "tomorrow", "2027-13-01", "2027-01-01T25:00:00Z"] {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
    }
}
