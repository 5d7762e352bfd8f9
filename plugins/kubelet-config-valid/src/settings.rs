//! The values that the rules are about, as Go would read them.

use nodepol_plugin::kubelet::SettingValue;
use nodepol_plugin::{Horizon, Unavailable, kubelet};

/// The values in effect at one horizon.
pub(crate) struct Settings {
    pub(crate) at: Horizon,
}

impl Settings {
    /// A field that nobody has set and of which the default hangs on a version
    /// that is not known has no value: every version's own default is legal.
    fn setting(&self, pointer: &str) -> Result<Option<SettingValue>, Unavailable> {
        match kubelet::setting(self.at, pointer) {
            Err(unavailable) if unavailable.source == "kubelet --version" => Ok(None),
            setting => setting,
        }
    }

    pub(crate) fn text(&self, pointer: &str) -> Result<Option<String>, Unavailable> {
        Ok(self.setting(pointer)?.and_then(|setting| setting.text))
    }

    pub(crate) fn json(&self, pointer: &str) -> Result<Option<String>, Unavailable> {
        Ok(self.setting(pointer)?.map(|setting| setting.json))
    }

    pub(crate) fn integer(&self, pointer: &str) -> Result<Option<i64>, Unavailable> {
        Ok(self.json(pointer)?.and_then(|json| json.parse().ok()))
    }

    pub(crate) fn boolean(&self, pointer: &str) -> Result<Option<bool>, Unavailable> {
        Ok(self.json(pointer)?.and_then(|json| json.parse().ok()))
    }

    /// The strings of a list.
    pub(crate) fn words(&self, pointer: &str) -> Result<Vec<String>, Unavailable> {
        let json = self.json(pointer)?.unwrap_or_default();
        Ok(json
            .trim_start_matches('[')
            .trim_end_matches(']')
            .split(',')
            .map(|word| word.trim().trim_matches('"').to_owned())
            .filter(|word| !word.is_empty())
            .collect())
    }

    pub(crate) fn is_set(&self, pointer: &str) -> Result<bool, Unavailable> {
        Ok(self.text(pointer)?.is_some_and(|text| !text.is_empty()))
    }

    /// A duration in milliseconds.
    pub(crate) fn milliseconds(&self, pointer: &str) -> Result<Option<f64>, Unavailable> {
        Ok(self.text(pointer)?.and_then(|text| milliseconds(&text)))
    }

    pub(crate) fn gate(&self, name: &str) -> Result<bool, Unavailable> {
        // Unlike a value, a default that is not known is not legal by itself.
        let gate = kubelet::setting(self.at, &format!("/featureGates/{name}"))?;
        Ok(gate.is_some_and(|gate| gate.is_true()))
    }
}

/// `1m30s`, `500ms` (Go's time.ParseDuration), or a bare 0.
fn milliseconds(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number = number(rest.get(..digits)?)?;
        rest = rest.get(digits..)?;
        let (unit, factor) = [
            ("ns", 0.000_001),
            ("us", 0.001),
            ("µs", 0.001),
            ("ms", 1.0),
            ("h", 3_600_000.0),
            ("m", 60_000.0),
            ("s", 1000.0),
        ]
        .into_iter()
        .find(|(unit, _)| rest.starts_with(unit))?;
        rest = rest.get(unit.len()..)?;
        sum += number * factor;
    }
    Some(sign * sum)
}

/// A decimal number, without what `f64::from_str` brings along.
fn number(text: &str) -> Option<f64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let mut value = if whole.is_empty() {
        0.0
    } else {
        f64::from(whole.parse::<u32>().ok()?)
    };
    let mut scale = 0.1;
    for digit in part.chars().take(9) {
        value += f64::from(digit.to_digit(10)?) * scale;
        scale /= 10.0;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        assert_eq!(milliseconds("1m30s"), Some(90_000.0));
        assert_eq!(milliseconds("500ms"), Some(500.0));
        assert_eq!(milliseconds("0"), Some(0.0));
        assert_eq!(milliseconds("1.5s"), Some(1500.0));
        assert_eq!(milliseconds("-2s"), Some(-2000.0));
        assert_eq!(milliseconds("5"), None);
        assert_eq!(milliseconds("five"), None);
    }
}
