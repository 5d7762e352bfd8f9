//! The units that systemd itself ships and every boot goes through, for trees
//! that hold a node's own files only.
//!
//! Source: `man bootup`, `man systemd.special`; the `units/` directory of
//! systemd 252.

/// The text of a unit that systemd ships; `None` for any other.
pub(super) fn text(name: &str) -> Option<&'static str> {
    UNITS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// What `default.target` is where nobody changed it.
pub(super) const DEFAULT_TARGET: &str = "graphical.target";

/// A target that no complete system is without.
pub(super) const MARK: &str = "sysinit.target";

const PLAIN: &str = "[Unit]\n";
const LATE: &str = "[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\n";

const UNITS: [(&str, &str); 31] = [
    (
        "graphical.target",
        "[Unit]\nRequires=multi-user.target\nWants=display-manager.service\n\
         Conflicts=rescue.service rescue.target\n\
         After=multi-user.target rescue.service rescue.target display-manager.service\n",
    ),
    (
        "multi-user.target",
        "[Unit]\nRequires=basic.target\nConflicts=rescue.service rescue.target\n\
         After=basic.target rescue.service rescue.target\n",
    ),
    (
        "basic.target",
        "[Unit]\nRequires=sysinit.target\n\
         Wants=sockets.target timers.target paths.target slices.target\n\
         After=sysinit.target sockets.target paths.target slices.target tmp.mount\n\
         RequiresMountsFor=/var /var/tmp\nWants=tmp.mount\n",
    ),
    (
        "sysinit.target",
        "[Unit]\nConflicts=emergency.service emergency.target\n\
         Wants=local-fs.target swap.target\n\
         After=local-fs.target swap.target emergency.service emergency.target\n",
    ),
    (
        "local-fs.target",
        "[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\nAfter=local-fs-pre.target\n\
         OnFailure=emergency.target\n",
    ),
    ("local-fs-pre.target", PLAIN),
    (
        "remote-fs.target",
        "[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\nAfter=remote-fs-pre.target\n",
    ),
    ("remote-fs-pre.target", PLAIN),
    ("swap.target", PLAIN),
    ("sockets.target", PLAIN),
    ("timers.target", LATE),
    ("paths.target", PLAIN),
    (
        "slices.target",
        "[Unit]\nWants=-.slice system.slice\nAfter=-.slice system.slice\n",
    ),
    ("network.target", "[Unit]\nAfter=network-pre.target\n"),
    ("network-online.target", "[Unit]\nAfter=network.target\n"),
    ("network-pre.target", PLAIN),
    ("nss-lookup.target", PLAIN),
    ("nss-user-lookup.target", PLAIN),
    ("rpcbind.target", PLAIN),
    (
        "time-sync.target",
        "[Unit]\nAfter=time-set.target\nWants=time-set.target\n",
    ),
    (
        "time-set.target",
        "[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\n",
    ),
    ("cryptsetup.target", PLAIN),
    ("getty.target", PLAIN),
    (
        "rescue.target",
        "[Unit]\nRequires=sysinit.target rescue.service\nAfter=sysinit.target rescue.service\n",
    ),
    (
        "emergency.target",
        "[Unit]\nRequires=emergency.service\nAfter=emergency.service\n",
    ),
    ("shutdown.target", "[Unit]\nDefaultDependencies=no\n"),
    ("umount.target", "[Unit]\nDefaultDependencies=no\n"),
    (
        "final.target",
        "[Unit]\nDefaultDependencies=no\nAfter=shutdown.target umount.target\n",
    ),
    (
        "reboot.target",
        "[Unit]\nDefaultDependencies=no\nRequires=systemd-reboot.service\nAfter=systemd-reboot.service\n",
    ),
    (
        "poweroff.target",
        "[Unit]\nDefaultDependencies=no\nRequires=systemd-poweroff.service\nAfter=systemd-poweroff.service\n",
    ),
    (
        "systemd-journald.socket",
        "[Unit]\nDefaultDependencies=no\nBefore=sockets.target\n\
         [Socket]\nListenStream=/run/systemd/journal/stdout\n",
    ),
];
