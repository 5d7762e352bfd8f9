//! fstab(5) as systemd-fstab-generator(8) reads it: what it mounts.

/// A line that becomes a mount unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: u32,
    /// As it stands, without blanks at its ends.
    pub(super) text: String,
    /// The first field, escapes taken out.
    pub(super) source: String,
    /// Where it is mounted.
    pub(super) place: String,
    /// The type.
    pub(super) filesystem: String,
    /// The options, in order.
    pub(super) options: Vec<String>,
}

impl Line {
    /// Of two contrary options the last one counts (`fstab_test_yes_no_option`).
    fn last_of(&self, yes: &str, no: &str) -> bool {
        let mut given = self.options.iter().rev();
        given
            .find(|option| *option == yes || *option == no)
            .map(String::as_str)
            == Some(yes)
    }

    /// `noauto`: no target pulls it in.
    pub(super) fn noauto(&self) -> bool {
        self.last_of("noauto", "auto")
    }

    /// `nofail`: the boot neither needs it nor waits for it.
    pub(super) fn nofail(&self) -> bool {
        self.last_of("nofail", "fail")
    }

    /// It is mounted when its place is first used.
    pub(super) fn automount(&self) -> bool {
        ["x-systemd.automount", "comment=systemd.automount"]
            .iter()
            .any(|wanted| self.options.iter().any(|option| option == wanted))
    }

    /// It needs the network (`mount_is_network`).
    pub(super) fn network(&self) -> bool {
        const NETWORK: [&str; 14] = [
            "afs", "ceph", "cifs", "gfs", "gfs2", "ncp", "ncpfs", "nfs", "nfs4", "ocfs2",
            "orangefs", "pvfs2", "smb3", "smbfs",
        ];
        let kind = self.filesystem.as_str();
        self.options.iter().any(|option| option == "_netdev")
            || NETWORK.contains(&kind.strip_prefix("fuse.").unwrap_or(kind))
    }

    /// The values of an option such as `x-systemd.before=`.
    pub(super) fn values<'a>(&'a self, option: &'a str) -> impl Iterator<Item = &'a str> {
        self.options
            .iter()
            .filter_map(move |given| given.strip_prefix(option)?.strip_prefix('='))
    }
}

/// The lines that mount something, in order. Swap and what has no place (`none`)
/// are not among them, nor is the root.
pub(super) fn lines(text: &str) -> Vec<Line> {
    (1..)
        .zip(text.lines())
        .filter_map(|(number, line)| {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                return None;
            }
            let mut fields = line.split([' ', '\t']).filter(|field| !field.is_empty());
            let source = crate::files::unescape(fields.next()?);
            let place = crate::files::unescape(fields.next()?);
            let filesystem = fields.next()?.to_owned();
            let options = crate::files::unescape(fields.next().unwrap_or("defaults"));
            let place = place.trim_end_matches('/').to_owned();
            if filesystem == "swap" || !place.starts_with('/') {
                return None;
            }
            Some(Line {
                number,
                text: line.to_owned(),
                source,
                place,
                filesystem,
                options: options.split(',').map(|o| o.trim().to_owned()).collect(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_their_options() {
        let text = "\
# /dev/sda9 /old ext4 defaults 0 0
/dev/sda1 / ext4 defaults 0 1
/dev/sda2 none swap sw 0 0
/dev/sdb1\t/var/lib/kubelet/\text4\tnofail,noauto,auto 0 2
nas:/x /my\\040data nfs x-systemd.before=kubelet.service,x-systemd.automount
/dev/sdc1 /d xfs
/dev/sdd1 /e
";
        let found = lines(text);
        let places: Vec<_> = found.iter().map(|l| (l.number, l.place.as_str())).collect();
        assert_eq!(
            places,
            [(4, "/var/lib/kubelet"), (5, "/my data"), (6, "/d")]
        );
        assert!(found[0].nofail() && !found[0].noauto() && !found[0].network());
        assert!(found[1].network() && found[1].automount());
        let before: Vec<_> = found[1].values("x-systemd.before").collect();
        assert_eq!(before, ["kubelet.service"]);
        assert!(!found[2].nofail());
    }
}
