//! The default route.

use nodepol_model::Location;

use crate::sourced::Sourced;

/// `RTF_UP` and `RTF_REJECT` of linux/route.h.
const UP: u32 = 0x1;
const REJECT: u32 = 0x200;

/// /proc/net/route: interface, destination, gateway, flags, …, mask, all in
/// hexadecimal.
pub(super) fn v4(path: &str, text: &str) -> Option<Sourced<String>> {
    (1..).zip(text.lines()).skip(1).find_map(|(number, line)| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [interface, destination, _, flags, _, _, _, mask, ..] = fields.as_slice() else {
            return None;
        };
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let default = *destination == "00000000" && *mask == "00000000";
        (default && flags & UP != 0 && flags & REJECT == 0)
            .then(|| Sourced::new((*interface).to_owned(), Location::line(path, number)))
    })
}

/// /proc/net/ipv6_route: destination, its length, source, its length, next hop,
/// metric, references, use, flags, interface. A kernel without a default route
/// has one there that rejects, on `lo`.
pub(super) fn v6(path: &str, text: &str) -> Option<Sourced<String>> {
    (1..).zip(text.lines()).find_map(|(number, line)| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [destination, length, _, _, _, _, _, _, flags, interface, ..] = fields.as_slice()
        else {
            return None;
        };
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let default = *length == "00" && destination.bytes().all(|digit| digit == b'0');
        (default && *interface != "lo" && flags & UP != 0 && flags & REJECT == 0)
            .then(|| Sourced::new((*interface).to_owned(), Location::line(path, number)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes() {
        let head =
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
        let local = "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        let default = "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        let found = v4("r", &format!("{head}{local}{default}")).unwrap();
        assert_eq!(format!("{} {}", found.value, found.origin), "eth0 r:3");
        assert!(v4("r", &format!("{head}{local}")).is_none());
        let zero = "0".repeat(32);
        let reject =
            format!("{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n");
        let real = format!(
            "{zero} 00 {zero} 00 fe80{} 00000400 1 0 00000003     eth0\n",
            &zero[4..]
        );
        assert!(v6("r", &reject).is_none());
        assert_eq!(v6("r", &format!("{reject}{real}")).unwrap().value, "eth0");
    }
}
