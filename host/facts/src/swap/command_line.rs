//! What the kernel command line says about swap (kernel-command-line(7),
//! systemd-fstab-generator(8), systemd-gpt-auto-generator(8)).

use nodepol_model::Location;

use crate::sourced::Sourced;

/// The arguments that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandLine {
    /// `systemd.swap=no`: no swap unit is generated from fstab or partitions.
    pub(super) no_swap: Option<Sourced<String>>,
    /// `fstab=no`: fstab is not read at all.
    pub(super) no_fstab: bool,
    /// `systemd.gpt_auto=no`: partitions are not looked for.
    pub(super) no_gpt: bool,
    /// `systemd.zram`: whether zram-generator works, where it is said.
    pub(super) zram: Option<bool>,
    /// `systemd.mask=`.
    pub(super) masked: Vec<Sourced<String>>,
    /// `systemd.swap-extra=` and `systemd.mount-extra=…:swap`: what, and whether
    /// it is `noauto`. `systemd.swap=no` does not touch them.
    pub(super) extra: Vec<(String, Location)>,
}

/// Reads the arguments; of equal ones the last counts.
pub(super) fn read(arguments: &[Sourced<String>]) -> CommandLine {
    let mut read = CommandLine {
        no_swap: None,
        no_fstab: false,
        no_gpt: false,
        zram: None,
        masked: Vec::new(),
        extra: Vec::new(),
    };
    for argument in arguments {
        let (key, value) = match argument.value.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (argument.value.as_str(), None),
        };
        // `-` and `_` are the same in a key (proc_cmdline_key_streq).
        match key.replace('-', "_").as_str() {
            "systemd.swap" => match boolean(value) {
                Some(true) => read.no_swap = None,
                Some(false) => read.no_swap = Some(argument.clone()),
                None => {}
            },
            "fstab" => read.no_fstab = boolean(value).map_or(read.no_fstab, |on| !on),
            "systemd.gpt_auto" => read.no_gpt = boolean(value).map_or(read.no_gpt, |on| !on),
            "systemd.zram" => read.zram = boolean(value).or(read.zram),
            "systemd.mask" => {
                if let Some(unit) = value {
                    read.masked
                        .push(Sourced::new(unit.to_owned(), argument.origin.clone()));
                }
            }
            "systemd.swap_extra" => {
                if let Some((what, options)) = value.map(first_of) {
                    read.add(what, options, argument);
                }
            }
            "systemd.mount_extra" => {
                let mut parts = value.unwrap_or_default().splitn(4, ':');
                let what = parts.next().unwrap_or_default();
                if parts.nth(1) == Some("swap") {
                    read.add(what, parts.next().unwrap_or_default(), argument);
                }
            }
            _ => {}
        }
    }
    read
}

fn first_of(value: &str) -> (&str, &str) {
    value.split_once(':').unwrap_or((value, ""))
}

impl CommandLine {
    fn add(&mut self, what: &str, options: &str, argument: &Sourced<String>) {
        if !what.is_empty() && !super::fstab::last_of(options, "noauto", "auto") {
            self.extra.push((what.to_owned(), argument.origin.clone()));
        }
    }
}

/// A switch of systemd: without a value it is on.
fn boolean(value: Option<&str>) -> Option<bool> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("1" | "yes" | "y" | "true" | "t" | "on") => Some(true),
        Some("0" | "no" | "n" | "false" | "f" | "off") => Some(false),
        Some(_) => None,
    }
}
