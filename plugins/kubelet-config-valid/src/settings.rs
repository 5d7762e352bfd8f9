//! The values that the rules are about, as Go would read them.

use nodepol_plugin::json::Json;
use nodepol_plugin::kubelet::SettingValue;
use nodepol_plugin::{Horizon, Unavailable, kubelet};

/// The values in effect at one horizon.
pub(crate) struct Settings {
    pub(crate) at: Horizon,
    /// The kubelet's minor version of 1.x.
    pub(crate) minor: Option<u32>,
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

    /// A value that is no default.
    pub(crate) fn said(&self, pointer: &str) -> Result<Option<Json>, Unavailable> {
        let setting = self.setting(pointer)?.filter(|setting| !setting.is_default);
        Ok(setting.and_then(|setting| Json::parse(&setting.json)))
    }

    pub(crate) fn json(&self, pointer: &str) -> Result<Option<Json>, Unavailable> {
        let setting = self.setting(pointer)?;
        Ok(setting.and_then(|setting| Json::parse(&setting.json)))
    }

    pub(crate) fn integer(&self, pointer: &str) -> Result<Option<i64>, Unavailable> {
        let setting = self.setting(pointer)?;
        Ok(setting.and_then(|setting| setting.json.parse().ok()))
    }

    /// Whether a boolean is known to have this value.
    pub(crate) fn is(&self, pointer: &str, value: bool) -> Result<bool, Unavailable> {
        let word = if value { "true" } else { "false" };
        Ok(self
            .setting(pointer)?
            .is_some_and(|setting| setting.json == word))
    }

    /// The strings of a list.
    pub(crate) fn words(&self, pointer: &str) -> Result<Vec<String>, Unavailable> {
        let list = self.json(pointer)?;
        Ok(list
            .iter()
            .flat_map(Json::items)
            .filter_map(|word| word.text().map(str::to_owned))
            .collect())
    }

    pub(crate) fn is_set(&self, pointer: &str) -> Result<bool, Unavailable> {
        Ok(self.text(pointer)?.is_some_and(|text| !text.is_empty()))
    }

    /// A duration in nanoseconds: a text as Go parses it, or a number of them.
    pub(crate) fn nanoseconds(&self, pointer: &str) -> Result<Option<i64>, Unavailable> {
        let text = self.text(pointer)?;
        Ok(text.and_then(|text| text.parse().ok().or_else(|| nanoseconds(&text))))
    }

    /// Whether a rule of this minor version and later ones holds. Asked for a
    /// value that the rule would refuse.
    pub(crate) fn since(&self, minor: u32) -> Result<bool, Unavailable> {
        self.minor
            .map(|version| version >= minor)
            .ok_or_else(|| Unavailable {
                source: "kubelet --version".to_owned(),
                reason: format!(
                    "its version is not known, and since 1.{minor} it refuses what is set"
                ),
            })
    }
}

/// `1m30s`, `500ms` (Go's time.ParseDuration).
pub(crate) fn nanoseconds(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
    ];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0_i64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(end)?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && part.is_empty()) || part.bytes().any(|c| c == b'.') {
            return None;
        }
        if !whole.is_empty() {
            sum = sum.saturating_add(whole.parse::<i64>().ok()?.saturating_mul(*factor));
        }
        let mut scale = *factor;
        for digit in part.bytes() {
            scale /= 10;
            sum = sum.saturating_add(i64::from(digit - b'0') * scale);
        }
        rest = after.get(unit.len()..)?;
    }
    Some(sign * sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        assert_eq!(nanoseconds("1m30s"), Some(90_000_000_000));
        assert_eq!(nanoseconds("500ms"), Some(500_000_000));
        assert_eq!(nanoseconds("0"), Some(0));
        assert_eq!(nanoseconds("1.5s"), Some(1_500_000_000));
        assert_eq!(nanoseconds(".5h"), Some(1_800_000_000_000));
        assert_eq!(nanoseconds("-2s"), Some(-2_000_000_000));
        for text in ["", "5", "five", "s", ".s", "1.2.3s", "1d"] {
            assert_eq!(nanoseconds(text), None, "{text}");
        }
    }
}
