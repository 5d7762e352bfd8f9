//! The kubelet: what it is started with and what its configuration really is.
//!
//! The answers are those of `wit/kubelet.wit`, but for the cgroup driver, which
//! needs the runtimes as well: see [`crate::kubelet_driver`].

mod command;
mod config;
mod decode;
mod defaults;
mod effective;
mod embedded;
mod fields;
mod flag_table;
mod flag_values;
mod flags;
mod gate_problems;
mod gates;
mod nearest;
mod outdated;
mod overrides;
mod process;
mod releases;
mod shell;
mod starts;
mod summary;
mod version;

use std::sync::{Arc, OnceLock};

use nodepol_model::{Horizon, Unavailable};

pub use self::config::DropIns;
pub use self::effective::SettingValue;
pub use self::overrides::FlagOverride;
pub use self::process::Process;
pub use self::starts::Starts;
pub use self::summary::Summary;
pub use self::version::Assumptions;

use self::config::{Config, Inputs};
use self::flags::Flags;
use crate::evidence::Evidence;
use crate::sourced::{Problem, Sourced, Version};

/// The unit that starts the kubelet nearly everywhere.
const UNIT: &str = "kubelet.service";
/// What must be set for drop-ins in 1.28 and 1.29.
const DROP_IN_ALPHA: &str = "KUBELET_CONFIG_DROPIN_DIR_ALPHA";

/// Facts about the kubelet.
#[derive(Debug)]
pub struct Kubelet {
    evidence: Arc<Evidence>,
    starts: Arc<dyn Starts>,
    assumptions: Assumptions,
    version: OnceLock<Option<Version>>,
    now: OnceLock<State>,
    next_boot: OnceLock<State>,
}

/// The kubelet at one horizon.
#[derive(Debug)]
struct State {
    started: Result<Started, Unavailable>,
}

#[derive(Debug)]
struct Started {
    argv: Vec<Sourced<String>>,
    flags: Flags,
    config: Config,
}

impl Kubelet {
    /// Facts about the kubelet of a snapshot.
    pub fn new(evidence: Arc<Evidence>, starts: Arc<dyn Starts>, assumptions: Assumptions) -> Self {
        Self {
            evidence,
            starts,
            assumptions,
            version: OnceLock::new(),
            now: OnceLock::new(),
            next_boot: OnceLock::new(),
        }
    }

    /// What is assumed of versions.
    pub fn assumptions(&self) -> &Assumptions {
        &self.assumptions
    }

    /// The version of the kubelet's program or of its package, or the one that
    /// is assumed. None if nothing says it.
    ///
    /// # Errors
    /// None today; the ABI leaves room for one.
    pub fn get_version(&self) -> Result<Option<Version>, Unavailable> {
        Ok(self.known_version().clone())
    }

    fn known_version(&self) -> &Option<Version> {
        self.version
            .get_or_init(|| version::find(&self.evidence, self.assumptions.kubelet.as_ref()))
    }

    /// The arguments, the program first: those of the running process, or those
    /// of the next start. With a kubelet in a container its image stands in the
    /// program's place.
    ///
    /// # Errors
    /// [`Unavailable`] if there is no kubelet whose start is known.
    pub fn argv(&self, at: Horizon) -> Result<Vec<Sourced<String>>, Unavailable> {
        Ok(self.started(at)?.argv.clone())
    }

    /// The value of a flag by its long name without dashes. Those of a list or
    /// map flag that is given several times are joined by commas.
    ///
    /// # Errors
    /// As [`Self::argv`].
    pub fn flag(&self, at: Horizon, name: &str) -> Result<Option<Sourced<String>>, Unavailable> {
        Ok(self.started(at)?.flags.get(name))
    }

    /// Why the kubelet refuses its command line: a word that is no flag, a value
    /// of the wrong type, a flag without its value, a flag that this release does
    /// not have. What only looks like a misspelt flag is not fatal.
    ///
    /// # Errors
    /// As [`Self::argv`], or if that hangs on a release that is not known.
    pub fn flag_problems(&self, at: Horizon) -> Result<Vec<Problem>, Unavailable> {
        outdated::flags(&self.started(at)?.flags, self.known_version().as_ref())
    }

    /// Why the kubelet refuses its feature gates, of flags and files; of flags
    /// alone while the configuration file does not exist. What only no
    /// release is known to have is not fatal.
    ///
    /// # Errors
    /// As [`Self::setting`], or if that hangs on a release that is not known.
    pub fn gate_problems(&self, at: Horizon) -> Result<Vec<Problem>, Unavailable> {
        let config = &self.started(at)?.config;
        match (&config.effective, &config.by_flags) {
            // The gates of flags are set before the file is read (`NewKubeletCommand`
            // in cmd/kubelet/app/server.go).
            (Ok(effective), _) | (Err(_), Some(effective)) => {
                gate_problems::problems(effective, self.known_version().as_ref())
            }
            (Err(why), None) => Err(why.clone()),
        }
    }

    /// Fields that a flag and a file set to different values.
    ///
    /// # Errors
    /// As [`Self::setting`].
    pub fn flag_overrides(&self, at: Horizon) -> Result<Vec<FlagOverride>, Unavailable> {
        let started = self.started(at)?;
        match &started.config.effective {
            Ok(effective) => Ok(overrides::find(&started.flags, effective)),
            Err(why) => Err(why.clone()),
        }
    }

    /// The directory of drop-ins that `--config-dir` names; none without it.
    ///
    /// # Errors
    /// As [`Self::argv`], or if the directory cannot be listed.
    pub fn config_drop_ins(&self, at: Horizon) -> Result<Option<DropIns>, Unavailable> {
        config::drop_in_directory(
            &self.evidence,
            &self.started(at)?.flags,
            &self.working_directory(),
        )
    }

    /// The effective value of a field of `KubeletConfiguration`, named by an RFC
    /// 6901 pointer. None if it is unset and has no default. A feature gate that
    /// nobody sets is as this release has it by default.
    ///
    /// # Errors
    /// [`Unavailable`] if a file is missing, unreadable or refused, or if the
    /// default hangs on a version that is not known.
    pub fn setting(&self, at: Horizon, pointer: &str) -> Result<Option<SettingValue>, Unavailable> {
        match &self.started(at)?.config.effective {
            Ok(effective) => Ok(match effective.get(pointer)? {
                None => {
                    let minor = self.known_version().as_ref().map(|version| version.minor);
                    gate_problems::by_default(effective, pointer, minor)
                }
                set => set,
            }),
            Err(why) => Err(why.clone()),
        }
    }

    /// The value of `--config`, absolute.
    ///
    /// # Errors
    /// As [`Self::argv`].
    pub fn config_path(&self, at: Horizon) -> Result<Option<Sourced<String>>, Unavailable> {
        Ok(self.started(at)?.config.path.clone())
    }

    /// Whether the file of `--config` exists; false without that flag.
    ///
    /// # Errors
    /// [`Unavailable`] if that cannot be told.
    pub fn config_present(&self, at: Horizon) -> Result<bool, Unavailable> {
        self.started(at)?.config.present.clone()
    }

    /// What is wrong with the configuration file and its drop-ins. That the file
    /// itself is absent is none of it: see [`Self::config_present`].
    ///
    /// # Errors
    /// [`Unavailable`] if a file could not be read.
    pub fn config_problems(&self, at: Horizon) -> Result<Vec<Problem>, Unavailable> {
        self.started(at)?.config.problems.clone()
    }

    /// The kubelet's process, if one runs.
    ///
    /// # Errors
    /// [`Unavailable`] if the manager could not be asked.
    pub fn running(&self) -> Result<Option<Process>, Unavailable> {
        process::running(&self.evidence, UNIT)
    }

    /// What `nodepol facts` tells of the kubelet.
    pub fn summary(&self) -> Summary {
        Summary::of(self)
    }

    fn started(&self, at: Horizon) -> Result<&Started, Unavailable> {
        let state = match at {
            Horizon::Now => &self.now,
            Horizon::NextBoot => &self.next_boot,
        };
        state
            .get_or_init(|| State {
                started: self.find(at).map(|argv| self.read(argv)),
            })
            .started
            .as_ref()
            .map_err(Clone::clone)
    }

    fn read(&self, argv: Vec<Sourced<String>>) -> Started {
        let flags = Flags::parse(argv.get(1..).unwrap_or_default());
        let config = Config::load(&Inputs {
            evidence: &self.evidence,
            flags: &flags,
            minor: self.known_version().as_ref().map(|version| version.minor),
            drop_in_alpha: self
                .starts
                .variable(UNIT, DROP_IN_ALPHA)
                .map(|value| value.is_some()),
            working_directory: &self.working_directory(),
        });
        Started {
            argv,
            flags,
            config,
        }
    }

    /// Where relative paths start: `/`, unless the unit says otherwise.
    fn working_directory(&self) -> String {
        let set = self.starts.service_setting(UNIT, "WorkingDirectory");
        let path = set.ok().flatten().map(|set| set.value).unwrap_or_default();
        match path.strip_prefix('-').unwrap_or(&path) {
            "" => "/".to_owned(),
            "~" => "/root".to_owned(),
            path => path.to_owned(),
        }
    }

    /// A kubelet in another root has other files than the node.
    fn sees_the_node(&self) -> Result<(), Unavailable> {
        for key in ["RootDirectory", "RootImage"] {
            let set = self.starts.service_setting(UNIT, key).ok().flatten();
            if let Some(root) = set.filter(|root| !matches!(root.value.as_str(), "" | "/")) {
                return Err(Unavailable::new(
                    root.origin.source,
                    format!(
                        "{key}={}: the kubelet sees the files there, and not those of the node",
                        root.value
                    ),
                ));
            }
        }
        Ok(())
    }

    fn find(&self, at: Horizon) -> Result<Vec<Sourced<String>>, Unavailable> {
        self.sees_the_node()?;
        let environment = |name: &str| self.starts.variable(UNIT, name);
        if at == Horizon::Now
            && let Some(process) = self.running()?
            && let Some(words) = process::argv(&self.evidence, process.pid)?
        {
            if let Some(argv) = command::kubelet(&words, &environment)? {
                return Ok(argv);
            }
            if command::is_named_after(&words) {
                return Ok(words);
            }
        }
        // A kubelet in a container that is started beforehand, with only its log
        // followed by the service itself, stands in `ExecStartPre`.
        let mut has_unit = false;
        for key in ["ExecStart", "ExecStartPre"] {
            let commands = self.starts.started(UNIT, key)?;
            has_unit |= commands.is_some();
            let mut all = commands.iter().flatten();
            for words in all.clone() {
                if let Some(argv) = command::kubelet(words, &environment)? {
                    return Ok(argv);
                }
            }
            if key == "ExecStart"
                && let Some(argv) = all.find(|words| command::is_named_after(words))
            {
                return Ok(argv.clone());
            }
        }
        if has_unit {
            return Err(Unavailable::new(
                UNIT,
                "no command of it is known to start a kubelet",
            ));
        }
        if let Some(argv) = embedded::arguments(&self.evidence)? {
            return Ok(argv);
        }
        Err(Unavailable::new(UNIT, "there is no such unit"))
    }
}
