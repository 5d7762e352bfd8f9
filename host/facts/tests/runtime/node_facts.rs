//! The node and its control groups.

use nodepol_facts::cgroup::Mode;
use nodepol_facts::join_state::JoinState;
use nodepol_model::{Horizon, Phase};

use crate::node::{Units, facts, snapshot};

fn of(files: &[(&str, &str)]) -> crate::node::Facts {
    facts(snapshot(files), Units::default(), None)
}

#[test]
fn sysctls_at_the_next_boot() {
    let found = of(&[
        (
            "/usr/lib/sysctl.d/50-default.conf",
            "vm.overcommit_memory = 0\nnet.ipv4.ip_forward=0\n",
        ),
        ("/usr/lib/sysctl.d/99-a.conf", "kernel.panic=1\n"),
        (
            "/etc/sysctl.d/50-default.conf",
            "# none\n-net/ipv4/ip_forward = 1\n",
        ),
        (
            "/etc/sysctl.d/60-b.conf",
            "net.ipv4.conf.*.rp_filter = 2\nkernel.panic = 10\n",
        ),
        ("/etc/sysctl.conf", "kernel.panic = 5\n"),
    ]);
    let value = |key: &str| {
        let setting = found.node.sysctl(Horizon::NextBoot, key).unwrap();
        setting.map(|setting| (setting.value, setting.origin.to_string()))
    };
    let said = |value: &str, at: &str| Some((value.to_owned(), at.to_owned()));
    assert_eq!(
        value("net.ipv4.ip_forward"),
        said("1", "/etc/sysctl.d/50-default.conf:2")
    );
    assert_eq!(
        value("vm.overcommit_memory"),
        None,
        "the file of the same name is hidden"
    );
    assert_eq!(
        value("kernel.panic"),
        said("1", "/usr/lib/sysctl.d/99-a.conf:1")
    );
    assert_eq!(
        value("net.ipv4.conf.all.rp_filter"),
        said("2", "/etc/sysctl.d/60-b.conf:1")
    );
}

#[test]
fn the_command_line_of_the_next_boot() {
    let found = of(&[
        (
            "/boot/loader/entries/a-6.1.conf",
            "title A\noptions root=/dev/sda1 old\n",
        ),
        (
            "/boot/loader/entries/a-6.9.conf",
            "options $kernelopts systemd.unified_cgroup_hierarchy=1\n",
        ),
        (
            "/boot/grub2/grubenv",
            "# GRUB\nkernelopts=root=/dev/sda2 ro\n",
        ),
    ]);
    let line = found.node.command_line(Horizon::NextBoot).unwrap();
    let words: Vec<_> = line.iter().map(|word| word.value.as_str()).collect();
    assert_eq!(
        words,
        ["root=/dev/sda2", "ro", "systemd.unified_cgroup_hierarchy=1"]
    );
    assert_eq!(
        line[2].origin.to_string(),
        "/boot/loader/entries/a-6.9.conf:1"
    );
    assert_eq!(found.cgroups.get_mode(Horizon::NextBoot), Ok(Mode::V2));
    assert!(of(&[]).cgroups.get_mode(Horizon::NextBoot).is_err());
}

#[test]
fn the_disk_behind_a_path() {
    let mounts = "22 1 8:2 / / rw - ext4 /dev/sda2 rw\n30 22 0:40 / /data rw - btrfs /dev/sdb rw\n";
    let mut snapshot = snapshot(&[
        ("/proc/self/mountinfo", mounts),
        ("/sys/devices/block/sda/dev", "8:0\n"),
        ("/sys/devices/block/sda/sda2/partition", "2\n"),
        ("/sys/dev/block/8:2", ""),
    ]);
    if let Some(nodepol_model::Part::Present(file)) = snapshot.files.get_mut("/sys/dev/block/8:2") {
        file.node =
            nodepol_model::snapshot::FileNode::Symlink("../../devices/block/sda/sda2".to_owned());
    }
    let found = facts(snapshot, Units::default(), None);
    assert_eq!(found.cgroups.disk_of("/var/lib").unwrap().value, "8:0 sda");
    assert!(
        found.cgroups.disk_of("/data/x").is_err(),
        "btrfs may lie on several"
    );
}

#[test]
fn a_tree_is_an_image_and_has_no_now() {
    let found = of(&[
        ("/etc/hostname", "# c\nn1\n"),
        (
            "/etc/kubernetes/manifests/api.yaml",
            "metadata:\n  name: kube-apiserver\n",
        ),
    ]);
    assert_eq!(found.node.horizons(), [Horizon::NextBoot]);
    assert_eq!(found.node.phase(JoinState::Joined).0, Phase::Image);
    assert_eq!(
        found
            .node
            .hostname(Horizon::NextBoot)
            .unwrap()
            .unwrap()
            .value,
        "n1"
    );
    assert!(found.node.hostname(Horizon::Now).is_err());
    assert!(found.node.control_plane());
    assert_eq!(found.node.flavour().value, "plain");
}
