//! The addresses of interfaces.

use std::net::Ipv6Addr;

use nodepol_model::Location;

use crate::sourced::Sourced;

/// The local addresses in /proc/net/fib_trie: the leaves that `/32 host LOCAL`
/// follows. The table stands there twice at least, as `Main` and `Local`.
pub(super) fn v4(path: &str, text: &str) -> Vec<Sourced<String>> {
    let mut found: Vec<Sourced<String>> = Vec::new();
    let mut leaf: Option<(u32, &str)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = Some((number, address));
        } else if line.starts_with("+--") {
            leaf = None;
        } else if line == "/32 host LOCAL"
            && let Some((number, address)) = leaf
            && !found.iter().any(|known| known.value == address)
        {
            found.push(Sourced::new(
                address.to_owned(),
                Location::line(path, number),
            ));
        }
    }
    found
}

/// The addresses in /proc/net/if_inet6: 32 digits, index, length of the prefix,
/// scope, flags, name.
pub(super) fn v6(path: &str, text: &str) -> Vec<Sourced<String>> {
    (1..)
        .zip(text.lines())
        .filter_map(|(number, line)| {
            let address = of_digits(line.split_whitespace().next()?)?;
            Some(Sourced::new(
                address.to_string(),
                Location::line(path, number),
            ))
        })
        .collect()
}

/// `fe80000000000000…`: 32 hexadecimal digits in the order of the address.
pub(super) fn of_digits(digits: &str) -> Option<Ipv6Addr> {
    if digits.len() != 32 {
        return None;
    }
    u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIE: &str = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.0.0.0/24 2 0 2
        |-- 10.0.0.0
           /24 link UNICAST
        |-- 10.0.0.5
           /32 host LOCAL
        |-- 10.0.0.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.0.0.5
        /32 host LOCAL
";

    #[test]
    fn local_addresses() {
        let found: Vec<_> = v4("t", TRIE)
            .into_iter()
            .map(|a| format!("{} {}", a.value, a.origin))
            .collect();
        assert_eq!(found, ["10.0.0.5 t:8", "127.0.0.1 t:12"]);
        let v6: Vec<_> = v6(
            "t",
            "00000000000000000000000000000001 01 80 10 80       lo\nfd000000000000000000000000000005 02 40 00 80     eth0\nx\n",
        )
        .into_iter()
        .map(|a| a.value)
        .collect();
        assert_eq!(v6, ["::1", "fd00::5"]);
    }
}
