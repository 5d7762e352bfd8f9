//! A command line by the rules of `github.com/spf13/pflag`, as the kubelet sets
//! it up (`_` is `-`, flags and other words may mix).

use std::collections::BTreeMap;

use nodepol_model::Location;
use serde_json::Value as Json;

use super::flag_table::{self, FlagSpec};
use super::flag_values;
use crate::sourced::{Problem, Sourced};

/// A parsed command line.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    /// Every value that each flag was given, in order, by its long name.
    values: BTreeMap<String, Vec<Sourced<String>>>,
    /// Why the kubelet refuses the command line.
    pub(crate) problems: Vec<Problem>,
}

impl Flags {
    /// Parses the words after the program.
    pub(crate) fn parse(words: &[Sourced<String>]) -> Self {
        let mut flags = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let text = word.value.as_str();
            if text == "--" {
                for word in words.by_ref() {
                    flags.positional(word);
                }
            } else if let Some(long) = text.strip_prefix("--") {
                if long.starts_with(['-', '=']) {
                    let message = format!("bad flag syntax: {text}");
                    flags.fault("bad-syntax", message, word);
                    continue;
                }
                let (name, value) = split(long);
                flags.take(&name, value, word, &mut words);
            } else if let Some(short) = text.strip_prefix('-').filter(|short| !short.is_empty()) {
                flags.shorthand(short, word, &mut words);
            } else {
                flags.positional(word);
            }
        }
        flags
    }

    fn take<'a>(
        &mut self,
        name: &str,
        value: Option<&str>,
        word: &Sourced<String>,
        words: &mut (impl Iterator<Item = &'a Sourced<String>> + Clone),
    ) {
        let spec = flag_table::find(name);
        let value = match (value, spec) {
            (Some(value), _) => Sourced::new(value.to_owned(), word.origin.clone()),
            (None, Some(spec)) if spec.kind.is_bool() => {
                Sourced::new("true".to_owned(), word.origin.clone())
            }
            (None, Some(_)) => match words.next() {
                Some(next) => next.clone(),
                None => {
                    let message = format!("flag needs an argument: --{name}");
                    self.fault("missing-argument", message, word);
                    return;
                }
            },
            // The kubelet stops here if it does not know the flag; an older or
            // newer one may, and then a word without a dash is its value.
            (None, None) => match words.clone().next() {
                Some(next) if !next.value.starts_with('-') => {
                    words.next();
                    next.clone()
                }
                _ => Sourced::new("true".to_owned(), word.origin.clone()),
            },
        };
        let known = self.values.entry(name.to_owned()).or_default();
        let wrong = spec.and_then(|spec| flag_values::check(spec.kind, &value.value, known).err());
        known.push(value.clone());
        if let Some(why) = wrong {
            let shorthand = if name == "v" { "-v, " } else { "" };
            let message = format!(
                "invalid argument {:?} for \"{shorthand}--{name}\" flag: {why}",
                value.value
            );
            self.fault("wrong-type", message, &value);
        }
    }

    /// `-v 5`, `-v5`, `-v=5`, `-h`.
    fn shorthand<'a>(
        &mut self,
        short: &str,
        word: &Sourced<String>,
        words: &mut (impl Iterator<Item = &'a Sourced<String>> + Clone),
    ) {
        let mut letters = short.chars();
        let (name, rest) = match letters.next() {
            Some('v') => ("v", letters.as_str()),
            Some('h') => ("help", letters.as_str()),
            other => {
                let letter = other.unwrap_or('-');
                let message = format!("unknown shorthand flag: {letter:?} in -{short}");
                self.fault("unknown-flag", message, word);
                return;
            }
        };
        let value = (!rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or(rest));
        self.take(name, value, word, words);
    }

    fn positional(&mut self, word: &Sourced<String>) {
        self.fault(
            "unknown-command",
            format!("unknown command {}", word.value),
            word,
        );
    }

    fn fault(&mut self, kind: &'static str, message: String, word: &Sourced<String>) {
        self.problems.push(Problem {
            kind,
            message,
            at: word.origin.clone(),
            fatal: true,
            nearest: None,
        });
    }

    /// The value of a flag: the last one, or all of a list or map, joined.
    pub(crate) fn get(&self, name: &str) -> Option<Sourced<String>> {
        let name = name.replace('_', "-");
        let values = self.values.get(&name)?;
        let last = values.last()?;
        let joins = flag_table::find(&name).is_some_and(|spec| spec.kind.adds_up());
        if !joins {
            return Some(last.clone());
        }
        let all: Vec<&str> = values.iter().map(|value| value.value.as_str()).collect();
        Some(Sourced::new(all.join(","), last.origin.clone()))
    }

    /// Every flag that is given, with its last value, in order of the names.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&str, &Sourced<String>)> {
        self.values
            .iter()
            .filter_map(|(name, values)| Some((name.as_str(), values.last()?)))
    }

    /// What the flags set in `KubeletConfiguration`: pointer, value, where.
    pub(crate) fn fields(&self) -> Vec<(&'static FlagSpec, Json, Location)> {
        self.values
            .iter()
            .filter_map(|(name, values)| {
                let spec = flag_table::find(name).filter(|spec| !spec.field.is_empty())?;
                let last = values.last()?;
                Some((
                    spec,
                    flag_values::field(spec.kind, values)?,
                    last.origin.clone(),
                ))
            })
            .collect()
    }

    /// The map entries of a flag, each with its place.
    pub(crate) fn entries(&self, name: &str) -> Vec<(String, Sourced<String>)> {
        let mut entries = Vec::new();
        for value in self.values.get(name).into_iter().flatten() {
            for pair in value.value.split(',').filter(|pair| !pair.is_empty()) {
                if let Some((key, text)) = pair.split_once('=') {
                    entries.push((
                        key.trim().to_owned(),
                        Sourced::new(text.trim().to_owned(), value.origin.clone()),
                    ));
                }
            }
        }
        entries
    }
}

/// A long flag's name, normalised, and the value after `=`.
fn split(long: &str) -> (String, Option<&str>) {
    match long.split_once('=') {
        Some((name, value)) => (name.replace('_', "-"), Some(value)),
        None => (long.replace('_', "-"), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Flags {
        let words: Vec<_> = line
            .split(' ')
            .map(|word| Sourced::new(word.to_owned(), Location::source("unit")))
            .collect();
        Flags::parse(&words)
    }

    fn get(flags: &Flags, name: &str) -> Option<String> {
        flags.get(name).map(|value| value.value)
    }

    #[test]
    fn values_follow_as_pflag_takes_them() {
        let flags =
            parse("--config /a --max_pods=5 --max-pods=7 -v5 --fail-swap-on --kubeconfig -x");
        assert_eq!(get(&flags, "config").as_deref(), Some("/a"));
        assert_eq!(get(&flags, "max_pods").as_deref(), Some("7"));
        assert_eq!(get(&flags, "v").as_deref(), Some("5"));
        assert_eq!(get(&flags, "fail-swap-on").as_deref(), Some("true"));
        assert_eq!(get(&flags, "kubeconfig").as_deref(), Some("-x"));
        assert!(flags.problems.is_empty());
    }

    #[test]
    fn a_bare_boolean_leaves_its_value_behind() {
        let flags = parse("--fail-swap-on false");
        assert_eq!(get(&flags, "fail-swap-on").as_deref(), Some("true"));
        assert_eq!(flags.problems[0].message, "unknown command false");
        assert_eq!(parse("-- --config=/a").problems[0].kind, "unknown-command");
        assert_eq!(parse("--config").problems[0].kind, "missing-argument");
        assert_eq!(parse("--fail-swap-on=no").problems[0].kind, "wrong-type");
    }

    #[test]
    fn no_name_is_bad_syntax() {
        for text in ["---x", "--=x", "---"] {
            let flags = parse(text);
            assert_eq!(flags.problems.len(), 1);
            assert_eq!(flags.problems[0].kind, "bad-syntax");
            assert_eq!(
                flags.problems[0].message,
                format!("bad flag syntax: {text}")
            );
        }
        assert!(parse("--").problems.is_empty());
    }

    #[test]
    fn a_wrong_value_is_told_as_pflag_does() {
        assert_eq!(
            parse("-v=-1").problems[0].message,
            "invalid argument \"-1\" for \"-v, --v\" flag: strconv.ParseUint: parsing \"-1\": \
             invalid syntax"
        );
        assert_eq!(
            parse("--max-pods=9999999999").problems[0].message,
            "invalid argument \"9999999999\" for \"--max-pods\" flag: strconv.ParseInt: parsing \
             \"9999999999\": value out of range"
        );
        assert!(parse("--version=v1.36.2").problems.is_empty());
        assert_eq!(
            parse("--address= --address=::1").problems[0].kind,
            "wrong-type"
        );
    }

    #[test]
    fn lists_and_maps_add_up() {
        let flags = parse(
            "--cluster-dns=1.1.1.1,2.2.2.2 --cluster-dns 3.3.3.3 --feature-gates=A=true --feature-gates=B=false --eviction-hard=memory.available<1Gi",
        );
        let fields: BTreeMap<_, _> = flags
            .fields()
            .into_iter()
            .map(|(spec, value, _)| (spec.field, value))
            .collect();
        assert_eq!(
            fields["/clusterDNS"],
            serde_json::json!(["1.1.1.1", "2.2.2.2", "3.3.3.3"])
        );
        assert_eq!(
            fields["/featureGates"],
            serde_json::json!({"A": true, "B": false})
        );
        assert_eq!(
            fields["/evictionHard"],
            serde_json::json!({"memory.available": "1Gi"})
        );
    }

    #[test]
    fn every_field_of_a_flag_exists() {
        for name in ["cgroup-driver", "v", "client-ca-file"] {
            assert!(flag_table::find(name).is_some());
        }
        for spec in flag_table::all().filter(|spec| !spec.field.is_empty()) {
            assert!(
                super::super::fields::KUBELET_CONFIGURATION
                    .at(spec.field)
                    .is_some(),
                "{}",
                spec.field
            );
        }
    }
}
