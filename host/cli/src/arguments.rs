//! Arguments that several commands have.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use nodepol_facts::sourced::Version;
use nodepol_model::{Location, Phase};
use nodepol_report::nearest;

/// Which node.
#[derive(Debug, Default, Args)]
pub(crate) struct Source {
    /// Judge the files below DIR (a mounted image, a dead node's disk) and not
    /// this machine
    #[arg(long, value_name = "DIR", conflicts_with = "snapshot")]
    pub(crate) root: Option<PathBuf>,

    /// Judge a snapshot that was taken before; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) snapshot: Option<PathBuf>,
}

/// How the node is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct View {
    /// Judge the node as of an instant (2027-01-31T12:00:00Z, 2027-01-31) or so
    /// long after the snapshot was taken (+30d, +12h)
    #[arg(long, value_name = "TIME|+DURATION")]
    pub(crate) at: Option<At>,

    /// Judge the node as if it had other versions: kubelet=1.38,containerd=2.3
    #[arg(long, value_name = "PROGRAM=VERSION", value_delimiter = ',')]
    pub(crate) assume: Vec<Assumption>,
}

/// Which policies.
#[derive(Debug, Default, Args)]
pub(crate) struct Policies {
    /// A policy set: a YAML file, or the name of one that is built in. What is
    /// named later wins over what is named before [default: standard]
    #[arg(long, value_name = "FILE|NAME")]
    pub(crate) policies: Vec<String>,

    /// Judge only these policies
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// Leave these policies out
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,
}

/// An instant, or a time after the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Instant(Timestamp),
    After(SignedDuration),
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = match text.strip_prefix('+') {
            Some(duration) => crate::policy_set::duration(duration)
                .and_then(|duration| SignedDuration::try_from(duration).ok())
                .map(Self::After),
            None => crate::policy_set::instant(text).map(Self::Instant),
        };
        found.ok_or_else(|| {
            "write an instant such as `2027-01-31T12:00:00Z`, a date such as `2027-01-31`, or a \
             time after the snapshot such as `+30d` or `+12h`"
                .to_owned()
        })
    }
}

impl At {
    /// The instant, for a snapshot that was taken at `taken_at`; none if there
    /// is no such instant.
    pub(crate) fn instant(self, taken_at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Instant(instant) => Some(instant),
            Self::After(duration) => taken_at.checked_add(duration).ok(),
        }
    }
}

/// A version that is assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assumption {
    pub(crate) program: Program,
    pub(crate) version: Version,
}

/// A program of which the version can be assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Kubelet,
    Containerd,
}

impl Program {
    pub(crate) const ALL: [(&'static str, Self); 2] =
        [("kubelet", Self::Kubelet), ("containerd", Self::Containerd)];
}

impl FromStr for Assumption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = text
            .split_once('=')
            .ok_or_else(|| "write PROGRAM=VERSION, such as `kubelet=1.38`".to_owned())?;
        let names = Program::ALL.map(|(name, _)| name);
        let Some((_, program)) = Program::ALL.into_iter().find(|(known, _)| *known == name) else {
            return Err(match nearest(name, names) {
                Some(nearest) => format!("unknown program `{name}`; did you mean `{nearest}`?"),
                None => format!(
                    "unknown program `{name}`; the version of {} can be assumed",
                    names.join(", ")
                ),
            });
        };
        match Version::parse(version, Location::source("--assume")) {
            Some(version) => Ok(Self { program, version }),
            None => Err(format!(
                "`{version}` is no version; write MAJOR.MINOR or MAJOR.MINOR.PATCH"
            )),
        }
    }
}

/// The phase in which the node is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PhaseArgument {
    /// As the node's files say
    #[default]
    Auto,
    /// A tree that no kernel runs from
    Image,
    /// The kubelet is installed and has not joined a cluster
    PreJoin,
    /// A joined node that is about to boot
    Boot,
    /// A joined node that runs
    Running,
}

impl PhaseArgument {
    /// The phase; none for `auto`.
    pub(crate) const fn phase(self) -> Option<Phase> {
        match self {
            Self::Auto => None,
            Self::Image => Some(Phase::Image),
            Self::PreJoin => Some(Phase::PreJoin),
            Self::Boot => Some(Phase::Boot),
            Self::Running => Some(Phase::Running),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_times_after() {
        let taken: Timestamp = "2026-08-01T00:00:00Z".parse().unwrap();
        let at = |text: &str| {
            text.parse::<At>()
                .unwrap()
                .instant(taken)
                .map(|it| it.to_string())
        };
        assert_eq!(at("+30d").as_deref(), Some("2026-08-31T00:00:00Z"));
        assert_eq!(at("2027-01-31").as_deref(), Some("2027-01-31T00:00:00Z"));
        assert_eq!(at("+999999w"), None);
        assert!("30d".parse::<At>().is_err());
        assert!("+30".parse::<At>().is_err());
    }

    #[test]
    fn assumptions_name_programs_and_versions() {
        let assumption: Assumption = "kubelet=v1.38".parse().unwrap();
        assert_eq!(assumption.version.text, "1.38");
        let error = "kublet=1.38".parse::<Assumption>().unwrap_err();
        assert!(error.contains("`kubelet`?"), "{error}");
        assert!("kubelet=new".parse::<Assumption>().is_err());
        assert!("kubelet".parse::<Assumption>().is_err());
    }
}
