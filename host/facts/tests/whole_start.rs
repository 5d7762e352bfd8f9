//! How the kubelet is started, from the files of a node to the configuration that
//! it reads: shells, working directories, other roots, the kernel's command line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::sync::Arc;

use nodepol_facts::{Facts, Question};
use nodepol_model::Horizon;

#[path = "tree/mod.rs"]
mod tree;

const AT: Horizon = Horizon::NextBoot;
const CONFIG: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n\
    failSwapOn: false\n";

fn facts(service: &str, files: &[(&str, &str)]) -> Facts {
    let unit = format!("[Service]\n{service}\n[Install]\nWantedBy=multi-user.target\n");
    let mut all = vec![
        ("/usr/lib/systemd/system/kubelet.service", unit.as_str()),
        ("/var/lib/kubelet/config.yaml", CONFIG),
    ];
    all.extend(files);
    Facts::new(Arc::new(tree::node(&all)), Question::default())
}

fn argv(facts: &Facts) -> Result<String, String> {
    let argv = facts.kubelet.argv(AT).map_err(|why| why.reason)?;
    let words: Vec<String> = argv.into_iter().map(|word| word.value).collect();
    Ok(words.join(" "))
}

#[test]
fn a_shell_expands_the_environment_of_the_unit() {
    let found = facts(
        "EnvironmentFile=/etc/default/kubelet\n\
         ExecStart=/bin/sh -c \"exec /usr/bin/kubelet --config=/c $EXTRA >>/var/log/k 2>&1\"",
        &[("/etc/default/kubelet", "EXTRA=\"--max-pods=5 --v=2\"\n")],
    );
    assert_eq!(
        argv(&found).as_deref(),
        Ok("/usr/bin/kubelet --config=/c --max-pods=5 --v=2")
    );
    let extra = &found.kubelet.argv(AT).unwrap()[2];
    assert_eq!(extra.origin.to_string(), "/etc/default/kubelet:1:1");
    assert_eq!(found.kubelet.flag_problems(AT), Ok(Vec::new()));
}

#[test]
fn what_only_the_shell_knows_is_not_known() {
    let found = facts(
        "ExecStart=/bin/sh -c \"exec /usr/bin/kubelet --node-ip=$(hostname -I)\"",
        &[],
    );
    assert!(argv(&found).unwrap_err().starts_with("a shell works out"));
    assert!(found.kubelet.flag_problems(AT).is_err());
}

#[test]
fn relative_paths_start_at_the_working_directory() {
    let found = facts(
        "WorkingDirectory=-/var/lib/kubelet\nExecStart=/usr/bin/kubelet --config=config.yaml",
        &[],
    );
    let path = found.kubelet.config_path(AT).unwrap().unwrap();
    assert_eq!(path.value, "/var/lib/kubelet/config.yaml");
    let setting = found.kubelet.setting(AT, "/failSwapOn").unwrap().unwrap();
    assert_eq!(setting.value, false);
}

#[test]
fn a_kubelet_in_another_root_has_other_files() {
    for service in [
        "RootDirectory=/host\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml",
        "ExecStart=/usr/sbin/chroot /host /usr/bin/kubelet --config=/var/lib/kubelet/config.yaml",
        "ExecStart=/usr/bin/podman run -v /opt/kubelet:/var/lib/kubelet example.org/kubelet:v1 \
         --config=/var/lib/kubelet/config.yaml",
    ] {
        let found = facts(service, &[]);
        assert!(
            found.kubelet.setting(AT, "/failSwapOn").is_err(),
            "{service}"
        );
    }
    let found = facts(
        "ExecStart=/usr/bin/podman run -v /var/lib/kubelet:/var/lib/kubelet:rshared \
         example.org/kubelet:v1 --config=/var/lib/kubelet/config.yaml",
        &[],
    );
    let setting = found.kubelet.setting(AT, "/failSwapOn").unwrap().unwrap();
    assert_eq!(setting.value, false);
}

#[test]
fn the_kernel_chooses_the_target_masks_and_names() {
    let node = |options: &str| {
        let entry = format!("title a\nlinux /v\noptions root=/dev/vda1 {options}\n");
        facts(
            "ExecStart=/usr/bin/kubelet",
            &[
                ("/boot/loader/entries/a.conf", &entry),
                ("/etc/hostname", "no de\n"),
                ("/usr/lib/systemd/system/multi-user.target", "[Unit]\n"),
                ("/usr/lib/systemd/system/rescue.target", "[Unit]\n"),
                (
                    "/etc/systemd/system/default.target",
                    "-> /usr/lib/systemd/system/multi-user.target",
                ),
                (
                    "/etc/systemd/system/multi-user.target.wants/kubelet.service",
                    "-> /usr/lib/systemd/system/kubelet.service",
                ),
            ],
        )
    };
    let pulled = |facts: &Facts| {
        !facts
            .units
            .pulled_in_by("kubelet.service")
            .unwrap()
            .is_empty()
    };
    let quiet = node("quiet");
    assert!(pulled(&quiet));
    let name = quiet.node.hostname(AT).unwrap().unwrap();
    assert_eq!(name.value, "node");
    for word in ["systemd.unit=rescue.target", "single", "1"] {
        let found = node(word);
        assert!(!pulled(&found), "{word}");
        let target = found.units.default_target(AT).unwrap().unwrap();
        assert_eq!(target.value, "rescue.target");
        assert_eq!(target.origin.to_string(), "/boot/loader/entries/a.conf:3");
    }
    // The last word counts; what is said to the initrd does not.
    assert!(pulled(&node("single 3")));
    assert!(pulled(&node("rd.systemd.unit=rescue.target")));
    // Wanted again, whatever the target.
    assert!(pulled(&node("single systemd.wants=kubelet.service")));
    let masked = node("systemd.mask=kubelet.service");
    let unit = masked.units.get(AT, "kubelet.service").unwrap();
    assert_eq!(unit.load_state, "masked");
    let named = node("systemd.hostname=b");
    let name = named.node.hostname(AT).unwrap().unwrap();
    assert_eq!(name.value, "b");
}

#[test]
fn a_name_in_place_of_the_program_hides_no_kubelet() {
    let found = facts(
        "ExecStart=@/usr/bin/kubelet node-agent --config=/var/lib/kubelet/config.yaml",
        &[],
    );
    assert_eq!(
        argv(&found).as_deref(),
        Ok("/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml")
    );
}
