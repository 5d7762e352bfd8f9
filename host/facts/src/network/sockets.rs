//! Listening TCP sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nodepol_model::Location;
use serde::Serialize;

/// `TCP_LISTEN` of include/net/tcp_states.h.
const LISTEN: &str = "0A";

/// A socket that listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// The address that it is bound to; `0.0.0.0` or `::` is every one.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The user whose process opened it.
    pub uid: u32,
    /// The kernel's number of it, as in `socket:[…]`.
    pub inode: String,
    /// Its line.
    pub at: Location,
}

/// The listening sockets of /proc/net/tcp or tcp6: `sl`, local address, remote
/// address, state, queues, timer, retransmits, user, timeout, inode. Addresses
/// stand there as 32-bit words of the machine: all that run a kubelet but s390x
/// put the lowest byte first.
pub(super) fn listening(path: &str, text: &str) -> Vec<Listener> {
    (1..)
        .zip(text.lines())
        .skip(1)
        .filter_map(|(number, line)| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, LISTEN, _, _, _, uid, _, inode, ..] = fields.as_slice() else {
                return None;
            };
            let (address, port) = local.split_once(':')?;
            Some(Listener {
                address: address_of(address)?.to_string(),
                port: u16::from_str_radix(port, 16).ok()?,
                uid: uid.parse().ok()?,
                inode: (*inode).to_owned(),
                at: Location::line(path, number),
            })
        })
        .collect()
}

fn address_of(digits: &str) -> Option<IpAddr> {
    if !digits.is_ascii() {
        return None;
    }
    let words: Vec<[u8; 4]> = digits
        .as_bytes()
        .chunks(8)
        .map(|word| {
            let word = std::str::from_utf8(word).ok()?;
            u32::from_str_radix(word, 16).ok().map(u32::to_le_bytes)
        })
        .collect::<Option<_>>()?;
    match words.as_slice() {
        [word] => Some(IpAddr::V4(Ipv4Addr::from(*word))),
        [_, _, _, _] => {
            let mut octets = [0; 16];
            for (octet, byte) in octets.iter_mut().zip(words.iter().flatten()) {
                *octet = *byte;
            }
            let address = Ipv6Addr::from(octets);
            Some(
                address
                    .to_ipv4_mapped()
                    .map_or(IpAddr::V6(address), IpAddr::V4),
            )
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:2808 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n   1: 0500000A:9C40 0A00000A:192B 01 00000000:00000000 02:00000000 00000000     0        0 4712 2\n";
        let found = listening("t", text);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].address.as_str(), found[0].port, found[0].uid),
            ("127.0.0.1", 10248, 0)
        );
        assert_eq!(found[0].inode, "4711");
        let text = "h\n 0: 00000000000000000000000000000000:280A 00000000000000000000000000000000:0000 0A 0:0 0:0 0 101 0 9 1\n 1: 000080FE00000000FF005450FE12BC9A:0016 0:0 0A 0:0 0:0 0 0 0 9 1\n";
        let found = listening("t6", text);
        assert_eq!(
            (found[0].address.as_str(), found[0].port, found[0].uid),
            ("::", 10250, 101)
        );
        assert_eq!(found[1].address, "fe80::5054:ff:9abc:12fe");
        assert!(listening("t", "h\n x 1 2 0A\n").is_empty());
    }
}
