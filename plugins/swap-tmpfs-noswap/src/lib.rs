//! Where a node swaps, what pods keep in memory is not written to disk.

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, files, journal, no_own_kubelet, node, refuses_swap, swap,
};

const OSRELEASE: &str = "/proc/sys/kernel/osrelease";

/// What the kubelet logs where it cannot keep a tmpfs out of swap, and whether a
/// newer kernel would help (pkg/kubelet/util/swap).
const COMPLAINTS: [(&str, bool); 2] = [
    ("error mounting tmpfs with the noswap option", true),
    ("tmpfs noswap is not supported", false),
];

struct SwapTmpfsNoswap;

/// A device or file that pages are written to.
struct Swap {
    path: String,
    at: Location,
    shown: String,
    in_memory: bool,
}

impl Policy for SwapTmpfsNoswap {
    fn describe() -> Description {
        Description::new(
            "swap-tmpfs-noswap",
            "Secrets of pods are not swapped out",
            "where swap is on, the kernel can keep a tmpfs out of it (6.4 and later)",
        )
        .severity(Severity::Hygiene)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let swaps = match at {
            Horizon::Now => now()?,
            Horizon::NextBoot => next_boot()?,
        };
        if swaps.is_empty() {
            return Ok(Judgement::not_applicable(match at {
                Horizon::Now => "no swap is on",
                Horizon::NextBoot => "no swap is on after a boot",
            }));
        }
        if at == Horizon::NextBoot && refuses_swap(at)?.0 {
            return Ok(Judgement::not_applicable(
                "the kubelet refuses to start with swap: see swap-returns-on-reboot",
            ));
        }
        let Some(release) = node::kernel_release()? else {
            return Err(Unavailable::new(
                OSRELEASE,
                "no kernel runs from this tree, and which one will is not known",
            ));
        };
        let Some(version) = kernel(&release) else {
            return Err(Unavailable::new(
                OSRELEASE,
                format!("{release} is no kernel's release"),
            ));
        };
        let complaint = complaint();
        // In a user namespace no kernel lets the kubelet use the option.
        if version >= (6, 4) && complaint.as_ref().is_none_or(|(_, newer)| *newer) {
            return Ok(Judgement::pass(format!(
                "kernel {release} knows tmpfs noswap"
            )));
        }
        let mut exposed = Vec::new();
        for swap in swaps {
            if !swap.in_memory && swap::encrypted(&device(&swap.path)?)? != Some(true) {
                exposed.push(swap);
            }
        }
        if exposed.is_empty() {
            return Ok(Judgement::pass("all swap is in memory or encrypted"));
        }
        Ok(may_be_swapped(at, release, exposed, complaint)?.into())
    }
}

fn now() -> Result<Vec<Swap>, Unavailable> {
    Ok(swap::active()?
        .into_iter()
        .map(|device| Swap {
            in_memory: device.path.starts_with("/dev/zram"),
            shown: device.path.clone(),
            path: device.path,
            at: device.at,
        })
        .collect())
}

/// What the boot turns on and nothing turns off again.
fn next_boot() -> Result<Vec<Swap>, Unavailable> {
    let activations = swap::at_next_boot()?;
    let turned_off = !activations.is_empty()
        && swap::enforcements()?
            .iter()
            .any(|found| matches!(found.kind.as_str(), "exec-start-pre" | "unit"));
    Ok(activations
        .into_iter()
        .filter(|found| !(turned_off && found.before_kubelet))
        .map(|found| Swap {
            in_memory: found.kind == "zram-generator"
                || [Some(&found.what), found.unit.as_ref()]
                    .into_iter()
                    .flatten()
                    .any(|name| name.contains("zram")),
            shown: found.text.unwrap_or_else(|| found.what.clone()),
            path: found.what,
            at: found.at,
        })
        .collect())
}

/// The device that a line of fstab names, or the one that a swap file lies on.
fn device(path: &str) -> Result<String, Unavailable> {
    const TAGS: [(&str, &str); 4] = [
        ("UUID=", "uuid"),
        ("LABEL=", "label"),
        ("PARTUUID=", "partuuid"),
        ("PARTLABEL=", "partlabel"),
    ];
    for (tag, directory) in TAGS {
        if let Some(name) = path.strip_prefix(tag) {
            return Ok(format!(
                "/dev/disk/by-{directory}/{}",
                name.trim_matches('"')
            ));
        }
    }
    if path.starts_with("/dev/") {
        return Ok(path.to_owned());
    }
    let below = |mount: &&files::Mount| {
        mount.mount_point == "/"
            || path
                .strip_prefix(mount.mount_point.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
    };
    Ok(files::mounts()?
        .iter()
        .filter(below)
        .max_by_key(|mount| mount.mount_point.len())
        .map_or_else(|| path.to_owned(), |mount| mount.source.clone()))
}

/// What the kubelet itself said of the option, in this boot.
fn complaint() -> Option<(String, bool)> {
    journal::recent("kubelet.service", 1000)
        .ok()?
        .into_iter()
        .find_map(|line| {
            let (_, newer) = COMPLAINTS
                .into_iter()
                .find(|(text, _)| line.message.contains(text))?;
            Some((line.message, newer))
        })
}

fn may_be_swapped(
    at: Horizon,
    release: String,
    exposed: Vec<Swap>,
    complaint: Option<(String, bool)>,
) -> Result<Finding, Unavailable> {
    let in_namespace = complaint.as_ref().is_some_and(|(_, newer)| !newer);
    let message = match (at, in_namespace) {
        (_, true) => {
            "the kubelet runs in a user namespace, where tmpfs has no noswap: volumes that pods keep \
             in memory, secrets among them, may be written to disk"
                .to_owned()
        }
        (Horizon::Now, false) => format!(
            "kernel {release} may write volumes that pods keep in memory, secrets among them, to disk"
        ),
        (Horizon::NextBoot, false) => format!(
            "swap comes with the boot, and kernel {release}, if it is that again, may write volumes \
             that pods keep in memory, secrets among them, to disk"
        ),
    };
    let mut finding = Finding::warn("secrets-may-be-swapped", message).explained(
        Location::source(OSRELEASE),
        release,
        "tmpfs has the option noswap since 6.4, or where a distribution brought it back",
    );
    for swap in exposed {
        finding = finding.evidence(swap.at, swap.shown);
    }
    if let Some((line, _)) = complaint {
        finding = finding.evidence(Location::source("journal"), line);
    }
    // Swap that is not meant to be on goes off, and this with it.
    if refuses_swap(at).is_ok_and(|(refuses, _)| refuses) {
        finding = finding.symptom_of("swap-active");
    }
    let fix = if in_namespace {
        Fix::new("encrypt swap, or let the kubelet run outside of a user namespace").step(
            Step::note(
                "on the host, put swap on dm-crypt (the option swap in /etc/crypttab, the device \
             /dev/mapper/NAME in /etc/fstab), or turn swap off for this container \
             (memory.swap.max)",
            ),
        )
    } else {
        Fix::new("use a newer kernel, or encrypt swap")
            .step(Step::note(
                "install a kernel 6.4 or later, drain the node and boot it",
            ))
            .step(Step::note(
                "or put swap on dm-crypt: swapoff, a line `cryptswap DEVICE /dev/urandom swap` in \
                 /etc/crypttab, /dev/mapper/cryptswap in place of the device in /etc/fstab, and a \
                 reboot",
            ))
    };
    Ok(finding.fix(fix))
}

/// `6.1` of `6.1.0-40-amd64`.
fn kernel(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

nodepol_plugin::policy!(SwapTmpfsNoswap);
