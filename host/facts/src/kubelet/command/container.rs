//! A kubelet in a container.

use nodepol_model::Unavailable;

use super::base;
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

/// The flags of the kubelet that name what facts are read from.
const PATHS: [&str; 6] = [
    "--bootstrap-kubeconfig",
    "--cert-dir",
    "--config",
    "--config-dir",
    "--kubeconfig",
    "--root-dir",
];

/// The words after the image of `podman run`, the kubelet's name first, if the
/// kubelet in it sees the node's own files.
///
/// # Errors
/// [`Unavailable`] if a file of its command line is not the node's.
pub(super) fn kubelet(
    words: &[Sourced<String>],
) -> Result<Option<Vec<Sourced<String>>>, Unavailable> {
    let mut volumes = Vec::new();
    let Some(argv) = inner(words, &mut volumes) else {
        return Ok(None);
    };
    for name in PATHS {
        let Some(path) = value_of(&argv, name).filter(|path| path.value.starts_with('/')) else {
            continue;
        };
        if seen(&path.value, &volumes).as_deref() != Some(path.value.as_str()) {
            return Err(Unavailable::new(
                &path.origin.source,
                format!(
                    "the kubelet runs in a container that does not have the node's own {} there \
                     ({name})",
                    path.value
                ),
            ));
        }
    }
    Ok(Some(argv))
}

/// The value of a flag: `--name=VALUE` or `--name VALUE`, the last one.
fn value_of(argv: &[Sourced<String>], name: &str) -> Option<Sourced<String>> {
    argv.iter().enumerate().rev().find_map(|(at, word)| {
        let rest = word.value.strip_prefix(name)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(Sourced::new(value.to_owned(), word.origin.clone())),
            None if rest.is_empty() => argv.get(at + 1).cloned(),
            None => None,
        }
    })
}

/// The path of the node that stands at `path` in the container, by the volume
/// with the longest target.
fn seen(path: &str, volumes: &[(String, String)]) -> Option<String> {
    let below = |target: &str| {
        let rest = path.strip_prefix(target.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
    };
    let (source, rest) = volumes
        .iter()
        .filter_map(|(source, target)| Some((source, target.len(), below(target)?)))
        .max_by_key(|(_, length, _)| *length)
        .map(|(source, _, rest)| (source, rest))?;
    Some(format!("{}{rest}", source.trim_end_matches('/')))
}

/// What stands where, of `--volume SOURCE:TARGET` and
/// `--mount type=bind,source=SOURCE,target=TARGET`.
fn volume(option: &str, value: &str) -> Option<(String, String)> {
    match option {
        "-v" | "--volume" => {
            let mut parts = value.split(':');
            let source = parts.next().filter(|source| source.starts_with('/'))?;
            Some((source.to_owned(), parts.next()?.to_owned()))
        }
        "--mount" => {
            let field = |names: &[&str]| {
                let mut fields = value.split(',').filter_map(|field| field.split_once('='));
                fields.find_map(|(name, value)| names.contains(&name).then(|| value.to_owned()))
            };
            Some((
                field(&["source", "src"])?,
                field(&["target", "destination", "dst"])?,
            ))
        }
        _ => None,
    }
}

fn inner(
    words: &[Sourced<String>],
    volumes: &mut Vec<(String, String)>,
) -> Option<Vec<Sourced<String>>> {
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
        let option = text.split_once('=').map_or(text, |(option, _)| option);
        volumes.extend(value.and_then(|value| volume(option, value)));
        if option == "--entrypoint" {
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
