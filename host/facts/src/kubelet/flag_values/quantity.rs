//! `resource.ParseQuantity` of apimachinery, as far as it says no.

const FORMAT: &str = "quantities must match the regular expression \
                      '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const SUFFIXES: [&str; 16] = [
    "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
];

/// # Errors
/// What Go says of the text.
pub(super) fn check(text: &str) -> Result<(), String> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
    let suffix = whole.strip_prefix('.').map_or(whole, |rest| {
        rest.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    let number = unsigned
        .get(..unsigned.len() - suffix.len())
        .unwrap_or_default();
    if !number.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(FORMAT.to_owned());
    }
    if SUFFIXES.contains(&suffix) {
        return Ok(());
    }
    let exponent = suffix
        .strip_prefix(['e', 'E'])
        .map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    match exponent {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(())
        }
        _ if suffix.chars().all(|c| "eEinumkKMGTP".contains(c)) => {
            Err("unable to parse quantity's suffix".to_owned())
        }
        _ => Err(FORMAT.to_owned()),
    }
}
