//! What the values of flags come to: the `Set` of each type of `pflag`, of
//! `component-base/cli/flag`, of `component-base/logs/api/v1` and of
//! `pkg/util/flag` in kubernetes.

mod csv;
mod numbers;
mod quantity;
mod reserved_memory;
mod taints;

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value as Json, json};

use super::flag_table::FlagKind;
use crate::go_duration;
use crate::sourced::Sourced;

pub(crate) use self::numbers::parse_bool;

/// How the gatherer writes a secret.
const REDACTED: &str = "nodepol-redacted";

/// What is wrong with a value, in the kubelet's words, after those that the same
/// flag was given before.
///
/// # Errors
/// What Go says of it.
pub(crate) fn check(kind: FlagKind, value: &str, before: &[Sourced<String>]) -> Result<(), String> {
    // These two lose what they point to with an empty value.
    let lost = before.iter().any(|value| value.value.is_empty());
    match kind {
        FlagKind::Text | FlagKind::Labels => Ok(()),
        FlagKind::Bool => numbers::bool(value).map(drop),
        // `version.SetDynamicVersion` takes what is near to the kubelet's own.
        FlagKind::Version if value == "raw" || value.starts_with('v') => Ok(()),
        FlagKind::Version => numbers::bool(value).map(drop),
        FlagKind::Int32 => numbers::int(value, 32).map(drop),
        FlagKind::Int64 => numbers::int(value, 64).map(drop),
        FlagKind::Verbosity => numbers::verbosity(value).map(drop),
        FlagKind::Duration => go_duration::parse(value).map(drop),
        FlagKind::Quantity => quantity::check(value),
        FlagKind::Ip if value.is_empty() => Ok(()),
        FlagKind::Ip if !is_ip(value) => Err(format!("{value:?} is not a valid IP address")),
        FlagKind::Ip if lost => {
            Err("the string pointer passed into IPVar should not be nil".to_owned())
        }
        FlagKind::Ip => Ok(()),
        FlagKind::Texts => csv::fields(value).map(drop),
        FlagKind::Map | FlagKind::LessMap => {
            let sign = sign(kind);
            split(value).try_for_each(|pair| expect(pair, sign).map(drop))
        }
        FlagKind::OneEntry => expect(value, '=').map(drop),
        FlagKind::BoolMap => split(value).try_for_each(|pair| match pair.split_once('=') {
            None => Err("malformed pair, expect string=bool".to_owned()),
            Some((key, value)) => numbers::bool(value.trim()).map(drop).map_err(|why| {
                format!(
                    "invalid value of {}: {}, err: {why}",
                    key.trim(),
                    value.trim()
                )
            }),
        }),
        FlagKind::Headers if value.contains(REDACTED) => Ok(()),
        FlagKind::Headers => split(value).try_for_each(|pair| expect(pair, ':').map(drop)),
        FlagKind::Taints => taints::parse(value).map(drop),
        FlagKind::ReservedMemory if lost => {
            Err("no target (nil pointer to *[]MemoryReservation)".to_owned())
        }
        FlagKind::ReservedMemory => reserved_memory::parse(value).map(drop),
        FlagKind::VModule => vmodule(value).map(drop),
    }
}

/// What a flag sets its field to, by all the values that it was given. None if it
/// leaves the field as it is, or ends the kubelet.
pub(crate) fn field(kind: FlagKind, values: &[Sourced<String>]) -> Option<Json> {
    let last = values.last()?.value.as_str();
    let all = || values.iter().map(|value| value.value.as_str());
    Some(match kind {
        FlagKind::Bool => Json::Bool(parse_bool(last)?),
        FlagKind::Int32 => Json::from(numbers::int(last, 32).ok()?),
        FlagKind::Int64 => Json::from(numbers::int(last, 64).ok()?),
        FlagKind::Verbosity => Json::from(numbers::verbosity(last).ok()?),
        FlagKind::Text | FlagKind::Duration | FlagKind::Quantity => Json::from(last),
        FlagKind::Ip => Json::from(all().rfind(|value| !value.is_empty())?),
        FlagKind::Texts => all()
            .filter_map(|value| csv::fields(value).ok())
            .flatten()
            .map(Json::from)
            .collect(),
        FlagKind::Map | FlagKind::LessMap => {
            let sign = sign(kind);
            all()
                .flat_map(split)
                .filter_map(|pair| expect(pair, sign).ok())
                .map(|(key, value)| (key, Json::from(value)))
                .collect::<Map<_, _>>()
                .into()
        }
        FlagKind::OneEntry => all()
            .filter_map(|value| expect(value, '=').ok())
            .map(|(key, value)| (key, Json::from(value)))
            .collect::<Map<_, _>>()
            .into(),
        FlagKind::BoolMap => all()
            .flat_map(split)
            .filter_map(|pair| {
                let (key, value) = expect(pair, '=').ok()?;
                Some((key, Json::Bool(parse_bool(&value)?)))
            })
            .collect::<Map<_, _>>()
            .into(),
        FlagKind::Headers if all().any(|value| value.contains(REDACTED)) => Json::from(REDACTED),
        FlagKind::Headers => {
            let mut headers: Map<String, Json> = Map::new();
            for (key, value) in all()
                .flat_map(split)
                .filter_map(|pair| expect(pair, ':').ok())
            {
                let known = headers.entry(key).or_insert_with(|| json!([]));
                if let Some(known) = known.as_array_mut() {
                    known.push(Json::from(value));
                }
            }
            headers.into()
        }
        // The last one replaces those before.
        FlagKind::Taints => taints::parse(last).ok()?,
        FlagKind::ReservedMemory => {
            let given: Vec<_> = all().filter(|value| !value.is_empty()).collect();
            if given.is_empty() {
                return None;
            }
            given
                .into_iter()
                .filter_map(|value| reserved_memory::parse(value).ok())
                .flatten()
                .collect()
        }
        FlagKind::VModule => all()
            .filter_map(|value| vmodule(value).ok())
            .flatten()
            .collect(),
        FlagKind::Labels | FlagKind::Version => return None,
    })
}

/// What there is between commas, but for nothing.
fn split(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').filter(|pair| !pair.is_empty())
}

fn sign(kind: FlagKind) -> char {
    if kind == FlagKind::LessMap { '<' } else { '=' }
}

fn expect(pair: &str, sign: char) -> Result<(String, String), String> {
    match pair.split_once(sign) {
        Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        None => Err(format!("malformed pair, expect string{sign}string")),
    }
}

/// `pattern=N,…`
fn vmodule(value: &str) -> Result<Vec<Json>, String> {
    split(value)
        .map(|pair| {
            let parts: Vec<&str> = pair.split('=').collect();
            match parts.as_slice() {
                [pattern, level] if !pattern.is_empty() && !level.is_empty() => {
                    let level = numbers::verbosity(level)
                        .map_err(|why| format!("parsing verbosity in {pair:?}: {why}"))?;
                    Ok(json!({ "filePattern": pattern, "verbosity": level }))
                }
                _ => Err(format!("{pair:?} does not have the pattern=N format")),
            }
        })
        .collect()
}

/// `ParseIPSloppy` of `k8s.io/utils/net`: numbers may start with zeros.
fn is_ip(text: &str) -> bool {
    match text.rsplit_once(':') {
        Some((head, tail)) if tail.contains('.') => ipv4(tail)
            .is_some_and(|address| format!("{head}:{address}").parse::<Ipv6Addr>().is_ok()),
        Some(_) => text.parse::<Ipv6Addr>().is_ok(),
        None => ipv4(text).is_some(),
    }
}

fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = part.trim_start_matches('0');
        *octet = if digits.is_empty() {
            0
        } else {
            digits.parse().ok()?
        };
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

#[cfg(test)]
mod tests;
