//! The kubelet within a command line: behind wrappers, in a container, in a
//! script.

use nodepol_model::Location;

use super::shell;
use crate::sourced::Sourced;

/// Options of `podman run` and `docker run` that take no value of their own.
const CONTAINER_SWITCHES: [&str; 24] = [
    "--detach",
    "--disable-content-trust",
    "--env-host",
    "--http-proxy",
    "--init",
    "--interactive",
    "--no-healthcheck",
    "--no-hostname",
    "--no-hosts",
    "--oom-kill-disable",
    "--passwd",
    "--privileged",
    "--publish-all",
    "--quiet",
    "--read-only",
    "--read-only-tmpfs",
    "--replace",
    "--rm",
    "--rmi",
    "--rootfs",
    "--sig-proxy",
    "--tls-verify",
    "--tty",
    "--unsetenv-all",
];

/// The words from the kubelet's program on, if this command starts one.
pub(crate) fn kubelet(words: &[Sourced<String>]) -> Option<Vec<Sourced<String>>> {
    find(words, 0)
}

/// Whether a command's program is a kubelet under another name, such as
/// `kubelet-1.36` or `kubelet.real`, or a wrapper that is named after it and
/// hands its words on, such as `kubelet-wrapper`. A script is neither.
pub(crate) fn is_named_after(words: &[Sourced<String>]) -> bool {
    words.first().is_some_and(|program| {
        let name = base(&program.value);
        name.starts_with("kubelet") && !name.ends_with(".sh")
    })
}

/// `depth` bounds scripts in scripts.
fn find(words: &[Sourced<String>], depth: usize) -> Option<Vec<Sourced<String>>> {
    let (program, rest) = words.split_first()?;
    match base(&program.value) {
        "kubelet" => Some(words.to_vec()),
        "hyperkube" => {
            let (first, _) = rest.split_first()?;
            (first.value == "kubelet").then(|| rest.to_vec())
        }
        "podman" | "docker" | "nerdctl" => container(rest),
        "sh" | "bash" | "dash" | "ash" if depth < 4 => script(rest, depth),
        _ => {
            // A wrapper such as `env`, `nice`, `systemd-inhibit` or
            // `kubenswrapper` runs what follows its own options. A word that is
            // the kubelet's program by path, or by name with a flag or nothing
            // behind it, is no option's value.
            let at = rest.iter().enumerate().position(|(at, word)| {
                let by_name = base(&word.value) == "kubelet" && !word.value.starts_with('-');
                let followed = rest
                    .get(at + 1)
                    .is_none_or(|next| next.value.starts_with('-'));
                by_name && (word.value.starts_with('/') || followed) && is_wrapper(&program.value)
            });
            if let Some(at) = at {
                return rest.get(at..).map(<[_]>::to_vec);
            }
            let at = rest.iter().position(|word| {
                matches!(
                    base(&word.value),
                    "podman" | "docker" | "sh" | "bash" | "hyperkube"
                )
            })?;
            if depth >= 4 || !is_wrapper(&program.value) {
                return None;
            }
            find(rest.get(at..)?, depth + 1)
        }
    }
}

/// Programs that end by running the command in their own words.
fn is_wrapper(program: &str) -> bool {
    matches!(
        base(program),
        "env"
            | "nice"
            | "ionice"
            | "chrt"
            | "taskset"
            | "numactl"
            | "nohup"
            | "setsid"
            | "stdbuf"
            | "sudo"
            | "timeout"
            | "nsenter"
            | "unshare"
            | "chroot"
            | "exec"
            | "flock"
            | "prlimit"
            | "runcon"
            | "setpriv"
            | "strace"
            | "systemd-cat"
            | "systemd-inhibit"
            | "systemd-run"
            | "cgexec"
            | "tini"
            | "dumb-init"
            | "catatonit"
            | "kubenswrapper"
    )
}

/// The words after the image of `podman run`, the kubelet's name first.
fn container(words: &[Sourced<String>]) -> Option<Vec<Sourced<String>>> {
    let at = words.iter().position(|word| word.value == "run")?;
    let mut words = words.get(at + 1..)?;
    let mut entrypoint_is_kubelet = false;
    let image = loop {
        let (word, rest) = words.split_first()?;
        words = rest;
        let text = word.value.as_str();
        if !text.starts_with('-') {
            break word;
        }
        let value = if text.starts_with("--") {
            match text.split_once('=') {
                Some((_, value)) => Some(value),
                None if CONTAINER_SWITCHES.contains(&text) => None,
                None => next(&mut words),
            }
        } else if text
            .chars()
            .skip(1)
            .all(|c| matches!(c, 'd' | 'i' | 't' | 'P' | 'q'))
        {
            None
        } else if text.chars().count() == 2 {
            next(&mut words)
        } else {
            None
        };
        if text.starts_with("--entrypoint") {
            entrypoint_is_kubelet = value.is_some_and(|value| base(value) == "kubelet");
        }
    };
    let mut inner = words;
    if let Some((first, rest)) = inner.split_first()
        && base(&first.value) == "hyperkube"
    {
        inner = rest;
    }
    match inner.split_first() {
        Some((first, _)) if base(&first.value) == "kubelet" => Some(inner.to_vec()),
        first if first.is_none_or(|(first, _)| first.value.starts_with('-')) => {
            let name = image.value.rsplit('/').next().unwrap_or_default();
            let of_kubelet = name.split([':', '@']).next() == Some("kubelet");
            // An image's variable that nothing sets is still no other program.
            (of_kubelet || entrypoint_is_kubelet).then(|| {
                std::iter::once(image.clone())
                    .chain(inner.iter().cloned())
                    .collect()
            })
        }
        _ => None,
    }
}

fn next<'w>(words: &mut &'w [Sourced<String>]) -> Option<&'w str> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    Some(&first.value)
}

/// The kubelet in `sh -c '…'`.
fn script(words: &[Sourced<String>], depth: usize) -> Option<Vec<Sourced<String>>> {
    let at = words
        .iter()
        .position(|word| word.value.starts_with('-') && word.value.ends_with('c'))?;
    let script = words.get(at + 1)?;
    let place = |_: usize| -> Location { script.origin.clone() };
    let parsed = shell::split(&script.value, |_| None);
    parsed.split(|word| word.operator).find_map(|command| {
        let mut command: Vec<_> = command
            .iter()
            .map(|word| Sourced::new(word.text.clone(), place(word.line)))
            .skip_while(|word| {
                word.value == "exec"
                    || word.value.split_once('=').is_some_and(|(name, _)| {
                        !name.is_empty()
                            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                    })
            })
            .collect();
        // What the shell would still expand (`"$@"`, `$ARGS`) is not known here.
        command.retain(|word| word.value != "$@");
        find(&command, depth + 1)
    })
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<String> {
        let words: Vec<_> = line
            .split('|')
            .map(|word| Sourced::new(word.to_owned(), Location::source("unit")))
            .collect();
        kubelet(&words).map(|words| {
            words
                .into_iter()
                .map(|word| word.value)
                .collect::<Vec<_>>()
                .join(" ")
        })
    }

    #[test]
    fn behind_wrappers() {
        for line in [
            "/usr/bin/kubelet|--a",
            "/usr/bin/env|PATH=/x|/usr/bin/kubelet|--a",
            "nice|-n|5|kubelet|--a",
            "/usr/local/bin/kubenswrapper|/usr/bin/kubelet|--a",
            "/usr/bin/systemd-inhibit|--who=kubelet|--|/opt/kubelet|--a",
            "/hyperkube|kubelet|--a",
            "/bin/sh|-c|mkdir -p /x; X=1 exec /usr/bin/kubelet --a",
        ] {
            let words = found(line).unwrap_or_default();
            assert!(words.ends_with("kubelet --a"), "{line}: {words}");
        }
    }

    #[test]
    fn in_containers() {
        let typical = "/usr/bin/podman|run|--name|kubelet|--privileged|-v|/a:/b|--pid|host|example.org/kubelet:v1|--a";
        assert_eq!(
            found(typical).as_deref(),
            Some("example.org/kubelet:v1 --a")
        );
        let docker = "docker|run|-d|--rm|--net=host|example.org/hyperkube|/hyperkube|kubelet|--a";
        assert_eq!(found(docker).as_deref(), Some("kubelet --a"));
    }

    #[test]
    fn under_another_name() {
        let named = |program: &str| {
            is_named_after(&[Sourced::new(program.to_owned(), Location::source("unit"))])
        };
        assert!(named("/opt/bin/kubelet-1.36"));
        assert!(!named("/opt/kubelet.sh"));
        assert!(!named("docker"));
    }

    #[test]
    fn not_a_kubelet() {
        for line in [
            "docker|logs|-f|kubelet",
            "/usr/bin/podman|rm|kubelet",
            "/usr/local/bin/health-monitor.sh|kubelet",
            "/bin/mkdir|-p|/var/lib/kubelet",
            "/bin/sh|-c|echo kubelet",
            "docker|run|--name|kubelet|example.org/pause",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }
}
