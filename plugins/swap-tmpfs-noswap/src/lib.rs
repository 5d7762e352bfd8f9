//! Where a node swaps, what pods keep in memory is not written to disk.

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, no_own_kubelet, node, swap,
};

struct SwapTmpfsNoswap;

impl Policy for SwapTmpfsNoswap {
    fn describe() -> Description {
        Description::new(
            "swap-tmpfs-noswap",
            "Secrets of pods are not swapped out",
            "where swap is on, the kernel can keep a tmpfs out of it (6.4 and later)",
        )
        .severity(Severity::Hygiene)
        .phases(&[Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if at == Horizon::NextBoot {
            return Ok(Judgement::not_applicable(
                "the kernel of the next boot is not known",
            ));
        }
        let devices = swap::active()?;
        if devices.is_empty() {
            return Ok(Judgement::not_applicable("no swap is on"));
        }
        let Some(release) = node::kernel_release()? else {
            return Ok(Judgement::not_applicable("no kernel runs here"));
        };
        let Some(version) = kernel(&release) else {
            return Err(Unavailable {
                source: "/proc/sys/kernel/osrelease".to_owned(),
                reason: format!("{release} is no kernel's release"),
            });
        };
        if version >= (6, 4) {
            return Ok(Judgement::pass(format!(
                "kernel {release} knows tmpfs noswap"
            )));
        }
        let mut exposed = Vec::new();
        for device in devices {
            let in_memory = device.path.starts_with("/dev/zram");
            if !in_memory && swap::encrypted(&device.path)? != Some(true) {
                exposed.push(device);
            }
        }
        if exposed.is_empty() {
            return Ok(Judgement::pass("all swap is in memory or encrypted"));
        }
        let finding = exposed.into_iter().fold(
            Finding::warn(
                "secrets-may-be-swapped",
                format!("kernel {release} may write volumes that pods keep in memory, secrets among them, to disk"),
            )
            .explained(
                Location::source("/proc/sys/kernel/osrelease"),
                release,
                "tmpfs has the option noswap since 6.4, or where a distribution brought it back",
            ),
            |finding, device| finding.evidence(device.at, device.path),
        );
        Ok(finding
            .fix(
                Fix::new("use a newer kernel, or encrypt swap").step(Step::note(
                    "install a kernel 6.4 or later, or put swap on dm-crypt (the option swap of \
                 /etc/crypttab)",
                )),
            )
            .into())
    }
}

/// `6.1` of `6.1.0-40-amd64`.
fn kernel(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

nodepol_plugin::policy!(SwapTmpfsNoswap);
