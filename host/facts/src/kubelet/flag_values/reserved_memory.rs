//! `--reserved-memory` (`ReservedMemoryVar` in `pkg/util/flag` of kubernetes).

use serde_json::{Map, Value as Json, json};

use super::{numbers, quantity};

/// What one value adds: `0:memory=1Gi,hugepages-1Gi=2Gi;1:memory=2Gi`.
///
/// # Errors
/// What the kubelet says of it.
pub(super) fn parse(value: &str) -> Result<Vec<Json>, String> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    value.split(';').map(node).collect()
}

fn node(reservation: &str) -> Result<Json, String> {
    let Some((id, limits)) = reservation
        .split_once(':')
        .filter(|(_, limits)| !limits.contains(':'))
    else {
        return Err(format!(
            "the reserved memory has incorrect format, expected \
             numaNodeID:type=quantity[,type=quantity...], got {reservation}"
        ));
    };
    let id = decimal(id)
        .ok_or_else(|| format!("failed to convert the NUMA node ID, expected integer, got {id}"))?;
    let mut memory = Map::new();
    for limit in limits.split(',') {
        let Some((name, size)) = limit
            .split_once('=')
            .filter(|(_, size)| !size.contains('='))
        else {
            return Err(format!(
                "the reserved limit has incorrect value, expected type=quantity, got {limit}"
            ));
        };
        if name != "memory" && !name.starts_with("hugepages-") {
            return Err(format!(
                "memory type conversion error, unknown type: {name:?}"
            ));
        }
        quantity::check(size).map_err(|_| format!("failed to parse the quantity: {size}"))?;
        memory.insert(name.to_owned(), Json::from(size));
    }
    Ok(json!({ "numaNode": id, "limits": memory }))
}

/// `strconv.Atoi`, which has no bases and no underscores.
fn decimal(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    numbers::int(&format!("{sign}{digits}"), 64).ok()
}
