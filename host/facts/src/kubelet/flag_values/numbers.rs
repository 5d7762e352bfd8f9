//! Go's `strconv`, as far as flags need it.

/// `strconv.ParseBool`.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The same, or what Go says of it.
pub(super) fn bool(text: &str) -> Result<bool, String> {
    parse_bool(text).ok_or_else(|| format!("strconv.ParseBool: parsing {text:?}: {SYNTAX}"))
}

const SYNTAX: &str = "invalid syntax";
const RANGE: &str = "value out of range";

/// `strconv.ParseInt(text, 0, bits)`: `0x10`, `010` and `1_000` are numbers too.
pub(super) fn int(text: &str, bits: u32) -> Result<i64, String> {
    let error = |why| format!("strconv.ParseInt: parsing {text:?}: {why}");
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    let (radix, digits) = radix(unsigned);
    let fits = if digits.contains('_') {
        underscores_fit(unsigned)
    } else {
        true
    };
    let digits: String = digits.chars().filter(|c| *c != '_').collect();
    if digits.is_empty() || !fits || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(error(SYNTAX));
    }
    // What is too long for this is out of every range.
    let number = i128::from_str_radix(digits.trim_start_matches('0'), radix);
    let number = match number {
        Ok(number) if negative => -number,
        Ok(number) => number,
        Err(_) if digits.bytes().all(|byte| byte == b'0') => 0,
        Err(_) => return Err(error(RANGE)),
    };
    let most = 1i128 << (bits - 1);
    if (-most..most).contains(&number) {
        i64::try_from(number).map_err(|_| error(RANGE))
    } else {
        Err(error(RANGE))
    }
}

fn radix(text: &str) -> (u32, &str) {
    let prefix = text.get(..2).map(str::to_ascii_lowercase);
    let rest = text.get(2..).unwrap_or_default();
    match prefix.as_deref() {
        Some("0x") => (16, rest),
        Some("0b") => (2, rest),
        Some("0o") => (8, rest),
        _ => match text.strip_prefix('0') {
            Some(rest) if !rest.is_empty() => (8, rest),
            _ => (10, text),
        },
    }
}

/// Underscores stand between digits, or between a base's prefix and a digit
/// (`underscoreOK`).
fn underscores_fit(text: &str) -> bool {
    let bytes = text.as_bytes();
    let prefixed = bytes.first() == Some(&b'0')
        && matches!(
            bytes.get(1).map(u8::to_ascii_lowercase),
            Some(b'x' | b'b' | b'o')
        );
    let digits = if prefixed { &bytes[2..] } else { bytes };
    digits.iter().enumerate().all(|(index, byte)| {
        let is_digit = |at: Option<usize>| {
            at.and_then(|at| digits.get(at))
                .is_some_and(|byte| *byte != b'_')
        };
        *byte != b'_'
            || (is_digit(Some(index + 1))
                && (is_digit(index.checked_sub(1)) || (index == 0 && prefixed)))
    })
}

/// `strconv.ParseUint(text, 10, 31)` of a verbosity.
pub(super) fn verbosity(text: &str) -> Result<i64, String> {
    let error = |why| format!("strconv.ParseUint: parsing {text:?}: {why}");
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(error(SYNTAX));
    }
    match text.parse::<u64>() {
        Ok(number) if number < 1 << 31 => i64::try_from(number).map_err(|_| error(RANGE)),
        _ => Err(error(RANGE)),
    }
}
