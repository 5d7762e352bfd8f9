//! The flags of the daemons, as they stand on a command line.

use crate::sourced::Sourced;

/// The last value of a flag, by any of its names without dashes: `--name VALUE`,
/// `--name=VALUE`, with one dash or two.
pub(crate) fn value(argv: &[Sourced<String>], names: &[&str]) -> Option<Sourced<String>> {
    values(argv, names).pop()
}

/// Every value of a flag that can be repeated, in order.
pub(crate) fn values(argv: &[Sourced<String>], names: &[&str]) -> Vec<Sourced<String>> {
    let mut found = Vec::new();
    let mut words = argv.iter().skip(1).peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.value.strip_prefix("--").or_else(|| word.value.strip_prefix('-'))
        else {
            continue;
        };
        match flag.split_once('=') {
            Some((name, value)) if names.contains(&name) => {
                found.push(Sourced::new(value.to_owned(), word.origin.clone()));
            }
            None if names.contains(&flag) => {
                if let Some(next) = words.next() {
                    found.push(next.clone());
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use nodepol_model::Location;

    use super::*;

    #[test]
    fn every_way_to_write_a_flag() {
        let argv: Vec<_> = ["env", "A=b", "d", "-c", "/x", "--opt=1", "--opt", "2", "-opt=3"]
            .iter()
            .map(|word| Sourced::new((*word).to_owned(), Location::source("unit")))
            .collect();
        assert_eq!(value(&argv, &["config", "c"]).map(|v| v.value), Some("/x".to_owned()));
        let all: Vec<_> = values(&argv, &["opt"]).into_iter().map(|v| v.value).collect();
        assert_eq!(all, ["1", "2", "3"]);
        assert!(value(&argv, &["none"]).is_none());
    }
}
