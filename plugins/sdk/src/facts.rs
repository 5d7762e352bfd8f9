//! Small conveniences over the generated facts.

use crate::kubelet::SettingValue;
use crate::node::{self, JoinState};
use crate::{Horizon, Judgement, Location, Sourced, Unavailable, files, kubelet};

/// ```
/// # use nodepol_plugin::Location;
/// Location::line("/etc/fstab", 3);
/// Location::source("systemd"); // nothing with lines
/// ```
impl Location {
    /// A whole source, without a line.
    pub fn source(source: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            line: None,
            column: None,
            pointer: None,
        }
    }

    /// A line of a file, from 1.
    pub fn line(source: impl Into<String>, line: u32) -> Self {
        Self {
            line: Some(line),
            ..Self::source(source)
        }
    }
}

impl Sourced {
    /// A value from a source without lines.
    pub fn from_source(source: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            at: Location::source(source),
        }
    }
}

/// For what a policy itself finds that it cannot tell: return it as an error, and
/// the verdict is `unknown`.
///
/// ```
/// # use nodepol_plugin::Unavailable;
/// fn seconds(text: &str) -> Result<u64, Unavailable> {
///     text.trim()
///         .parse()
///         .map_err(|_| Unavailable::new("/etc/acme/lease", "it holds no number"))
/// }
/// assert!(seconds("soon").is_err());
/// ```
impl Unavailable {
    /// Evidence of `source` that could not be read, and why.
    pub fn new(source: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            reason: reason.into(),
        }
    }
}

impl SettingValue {
    /// Whether it is the boolean `true`.
    pub fn is_true(&self) -> bool {
        self.json == "true"
    }

    /// The scalar as plain text, or the JSON of a list or a map.
    pub fn display(&self) -> &str {
        self.text.as_deref().unwrap_or(&self.json)
    }
}

/// Why a policy about kubelet.service has no meaning here: there is no kubelet,
/// or it is part of another program. `None` if it has. The first lines of most
/// policies about the kubelet:
///
/// ```no_run
/// # use nodepol_plugin::{Judgement, Unavailable, no_own_kubelet};
/// # fn judge() -> Result<Judgement, Unavailable> {
/// if let Some(judgement) = no_own_kubelet()? {
///     return Ok(judgement);
/// }
/// # Ok(Judgement::pass("it is so"))
/// # }
/// ```
///
/// # Errors
/// [`Unavailable`] if the files that tell could not be read.
pub fn no_own_kubelet() -> Result<Option<Judgement>, Unavailable> {
    if node::embedded_kubelet() {
        let flavour = node::flavour().value;
        return Ok(Some(Judgement::not_applicable(format!(
            "{flavour} runs the kubelet inside it"
        ))));
    }
    Ok(match node::get_join_state()? {
        JoinState::NoKubelet => Some(Judgement::not_applicable("no kubelet is installed")),
        _ => None,
    })
}

/// Whether this is a tree without the units and settings that its distribution
/// brings: that something is not in it says nothing then.
///
/// # Errors
/// [`Unavailable`] if the files that tell could not be read.
pub fn part_of_a_tree() -> Result<bool, Unavailable> {
    if node::kernel_release()?.is_some() {
        return Ok(false);
    }
    for unit in [
        "/usr/lib/systemd/system/sysinit.target",
        "/lib/systemd/system/sysinit.target",
    ] {
        if files::resolve(unit)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Why nothing can be said yet of the kubelet's configuration: the node has not
/// joined a cluster, and something else than kubeadm will configure it. `None`
/// if it is configured, or by kubeadm, of which the outcome is known.
///
/// # Errors
/// [`Unavailable`] if the files that tell could not be read.
pub fn configured_later(at: Horizon) -> Result<Option<Judgement>, Unavailable> {
    if node::get_join_state()? != JoinState::InstalledNotJoined {
        return Ok(None);
    }
    let flavour = node::flavour().value;
    let configured = match kubelet::config_path(at) {
        Ok(Some(_)) => kubelet::config_present(at)?,
        // Flags alone are a configuration if a person wrote them.
        Ok(None) => flavour == "plain",
        // The environment that an agent writes before it starts the kubelet.
        Err(_) if flavour != "plain" && flavour != "kubeadm" => false,
        Err(unavailable) => return Err(unavailable),
    };
    Ok((!configured && flavour != "kubeadm").then(|| {
        Judgement::not_applicable(match flavour.as_str() {
            "plain" => "nothing has configured the kubelet yet".to_owned(),
            _ => format!("{flavour} configures the kubelet before it starts it"),
        })
    }))
}

/// Why nothing can be said yet of the kubelet's flags: there is no kubelet of its
/// own, or an agent writes them before it starts the kubelet. `None` if they
/// stand, be there a configuration file or not.
///
/// # Errors
/// [`Unavailable`] if the files that tell could not be read.
pub fn flags_later(at: Horizon) -> Result<Option<Judgement>, Unavailable> {
    if let Some(judgement) = no_own_kubelet()? {
        return Ok(Some(judgement));
    }
    if node::flavour().value == "plain" {
        return Ok(None);
    }
    configured_later(at)
}

/// Why nothing can be said of the settings of the kubelet's configuration: there
/// is no kubelet of its own, something will configure it later, or its file does
/// not exist, which kubelet-config-file judges. `None` if they are known.
///
/// # Errors
/// [`Unavailable`] if the files that tell could not be read.
pub fn no_settings(at: Horizon) -> Result<Option<Judgement>, Unavailable> {
    if let Some(judgement) = no_own_kubelet()? {
        return Ok(Some(judgement));
    }
    if let Some(judgement) = configured_later(at)? {
        return Ok(Some(judgement));
    }
    Ok(match kubelet::config_path(at)? {
        Some(path) if !kubelet::config_present(at)? => Some(Judgement::not_applicable(format!(
            "{} does not exist; kubelet-config-file judges this",
            path.value
        ))),
        _ => None,
    })
}

/// Why a policy about the kubelet's credential has no meaning here: there is no
/// kubelet of its own, or the node has not joined a cluster. `None` if it has.
///
/// # Errors
/// [`Unavailable`] if the files that tell could not be read.
pub fn no_credential_yet() -> Result<Option<Judgement>, Unavailable> {
    if let Some(judgement) = no_own_kubelet()? {
        return Ok(Some(judgement));
    }
    Ok(match node::get_join_state()? {
        JoinState::InstalledNotJoined => Some(Judgement::not_applicable(
            "the node has not joined a cluster",
        )),
        _ => None,
    })
}

/// Whether the kubelet refuses to run with swap (`failSwapOn`), and where that is
/// said. Before a join there is no configuration file yet, and kubeadm's says
/// nothing of swap: the flag or the default counts.
///
/// # Errors
/// [`Unavailable`] if the kubelet's configuration could not be read.
pub fn refuses_swap(at: Horizon) -> Result<(bool, Location), Unavailable> {
    let by_default = || (true, Location::source("default"));
    if kubelet::config_path(at)?.is_some() && !kubelet::config_present(at)? {
        let flag = kubelet::flag(at, "fail-swap-on")?;
        return Ok(flag.map_or_else(by_default, |flag| {
            // strconv.ParseBool
            let allowed = ["0", "f", "F", "false", "False", "FALSE"];
            (!allowed.contains(&flag.value.as_str()), flag.at)
        }));
    }
    let setting = kubelet::setting(at, "/failSwapOn")?;
    Ok(setting.map_or_else(by_default, |setting| (setting.is_true(), setting.at)))
}

/// `2026-12-03 10:15 UTC`, from seconds since the epoch.
pub fn render_date(seconds: i64) -> String {
    let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to a civil date, with years that begin in March so that a leap day
    // is the last of its year (Howard Hinnant, chrono-Compatible Low-Level Date Algorithms).
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second_of_day / 3_600, second_of_day % 3_600 / 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// `3 days`, `5 hours`, `40 minutes`: a length of time as a person says it.
pub fn render_span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        172_800.. => (seconds / 86_400, "day"),
        7_200.. => (seconds / 3_600, "hour"),
        120.. => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil_dates() {
        assert_eq!(render_date(0), "1970-01-01 00:00 UTC");
        assert_eq!(render_date(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(render_date(1_796_292_900), "2026-12-03 10:15 UTC");
        assert_eq!(render_date(-1), "1969-12-31 23:59 UTC");
    }

    #[test]
    fn spans_use_the_unit_that_reads_best() {
        assert_eq!(render_span(1), "1 second");
        assert_eq!(render_span(119), "119 seconds");
        assert_eq!(render_span(3_600), "60 minutes");
        assert_eq!(render_span(90_000), "25 hours");
        assert_eq!(render_span(2 * 86_400), "2 days");
    }
}
