//! Names of units made from paths, as `systemd-escape --path` makes them
//! (systemd.unit(5), "String Escaping for Inclusion in Unit Names").

use std::fmt::Write as _;

/// The `.swap` unit of a device or file.
pub(super) fn of_path(path: &str) -> String {
    let mut parts = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .peekable();
    let mut name = String::with_capacity(path.len() + 8);
    if parts.peek().is_none() {
        name.push('-');
    }
    for (index, part) in parts.enumerate() {
        if index > 0 {
            name.push('-');
        }
        for (at, byte) in part.bytes().enumerate() {
            let plain = byte.is_ascii_alphanumeric()
                || matches!(byte, b':' | b'_')
                || (byte == b'.' && !(index == 0 && at == 0));
            if plain {
                name.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(name, "\\x{byte:02x}");
            }
        }
    }
    name.push_str(".swap");
    name
}

/// What udev calls the device of `UUID=…`, `LABEL=…`, `PARTUUID=…` or
/// `PARTLABEL=…`; anything else as it is (systemd, `fstab_node_to_udev_node`).
pub(crate) fn device_of(spec: &str) -> String {
    for (tag, directory) in [
        ("LABEL=", "by-label"),
        ("UUID=", "by-uuid"),
        ("PARTUUID=", "by-partuuid"),
        ("PARTLABEL=", "by-partlabel"),
    ] {
        if let Some(value) = spec.strip_prefix(tag) {
            return format!("/dev/disk/{directory}/{}", encode(unquote(value)));
        }
    }
    spec.to_owned()
}

fn unquote(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value)
}

/// `encode_devnode_name`: what udev does not allow in a name stands in hexadecimal.
fn encode(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if character.is_ascii_alphanumeric()
            || "#+-.:=@_".contains(character)
            || !character.is_ascii()
        {
            text.push(character);
        } else {
            let _ = write!(text, "\\x{:02x}", u32::from(character));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (spec, unit) in [
            ("/swapfile", "swapfile.swap"),
            ("/dev/sda2", "dev-sda2.swap"),
            ("/dev//mapper/vg-swap/", r"dev-mapper-vg\x2dswap.swap"),
            ("/.swap file", r"\x2eswap\x20file.swap"),
            ("UUID=0f-1", r"dev-disk-by\x2duuid-0f\x2d1.swap"),
            (
                "LABEL=\"my swap\"",
                r"dev-disk-by\x2dlabel-my\x5cx20swap.swap",
            ),
            ("PARTUUID=ab", r"dev-disk-by\x2dpartuuid-ab.swap"),
            ("PARTLABEL=s", r"dev-disk-by\x2dpartlabel-s.swap"),
            ("/", "-.swap"),
        ] {
            assert_eq!(of_path(&device_of(spec)), unit, "{spec}");
        }
    }
}
