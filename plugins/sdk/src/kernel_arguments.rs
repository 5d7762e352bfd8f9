//! Steps that change the kernel's command line, by the tools of the node's own
//! distribution.

use crate::node::{self, OsRelease};
use crate::{Step, files};

/// Files of boards that are the command line itself, in one line.
const PLAIN: [&str; 2] = ["/boot/firmware/cmdline.txt", "/boot/cmdline.txt"];
const GRUB: &str = "/etc/default/grub";
const GRUB_DIRECTORY: &str = "/etc/default/grub.d";

/// Takes words off the kernel's command line and puts others on it. What the
/// running kernel got changes with a reboot only, which is not among the steps.
pub fn kernel_arguments(remove: &[String], add: &[String]) -> Vec<Step> {
    let os = node::os().ok().flatten();
    let there = |path: &str| files::lstat(path).is_ok_and(|stat| stat.is_some());
    if is_like(os.as_ref(), &["fedora", "rhel", "centos", "amzn"]) {
        let variant = os.as_ref().and_then(|os| os.variant_id.as_deref());
        let ostree = variant == Some("coreos") || there("/run/ostree-booted");
        return vec![if ostree {
            rpm_ostree(remove, add)
        } else {
            grubby(remove, add)
        }];
    }
    if let Some(path) = PLAIN.into_iter().find(|path| there(path)) {
        return one_line(path, remove, add);
    }
    if there(GRUB) && is_like(os.as_ref(), &["debian", "ubuntu"]) {
        let mut steps = Vec::new();
        if !remove.is_empty() {
            let mut places = vec![GRUB];
            if there(GRUB_DIRECTORY) {
                places.push(GRUB_DIRECTORY);
            }
            steps.push(cut(&places, remove));
        }
        if !add.is_empty() {
            steps.push(Step::write_file(
                format!("{GRUB_DIRECTORY}/99-kubelet.cfg"),
                0o644,
                format!(
                    "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT {}\"\n",
                    add.join(" ")
                ),
                "what comes last on the line counts",
            ));
        }
        steps.push(Step::command(
            ["update-grub"],
            "write /boot/grub/grub.cfg anew",
        ));
        return steps;
    }
    if there(GRUB) && is_like(os.as_ref(), &["suse", "opensuse", "sles"]) {
        let mut steps = Vec::new();
        if !remove.is_empty() {
            steps.push(cut(&[GRUB], remove));
        }
        if !add.is_empty() {
            steps.push(sed(
                &format!(
                    "s/^\\(GRUB_CMDLINE_LINUX_DEFAULT=\"[^\"]*\\)\"/\\1 {}\"/",
                    add.join(" ")
                ),
                GRUB,
                "what comes last on the line counts",
            ));
        }
        steps.push(Step::command(
            ["grub2-mkconfig", "--output=/boot/grub2/grub.cfg"],
            "write GRUB's menu anew",
        ));
        return steps;
    }
    let mut text = String::from("in the configuration of the boot loader, ");
    if !remove.is_empty() {
        text.push_str(&format!("remove `{}`", remove.join(" ")));
    }
    if !remove.is_empty() && !add.is_empty() {
        text.push_str(" and ");
    }
    if !add.is_empty() {
        text.push_str(&format!("append `{}`", add.join(" ")));
    }
    text.push_str(if remove.is_empty() {
        " to the kernel's command line"
    } else {
        " on the kernel's command line"
    });
    vec![Step::note(text)]
}

fn is_like(os: Option<&OsRelease>, ids: &[&str]) -> bool {
    os.is_some_and(|os| {
        ids.iter()
            .any(|id| os.id == *id || os.id_like.iter().any(|like| like == id))
    })
}

fn grubby(remove: &[String], add: &[String]) -> Step {
    let mut argv = vec!["grubby".to_owned(), "--update-kernel=ALL".to_owned()];
    if !remove.is_empty() {
        argv.push(format!("--remove-args={}", remove.join(" ")));
    }
    if !add.is_empty() {
        argv.push(format!("--args={}", add.join(" ")));
    }
    Step::argv(argv, "change the command line of every kernel")
}

fn rpm_ostree(remove: &[String], add: &[String]) -> Step {
    let mut argv = vec!["rpm-ostree".to_owned(), "kargs".to_owned()];
    argv.extend(
        remove
            .iter()
            .map(|word| format!("--delete-if-present={word}")),
    );
    argv.extend(add.iter().map(|word| format!("--append-if-missing={word}")));
    Step::argv(argv, "change the command line of the next deployment")
}

/// The firmware of a board reads the first line only.
fn one_line(path: &str, remove: &[String], add: &[String]) -> Vec<Step> {
    let mut steps = Vec::new();
    if !remove.is_empty() {
        steps.push(cut(&[path], remove));
    }
    if !add.is_empty() {
        steps.push(
            sed(
                &format!("1s/$/ {}/", add.join(" ")),
                path,
                "all must stand on its one line",
            )
            .verify(["grep", "--quiet", add.join(" ").as_str(), path]),
        );
    }
    steps
}

fn cut(places: &[&str], words: &[String]) -> Step {
    let script = words
        .iter()
        .map(|word| format!("s/[[:blank:]]*{word}\\b//g"))
        .collect::<Vec<_>>()
        .join("; ");
    let mut argv = vec!["find".to_owned()];
    argv.extend(places.iter().map(|place| (*place).to_owned()));
    argv.extend(
        [
            "-type",
            "f",
            "-exec",
            "sed",
            "--in-place",
            &script,
            "{}",
            "+",
        ]
        .map(str::to_owned),
    );
    Step::argv(argv, "remove what turns it off")
}

fn sed(script: &str, path: &str, why: &str) -> Step {
    Step::argv(
        ["sed", "--in-place", script, path]
            .map(str::to_owned)
            .to_vec(),
        why,
    )
}
