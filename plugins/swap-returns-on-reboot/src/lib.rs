//! Nothing that is persisted turns swap on again at the next boot.

use nodepol_plugin::swap::{self, Activation};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity, Step,
    Unavailable, UnitVerb, kubelet, no_own_kubelet, refuses_swap,
};

struct SwapReturnsOnReboot;

impl Policy for SwapReturnsOnReboot {
    fn describe() -> Description {
        Description::new(
            "swap-returns-on-reboot",
            "Swap stays off after a reboot",
            "nothing that is persisted turns swap on while the effective failSwapOn is true",
        )
        .severity(Severity::BootBlocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if at == Horizon::Now {
            return Ok(Judgement::not_applicable(
                "swap-active judges what is on now",
            ));
        }
        // Of a kubelet inside another program only some tell how it is started.
        if let Some(judgement) = no_own_kubelet()?
            && kubelet::argv(at).is_err()
        {
            return Ok(judgement);
        }
        let (refused, origin) = refuses_swap(at)?;
        if !refused {
            return Ok(Judgement::not_applicable(
                "failSwapOn is false: the kubelet allows swap",
            ));
        }
        let activations = swap::at_next_boot()?;
        if activations.is_empty() {
            return Ok(Judgement::pass("nothing turns swap on at boot"));
        }
        // What is masked is not turned on in the first place, and says nothing of
        // what a service turns on.
        let turned_off = swap::enforcements()?
            .into_iter()
            .find(|found| matches!(found.kind.as_str(), "exec-start-pre" | "unit"));
        let findings = activations
            .iter()
            .map(|activation| match &turned_off {
                Some(enforcement) if activation.before_kubelet => Finding::note(
                    "swap-turned-off-again",
                    format!("{} turns on {}, and {} turns it off before the kubelet starts",
                        source(activation), activation.what, enforcement.what),
                )
                .evidence(activation.at.clone(), shown(activation))
                .evidence(enforcement.at.clone(), enforcement.what.clone()),
                _ if activation.device_present == Some(false) => Finding::warn(
                    "swap-device-missing",
                    format!(
                        "{} turns on {} at the next boot if it is there again; now it does not \
                         exist",
                        source(activation),
                        activation.what
                    ),
                )
                .evidence(activation.at.clone(), shown(activation))
                .fix(fix(activation)),
                _ => Finding::fail(
                    "swap-returns",
                    format!(
                        "{} turns on {} at the next boot, and the kubelet refuses to start with swap",
                        source(activation),
                        activation.what
                    ),
                )
                .evidence(activation.at.clone(), shown(activation))
                .explained(
                    origin.clone(),
                    "failSwapOn: true",
                    "the kubelet exits if /proc/swaps has a row when it starts",
                )
                .fix(fix(activation)),
            })
            .collect();
        Ok(Judgement::of(
            findings,
            "swap is turned off before the kubelet starts",
        ))
    }
}

fn shown(activation: &Activation) -> String {
    activation
        .text
        .clone()
        .unwrap_or_else(|| activation.what.clone())
}

fn source(activation: &Activation) -> &str {
    match activation.kind.as_str() {
        "fstab" => "/etc/fstab",
        "unit" => "a .swap unit",
        "gpt" => "systemd-gpt-auto-generator",
        "zram-generator" => "zram-generator",
        "cloud-init" => "cloud-init",
        "waagent" => "the Azure agent",
        "rc-local" => "rc.local",
        "cron" => "a cron job at boot",
        "kernel-command-line" => "the kernel command line",
        _ => "a service",
    }
}

fn fix(activation: &Activation) -> Fix {
    let path = activation.at.source.clone();
    let unit = activation.unit.clone();
    let fix = Fix::new(format!("keep {} off", activation.what));
    let mask = |unit: Option<String>, otherwise: &str| match unit {
        Some(unit) => Step::unit(UnitVerb::Mask, unit, "so that nothing starts it"),
        None => Step::note(otherwise.to_owned()),
    };
    let list = Step::daemon_reload().verify(["systemctl", "list-units", "--type=swap", "--all"]);
    match activation.kind.as_str() {
        "fstab" => {
            let line = match (activation.at.line, &activation.text) {
                (Some(line), Some(text)) => Step::remove_line(
                    path,
                    line,
                    text.clone(),
                    "remove the line, or comment it out",
                ),
                _ => Step::note(format!("comment out the swap line in {path}")),
            };
            fix.step(line).step(list)
        }
        "gpt" => fix
            .step(mask(
                unit,
                "mask the unit that systemd-gpt-auto-generator makes",
            ))
            .step(Step::note(
                "the partition's type brings it back, whatever fstab says: to end it for good, \
                 give the partition another type with sfdisk --part-type",
            ))
            .step(list),
        "zram-generator" if path.contains("/zram-generator.conf.d/") => fix
            .step(Step::command(
                ["mkdir", "--parents", "/etc/systemd/zram-generator.conf.d"],
                "where an administrator's drop-ins go",
            ))
            .step(Step::argv(
                [
                    "ln",
                    "--symbolic",
                    "--force",
                    "/dev/null",
                    &format!(
                        "/etc/systemd/zram-generator.conf.d/{}",
                        path.rsplit('/').next().unwrap_or_default()
                    ),
                ]
                .map(str::to_owned)
                .to_vec(),
                "hide the drop-in: zram-generator reads a name once, from /etc first",
            ))
            .step(list),
        "zram-generator" => fix
            .step(Step::write_file(
                "/etc/systemd/zram-generator.conf",
                0o644,
                "",
                "an empty file in /etc takes the place of the vendor's",
            ))
            .step(list),
        "unit" => fix.step(mask(unit, "mask the .swap unit")).step(list),
        "service" => match unit {
            Some(unit) => fix
                .step(Step::unit(
                    UnitVerb::Disable,
                    unit.clone(),
                    "do not start it at boot",
                ))
                .step(Step::unit(UnitVerb::Stop, unit, "and stop it now")),
            None => fix.step(Step::note(format!("disable what {path} starts"))),
        },
        "waagent" => fix
            .step(Step::note(format!(
                "set ResourceDisk.EnableSwap=n in {path}"
            )))
            .step(Step::unit(
                UnitVerb::Restart,
                "walinuxagent.service",
                "make the agent read it",
            )),
        "kernel-command-line" => fix.step(Step::note(
            "remove systemd.swap-extra= from the kernel command line in the boot loader's \
             configuration",
        )),
        "cloud-init" => fix.step(Step::note(format!("remove the `swap` section from {path}"))),
        _ => fix.step(Step::note(format!(
            "remove the line with swapon from {path}"
        ))),
    }
}

nodepol_plugin::policy!(SwapReturnsOnReboot);
