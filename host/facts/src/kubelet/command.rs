//! The kubelet within a command line: behind wrappers, in a container, in a
//! script.

mod container;
mod script;

use nodepol_model::Unavailable;

use crate::sourced::Sourced;

/// Scripts in scripts, wrappers in wrappers: no deeper than this.
const MAX_DEPTH: usize = 4;

/// A variable of the environment that a command is started with.
pub(crate) type Environment<'a> = dyn Fn(&str) -> Result<Option<Sourced<String>>, Unavailable> + 'a;

/// The words from the kubelet's program on, if this command starts one.
///
/// # Errors
/// [`Unavailable`] if it starts one in a way that is not worked out here: a
/// shell makes a word that only it knows, or the kubelet sees other files.
pub(crate) fn kubelet(
    words: &[Sourced<String>],
    environment: &Environment<'_>,
) -> Result<Option<Vec<Sourced<String>>>, Unavailable> {
    find(words, environment, 0)
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
fn find(
    words: &[Sourced<String>],
    environment: &Environment<'_>,
    depth: usize,
) -> Result<Option<Vec<Sourced<String>>>, Unavailable> {
    let Some((program, rest)) = words.split_first() else {
        return Ok(None);
    };
    let wraps = is_wrapper(&program.value);
    match base(&program.value) {
        "kubelet" => return Ok(Some(words.to_vec())),
        "hyperkube" => {
            let first = rest.first();
            let is_kubelet = first.is_some_and(|first| first.value == "kubelet");
            return Ok(is_kubelet.then(|| rest.to_vec()));
        }
        "podman" | "docker" | "nerdctl" => return container::kubelet(rest),
        "sh" | "bash" | "dash" | "ash" if depth < MAX_DEPTH => {
            return script::kubelet(rest, environment, depth);
        }
        _ if !wraps => return Ok(None),
        _ => {}
    }
    // A wrapper such as `env`, `nice`, `systemd-inhibit` or `kubenswrapper` runs
    // what follows its own options. A word that is the kubelet's program by
    // path, or by name with a flag or nothing behind it, is no option's value.
    let at = rest.iter().enumerate().position(|(at, word)| {
        let by_name = base(&word.value) == "kubelet" && !word.value.starts_with('-');
        let followed = rest
            .get(at + 1)
            .is_none_or(|next| next.value.starts_with('-'));
        by_name && (word.value.starts_with('/') || followed)
    });
    let found = match at.and_then(|at| rest.get(at..)) {
        Some(words) => Some(words.to_vec()),
        None if depth >= MAX_DEPTH => None,
        None => {
            let inner = rest.iter().position(|word| {
                matches!(
                    base(&word.value),
                    "podman" | "docker" | "sh" | "bash" | "hyperkube"
                )
            });
            match inner.and_then(|at| rest.get(at..)) {
                Some(words) => find(words, environment, depth + 1)?,
                None => None,
            }
        }
    };
    if found.is_some() && base(&program.value) == "chroot" {
        return Err(Unavailable::new(
            &program.origin.source,
            "the kubelet runs in another root (chroot): its files are not those of the node",
        ));
    }
    Ok(found)
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

pub(super) fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may end so")]

    use nodepol_model::Location;

    use super::*;

    fn found(line: &str) -> Option<String> {
        let words: Vec<_> = line
            .split('|')
            .map(|word| Sourced::new(word.to_owned(), Location::source("unit")))
            .collect();
        kubelet(&words, &|_| Ok(None)).unwrap().map(|words| {
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
    fn a_container_with_other_files() {
        let config = |volumes: &str| {
            let line = format!(
                "podman|run|{volumes}|example.org/kubelet:v1|--config=/var/lib/kubelet/c.yaml"
            );
            let words: Vec<_> = line
                .split('|')
                .map(|word| Sourced::new(word.to_owned(), Location::source("unit")))
                .collect();
            kubelet(&words, &|_| Ok(None)).is_ok()
        };
        assert!(config("-v|/var/lib/kubelet:/var/lib/kubelet:rshared"));
        assert!(config("--volume=/var:/var"));
        assert!(config(
            "--mount|type=bind,source=/var/lib/kubelet,target=/var/lib/kubelet"
        ));
        assert!(!config("-v|/opt/kubelet:/var/lib/kubelet"));
        assert!(!config("-v|/var:/var|-v|/opt:/var/lib"));
        assert!(!config("--rm"));
    }

    #[test]
    fn in_another_root() {
        let words = ["chroot", "/host", "/usr/bin/kubelet", "--a"]
            .map(|word| Sourced::new(word.to_owned(), Location::source("unit")));
        assert!(kubelet(&words, &|_| Ok(None)).is_err());
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
