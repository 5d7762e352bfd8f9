//! The files and directories that the kubelet's configuration names are there.

use nodepol_plugin::kubelet::SettingValue;
use nodepol_plugin::node::JoinState;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, certs, files, kubelet, no_settings, node, units,
};

struct KubeletConfigPaths;

impl Policy for KubeletConfigPaths {
    fn describe() -> Description {
        Description::new(
            "kubelet-config-paths",
            "What the kubelet's configuration names is there",
            "the client CA, serving certificate, resolv.conf, credential providers and root \
             directory that are configured exist and can be used",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let mut findings = Vec::new();
        findings.extend(client_ca(at)?);
        findings.extend(serving_pair(at)?);
        findings.extend(resolv_conf(at)?);
        findings.extend(credential_provider(at)?);
        findings.extend(lock_file(at)?);
        findings.extend(root_directory(at)?);
        findings.extend(plugin_directory(at)?);
        findings.extend(static_pods(at)?);
        Ok(Judgement::of(
            findings,
            "what the configuration names is there",
        ))
    }
}

/// An image holds the configuration, and what comes with the join is still to
/// come.
fn comes_with_the_join(
    id: &str,
    setting: &SettingValue,
    file: &str,
) -> Result<Option<Finding>, Unavailable> {
    // Without a credential nothing of a tree has joined yet.
    let waits = !node_is_live()
        && !matches!(
            node::get_join_state()?,
            JoinState::Joined | JoinState::Joining
        );
    Ok(waits.then(|| {
        Finding::waiting(
            id,
            format!("{file} does not exist yet, as before a node joins: the kubelet needs it then"),
        )
        .explained(setting.at.clone(), file, "does not exist yet")
    }))
}

/// A path that is set and not empty.
fn path(at: Horizon, pointer: &str) -> Result<Option<SettingValue>, Unavailable> {
    Ok(kubelet::setting(at, pointer)?.filter(|setting| !setting.display().is_empty()))
}

fn exists(path: &str) -> Result<bool, Unavailable> {
    Ok(files::resolve(path)?.is_some())
}

fn client_ca(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    let Some(setting) = path(at, "/authentication/x509/clientCAFile")? else {
        return Ok(None);
    };
    let file = setting.display().to_owned();
    let (id, what) = if !exists(&file)? {
        if let Some(waiting) = comes_with_the_join("client-ca-to-come", &setting, &file)? {
            return Ok(Some(waiting));
        }
        ("client-ca-missing", "does not exist")
    } else if certs::in_file(&file)?.is_none_or(|certificates| certificates.is_empty()) {
        ("client-ca-not-pem", "holds no certificate")
    } else {
        return Ok(None);
    };
    Ok(Some(
        Finding::fail(
            id,
            format!("the kubelet exits: unable to load client CA file {file}: it {what}"),
        )
        .explained(setting.at, file.clone(), what)
        .fix(
            Fix::new("bring the CA certificate back")
                .step(
                    Step::command(
                        [
                            "kubectl",
                            "get",
                            "configmap",
                            "kube-root-ca.crt",
                            "--namespace=kube-system",
                            "--output=jsonpath={.data.ca\\.crt}",
                        ],
                        "print it; any other node of the cluster has it as well",
                    )
                    .on(nodepol_plugin::Place::Admin),
                )
                .step(Step::note(format!("write it to {file}")))
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// With neither the kubelet makes a pair of its own.
fn serving_pair(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    for pointer in ["/tlsCertFile", "/tlsPrivateKeyFile"] {
        let Some(setting) = path(at, pointer)? else {
            continue;
        };
        let file = setting.display().to_owned();
        if !exists(&file)? {
            if let Some(waiting) = comes_with_the_join("serving-file-to-come", &setting, &file)? {
                return Ok(Some(waiting));
            }
            return Ok(Some(
                Finding::fail(
                    "serving-file-missing",
                    format!("the kubelet exits: {file} of its serving certificate does not exist"),
                )
                .explained(setting.at, file, "does not exist")
                .fix(
                    Fix::new("serve with a certificate that is there")
                        .step(Step::note(
                            "bring the file back, or remove tlsCertFile and tlsPrivateKeyFile: \
                             the kubelet then makes a pair of its own",
                        ))
                        .step(Step::restart_kubelet()),
                ),
            ));
        }
    }
    Ok(None)
}

/// Pods get their resolv.conf from it; the kubelet itself starts without.
fn resolv_conf(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    let Some(setting) = path(at, "/resolvConf")? else {
        return Ok(None);
    };
    let file = setting.display().to_owned();
    // Of a tree, /run is a leftover: what makes the file there decides.
    let made_at_boot = file.starts_with("/run/systemd/resolve/");
    let there = exists(&file)?;
    if there && (at == Horizon::Now || !made_at_boot) {
        return Ok(None);
    }
    // What gives the node its address writes it: an image rarely has one.
    if file == "/etc/resolv.conf" && !there && !node_is_live() {
        return Ok(Some(
            Finding::note(
                "resolv-conf-to-come",
                format!(
                    "{file} does not exist in this tree: what configures the network must write it"
                ),
            )
            .evidence(setting.at, file),
        ));
    }
    if made_at_boot && at == Horizon::NextBoot {
        let resolved = units::get(at, "systemd-resolved.service")?;
        let known = resolved.load_state != "not-found";
        let starts = resolved.file_state == "enabled" || !known && there;
        if starts || (!known && !node_is_live()) {
            return Ok(None);
        }
    }
    Ok(Some(
        Finding::fail(
            "resolv-conf-missing",
            format!(
                "{file} {}: the kubelet runs and starts no pod, the control plane's among them",
                if at == Horizon::Now || !made_at_boot {
                    "does not exist"
                } else {
                    "is made by systemd-resolved, which does not start at boot"
                }
            ),
        )
        .explained(setting.at.clone(), file, "resolvConf")
        .fix(
            Fix::new("name a file that is there")
                .step(set(
                    at,
                    &setting,
                    "/resolvConf",
                    "\"/etc/resolv.conf\"",
                    "or enable systemd-resolved.service, which makes the other",
                ))
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// Sets a field where it stands, or in the file of `--config`.
fn set(at: Horizon, setting: &SettingValue, pointer: &str, json: &str, why: &str) -> Step {
    let file = if setting.at.pointer.is_some() && setting.at.source.starts_with('/') {
        Some(setting.at.source.clone())
    } else {
        kubelet::config_path(at)
            .ok()
            .flatten()
            .map(|path| path.value)
    };
    match file {
        Some(file) => Step::set_value(file, pointer, json, why),
        None => Step::note(format!(
            "set {} to {json} in {}: {why}",
            pointer.trim_start_matches('/'),
            setting.at.source
        )),
    }
}

/// Only a running node has a kernel's release.
fn node_is_live() -> bool {
    node::kernel_release().is_ok_and(|release| release.is_some())
}

fn credential_provider(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    for (flag, what) in [
        (
            "image-credential-provider-bin-dir",
            "the plugin binary directory",
        ),
        (
            "image-credential-provider-config",
            "the configuration of image credential providers",
        ),
    ] {
        let Some(value) = kubelet::flag(at, flag)? else {
            continue;
        };
        if !value.value.is_empty() && !exists(&value.value)? {
            let message = format!("the kubelet exits: {what} {} does not exist", value.value);
            return Ok(Some(
                Finding::fail("credential-provider-missing", message)
                    .explained(value.at.clone(), value.value.clone(), "does not exist")
                    .fix(
                        Fix::new("install the provider, or do without it")
                            .step(Step::note(format!(
                                "bring {} back, or remove the flags --image-credential-provider-* \
                                 from {}",
                                value.value, value.at.source
                            )))
                            .step(Step::restart_kubelet()),
                    ),
            ));
        }
    }
    Ok(None)
}

fn lock_file(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    let Some(value) = kubelet::flag(at, "lock-file")? else {
        return Ok(None);
    };
    let directory = value.value.rsplit_once('/').map_or("", |(path, _)| path);
    if directory.is_empty() || exists(directory)? {
        return Ok(None);
    }
    let directory = directory.to_owned();
    Ok(Some(
        Finding::fail(
            "lock-directory-missing",
            format!("the kubelet exits: {directory} for its lock file does not exist"),
        )
        .seen(value)
        .fix(
            Fix::new("make the directory")
                .step(Step::argv(
                    vec!["mkdir".to_owned(), "--parents".to_owned(), directory],
                    "the kubelet makes only the file",
                ))
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// The options of the mount that holds a path; a tree has no mounts.
fn mounted(at: Horizon, path: &str) -> Result<Option<files::Mount>, Unavailable> {
    if at != Horizon::Now {
        return Ok(None);
    }
    Ok(files::mounts()?
        .into_iter()
        .filter(|mount| {
            let point = mount.mount_point.trim_end_matches('/');
            path == point
                || path
                    .strip_prefix(point)
                    .is_some_and(|rest| rest.starts_with('/'))
        })
        .max_by_key(|mount| mount.mount_point.len()))
}

fn root_directory(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    let root = kubelet::flag(at, "root-dir")?
        .map_or_else(|| "/var/lib/kubelet".to_owned(), |flag| flag.value);
    let Some(mount) = mounted(at, &root)? else {
        return Ok(None);
    };
    let has = |option: &str| mount.options.iter().any(|known| known == option);
    let options = mount.options.join(",");
    let remount = |option: &str| {
        Fix::new("mount it otherwise")
            .step(Step::argv(
                vec![
                    "mount".to_owned(),
                    "--options".to_owned(),
                    format!("remount,{option}"),
                    mount.mount_point.clone(),
                ],
                "for now",
            ))
            .step(Step::note(format!(
                "change the options of {} in /etc/fstab or its mount unit for the next boot",
                mount.mount_point
            )))
            .step(Step::restart_kubelet())
    };
    let at = Location::source(mount.mount_point.clone());
    if has("ro") {
        return Ok(Some(
            Finding::fail(
                "root-dir-read-only",
                format!("{root} is on a file system that is mounted read-only: the kubelet cannot keep its state"),
            )
            .evidence(at, options)
            .fix(remount("rw")),
        ));
    }
    Ok(["noexec", "nodev"]
        .into_iter()
        .find(|option| has(option))
        .map(|option| {
            Finding::warn(
                "root-dir-options",
                format!("{root} is mounted {option}: volumes of pods are so as well"),
            )
            .evidence(at, options)
            .fix(remount(option.trim_start_matches("no")))
        }))
}

fn plugin_directory(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    let Some(setting) = path(at, "/volumePluginDir")? else {
        return Ok(None);
    };
    let directory = setting.display().to_owned();
    let Some(mount) = mounted(at, &directory)? else {
        return Ok(None);
    };
    let read_only = mount.options.iter().any(|option| option == "ro");
    // What nobody has set is missed by nobody.
    if !read_only || setting.is_default {
        return Ok(None);
    }
    Ok(Some(
        Finding::warn(
            "plugin-dir-read-only",
            format!(
                "{directory} is read-only: the kubelet cannot make it, and FlexVolume does not work"
            ),
        )
        .evidence(setting.at.clone(), directory)
        .fix(
            Fix::new("name a directory that can be written")
                .step(set(
                    at,
                    &setting,
                    "/volumePluginDir",
                    "\"/var/lib/kubelet/volume-plugins\"",
                    "below /var it can be written",
                ))
                .step(Step::restart_kubelet()),
        ),
    ))
}

fn static_pods(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    let Some(setting) = path(at, "/staticPodPath")? else {
        return Ok(None);
    };
    let directory = setting.display().to_owned();
    if exists(&directory)? {
        return Ok(None);
    }
    Ok(Some(
        Finding::note(
            "no-static-pods",
            format!("{directory} does not exist; the kubelet runs without static pods"),
        )
        .evidence(setting.at, directory),
    ))
}

nodepol_plugin::policy!(KubeletConfigPaths);
