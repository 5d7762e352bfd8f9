//! The node as a whole: system, kernel, boot parameters, who set it up, and
//! which moments can be judged.

mod flavour;
mod hostname;
mod os_release;
pub(crate) mod pattern;
mod sysctl;

use std::sync::{Arc, OnceLock};

use nodepol_model::{Horizon, Location, Part, Phase, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

pub use os_release::OsRelease;

use crate::evidence::{Evidence, Resolved};
use crate::join_state::JoinState;
use crate::kernel_command_line;
use crate::kubelet::Kubelet;
use crate::package;
use crate::sourced::{Sourced, Version};

/// Facts about the node (`wit/node.wit`, but for the join state).
#[derive(Debug)]
pub struct Node {
    evidence: Arc<Evidence>,
    kubelet: Arc<Kubelet>,
    flavour: OnceLock<Sourced<String>>,
}

/// What `nodepol facts` prints of the node.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// os-release(5), if it could be read.
    pub os: Option<OsRelease>,
    /// `uname -r`.
    pub kernel: Option<String>,
    /// What is PID 1 after the next boot.
    pub init: Option<Sourced<String>>,
    /// The kernel's host name, or that of `/etc/hostname`.
    pub hostname: Option<Sourced<String>>,
    /// Who set the node up.
    pub flavour: Sourced<String>,
    /// Whether another program holds the kubelet.
    pub embedded_kubelet: bool,
    /// Whether it runs a control plane.
    pub control_plane: bool,
}

/// What a machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity {
    /// The CPUs that are on, such as `0-3,6`.
    pub online_cpus: Option<String>,
    /// `MemTotal`, in bytes.
    pub memory_bytes: Option<u64>,
}

impl Node {
    /// Facts from `evidence`.
    pub fn new(evidence: Arc<Evidence>, kubelet: Arc<Kubelet>) -> Self {
        Self {
            evidence,
            kubelet,
            flavour: OnceLock::new(),
        }
    }

    /// When the snapshot was taken, in seconds since the epoch.
    pub fn taken_at(&self) -> i64 {
        self.evidence.taken_at().as_second()
    }

    /// os-release(5): `/etc/os-release`, else `/usr/lib/os-release`.
    ///
    /// # Errors
    /// [`Unavailable`] if it could not be read.
    pub fn os(&self) -> Result<Option<OsRelease>, Unavailable> {
        for path in ["/etc/os-release", "/usr/lib/os-release"] {
            if let Some(text) = self.evidence.text(path).known(path)? {
                return Ok(Some(OsRelease::parse(text)));
            }
        }
        Ok(None)
    }

    /// `uname -r`; none in a tree that no kernel runs from.
    ///
    /// # Errors
    /// [`Unavailable`] if it could not be read.
    pub fn kernel_release(&self) -> Result<Option<String>, Unavailable> {
        let path = "/proc/sys/kernel/osrelease";
        Ok(self.first_line(path)?.map(|line| line.value))
    }

    /// The version of kubeadm: of its program, or of its package. None where
    /// nothing says it.
    ///
    /// # Errors
    /// None today; the ABI leaves room for one.
    pub fn kubeadm_version(&self) -> Result<Option<Version>, Unavailable> {
        let name = "kubeadm version";
        if let Part::Present(output) = self.evidence.program(name)
            && let Some(version) = Version::find(&output.stdout, Location::source(name))
        {
            return Ok(Some(version));
        }
        Ok(package::version(&self.evidence, "kubeadm"))
    }

    /// The kernel's command line: `/proc/cmdline`, or what the boot loader is
    /// configured to pass, word by word.
    ///
    /// # Errors
    /// [`Unavailable`] if it could not be read, or no boot loader's
    /// configuration is there.
    pub fn command_line(&self, at: Horizon) -> Result<Vec<Sourced<String>>, Unavailable> {
        match at {
            Horizon::Now => {
                let path = "/proc/cmdline";
                let text = self.evidence.text(path).known(path)?.copied();
                text.map(|text| kernel_command_line::words(text, &Location::line(path, 1)))
                    .ok_or_else(|| Unavailable::new(path, "no kernel runs from this tree"))
            }
            Horizon::NextBoot => kernel_command_line::configured(&self.evidence),
        }
    }

    /// A sysctl by its dotted name: the live value, or what sysctl.d(5) sets;
    /// none if the kernel has no such key, or no file sets it.
    ///
    /// # Errors
    /// [`Unavailable`] if it could not be read.
    pub fn sysctl(&self, at: Horizon, key: &str) -> Result<Option<Sourced<String>>, Unavailable> {
        let key = sysctl::path(key);
        match at {
            Horizon::Now => {
                if key.split('/').any(|part| part == "..") {
                    return Ok(None);
                }
                self.live()?;
                self.first_line(&format!("/proc/sys/{key}"))
            }
            Horizon::NextBoot => sysctl::configured(&self.evidence, &key),
        }
    }

    /// The host name: the kernel's; or that of `systemd.hostname=` on the kernel's
    /// command line, else of `/etc/hostname` (`src/shared/hostname-setup.c`).
    ///
    /// # Errors
    /// [`Unavailable`] if it could not be read.
    pub fn hostname(&self, at: Horizon) -> Result<Option<Sourced<String>>, Unavailable> {
        match at {
            Horizon::Now => {
                self.live()?;
                self.first_line("/proc/sys/kernel/hostname")
            }
            // hostname(5): comments and empty lines are skipped.
            Horizon::NextBoot => {
                let line = self.command_line(at).unwrap_or_default();
                let word = line.into_iter().rev().find_map(|word| {
                    let name = word.value.strip_prefix("systemd.hostname=")?.to_owned();
                    Some(Sourced::new(name, word.origin))
                });
                let name = match word {
                    Some(name) => Some(name),
                    None => self.first_line("/etc/hostname")?,
                };
                Ok(name.map(|name| name.map(|name| hostname::clean(&name))))
            }
        }
    }

    /// The program that is PID 1, `systemd` among others; none where nothing
    /// in a tree says it.
    ///
    /// # Errors
    /// [`Unavailable`] if it could not be read.
    pub fn init(&self, at: Horizon) -> Result<Option<Sourced<String>>, Unavailable> {
        if at == Horizon::Now {
            self.live()?;
            return self.first_line("/proc/1/comm");
        }
        for path in ["/sbin/init", "/usr/sbin/init"] {
            match self.evidence.resolve(path) {
                Resolved::At(program) | Resolved::Nowhere(program)
                    if self.evidence.lstat(path).present().is_some() =>
                {
                    let name = program.rsplit('/').next().unwrap_or_default().to_owned();
                    return Ok(Some(Sourced::new(name, Location::source(path))));
                }
                Resolved::At(_) | Resolved::Nowhere(_) => {}
                Resolved::Unknown(unavailable) => return Err(unavailable),
            }
        }
        // A tree that holds only part of a root: its units tell.
        let directories = ["/usr/lib/systemd", "/lib/systemd", "/etc/systemd/system"];
        Ok(directories
            .into_iter()
            .find(|path| self.evidence.lstat(path).present().is_some())
            .map(|path| Sourced::new("systemd".to_owned(), Location::source(path))))
    }

    /// Who set the node up (`wit/node.wit` has the words).
    pub fn flavour(&self) -> Sourced<String> {
        let detect = || {
            let os = self.os().ok().flatten();
            flavour::detect(&self.evidence, os.as_ref())
        };
        self.flavour.get_or_init(detect).clone()
    }

    /// Whether the kubelet is part of another program and has no kubelet.service.
    pub fn embedded_kubelet(&self) -> bool {
        flavour::embeds(&self.flavour().value)
            && !flavour::has_unit(&self.evidence, "kubelet.service")
    }

    /// Whether the node runs a control plane: a static pod of kube-apiserver in
    /// the kubelet's `staticPodPath`.
    pub fn control_plane(&self) -> bool {
        let configured = self.kubelet.setting(Horizon::NextBoot, "/staticPodPath");
        let path = configured
            .ok()
            .flatten()
            .and_then(|path| path.value.as_str().map(str::to_owned))
            .filter(|path| !path.is_empty())
            .unwrap_or_else(|| "/etc/kubernetes/manifests".to_owned());
        let Part::Present(names) = self.evidence.names(&path) else {
            return false;
        };
        names
            .iter()
            .filter(|name| !name.starts_with('.'))
            .any(|name| {
                name.starts_with("kube-apiserver")
                    || self
                        .evidence
                        .text(&format!("{path}/{name}"))
                        .present()
                        .is_some_and(|text| {
                            text.lines()
                                .any(|line| line.trim() == "name: kube-apiserver")
                        })
            })
    }

    /// `MemAvailable` of /proc/meminfo, in bytes; none where no kernel runs.
    ///
    /// # Errors
    /// [`Unavailable`] if it could not be read.
    pub fn memory_available(&self) -> Result<Option<u64>, Unavailable> {
        self.meminfo("MemAvailable:")
    }

    /// What the machine has, as the kernel sees it.
    ///
    /// # Errors
    /// [`Unavailable`] if it could not be read.
    pub fn capacity(&self) -> Result<Capacity, Unavailable> {
        let path = "/sys/devices/system/cpu/online";
        let cpus = self.evidence.text(path).known(path)?.copied();
        Ok(Capacity {
            online_cpus: cpus.map(|cpus| cpus.trim().to_owned()),
            memory_bytes: self.meminfo("MemTotal:")?,
        })
    }

    fn meminfo(&self, row: &str) -> Result<Option<u64>, Unavailable> {
        let path = "/proc/meminfo";
        let Some(text) = self.evidence.text(path).known(path)?.copied() else {
            return Ok(None);
        };
        Ok(text
            .lines()
            .find_map(|line| line.strip_prefix(row))
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
            .and_then(|kib| kib.checked_mul(1024)))
    }

    /// The moments that the evidence speaks of: a tree without `/proc` has no
    /// *now*.
    pub fn horizons(&self) -> Vec<Horizon> {
        if self.live().is_ok() {
            vec![Horizon::Now, Horizon::NextBoot]
        } else {
            vec![Horizon::NextBoot]
        }
    }

    /// The phase that fits, and why.
    pub fn phase(&self, state: JoinState) -> (Phase, &'static str) {
        let joined = matches!(
            state,
            JoinState::Joining | JoinState::Joined | JoinState::BrokenPartial
        );
        if !self.evidence.is_live() {
            (Phase::Image, "it is a tree that no kernel runs from")
        } else if joined {
            (
                Phase::Running,
                "the node runs and has joined a cluster, be it in part",
            )
        } else {
            (Phase::PreJoin, "the node runs and has not joined a cluster")
        }
    }

    /// What `nodepol facts` prints.
    pub fn summary(&self) -> Summary {
        let hostname = self
            .hostname(Horizon::Now)
            .or_else(|_| self.hostname(Horizon::NextBoot));
        Summary {
            os: self.os().ok().flatten(),
            kernel: self.kernel_release().ok().flatten(),
            init: self.init(Horizon::NextBoot).ok().flatten(),
            hostname: hostname.ok().flatten(),
            flavour: self.flavour(),
            embedded_kubelet: self.embedded_kubelet(),
            control_plane: self.control_plane(),
        }
    }

    /// Whether a kernel says anything.
    fn live(&self) -> Result<(), Unavailable> {
        if self.evidence.is_live() || self.evidence.lstat("/proc/cmdline").present().is_some() {
            Ok(())
        } else {
            Err(Unavailable::new("/proc", "no kernel runs from this tree"))
        }
    }

    /// The first line that is neither empty nor a comment.
    fn first_line(&self, path: &str) -> Result<Option<Sourced<String>>, Unavailable> {
        let text = self.evidence.text(path).known(path)?.copied();
        Ok(text.and_then(|text| {
            (1..)
                .zip(text.lines())
                .map(|(line, text)| (line, text.trim()))
                .find(|(_, text)| !text.is_empty() && !text.starts_with('#'))
                .map(|(line, text)| Sourced::new(text.to_owned(), Location::line(path, line)))
        }))
    }
}
