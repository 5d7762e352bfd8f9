//! fstab(5) as systemd-fstab-generator(8) reads it: the lines that turn swap on.

use super::proc_swaps::unescape;

/// A line of type `swap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: u32,
    /// As it stands, without blanks at its ends.
    pub(super) text: String,
    /// The first field, escapes taken out.
    pub(super) spec: String,
    /// `noauto`: no target pulls it in.
    pub(super) noauto: bool,
}

/// The lines of type `swap`, in order.
pub(super) fn swap_lines(text: &str) -> Vec<Line> {
    (1..)
        .zip(text.lines())
        .filter_map(|(number, line)| {
            // getmntent(3): blanks at the start are passed over, `#` starts a
            // comment only there.
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                return None;
            }
            let mut fields = line.split([' ', '\t']).filter(|field| !field.is_empty());
            let spec = fields.next()?;
            let kind = fields.nth(1)?;
            let options = fields.next().unwrap_or_default();
            (unescape(kind) == "swap").then(|| Line {
                number,
                text: line.to_owned(),
                spec: unescape(spec),
                noauto: last_of(&unescape(options), "noauto", "auto"),
            })
        })
        .collect()
}

/// `fstab_test_yes_no_option`: of two contrary options the last one counts.
pub(super) fn last_of(options: &str, yes: &str, no: &str) -> bool {
    options
        .split(',')
        .map(str::trim)
        .rfind(|option| *option == yes || *option == no)
        == Some(yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_swap() {
        let text = "\
# /dev/sda1 none swap sw 0 0
  /dev/sda2\tnone\tswap\tsw\t0\t0
UUID=1 none swap
/dev/sda3 none swap noauto,nofail 0 0
/dev/sda4 none swap noauto,auto 0 0
/my\\040file none swap defaults 0 0 # a remark
/dev/sda5 / ext4 defaults 0 1
/dev/sda6 swap
#/dev/sda7 none swap
tmpfs /swap tmpfs rw
";
        let lines: Vec<_> = swap_lines(text)
            .into_iter()
            .map(|line| (line.number, line.spec, line.noauto))
            .collect();
        let expected = [
            (2, "/dev/sda2", false),
            (3, "UUID=1", false),
            (4, "/dev/sda3", true),
            (5, "/dev/sda4", false),
            (6, "/my file", false),
        ]
        .map(|(number, spec, noauto)| (number, spec.to_owned(), noauto));
        assert_eq!(lines, expected);
    }
}
